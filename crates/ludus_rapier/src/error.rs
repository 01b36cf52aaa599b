//! The reasons for which a sensor can't measure.

use bevy::prelude::*;
use thiserror::Error;

/// The reasons that a sensor can't measure.
#[derive(Error, Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SensorError {
    /// The entity or one of its parents has no [`Transform`].
    #[error("{0} has a sensor but no place; give it, and every parent it has, a `Transform`")]
    NoTransform(Entity),
    /// There is no physics to measure in.
    #[error("{0} has a sensor but no physics context; add `ArenaPhysicsPlugin`, or make it a member with `InArena`")]
    NoContext(Entity),
}
