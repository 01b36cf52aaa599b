//! The source of a kind's policy, and the goals for mean returns.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use ludus_spec::AgentSpec;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::frozen::frozen_file;

/// The sources of the policy of a kind of agents.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PolicySource {
    /// A policy of its own, which the run learns.
    #[default]
    Learned,
    /// The policy of the kind with this name, which both kinds share. Their observations and actions must be laid out
    /// alike.
    SameAs(String),
    /// The policy in this file, which stays as it is. Also a run's folder: then that run's policy for the kind.
    Frozen(PathBuf),
    /// No policy: the game decides.
    External,
}

impl PolicySource {
    /// The file of a policy that is not learned, for a kind of agents; `None` if it is learned, or if there is none.
    pub fn frozen_file(&self, spec: &AgentSpec) -> Option<PathBuf> {
        match self {
            Self::Frozen(named) => Some(frozen_file(named, spec)),
            Self::Learned | Self::SameAs(_) | Self::External => None,
        }
    }
}

/// The mean return at which a run ends.
#[derive(Clone, Debug, PartialEq)]
pub enum MeanReturn {
    /// The goal of a game's only kind of agents.
    Of(f32),
    /// The goals of kinds, by their names. All of them must be reached.
    PerKind(BTreeMap<String, f32>),
}

impl MeanReturn {
    /// The goal of this kind of agents, if it has one.
    pub fn of(&self, kind: &str) -> Option<f32> {
        match self {
            Self::Of(goal) => Some(*goal),
            Self::PerKind(goals) => goals.get(kind).copied(),
        }
    }
}

impl From<f32> for MeanReturn {
    fn from(goal: f32) -> Self {
        Self::Of(goal)
    }
}

/// Shown as `99.5`, or as `Chaser 3, Runner 40`.
impl fmt::Display for MeanReturn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Of(goal) => write!(formatter, "{goal}"),
            Self::PerKind(goals) => {
                for (index, (kind, goal)) in goals.iter().enumerate() {
                    let separator = if index == 0 { "" } else { ", " };
                    write!(formatter, "{separator}{kind} {goal}")?;
                }
                Ok(())
            }
        }
    }
}

impl Serialize for MeanReturn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Of(goal) => goal.serialize(serializer),
            Self::PerKind(goals) => goals.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for MeanReturn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MeanReturnVisitor)
    }
}

struct MeanReturnVisitor;

impl<'de> Visitor<'de> for MeanReturnVisitor {
    type Value = MeanReturn;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a number, or `{ \"Kind\": number, … }`")
    }

    fn visit_f64<E: de::Error>(self, goal: f64) -> Result<MeanReturn, E> {
        Ok(MeanReturn::Of(goal as f32))
    }

    fn visit_i64<E: de::Error>(self, goal: i64) -> Result<MeanReturn, E> {
        Ok(MeanReturn::Of(goal as f32))
    }

    fn visit_u64<E: de::Error>(self, goal: u64) -> Result<MeanReturn, E> {
        Ok(MeanReturn::Of(goal as f32))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<MeanReturn, A::Error> {
        let mut goals = BTreeMap::new();
        while let Some((kind, goal)) = entries.next_entry::<String, f32>()? {
            goals.insert(kind, goal);
        }
        Ok(MeanReturn::PerKind(goals))
    }
}
