//! What sensors look like, for windows that draw them.

use bevy::prelude::*;

/// A stretch that a sensor looks along, in the world \[m\].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SensorLine {
    /// Where it starts.
    pub from: Vec3,
    /// Where it ends: at what it met, or as far as it reaches.
    pub to: Vec3,
    /// Whether it met something.
    pub is_hit: bool,
}

/// How to draw the sensors of an entity: what they see now.
///
/// A sensor adds itself when it comes, and costs nothing as long as nobody looks: a window calls what is here for the
/// agent that is selected, and draws the lines. Nothing here draws.
#[derive(Component, Clone, Debug, Default)]
pub struct SensorSketches(Vec<SensorSketch>);

/// Says what a sensor of an entity sees now.
pub type SensorSketch = fn(&mut World, Entity) -> Vec<SensorLine>;

impl SensorSketches {
    /// Adds a sensor.
    pub fn add(&mut self, sketch: SensorSketch) {
        self.0.push(sketch);
    }

    /// What all sensors of `entity` see now.
    pub fn draw(world: &mut World, entity: Entity) -> Vec<SensorLine> {
        let sketches = world.get::<Self>(entity).cloned().unwrap_or_default();
        sketches.0.iter().flat_map(|sketch| sketch(world, entity)).collect()
    }
}
