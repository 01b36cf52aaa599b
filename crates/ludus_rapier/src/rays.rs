//! Ray sensors: what is around an agent, as distances.

mod caster;
mod sensor;
mod sketch;

pub use caster::{RayCaster, RayError};
pub use sensor::{RaySensor, Rays};
