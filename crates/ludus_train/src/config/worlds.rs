//! The number of worlds of a run.

use std::fmt;
use std::num::NonZeroU32;

use serde::de::{self, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The number of worlds that `Auto` stands for: enough to keep the cores of most machines busy.
///
/// It is the same on all machines, since what is learned depends on it.
const AUTO: NonZeroU32 = const { NonZeroU32::new(8).unwrap() };

/// The number of worlds of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WorldCount {
    /// 8, on any machine. Written into the run's folder as a number.
    #[default]
    Auto,
    /// A fixed number of worlds.
    Exactly(NonZeroU32),
}

impl WorldCount {
    /// The number of worlds.
    pub const fn resolve(self) -> NonZeroU32 {
        match self {
            Self::Exactly(count) => count,
            Self::Auto => AUTO,
        }
    }
}

impl Serialize for WorldCount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_unit_variant("WorldCount", 0, "Auto"),
            Self::Exactly(count) => count.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for WorldCount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WorldCountVisitor)
    }
}

struct WorldCountVisitor;

impl Visitor<'_> for WorldCountVisitor {
    type Value = WorldCount;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("`Auto` or a number from 1")
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<WorldCount, E> {
        match word {
            "Auto" => Ok(WorldCount::Auto),
            _ => Err(E::invalid_value(Unexpected::Str(word), &self)),
        }
    }

    fn visit_f64<E: de::Error>(self, count: f64) -> Result<WorldCount, E> {
        if count.fract() == 0.0 && (1.0..=f64::from(u32::MAX)).contains(&count) {
            return self.visit_u64(count as u64);
        }
        Err(E::invalid_value(Unexpected::Float(count), &self))
    }

    fn visit_u64<E: de::Error>(self, count: u64) -> Result<WorldCount, E> {
        let exact = u32::try_from(count).ok().and_then(NonZeroU32::new).map(WorldCount::Exactly);
        exact.ok_or_else(|| E::invalid_value(Unexpected::Unsigned(count), &self))
    }
}
