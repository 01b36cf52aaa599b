//! Lines to what a sensor finds, for windows that draw them.

use bevy::ecs::lifecycle::HookContext;
use bevy::ecs::query::QueryFilter;
use bevy::ecs::world::DeferredWorld;
use bevy::prelude::*;
use ludus_agent::{SensorLine, SensorSketches};

use super::{ProximityQuery, ProximitySensor};

/// Adds the sensor's function to the [`SensorSketches`] of its entity.
pub(super) fn note<F: QueryFilter + 'static>(mut world: DeferredWorld, context: HookContext) {
    let mut commands = world.commands();
    let Ok(mut entity) = commands.get_entity(context.entity) else { return };
    entity.entry::<SensorSketches>().or_default().and_modify(|mut sketches| sketches.add(lines::<F>));
}

/// Returns lines to what the sensor finds now. If it can't measure, there are none.
fn lines<F: QueryFilter + 'static>(world: &mut World, entity: Entity) -> Vec<SensorLine> {
    world.run_system_cached_with(find::<F>, entity).unwrap_or_default()
}

fn find<F: QueryFilter + 'static>(
    entity: In<Entity>,
    mut near: ProximityQuery<(), F>,
    sensors: Query<&ProximitySensor<F>>,
) -> Vec<SensorLine> {
    let Ok(sensor) = sensors.get(*entity) else { return Vec::new() };
    near.lines(*entity, sensor).unwrap_or_default()
}
