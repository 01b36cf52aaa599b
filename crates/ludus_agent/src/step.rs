//! The systems that copy between components and rows in a step: act, score, sense.
//!
//! They run for each agent in each step. Components are visited table by table, rows run by run, both as slices;
//! nothing allocates, locks or hashes.

use bevy::prelude::*;
use ludus_spec::Outcome;

use crate::mask::Mask;
use crate::rows::{Fault, FaultPlace};
use crate::runs::runs;
use crate::scoring::{Scored, Scoring, policy_controls_all};
use crate::{
    Action, ActionMask, Agent, AgentRows, Controller, Episode, Observation, Reward, Rows, SenseScoreTime, Slot,
    StepClock,
};

/// Copies action rows to action components, on a step's first tick. Agents that restart or idle get the default action.
/// In a step in which the kind does not decide, only agents that restart get an action.
pub(crate) fn act<A: Agent>(
    clock: Res<StepClock>,
    rows: ResMut<AgentRows<A>>,
    mut agents: Query<(&Slot, &Controller, &mut A::Action), With<A>>,
) {
    if !clock.is_first_tick() {
        return;
    }
    let rows = &mut **rows.into_inner();
    if rows.decisions.are_external {
        return;
    }
    if rows.decisions.are_due() && rows.disturbance.delays() {
        delay_actions::<A>(rows);
    }
    if !rows.decisions.are_due() {
        // The actions of the last decision hold.
    } else if !rows.decisions.are_driven {
        idle(rows, agents.iter_mut());
    } else if let Ok(tables) = agents.contiguous_iter_mut() {
        for (slots, controllers, mut actions) in tables {
            act_table(rows, slots, controllers, &mut actions);
        }
    } else {
        for (slot, controller, mut action) in &mut agents {
            act_table(rows, &[*slot], &[*controller], core::slice::from_mut(&mut *action));
        }
    }
    for &(_, agent) in &rows.turnover.starting {
        if let Ok((_, Controller::Policy | Controller::Waiting, mut action)) = agents.get_mut(agent) {
            *action = A::Action::default();
        }
    }
}

/// Replaces the actions that were decided by those of an earlier decision. What was decided for agents that restart is
/// never carried out.
fn delay_actions<A: Agent>(rows: &mut Rows) {
    let mut idle = vec![0.0; A::Action::WIDTH];
    A::Action::default().write(&mut idle);
    for &(row, _) in &rows.turnover.starting {
        rows.actions[row as usize * idle.len()..][..idle.len()].copy_from_slice(&idle);
    }
    rows.disturbance.delay(&rows.actions);
}

/// Acts for a kind without a driver: actions that the game itself has written stay, and idle agents get the default
/// one.
fn idle<'a, T: Action + Default>(
    rows: &mut Rows,
    agents: impl Iterator<Item = (&'a Slot, &'a Controller, Mut<'a, T>)>,
) {
    for (slot, controller, mut action) in agents {
        rows.controllers[slot.index()] = *controller;
        if *controller == Controller::Idle {
            *action = T::default();
        }
    }
}

fn act_table<T: Action + Default>(rows: &mut Rows, slots: &[Slot], controllers: &[Controller], actions: &mut [T]) {
    for run in runs(slots) {
        rows.controllers[run.first_row..][..run.agents.len()].copy_from_slice(&controllers[run.agents.clone()]);
        let actions_now = rows.disturbance.carried_out().unwrap_or(&rows.actions);
        let decided = actions_now[run.first_row * T::WIDTH..][..run.agents.len() * T::WIDTH].chunks_exact(T::WIDTH);
        let (controllers, actions) = (&controllers[run.agents.clone()], &mut actions[run.agents]);
        if policy_controls_all(controllers) {
            actions.iter_mut().zip(decided).for_each(|(action, decided)| action.read(decided));
            continue;
        }
        for ((controller, action), decided) in controllers.iter().zip(actions).zip(decided) {
            match controller {
                Controller::Policy => action.read(decided),
                Controller::External | Controller::Scripted | Controller::Waiting => {}
                Controller::Idle => *action = T::default(),
            }
        }
    }
}

type Scorable<'a, A> = (Entity, &'a Slot, &'a Controller, &'a mut <A as Agent>::Reward, &'a mut Episode);

/// Filters the agents that have an observation and an action. Others are not scored: their rows would hold old numbers.
type Whole<A> = (With<A>, With<<A as Agent>::Observation>, With<<A as Agent>::Action>);

/// Adds reward terms to the rows in every tick, and writes the step's outcomes on its last tick.
pub(crate) fn score<A: Agent>(
    clock: Res<StepClock>,
    rows: ResMut<AgentRows<A>>,
    mut agents: Query<Scorable<A>, Whole<A>>,
) {
    let mut scoring = Scoring::new(rows.into_inner(), &clock);
    if !A::Reward::TEAM_TERMS.is_empty() {
        for (_, slot, _, mut reward, episode) in &mut agents {
            scoring.take_reward(*slot, reward.bypass_change_detection(), &episode);
        }
        scoring.share_rewards();
    }
    if let Ok(tables) = agents.contiguous_iter_mut() {
        for (entities, slots, controllers, mut rewards, mut episodes) in tables {
            // Terms are emptied and steps counted in every tick, so change detection would report nothing useful.
            let (rewards, episodes) = (rewards.bypass_change_detection(), episodes.bypass_change_detection());
            scoring.score_table(slots, Scored { entities, controllers, rewards, episodes });
        }
    } else {
        for (entity, slot, controller, mut reward, mut episode) in &mut agents {
            let rewards = core::slice::from_mut(reward.bypass_change_detection());
            let episodes = core::slice::from_mut(episode.bypass_change_detection());
            scoring
                .score_table(&[*slot], Scored { entities: &[entity], controllers: &[*controller], rewards, episodes });
        }
    }
}

/// Copies observation components to rows, on a step's last tick, after [`SenseAgents`](crate::SenseAgents).
pub(crate) fn sense<A: Agent>(
    clock: Res<StepClock>,
    mut time: ResMut<SenseScoreTime>,
    rows: ResMut<AgentRows<A>>,
    agents: Query<(&Slot, &A::Observation), With<A>>,
) {
    if clock.is_last_tick() {
        let rows = &mut **rows.into_inner();
        mark_spoiled_steps(rows);
        if let Ok(tables) = agents.contiguous_iter() {
            for (slots, observations) in tables {
                sense_table(rows, clock.ticks(), slots, observations);
            }
        } else {
            for (slot, observation) in &agents {
                sense_table(rows, clock.ticks(), &[*slot], core::slice::from_ref(observation));
            }
        }
        if rows.disturbance.has_noise() {
            add_noise(rows);
        }
    }
    time.lap();
}

fn add_noise(rows: &mut Rows) {
    let width = rows.spec.observation_width();
    for (row, observation) in rows.observations.chunks_exact_mut(width).enumerate() {
        if rows.turnover.agents[row].is_some() {
            rows.disturbance.disturb(row, observation);
        }
    }
}

pub(crate) fn sense_table<T: Observation>(rows: &mut Rows, tick: u64, slots: &[Slot], observations: &[T]) {
    for run in runs(slots) {
        let seen = &mut rows.observations[run.first_row * T::WIDTH..][..run.agents.len() * T::WIDTH];
        let mut poison = 0.0;
        for (index, (row, observation)) in
            seen.chunks_exact_mut(T::WIDTH).zip(&observations[run.agents.clone()]).enumerate()
        {
            observation.write(row);
            if T::HAS_BLOCKS {
                let row = (run.first_row + index) as u32;
                observation.overflows(0, &mut |column| rows.faults.report_overflow(row, column as u32, tick));
            }
            // Zero times a finite number is zero; zero times any other is NaN. So one test serves for the whole run.
            poison += row.iter().map(|value| value * 0.0).sum::<f32>();
        }
        if poison != 0.0 {
            refuse_observations(rows, tick, run.first_row..run.first_row + run.agents.len());
        }
    }
}

/// Copies masks to rows, on a step's last tick, after [`SenseAgents`](crate::SenseAgents).
pub(crate) fn sense_masks<A: Agent>(
    clock: Res<StepClock>,
    rows: ResMut<AgentRows<A>>,
    agents: Query<(&Slot, &ActionMask<A::Action>), With<A>>,
) {
    if !clock.is_last_tick() {
        return;
    }
    let rows = &mut **rows.into_inner();
    // Some rows have no agent, and some agents may have lost their mask.
    rows.masks.fill(true);
    if let Ok(tables) = agents.contiguous_iter() {
        for (slots, masks) in tables {
            mask_table(rows, clock.ticks(), slots, masks);
        }
    } else {
        for (slot, mask) in &agents {
            mask_table(rows, clock.ticks(), &[*slot], core::slice::from_ref(mask));
        }
    }
}

pub(crate) fn mask_table<T: Action>(rows: &mut Rows, tick: u64, slots: &[Slot], masks: &[ActionMask<T>]) {
    let width = rows.spec.mask_width();
    for run in runs(slots) {
        let allowed = &mut rows.masks[run.first_row * width..][..run.agents.len() * width];
        for (row, mask) in allowed.chunks_exact_mut(width).zip(&masks[run.agents.clone()]) {
            mask.write(row);
        }
        refuse_empty_masks(rows, tick, run.first_row..run.first_row + run.agents.len());
    }
}

/// Allows all options of a choice if none is allowed, because an agent has to choose one, and reports a fault.
fn refuse_empty_masks(rows: &mut Rows, tick: u64, run: core::ops::Range<usize>) {
    let width = rows.spec.mask_width();
    let masks = rows.masks[run.start * width..run.end * width].chunks_exact_mut(width);
    for (row, mut mask) in run.zip(masks) {
        for field in &rows.masked_fields {
            let (allowed, later) = mask.split_at_mut(field.choices);
            mask = later;
            if !allowed.contains(&true) {
                allowed.fill(true);
                rows.faults.report(Fault { row: row as u32, place: FaultPlace::Mask(field.field), tick });
            }
        }
    }
}

/// Marks the steps that can't be learned from, because a number that they need was not finite.
fn mark_spoiled_steps(rows: &mut Rows) {
    while let Some(row) = rows.faults.spoiled.pop() {
        let outcome = &mut rows.outcomes[row as usize];
        if outcome.as_decided().is_experience() {
            *outcome = Outcome::Faulty;
        }
    }
}

/// Replaces observations that are not finite by zeros, and reports them. Neither the step that led to one (its value
/// can't be estimated) nor the one that follows from it (its action means nothing) is learned from.
#[cold]
fn refuse_observations(rows: &mut Rows, tick: u64, run: core::ops::Range<usize>) {
    let width = rows.spec.observation_width();
    for row in run {
        let seen = &mut rows.observations[row * width..][..width];
        let Some(column) = seen.iter().position(|value| !value.is_finite()) else { continue };
        seen.fill(0.0);
        rows.faults.report(Fault { row: row as u32, place: FaultPlace::Observation(column as u32), tick });
        rows.faults.spoiled.push(row as u32);
        // A step that terminated needs no estimate of the value after it.
        if matches!(rows.outcomes[row].as_decided(), Outcome::Running | Outcome::Truncated) {
            rows.outcomes[row] = Outcome::Faulty;
        }
    }
}
