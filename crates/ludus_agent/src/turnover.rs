//! Agents that come, go, sleep and return: how they wait for a row, and how they leave it.
//!
//! An agent has a row from its first step on, for as long as it is an agent that queries see. It leaves the row when it
//! is despawned, loses its component or is hidden by one of Bevy's default query filters, such as `Disabled`; when it
//! returns, it waits for a row as a new agent does.

use bevy::ecs::archetype::Archetype;
use bevy::ecs::component::ComponentId;
use bevy::ecs::entity_disabling::DefaultQueryFilters;
use bevy::ecs::world::DeferredWorld;
use bevy::prelude::*;
use ludus_spec::Outcome;

use crate::episode::End;
use crate::scoring::{Scored, Scoring, reported};
use crate::shared_rewards::LeftMember;
use crate::{Agent, AgentRows, Controller, Episode, Reward, Rows, Slot, StepClock};

/// Adds the observers of agents of this kind that come, go, sleep and return.
pub(crate) fn add_observers<A: Agent>(app: &mut App) {
    app.add_observer(await_row::<A>).add_observer(leave_for_good::<A>);
    app.add_observer(refuse_slot::<A>).add_observer(return_slot::<A>);
    watch_filters::<A>(app.world_mut());
}

/// Adds observers for new components that hide entities from queries; a game may register such components at any time.
pub(crate) fn watch_filters<A: Agent>(world: &mut World) {
    let Some(filters) = world.get_resource::<DefaultQueryFilters>() else { return };
    let watched = &world.resource::<AgentRows<A>>().turnover.hiding;
    let Some(new) = filters.disabling_ids().find(|id| !watched.contains(id)) else { return };
    world.resource_mut::<AgentRows<A>>().turnover.hiding.push(new);
    world.spawn(Observer::new(fall_asleep::<A>).with_component(new));
    world.spawn(Observer::new(wake_up::<A>).with_component(new));
    let (agents, waiting) = (world.resource::<AgentRows<A>>().turnover.agents.clone(), waiting::<A>(world));
    for agent in agents.into_iter().flatten().chain(waiting) {
        if world.get_entity(agent).is_ok_and(|agent| agent.contains_id(new)) {
            sleep::<A>(&mut DeferredWorld::from(&mut *world), agent);
        }
    }
    world.flush();
    watch_filters::<A>(world);
}

fn waiting<A: Agent>(world: &World) -> Vec<Entity> {
    world.resource::<AgentRows<A>>().turnover.waiting.clone()
}

/// Lists a new agent among those that wait for a row until the next step begins.
fn await_row<A: Agent>(on: On<Add, A>, mut world: DeferredWorld) {
    // A slot that is there already was another entity's, or that of a world from which this one was loaded.
    if world.get::<Slot>(on.entity).is_some() {
        world.commands().entity(on.entity).try_remove::<Slot>();
    }
    if !is_hidden::<A>(&world, on.entity) {
        world.resource_mut::<AgentRows<A>>().turnover.waiting.push(on.entity);
    }
}

/// Lists an agent that returns among those that wait for a row, unless it waits already or is still hidden.
fn wait_again<A: Agent>(world: &mut DeferredWorld, agent: Entity) {
    let turnover = &world.resource::<AgentRows<A>>().turnover;
    if world.get::<A>(agent).is_some() && !is_hidden::<A>(world, agent) && !turnover.waiting.contains(&agent) {
        world.resource_mut::<AgentRows<A>>().turnover.waiting.push(agent);
    }
}

fn is_hidden<A: Agent>(world: &World, agent: Entity) -> bool {
    let hiding = &world.resource::<AgentRows<A>>().turnover.hiding;
    world.get_entity(agent).is_ok_and(|agent| hiding.iter().any(|&id| agent.contains_id(id)))
}

/// Frees the row of an agent that goes. If its episode was going on, it is terminated.
fn leave_for_good<A: Agent>(on: On<Remove, A>, mut world: DeferredWorld) {
    world.resource_mut::<AgentRows<A>>().turnover.waiting.retain(|&agent| agent != on.entity);
    leave_row::<A>(&mut world, on.entity, End::Terminated);
}

fn fall_asleep<A: Agent>(on: On<Add>, mut world: DeferredWorld) {
    sleep::<A>(&mut world, on.entity);
}

/// Frees the row of an agent that is hidden. It may return, so its episode is truncated, unless the game has ended it.
fn sleep<A: Agent>(world: &mut DeferredWorld, agent: Entity) {
    world.resource_mut::<AgentRows<A>>().turnover.waiting.retain(|&other| other != agent);
    leave_row::<A>(world, agent, End::Truncated);
}

fn wake_up<A: Agent>(on: On<Remove>, mut world: DeferredWorld) {
    if remains::<A>(&world, on.trigger().new_archetype) {
        // Other components may hide it too: that is checked once this one is gone.
        let agent = on.entity;
        world.commands().queue(move |world: &mut World| wait_again::<A>(&mut world.into(), agent));
    }
}

/// True if an entity is still an agent after a change of its archetype.
fn remains<A: Agent>(world: &World, after: Option<&Archetype>) -> bool {
    let kind = world.components().component_id::<A>();
    after.is_some_and(|after| kind.is_some_and(|kind: ComponentId| after.contains(kind)))
}

/// Removes a slot that was not given to this agent, such as one copied from another agent.
fn refuse_slot<A: Agent>(on: On<Insert, Slot>, mut world: DeferredWorld) {
    let Some(slot) = world.get::<Slot>(on.entity) else { return };
    let (row, turnover) = (slot.index(), &world.resource::<AgentRows<A>>().turnover);
    if turnover.agents.get(row) == Some(&Some(on.entity)) || world.get::<A>(on.entity).is_none() {
        return;
    }
    if let Some(own) = turnover.agents.iter().position(|&agent| agent == Some(on.entity)) {
        leave::<A>(&mut world, on.entity, own, End::Truncated);
    }
    world.commands().entity(on.entity).try_remove::<Slot>();
    wait_again::<A>(&mut world, on.entity);
}

/// Frees the row of an agent whose slot the game has removed; the agent waits for another row.
fn return_slot<A: Agent>(on: On<Remove, Slot>, mut world: DeferredWorld) {
    if owned_row::<A>(&world, on.entity).is_some() && remains::<A>(&world, on.trigger().new_archetype) {
        leave_row::<A>(&mut world, on.entity, End::Truncated);
        wait_again::<A>(&mut world, on.entity);
    }
}

fn leave_row<A: Agent>(world: &mut DeferredWorld, agent: Entity, end: End) {
    if let Some(row) = owned_row::<A>(world, agent) {
        leave::<A>(world, agent, row, end);
        world.commands().entity(agent).try_remove::<Slot>();
    }
}

/// Returns the row of an agent, if both its slot and the rows say so.
fn owned_row<A: Agent>(world: &World, agent: Entity) -> Option<usize> {
    let row = world.get::<Slot>(agent)?.index();
    (world.resource::<AgentRows<A>>().agent(row) == Some(agent)).then_some(row)
}

/// Writes the outcome of an agent's last step, and frees its row.
fn leave<A: Agent>(world: &mut DeferredWorld, agent: Entity, row: usize, end: End) {
    let controller = world.get::<Controller>(agent).copied().unwrap_or(Controller::External);
    let episode = world.get::<Episode>(agent).copied().unwrap_or_default();
    let mut leaver = Leaver { agent, controller, episode };
    let is_open = world.resource::<AgentRows<A>>().step_is_open;
    let mut is_shared = false;
    if is_open && A::Reward::TEAM_TERMS.is_empty() {
        score_last_tick::<A>(world, row, &mut leaver);
    } else if is_open {
        is_shared = take_last_tick::<A>(world, row, &mut leaver);
    }
    let rows = &mut **world.resource_mut::<AgentRows<A>>().into_inner();
    let reported = rows.finished.len();
    settle(rows, row, leaver, end);
    if is_shared {
        let finished = (rows.finished.len() > reported).then_some(reported);
        rows.shared.left.push(LeftMember { row: row as u32, finished });
    }
    rows.release_row(row as u32);
    if let Some(mut left) = world.get_mut::<Episode>(agent) {
        left.leave();
    }
}

/// Adds the reward of this tick to the row, as for agents that stay.
fn score_last_tick<A: Agent>(world: &mut DeferredWorld, row: usize, leaver: &mut Leaver) {
    let Leaver { agent, controller, ref mut episode } = *leaver;
    let tick = world.resource::<StepClock>().ticks();
    let Some(mut reward) = world.get_mut::<A::Reward>(agent).map(|mut reward| core::mem::take(&mut *reward)) else {
        return;
    };
    let rows = &mut **world.resource_mut::<AgentRows<A>>().into_inner();
    let (rewards, episodes) = (core::slice::from_mut(&mut reward), core::slice::from_mut(episode));
    let scored = Scored { entities: &[agent], controllers: &[controller], rewards, episodes };
    Scoring::of_tick(rows, tick).score_table(&[Slot::new(row as u32)], scored);
}

/// Takes the reward of this tick, which is scored once the other members of the team have written theirs. Returns true if
/// it counts.
fn take_last_tick<A: Agent>(world: &mut DeferredWorld, row: usize, leaver: &mut Leaver) -> bool {
    let Some(mut reward) = world.get_mut::<A::Reward>(leaver.agent).map(|mut reward| core::mem::take(&mut *reward))
    else {
        return false;
    };
    let rows = &mut **world.resource_mut::<AgentRows<A>>().into_inner();
    rows.shared.take(row, &mut reward, leaver.episode.is_scored());
    leaver.episode.close_tick()
}

/// An agent at the moment at which it leaves its row.
struct Leaver {
    agent: Entity,
    controller: Controller,
    episode: Episode,
}

fn settle(rows: &mut Rows, row: usize, leaver: Leaver, end: End) {
    let Leaver { agent, controller, episode } = leaver;
    let is_reported = || rows.turnover.ended.contains(&(row as u32, agent));
    let end = match episode.ended() {
        None if episode.is_running() => end,
        // Without the agent there is no observation to bootstrap from, unless it is only asleep.
        Some(ended) if !is_reported() => end.max(ended),
        _ => return,
    };
    let steps = episode.steps() + u32::from(rows.step_is_open);
    rows.finish_episode(row as u32, steps, end.into(), episode.success());
    let led_to = reported(end.into(), rows.controllers[row], controller);
    let outcome = &mut rows.outcomes[row];
    if led_to == Outcome::Vacant {
        *outcome = Outcome::Vacant;
    } else if end == End::Terminated {
        // A faulty step stays faulty.
        if *outcome != Outcome::Faulty {
            *outcome = led_to;
        }
    } else if rows.step_is_open {
        // Nothing was sensed at this step's end. The step before it is learned from with the observation that it led
        // to.
        *outcome = Outcome::Vacant;
    } else if outcome.as_decided() == Outcome::Running {
        *outcome = led_to;
    }
}
