//! Ray sensors: what is around an agent, as distances.

mod caster;
mod sensor;

pub use caster::{RayCaster, RayError};
pub use sensor::{RaySensor, Rays};
