//! A step's traffic between components and rows: act, score, sense.
//!
//! Everything here runs per agent and step. Components are visited table by table, as slices, and nothing
//! allocates, locks or hashes.

use bevy::prelude::*;
use ludus_spec::Outcome;

use crate::rows::{Fault, FaultPlace};
use crate::{
    Action, Agent, AgentRows, Controller, Episode, Observation, Reward, Rows, SenseScoreTime, Slot, StepClock,
};

/// On a step's first tick: action rows become action components; agents that restart or idle get the default action.
pub(crate) fn act<A: Agent>(
    clock: Res<StepClock>,
    rows: Res<AgentRows<A>>,
    mut agents: Query<(&Slot, &Controller, &mut A::Action), With<A>>,
) {
    if !clock.is_first_tick() {
        return;
    }
    if let Ok(tables) = agents.contiguous_iter_mut() {
        for (slots, controllers, mut actions) in tables {
            for ((slot, controller), action) in slots.iter().zip(controllers).zip(actions.iter_mut()) {
                act_one(&rows, *slot, *controller, action);
            }
        }
    } else {
        for (slot, controller, mut action) in &mut agents {
            act_one(&rows, *slot, *controller, &mut *action);
        }
    }
    for &(_, agent) in &rows.turnover.starting {
        if let Ok((_, Controller::Policy, mut action)) = agents.get_mut(agent) {
            *action = A::Action::default();
        }
    }
}

#[inline]
fn act_one<T: Action + Default>(rows: &Rows, slot: Slot, controller: Controller, action: &mut T) {
    match controller {
        Controller::Policy => action.read(&rows.actions[slot.index() * T::WIDTH..][..T::WIDTH]),
        Controller::External => {}
        Controller::Idle => *action = T::default(),
    }
}

/// Every tick: reward terms add up. On a step's last tick: the step's outcome is settled.
pub(crate) fn score<A: Agent>(
    clock: Res<StepClock>,
    rows: ResMut<AgentRows<A>>,
    mut agents: Query<(Entity, &Slot, &Controller, &mut A::Reward, &mut Episode), With<A>>,
) {
    let rows = &mut **rows.into_inner();
    if clock.is_first_tick() {
        rows.rewards.fill(0.0);
    }
    let tick = Tick { number: clock.ticks(), is_last: clock.is_last_tick() };
    if let Ok(tables) = agents.contiguous_iter_mut() {
        for (entities, slots, controllers, mut rewards, mut episodes) in tables {
            let agents = entities.iter().zip(slots).zip(controllers).zip(rewards.iter_mut()).zip(episodes.iter_mut());
            for ((((entity, slot), controller), reward), episode) in agents {
                score_one(rows, tick, (*entity, *slot), *controller, reward, episode);
            }
        }
    } else {
        for (entity, slot, controller, mut reward, mut episode) in &mut agents {
            score_one(rows, tick, (entity, *slot), *controller, &mut *reward, &mut episode);
        }
    }
}

#[derive(Clone, Copy)]
struct Tick {
    number: u64,
    is_last: bool,
}

#[inline]
fn score_one<T: Reward>(
    rows: &mut Rows,
    tick: Tick,
    (entity, slot): (Entity, Slot),
    controller: Controller,
    reward: &mut T,
    episode: &mut Episode,
) {
    let row = slot.index();
    if tick.is_last {
        episode.heed_limit();
    }
    reward.take(&mut rows.terms[..T::TERMS]);
    let counts = episode.close_tick();
    if counts {
        add_reward(rows, row, tick, T::TERMS);
    }
    if tick.is_last {
        let outcome = episode.close_step();
        rows.outcomes[row] = if controller == Controller::Policy { outcome } else { Outcome::Vacant };
        if outcome.is_end() {
            rows.turnover.ended.push((row as u32, entity));
            rows.finish_episode(row as u32, episode.steps(), outcome);
        }
    }
}

/// Adds one tick's terms to the step's reward and the episode's sums.
#[inline]
fn add_reward(rows: &mut Rows, row: usize, tick: Tick, terms: usize) {
    let taken = &rows.terms[..terms];
    let sum: f32 = rows.weights[..terms].iter().zip(taken).map(|(weight, term)| weight * term).sum();
    if !sum.is_finite() {
        return refuse_reward(rows, row, tick, terms);
    }
    rows.rewards[row] += sum;
    rows.running.returns[row] += sum;
    for (total, term) in rows.running.terms[row * terms..][..terms].iter_mut().zip(taken) {
        *total += term;
    }
}

/// A tick whose reward is not finite counts nothing, and its step is not learned from.
#[cold]
fn refuse_reward(rows: &mut Rows, row: usize, tick: Tick, terms: usize) {
    rows.faults.spoiled.push(row as u32);
    for index in 0..terms {
        if !(rows.terms[index] * rows.weights[index]).is_finite() {
            let place = FaultPlace::Reward(index as u32);
            rows.faults.report(Fault { row: row as u32, place, tick: tick.number });
        }
    }
}

/// Steps that can't be learned from, because a number they need was not finite, are marked as such.
fn mark_faulty_steps(rows: &mut Rows) {
    while let Some(row) = rows.faults.spoiled.pop() {
        let outcome = &mut rows.outcomes[row as usize];
        if outcome.is_experience() {
            *outcome = Outcome::Faulty;
        }
    }
}

/// On a step's last tick, after [`Sense`](crate::Sense): observation components become rows.
pub(crate) fn sense<A: Agent>(
    clock: Res<StepClock>,
    mut time: ResMut<SenseScoreTime>,
    rows: ResMut<AgentRows<A>>,
    agents: Query<(&Slot, &A::Observation), With<A>>,
) {
    if clock.is_last_tick() {
        let rows = &mut **rows.into_inner();
        mark_faulty_steps(rows);
        if let Ok(tables) = agents.contiguous_iter() {
            for (slots, observations) in tables {
                for (slot, observation) in slots.iter().zip(observations) {
                    sense_one(rows, clock.ticks(), *slot, observation);
                }
            }
        } else {
            for (slot, observation) in &agents {
                sense_one(rows, clock.ticks(), *slot, observation);
            }
        }
    }
    time.lap();
}

#[inline]
fn sense_one<T: Observation>(rows: &mut Rows, tick: u64, slot: Slot, observation: &T) {
    let row = &mut rows.observations[slot.index() * T::WIDTH..][..T::WIDTH];
    observation.write(row);
    // Zero times a finite number is zero; times anything else it is not a number. One test for the whole row.
    let poison: f32 = row.iter().map(|value| value * 0.0).sum();
    if poison != 0.0 {
        refuse_observation(rows, tick, slot.index(), T::WIDTH);
    }
}

/// An observation that is not finite is replaced by zeros. Neither the step that led to it (its value can't be
/// estimated) nor the one that follows from it (its action means nothing) is learned from.
#[cold]
fn refuse_observation(rows: &mut Rows, tick: u64, row: usize, width: usize) {
    for column in 0..width {
        if !rows.observations[row * width + column].is_finite() {
            let place = FaultPlace::Observation(column as u32);
            rows.faults.report(Fault { row: row as u32, place, tick });
        }
    }
    rows.observations[row * width..][..width].fill(0.0);
    rows.faults.spoiled.push(row as u32);
    // What terminated needs no estimate of what comes after it.
    if matches!(rows.outcomes[row], Outcome::Running | Outcome::Truncated) {
        rows.outcomes[row] = Outcome::Faulty;
    }
}
