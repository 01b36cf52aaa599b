//! Drawing the parameters of an episode that starts.

use core::any::TypeId;

use bevy::ecs::world::DeferredWorld;
use bevy::prelude::*;

use super::ParameterPlan;
use crate::{Home, WorldSeed};

/// The start of an episode for which parameters are drawn.
#[derive(Clone, Copy)]
pub(crate) struct EpisodeStarts {
    pub owner: TypeId,
    pub home: Home,
    /// The number of the episode, from which its values are drawn.
    pub number: u32,
}

/// Draws the values of an entity's parameters. A component that the entity lacks is left out.
pub(crate) fn draw_parameters(world: &mut DeferredWorld, entity: Entity, start: EpisodeStarts) {
    let seed = world.get_resource::<WorldSeed>().copied().unwrap_or_default();
    let seed = start.home.parameters(seed).derive(u64::from(start.number));
    let sets = world.get_resource::<ParameterPlan>().map_or(0, |plan| plan.sets().len());
    for index in 0..sets {
        let plan = world.resource_mut::<ParameterPlan>().into_inner();
        let set = plan.sets()[index];
        if set.owner_type != start.owner {
            continue;
        }
        // Taken out and put back, so that a start does not allocate.
        let mut drawn = core::mem::take(&mut plan.drawn);
        let values = &mut drawn[..set.columns().len()];
        if (set.read)(world, entity, values) {
            world.resource::<ParameterPlan>().fill(&set, start.home.member, seed, values);
            (set.write)(world, entity, values);
        }
        world.resource_mut::<ParameterPlan>().drawn = drawn;
    }
}
