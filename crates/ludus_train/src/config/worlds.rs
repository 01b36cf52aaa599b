//! How many worlds a run has.

use std::fmt;
use std::num::NonZeroU32;

use serde::de::{self, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How many worlds a run has: a number, or one per core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WorldCount {
    /// One per core of the machine that starts the run. Written into the run's folder as a number.
    #[default]
    Auto,
    /// This many.
    Exactly(NonZeroU32),
}

impl WorldCount {
    /// The number of worlds on a machine with this many cores.
    pub fn resolve(self, cores: usize) -> NonZeroU32 {
        match self {
            Self::Exactly(count) => count,
            Self::Auto => u32::try_from(cores).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN),
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

    fn visit_u64<E: de::Error>(self, count: u64) -> Result<WorldCount, E> {
        let exact = u32::try_from(count).ok().and_then(NonZeroU32::new).map(WorldCount::Exactly);
        exact.ok_or_else(|| E::invalid_value(Unexpected::Unsigned(count), &self))
    }
}
