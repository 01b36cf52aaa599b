//! Ray sensors: the distances to things around an agent.

mod caster;
mod sensor;
mod sketch;

pub use caster::RayCaster;
pub use sensor::{RaySensor, Rays};
