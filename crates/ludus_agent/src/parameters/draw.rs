//! Drawing the parameters of an episode that starts.

use core::any::TypeId;

use bevy::ecs::system::SystemState;
use bevy::ecs::world::DeferredWorld;
use bevy::prelude::*;

use super::ParameterPlan;
use crate::restart::comes_next;
use crate::{
    Agent, AgentRows, Arena, ArenaCounts, ArenaMembers, Episode, EpisodeRng, EpisodeScope, Home, Slot, StepClock,
    UnfilteredQuery, WorldSeed,
};

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

/// Draws the values of an arena's next episode.
pub(crate) fn draw_for_arena(world: &mut DeferredWorld, arena: Entity) {
    let number = world.get_resource::<ParameterPlan>().map_or(0, ParameterPlan::number);
    let Some(home) = world.get::<EpisodeRng>(arena).map(EpisodeRng::home) else { return };
    let Some(mut counts) = world.get_mut::<ArenaCounts>(arena) else { return };
    counts.draws += 1;
    counts.plan = number;
    let start = EpisodeStarts { owner: TypeId::of::<Arena>(), home, number: counts.draws };
    draw_parameters(world, arena, start);
}

/// Writes the values of the parameters of an agent's episode, those of its arena included, to its row, with the number
/// of the plan by which the oldest of them were drawn.
pub(crate) fn note_parameters<A: Agent>(world: &mut World, agent: Entity, row: u32, arena: Option<Entity>) {
    let Some(plan) = world.get_resource::<ParameterPlan>().filter(|plan| !plan.sets().is_empty()) else { return };
    let mut number = plan.number();
    if let Some(counts) = arena.and_then(|arena| world.get::<ArenaCounts>(arena))
        && plan.sets().iter().any(|set| set.owner_type == TypeId::of::<Arena>())
    {
        number = number.min(counts.plan);
    }
    for index in 0..plan.sets().len() {
        let plan = world.resource_mut::<ParameterPlan>().into_inner();
        let set = plan.sets()[index];
        let owner = if set.owner_type == TypeId::of::<Arena>() { arena } else { Some(agent) };
        let mut values = core::mem::take(&mut plan.drawn);
        let columns = set.columns();
        if owner.is_some_and(|owner| (set.read)(world, owner, &mut values[..columns.len()])) {
            let rows = world.resource_mut::<AgentRows<A>>().into_inner();
            rows.parameters_mut(row)[columns.clone()].copy_from_slice(&values[..columns.len()]);
        }
        world.resource_mut::<ParameterPlan>().drawn = values;
    }
    world.resource_mut::<AgentRows<A>>().running.plans[row as usize] = number;
}

type Arenas<'w, 's> = UnfilteredQuery<'w, 's, (Entity, &'static ArenaMembers)>;

type Members<'w, 's> = Query<'w, 's, (&'static EpisodeScope, &'static Episode), With<Slot>>;

/// Draws the parameters of arenas without an episode of their own, as soon as all of their agents start together.
///
/// The others are drawn when their episode starts.
pub(crate) fn draw_arena_parameters(
    world: &mut World,
    arenas: &mut SystemState<(Arenas<'static, 'static>, Members<'static, 'static>)>,
) {
    let has_some = |plan: &ParameterPlan| plan.sets().iter().any(|set| set.owner_type == TypeId::of::<Arena>());
    if !world.get_resource::<ParameterPlan>().is_some_and(has_some) || !world.resource::<StepClock>().is_first_tick() {
        return;
    }
    let Ok((found, agents)) = arenas.get(world) else { return };
    let is_starting = |members: &ArenaMembers| {
        let mut own = members.iter().filter_map(|member| agents.get(member).ok()).peekable();
        if own.peek().is_none() {
            return members.iter().any(|member| comes_next(world, member, EpisodeScope::Agent));
        }
        own.all(|(scope, episode)| *scope == EpisodeScope::Agent && episode.wants_restart())
    };
    let starting: Vec<_> = found.iter().filter(|(_, members)| is_starting(members)).map(|(arena, _)| arena).collect();
    for arena in starting {
        draw_for_arena(&mut DeferredWorld::from(&mut *world), arena);
    }
}
