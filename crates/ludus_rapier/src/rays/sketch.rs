//! Rays as lines, for windows that draw them.

use bevy::ecs::lifecycle::HookContext;
use bevy::ecs::world::DeferredWorld;
use bevy::prelude::*;
use ludus_agent::{SensorLine, SensorSketches};

use super::{RayCaster, RaySensor};

/// Adds the sensor's function to the [`SensorSketches`] of its entity.
pub(super) fn note<const N: usize>(mut world: DeferredWorld, context: HookContext) {
    let mut commands = world.commands();
    let Ok(mut entity) = commands.get_entity(context.entity) else { return };
    entity.entry::<SensorSketches>().or_default().and_modify(|mut sketches| sketches.add(lines::<N>));
}

/// Returns the rays as lines, as they are cast now. If they can't be cast, there are none.
fn lines<const N: usize>(world: &mut World, entity: Entity) -> Vec<SensorLine> {
    world.run_system_cached_with(cast::<N>, entity).unwrap_or_default()
}

fn cast<const N: usize>(entity: In<Entity>, caster: RayCaster, sensors: Query<&RaySensor<N>>) -> Vec<SensorLine> {
    let Ok(sensor) = sensors.get(*entity) else { return Vec::new() };
    caster.lines(*entity, sensor).unwrap_or_default()
}
