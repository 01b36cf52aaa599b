//! Scoring: adds reward terms to the rows in every tick, and writes outcomes at the end of a step.

use bevy::prelude::*;
use ludus_spec::Outcome;

use crate::rows::{EpisodeNumbers, Fault, FaultPlace, Faults, FinishedEpisode, RewardStreams};
use crate::runs::{RowRun, runs};
use crate::shared_rewards::{LeftMember, SharedRewards, TeamIndices};
use crate::{Controller, Episode, Reward, Rows, Slot, StepClock};

/// The rows of one tick, split into slices, so that the loop over agents reads no pointer twice.
pub(crate) struct Scoring<'rows> {
    tick: u64,
    is_last_tick: bool,
    weights: &'rows [f32],
    /// The terms of the agent that is being scored.
    taken: &'rows mut [f32],
    rewards: &'rows mut [f32],
    streams: &'rows mut RewardStreams,
    returns: &'rows mut [f32],
    terms: &'rows mut [f32],
    /// The parameters of the episodes, and their count in each row.
    parameters: (&'rows [f32], usize),
    plans: &'rows [u32],
    outcomes: &'rows mut [Outcome],
    /// The controllers of the agents when the step began.
    began: &'rows [Controller],
    ends: Ends<'rows>,
    faults: &'rows mut Faults,
    shared: &'rows mut SharedRewards,
    teams: &'rows TeamIndices,
}

/// The lists of ended episodes.
struct Ends<'rows> {
    ended: &'rows mut Vec<(u32, Entity)>,
    finished: &'rows mut Vec<FinishedEpisode>,
    finished_terms: &'rows mut Vec<f32>,
    finished_parameters: &'rows mut Vec<f32>,
}

/// The components of the agents of one table.
pub(crate) struct Scored<'table, T> {
    pub entities: &'table [Entity],
    pub controllers: &'table [Controller],
    pub rewards: &'table mut [T],
    pub episodes: &'table mut [Episode],
}

impl<'rows> Scoring<'rows> {
    pub(crate) fn new(rows: &'rows mut Rows, clock: &StepClock) -> Self {
        if clock.is_last_tick() {
            rows.step_is_open = false;
        }
        Self { is_last_tick: clock.is_last_tick(), ..Self::of_tick(rows, clock.ticks()) }
    }

    /// Scores a tick that closes no step.
    pub(crate) fn of_tick(rows: &'rows mut Rows, tick: u64) -> Self {
        Self {
            tick,
            is_last_tick: false,
            weights: &rows.weights,
            taken: &mut rows.terms,
            rewards: &mut rows.rewards,
            streams: &mut rows.streams,
            returns: &mut rows.running.returns,
            terms: &mut rows.running.terms,
            parameters: (&rows.running.parameters, rows.running.parameter_count),
            plans: &rows.running.plans,
            outcomes: &mut rows.outcomes,
            began: &rows.controllers,
            ends: Ends {
                ended: &mut rows.turnover.ended,
                finished: &mut rows.finished,
                finished_terms: &mut rows.finished_terms,
                finished_parameters: &mut rows.finished_parameters,
            },
            faults: &mut rows.faults,
            shared: &mut rows.shared,
            teams: &rows.team_indices,
        }
    }

    /// Takes an agent's reward, before those that teams share are added up.
    pub(crate) fn take_reward<T: Reward>(&mut self, slot: Slot, reward: &mut T, episode: &Episode) {
        self.shared.take(slot.index(), reward, episode.is_scored());
    }

    /// Adds up what members of teams wrote in this tick, and gives their share to those that have left in it.
    pub(crate) fn share_rewards(&mut self) {
        self.shared.add_up(self.teams);
        for index in 0..self.shared.left.len() {
            self.score_left(self.shared.left[index]);
        }
        self.shared.clear();
    }

    /// Adds the terms of the tick in which a member left its row to the step's reward, and to its episode's sums, which
    /// have been reported.
    fn score_left(&mut self, left: LeftMember) {
        let (row, terms) = (left.row as usize, self.weights.len());
        self.shared.give(row, self.teams, self.taken);
        let reward = WeightedTerms { weights: self.weights, terms: self.taken };
        let weighted = reward.sum();
        let step = self.rewards[row] + weighted;
        if !step.is_finite() {
            return refuse_reward(self.faults, row, self.tick, reward);
        }
        self.rewards[row] = step;
        self.streams.add(row, reward);
        self.returns[row] = finite_sum(self.returns[row], weighted);
        add_terms(&mut self.terms[row * terms..][..terms], self.taken);
        if let Some(index) = left.finished
            && let Some(finished) = self.ends.finished.get_mut(index).filter(|finished| finished.row == left.row)
        {
            finished.reward = self.returns[row];
            self.ends.finished_terms[index * terms..][..terms].copy_from_slice(&self.terms[row * terms..][..terms]);
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
    fn add_rewards<T: Reward>(&mut self, run: &RowRun, agents: &mut Scored<T>) {
        let count = run.agents.len();
        let (weights, taken) = (&self.weights[..T::TERMS], &mut self.taken[..T::TERMS]);
        let sums = self.rewards[run.first_row..][..count].iter_mut().zip(&mut self.returns[run.first_row..][..count]);
        let terms = self.terms[run.first_row * T::TERMS..][..count * T::TERMS].chunks_exact_mut(T::TERMS);
        let scored = agents.rewards[run.agents.clone()].iter_mut().zip(&mut agents.episodes[run.agents.clone()]);
        let (is_last_tick, has_streams) = (self.is_last_tick, !self.streams.of_terms.is_empty());
        for (index, (((reward, episode), (sum, total)), terms)) in scored.zip(sums).zip(terms).enumerate() {
            if is_last_tick {
                episode.heed_limit();
            }
            if T::TEAM_TERMS.is_empty() {
                reward.take(taken);
            } else {
                self.shared.give(run.first_row + index, self.teams, taken);
            }
            if !episode.close_tick() {
                continue;
            }
            let weighted = WeightedTerms { weights, terms: taken }.sum();
            let step = *sum + weighted;
            if !step.is_finite() {
                refuse_reward(self.faults, run.first_row + index, self.tick, WeightedTerms { weights, terms: taken });
                continue;
            }
            *sum = step;
            if has_streams {
                self.streams.add(run.first_row + index, WeightedTerms { weights, terms: taken });
            }
            *total = finite_sum(*total, weighted);
            add_terms(terms, taken);
        }
    }

    /// Writes the outcomes of the step, and lists the episodes that ended.
    fn close_steps<T>(&mut self, run: &RowRun, agents: &mut Scored<T>, terms: usize) {
        let outcomes = &mut self.outcomes[run.first_row..][..run.agents.len()];
        let began = &self.began[run.first_row..][..run.agents.len()];
        let controllers = &agents.controllers[run.agents.clone()];
        // Usually a policy decides for all of them; then no controller is looked up per agent.
        let by_policy = policy_controls_all(began) & policy_controls_all(controllers);
        for (index, (episode, outcome)) in agents.episodes[run.agents.clone()].iter_mut().zip(outcomes).enumerate() {
            let led_to = episode.close_step();
            *outcome = if by_policy { led_to } else { reported(led_to, began[index], controllers[index]) };
            if led_to != Outcome::Running && episode.wants_restart() {
                let row = run.first_row + index;
                let reward = self.returns[row];
                let (steps, success, plan) = (episode.steps(), episode.success(), self.plans[row]);
                let ended = FinishedEpisode { row: row as u32, steps, outcome: led_to, reward, success, plan };
                self.ends.ended.push((ended.row, agents.entities[run.agents.start + index]));
                if led_to.is_end() && !episode.is_staggered() {
                    let (parameters, count) = self.parameters;
                    let parameters = &parameters[row * count..][..count];
                    let terms = &self.terms[row * terms..][..terms];
                    self.ends.report(ended, EpisodeNumbers { terms, parameters });
                }
            }
        }
    }
}

impl RewardStreams {
    /// Adds a tick's terms to the streams of a row. Does nothing without streams.
    #[inline]
    fn add(&mut self, row: usize, reward: WeightedTerms<'_>) {
        let WeightedTerms { weights, terms } = reward;
        for ((stream, weight), term) in self.of_terms.iter().zip(weights).zip(terms) {
            self.rewards[row * self.count + stream] += weight * term;
        }
    }
}

impl Ends<'_> {
    fn report(&mut self, episode: FinishedEpisode, numbers: EpisodeNumbers<'_>) {
        self.finished.push(episode);
        self.finished_terms.extend_from_slice(numbers.terms);
        self.finished_parameters.extend_from_slice(numbers.parameters);
    }
}

/// True if a policy decides for all agents. Without an early exit they are compared several at a time.
pub(crate) fn policy_controls_all(controllers: &[Controller]) -> bool {
    controllers.iter().fold(true, |all, controller| all & (*controller == Controller::Policy))
}

/// Returns the outcome that a row reports for a step with the outcome `led_to`, given the agent's controllers when the
/// step began and when it ended.
pub(crate) const fn reported(led_to: Outcome, began: Controller, ended: Controller) -> Outcome {
    use Controller::{External, Idle, Policy, Scripted, Waiting};
    match (began, ended) {
        (Policy, Policy | Waiting) => led_to,
        (Waiting, Policy | Waiting) => led_to.as_waiting(),
        (External | Scripted | Idle, _) | (_, External | Scripted | Idle) => Outcome::Vacant,
    }
}

/// Adds two finite numbers. A sum that would overflow becomes the nearest finite number.
#[inline]
fn finite_sum(one: f32, other: f32) -> f32 {
    (one + other).clamp(f32::MIN, f32::MAX)
}

/// The terms of a tick's reward, and their weights.
#[derive(Clone, Copy)]
struct WeightedTerms<'a> {
    weights: &'a [f32],
    terms: &'a [f32],
}

impl WeightedTerms<'_> {
    /// The weighted sum.
    #[inline]
    fn sum(self) -> f32 {
        self.weights.iter().zip(self.terms).map(|(weight, term)| weight * term).sum()
    }
}

/// Adds a tick's terms to the sums of an episode.
#[inline]
fn add_terms(sums: &mut [f32], taken: &[f32]) {
    for (sum, taken) in sums.iter_mut().zip(taken) {
        *sum = finite_sum(*sum, *taken);
    }
}

/// Reports a tick's reward that is not finite, by itself or added to the step's. It is left out of all sums, and its
/// step is not learned from.
#[cold]
fn refuse_reward(faults: &mut Faults, row: usize, tick: u64, reward: WeightedTerms<'_>) {
    let WeightedTerms { weights, terms } = reward;
    let row = row as u32;
    faults.spoiled.push(row);
    let weighted = |term: &usize| weights[*term] * terms[*term];
    let all = 0..terms.len();
    // All terms can be finite and their sum too large: then the largest is named.
    let largest = || all.clone().max_by(|one, other| weighted(one).abs().total_cmp(&weighted(other).abs()));
    let term = all.clone().find(|term| !weighted(term).is_finite()).or_else(largest);
    faults.report(Fault { row, place: FaultPlace::Reward(term.unwrap_or(0) as u32), tick });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_of_finite_numbers_is_finite() {
        assert_eq!(finite_sum(1.0, 2.0), 3.0);
        assert_eq!(finite_sum(3e38, 3e38), f32::MAX);
        assert_eq!(finite_sum(finite_sum(-3e38, -3e38), 1e38), f32::MIN + 1e38);
    }
}
