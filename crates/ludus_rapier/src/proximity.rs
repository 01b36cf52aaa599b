//! Proximity sensors: what is within a radius around an agent, as a set.

mod query;
mod sensor;
mod sketch;

pub use query::{Near, ProximityQuery};
pub use sensor::ProximitySensor;
