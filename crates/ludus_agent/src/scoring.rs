//! Scoring: what a tick's reward terms and a step's end do to the rows.

use bevy::prelude::*;
use ludus_spec::Outcome;

use crate::rows::{Fault, FaultPlace, Faults, FinishedEpisode};
use crate::runs::{Run, runs};
use crate::{Controller, Episode, Reward, Rows, Slot, StepClock};

/// The rows of one tick, taken apart into slices, so that the loop over agents reads no pointer twice.
pub(crate) struct Scoring<'rows> {
    tick: u64,
    is_last_tick: bool,
    weights: &'rows [f32],
    /// The terms of the agent that is being scored.
    taken: &'rows mut [f32],
    rewards: &'rows mut [f32],
    returns: &'rows mut [f32],
    terms: &'rows mut [f32],
    outcomes: &'rows mut [Outcome],
    ends: Ends<'rows>,
    faults: &'rows mut Faults,
}

/// Where ended episodes are noted.
struct Ends<'rows> {
    ended: &'rows mut Vec<(u32, Entity)>,
    finished: &'rows mut Vec<FinishedEpisode>,
    finished_terms: &'rows mut Vec<f32>,
}

/// Agents of one table.
pub(crate) struct Scored<'table, T> {
    pub entities: &'table [Entity],
    pub controllers: &'table [Controller],
    pub rewards: &'table mut [T],
    pub episodes: &'table mut [Episode],
}

impl<'rows> Scoring<'rows> {
    pub(crate) fn new(rows: &'rows mut Rows, clock: &StepClock) -> Self {
        if clock.is_first_tick() {
            rows.rewards.fill(0.0);
        }
        Self {
            tick: clock.ticks(),
            is_last_tick: clock.is_last_tick(),
            weights: &rows.weights,
            taken: &mut rows.terms,
            rewards: &mut rows.rewards,
            returns: &mut rows.running.returns,
            terms: &mut rows.running.terms,
            outcomes: &mut rows.outcomes,
            ends: Ends {
                ended: &mut rows.turnover.ended,
                finished: &mut rows.finished,
                finished_terms: &mut rows.finished_terms,
            },
            faults: &mut rows.faults,
        }
    }

    pub(crate) fn score_table<T: Reward>(&mut self, slots: &[Slot], mut agents: Scored<T>) {
        for run in runs(slots) {
            self.add_rewards(&run, &mut agents);
            if self.is_last_tick {
                self.close_steps(&run, &mut agents, T::TERMS);
            }
        }
    }

    /// Adds one tick's terms to the steps' rewards and the episodes' sums.
    fn add_rewards<T: Reward>(&mut self, run: &Run, agents: &mut Scored<T>) {
        let count = run.agents.len();
        let (weights, taken) = (&self.weights[..T::TERMS], &mut self.taken[..T::TERMS]);
        let sums = self.rewards[run.first_row..][..count].iter_mut().zip(&mut self.returns[run.first_row..][..count]);
        let terms = self.terms[run.first_row * T::TERMS..][..count * T::TERMS].chunks_exact_mut(T::TERMS);
        let scored = agents.rewards[run.agents.clone()].iter_mut().zip(&mut agents.episodes[run.agents.clone()]);
        for (index, (((reward, episode), (sum, total)), terms)) in scored.zip(sums).zip(terms).enumerate() {
            if self.is_last_tick {
                episode.heed_limit();
            }
            reward.take(taken);
            if !episode.close_tick() {
                continue;
            }
            let weighted: f32 = weights.iter().zip(&*taken).map(|(weight, term)| weight * term).sum();
            if !weighted.is_finite() {
                refuse_reward(self.faults, run.first_row + index, self.tick, (weights, taken));
                continue;
            }
            *sum += weighted;
            *total += weighted;
            for (term, taken) in terms.iter_mut().zip(&*taken) {
                *term += taken;
            }
        }
    }

    /// Settles what the step led to, and notes who ended.
    fn close_steps<T>(&mut self, run: &Run, agents: &mut Scored<T>, terms: usize) {
        let outcomes = &mut self.outcomes[run.first_row..][..run.agents.len()];
        let closed = agents.controllers[run.agents.clone()].iter().zip(&mut agents.episodes[run.agents.clone()]);
        for (index, ((controller, episode), outcome)) in closed.zip(outcomes).enumerate() {
            let led_to = episode.close_step();
            *outcome = if *controller == Controller::Policy { led_to } else { Outcome::Vacant };
            if led_to.is_end() {
                let row = run.first_row + index;
                let reward = self.returns[row];
                let ended = FinishedEpisode { row: row as u32, steps: episode.steps(), outcome: led_to, reward };
                self.ends.ended.push((ended.row, agents.entities[run.agents.start + index]));
                if !episode.is_staggered() {
                    self.ends.report(ended, &self.terms[row * terms..][..terms]);
                }
            }
        }
    }
}

impl Ends<'_> {
    fn report(&mut self, episode: FinishedEpisode, terms: &[f32]) {
        self.finished.push(episode);
        self.finished_terms.extend_from_slice(terms);
    }
}

/// A tick whose reward is not finite counts nothing, and its step is not learned from.
#[cold]
fn refuse_reward(faults: &mut Faults, row: usize, tick: u64, (weights, terms): (&[f32], &[f32])) {
    let row = row as u32;
    faults.spoiled.push(row);
    let term = weights.iter().zip(terms).position(|(weight, term)| !(weight * term).is_finite());
    // All terms can be finite and their sum too large.
    faults.report(Fault { row, place: FaultPlace::Reward(term.unwrap_or(0) as u32), tick });
}
