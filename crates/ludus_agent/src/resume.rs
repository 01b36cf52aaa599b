//! Agents of a saved game, which continue their episodes.

use bevy::prelude::*;

use crate::restart::{AgentsWithoutArena, note_team, settle};
use crate::{
    Action, Agent, AgentRows, Arena, ArenaCounts, Controller, Episode, EpisodeRng, Home, InArena, Rows, SavedAgent,
    Slot, StepClock,
};

/// Gives rows to the agents of a saved game, and restores them.
pub(crate) fn resume<A: Agent>(world: &mut World, agents: &mut QueryState<Entity, (With<SavedAgent>, With<A>)>) {
    for agent in agents.iter(world).collect::<Vec<_>>() {
        // Without a free row, it waits for one.
        let Some(row) = row::<A>(world, agent) else { continue };
        let Some(saved) = world.entity_mut(agent).take::<SavedAgent>() else { continue };
        if !fits(&saved, world.resource::<AgentRows<A>>()) {
            world.resource_mut::<AgentRows<A>>().turnover.starts_anew(row, agent);
            continue;
        }
        restore_action::<A>(world, agent, &saved);
        restore_row::<A>(world, agent, row, &saved);
        restore_components::<A>(world, agent, row, saved);
    }
}

/// Returns the row of an agent. A new agent gets one, if one is free.
fn row<A: Agent>(world: &mut World, agent: Entity) -> Option<u32> {
    let rows = &mut **world.resource_mut::<AgentRows<A>>().into_inner();
    if let Some(row) = rows.turnover.agents.iter().position(|&own| own == Some(agent)) {
        return Some(row as u32);
    }
    let place = rows.turnover.waiting.iter().position(|&waiting| waiting == agent)?;
    let row = rows.take_row(agent)?;
    rows.turnover.waiting.remove(place);
    world.entity_mut(agent).insert(Slot::new(row));
    Some(row)
}

/// True if an agent was saved with rows of these widths.
fn fits(saved: &SavedAgent, rows: &Rows) -> bool {
    saved.observation.len() == rows.spec.observation_width()
        && saved.action.len() == rows.spec.action_width()
        && saved.mask.len() == rows.spec.mask_width()
}

/// Sets the action to the one that the agent carries out until its next decision.
fn restore_action<A: Agent>(world: &mut World, agent: Entity, saved: &SavedAgent) {
    let is_decided = !world.resource::<AgentRows<A>>().decisions.are_external
        && matches!(world.get::<Controller>(agent), Some(Controller::Policy | Controller::Waiting));
    if let Some(mut action) = world.get_mut::<A::Action>(agent).filter(|_| is_decided) {
        match saved.episode.is_restarting() {
            true => *action = A::Action::default(),
            false => action.read(&saved.action),
        }
    }
}

/// Writes the row, from which the next decision is made, and lists the agent among those that restart or have ended.
fn restore_row<A: Agent>(world: &mut World, agent: Entity, row: u32, saved: &SavedAgent) {
    let is_first_tick = world.resource::<StepClock>().is_first_tick();
    let controller = world.get::<Controller>(agent).copied().unwrap_or_default();
    let rows = &mut **world.resource_mut::<AgentRows<A>>().into_inner();
    write_row(&mut rows.observations, row, &saved.observation);
    write_row(&mut rows.masks, row, &saved.mask);
    write_row(&mut rows.actions, row, &saved.action);
    rows.controllers[row as usize] = controller;
    rows.step_is_open |= !is_first_tick;
    rows.forget_episode(row);
    rows.turnover.ended.retain(|&(_, ended)| ended != agent);
    rows.turnover.restarting.retain(|&restarting| restarting != agent);
    if saved.episode.is_restarting() {
        rows.turnover.restarting.push(agent);
    } else if is_first_tick && saved.episode.wants_restart() {
        // In the middle of a step, it is listed at the step's end.
        rows.turnover.ended.push((row, agent));
    }
}

fn write_row<T: Copy>(all: &mut [T], row: u32, own: &[T]) {
    all[row as usize * own.len()..][..own.len()].copy_from_slice(own);
}

fn restore_components<A: Agent>(world: &mut World, agent: Entity, row: u32, saved: SavedAgent) {
    let home = saved.rng.home();
    // Written and not inserted: an episode that is inserted begins anew.
    if let Some(mut episode) = world.get_mut::<Episode>(agent) {
        *episode = saved.episode;
    }
    if let Some(mut rng) = world.get_mut::<EpisodeRng>(agent) {
        *rng = saved.rng;
    }
    if home == Home::default() {
        settle::<A>(world, agent);
    } else {
        count(world, agent, home);
    }
    if world.resource::<AgentRows<A>>().have_teams() {
        note_team::<A>(world, row, agent);
    }
}

/// Raises the count of agents to this one's number, so that no later agent gets the same identity.
fn count(world: &mut World, agent: Entity, home: Home) {
    let arena = world.get::<InArena>(agent).map(|home| home.0);
    let is_own = |arena: &Entity| world.get::<Arena>(*arena).is_some_and(|arena| Some(arena.index) == home.arena);
    if let Some(mut counts) = arena.filter(is_own).and_then(|arena| world.get_mut::<ArenaCounts>(arena)) {
        counts.agents = counts.agents.max(home.member);
    } else if home.arena.is_none() {
        let mut without_arena = world.resource_mut::<AgentsWithoutArena>();
        without_arena.0 = without_arena.0.max(home.member);
    }
}
