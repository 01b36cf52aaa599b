//! The parameters of arenas, and their place in the rows of agents.

use core::any::TypeId;

use bevy::ecs::system::SystemState;
use bevy::ecs::world::DeferredWorld;
use bevy::prelude::*;

use super::ParameterPlan;
use super::draw::{EpisodeStarts, draw_parameters};
use crate::{
    Agent, AgentKinds, AgentRows, Arena, ArenaCounts, ArenaMembers, Episode, EpisodeRng, EpisodeScope, Slot, StepClock,
    UnfilteredQuery,
};

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

/// True if an agent with this scope of its episodes gets a row in this step.
pub(crate) fn comes_next(world: &World, agent: Entity, scope: EpisodeScope) -> bool {
    world.get::<EpisodeScope>(agent) == Some(&scope)
        && world.resource::<AgentKinds>().iter().any(|kind| kind.rows(world).admits_next(agent))
}
