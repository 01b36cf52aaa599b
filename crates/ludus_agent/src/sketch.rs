//! Sensors as lines, for windows that draw them.

use bevy::prelude::*;

/// A line along which a sensor measures, in world space \[m\].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SensorLine {
    /// The start of the line.
    pub from: Vec3,
    /// The end of the line: the point that was hit, or the end of the sensor's reach.
    pub to: Vec3,
    /// True if the sensor hit something.
    pub is_hit: bool,
}

/// Functions that return the lines of an entity's sensors.
///
/// A sensor adds its function when it is added to the entity. A window calls the functions of the agent that is
/// selected, and draws the lines. Otherwise they cost nothing.
#[derive(Component, Clone, Debug, Default)]
pub struct SensorSketches(Vec<SensorSketch>);

/// Returns the lines along which a sensor of an entity measures now.
pub type SensorSketch = fn(&mut World, Entity) -> Vec<SensorLine>;

impl SensorSketches {
    /// Adds the function of a sensor.
    pub fn add(&mut self, sketch: SensorSketch) {
        self.0.push(sketch);
    }

    /// Returns the lines of all sensors of `entity`, as they measure now.
    pub fn draw(world: &mut World, entity: Entity) -> Vec<SensorLine> {
        let sketches = world.get::<Self>(entity).cloned().unwrap_or_default();
        sketches.0.iter().flat_map(|sketch| sketch(world, entity)).collect()
    }
}
