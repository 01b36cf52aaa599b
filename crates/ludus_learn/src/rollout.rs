//! The experience between two updates.

mod heads;
mod teams;

use std::ops::Range;

use ludus_net::AfterStep;
use ludus_spec::Outcome;

use crate::{LaneShape, LearnError, SensedRows, StepRows};

pub use heads::HeadRewards;
pub(crate) use heads::RewardedSteps;

/// The sizes of a rollout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolloutShape {
    /// Steps of every row.
    pub steps: usize,
    /// The rows of each simulation.
    pub rows: Vec<usize>,
    /// Columns of an observation.
    pub observation_width: usize,
    /// Columns of an action.
    pub action_width: usize,
    /// Columns of a mask: one per choice, or 0 where every choice is always allowed.
    pub mask_width: usize,
    /// Numbers of a policy's memory, per row.
    pub memory_width: usize,
    /// Streams of rewards that the simulation writes beside the first.
    pub reward_streams: usize,
    /// Values that a critic estimates: one per stream of rewards.
    pub value_heads: usize,
    /// True if a sample keeps its normalised observation, the input of the learning policy's network.
    pub has_inputs: bool,
    /// True if each row has a driver.
    pub has_drivers: bool,
    /// True if each row has a team.
    pub has_teams: bool,
}

impl Default for RolloutShape {
    /// No steps, rows or columns, and one value head.
    fn default() -> Self {
        Self {
            steps: 0,
            rows: Vec::new(),
            observation_width: 0,
            action_width: 0,
            mask_width: 0,
            memory_width: 0,
            reward_streams: 0,
            value_heads: 1,
            has_inputs: false,
            has_drivers: false,
            has_teams: false,
        }
    }
}

impl RolloutShape {
    /// Returns the shape of a rollout of `steps` steps of a lane. `lanes` has that lane of every simulation.
    ///
    /// # Errors
    ///
    /// [`LearnError::Lanes`] if the lanes differ in more than their number of rows.
    pub fn of_lane(steps: usize, lanes: &[LaneShape]) -> Result<Self, LearnError> {
        let first = lanes.first().copied().unwrap_or_default();
        if let Some(simulation) = lanes.iter().position(|lane| LaneShape { rows: first.rows, ..*lane } != first) {
            let (expected, actual) = (first.into(), lanes[simulation].into());
            return Err(LearnError::Lanes { simulation, expected, actual });
        }
        let LaneShape { rows: _, observation_width, action_width, mask_width, reward_streams, has_drivers, has_teams } =
            first;
        Ok(Self {
            steps,
            rows: lanes.iter().map(|lane| lane.rows).collect(),
            observation_width,
            action_width,
            mask_width,
            reward_streams,
            has_drivers,
            has_teams,
            ..Self::default()
        })
    }

    /// Returns the lane shape that a simulation with this many rows must have.
    pub const fn lane(&self, rows: usize) -> LaneShape {
        LaneShape {
            rows,
            observation_width: self.observation_width,
            action_width: self.action_width,
            mask_width: self.mask_width,
            reward_streams: self.reward_streams,
            has_drivers: self.has_drivers,
            has_teams: self.has_teams,
        }
    }

    /// Returns the range of sample indices of each slab, in the order of the simulations.
    pub(crate) fn slab_places(&self) -> impl Iterator<Item = Range<usize>> {
        let slab_steps = self.steps + 1;
        self.rows.iter().scan(0, move |start, rows| {
            let place = *start..*start + rows * slab_steps;
            *start = place.end;
            Some(place)
        })
    }

    /// Rows of all simulations together.
    pub fn total_rows(&self) -> usize {
        self.rows.iter().sum()
    }

    /// Samples of all rows together, those after the last step included. Saturates at `usize::MAX`.
    pub fn total_samples(&self) -> usize {
        let rows = self.rows.iter().fold(0, |sum: usize, rows| sum.saturating_add(*rows));
        self.steps.saturating_add(1).saturating_mul(rows)
    }
}

/// The experience of a lane: observations, actions and rewards of its rows in some steps. Allocated once, then
/// overwritten by every rollout.
///
/// The rows of a simulation form a *slab*, time-major: `[steps + 1, rows of the simulation]`; slabs lie one behind the
/// other in the order of the simulations. So each thread writes a contiguous range of its own, and one *sample index*
/// addresses a step of a row in every array. A slab's last step has observations, values and nothing else: its outcomes
/// stay [`Outcome::Vacant`], so it is never taken for experience.
///
/// A rollout fills step by step, in any number of calls, until it [is full](Self::is_full).
#[derive(Clone, Debug)]
pub struct Rollout {
    shape: RolloutShape,
    /// Steps written so far.
    filled: usize,
    /// True once any step was written: from then on, rows have drivers.
    has_begun: bool,
    columns: Columns,
}

/// A rollout's arrays.
#[derive(Clone, Debug)]
struct Columns {
    observations: Vec<f32>,
    inputs: Vec<f32>,
    masks: Vec<bool>,
    drivers: Vec<u8>,
    teams: Vec<u32>,
    actions: Vec<f32>,
    log_probs: Vec<f32>,
    values: Vec<f32>,
    rewards: Vec<f32>,
    stream_rewards: Vec<f32>,
    outcomes: Vec<Outcome>,
    advantages: Vec<f32>,
    returns: Vec<f32>,
    /// The weighted sums of the heads' advantages, if there are several heads `[samples]`.
    combined: Vec<f32>,
    memory: Vec<f32>,
    past_memory: Vec<f32>,
    first_memory: Vec<f32>,
    after: Vec<AfterStep>,
}

/// A rollout's arrays, to read. All but `first_memory` have the same sample indices.
#[derive(Clone, Copy, Debug, Default)]
pub struct Samples<'a> {
    /// The observation before the step, as the simulation wrote it. `[samples, observation width]`.
    pub observations: &'a [f32],
    /// The normalised observation that the learning policy's network read, or empty. `[samples, observation width]`.
    pub inputs: &'a [f32],
    /// True for each choice that was allowed in the step. `[samples, mask width]`.
    pub masks: &'a [bool],
    /// The driver of the row, or empty. `[samples]`.
    pub drivers: &'a [u8],
    /// The team of the row, the same for all members of it in the simulation, or empty. `[samples]`.
    pub teams: &'a [u32],
    /// The action of the step. `[samples, action width]`.
    pub actions: &'a [f32],
    /// The logarithm of the action's probability (density) under the policy that chose it. `[samples]`.
    pub log_probs: &'a [f32],
    /// The critic's estimates before the step. `[samples, value heads]`.
    pub values: &'a [f32],
    /// The reward of the step. `[samples]`.
    pub rewards: &'a [f32],
    /// The rewards of the simulation's other streams, or empty. `[samples, reward streams]`.
    pub stream_rewards: &'a [f32],
    /// The outcome of the step. `[samples]`.
    pub outcomes: &'a [Outcome],
    /// The advantage: by how much the step was better than expected. `[samples, value heads]`.
    pub advantages: &'a [f32],
    /// The critic's target: advantage plus value. `[samples, value heads]`.
    pub returns: &'a [f32],
    /// The advantage that the policy learns from: the weighted sum of those of all heads. `[samples]`.
    pub policy_advantages: &'a [f32],
    /// The policy's memory of each row before the first step. `[rows, memory width]`, all rows in order.
    pub first_memory: &'a [f32],
    /// The change of the policy's memory after the step, or empty without memory. `[samples]`.
    pub after: &'a [AfterStep],
}

impl Samples<'_> {
    /// Columns of a mask; 0 where every choice is always allowed.
    pub fn mask_width(&self) -> usize {
        self.masks.len() / self.outcomes.len().max(1)
    }
}

/// The part of a rollout that belongs to one simulation, to write. Arrays as in [`Samples`].
#[derive(Debug)]
pub struct Slab<'a> {
    /// Rows in earlier slabs: the index of the simulation's row 0 among all rows.
    pub first_row: usize,
    /// Rows of the simulation.
    pub rows: usize,
    /// The step that comes next, in `0..=steps`.
    pub step: usize,
    /// True if earlier steps were written, so that rows have drivers already.
    pub has_begun: bool,
    /// `[steps + 1, rows, observation width]`.
    pub observations: &'a mut [f32],
    /// `[steps + 1, rows, observation width]`, or empty.
    pub inputs: &'a mut [f32],
    /// `[steps + 1, rows, mask width]`.
    pub masks: &'a mut [bool],
    /// `[steps + 1, rows]`, or empty.
    pub drivers: &'a mut [u8],
    /// `[steps + 1, rows]`, or empty.
    pub teams: &'a mut [u32],
    /// `[steps + 1, rows, action width]`.
    pub actions: &'a mut [f32],
    /// `[steps + 1, rows]`.
    pub log_probs: &'a mut [f32],
    /// `[steps + 1, rows, value heads]`.
    pub values: &'a mut [f32],
    /// `[steps + 1, rows]`.
    pub rewards: &'a mut [f32],
    /// `[steps + 1, rows, reward streams]`, or empty.
    pub stream_rewards: &'a mut [f32],
    /// `[steps + 1, rows]`.
    pub outcomes: &'a mut [Outcome],
    /// `[steps + 1, rows, value heads]`.
    pub advantages: &'a mut [f32],
    /// `[steps + 1, rows, value heads]`.
    pub returns: &'a mut [f32],
    /// The policy's memory now. `[rows, memory width]`.
    pub memory: &'a mut [f32],
    /// The memory before the last decision. `[rows, memory width]`.
    pub past_memory: &'a mut [f32],
    /// The memory before the first step. `[rows, memory width]`.
    pub first_memory: &'a mut [f32],
    /// The change of the memory after each step. `[steps + 1, rows]`, or empty without memory.
    pub after: &'a mut [AfterStep],
}

impl Rollout {
    /// An empty rollout: every step is vacant.
    pub fn new(shape: RolloutShape) -> Self {
        let rows = shape.total_rows();
        let samples = (shape.steps + 1) * rows;
        let with = |is_there: bool| if is_there { samples } else { 0 };
        let columns = Columns {
            observations: vec![0.0; samples * shape.observation_width],
            inputs: vec![0.0; with(shape.has_inputs) * shape.observation_width],
            masks: vec![true; samples * shape.mask_width],
            drivers: vec![0; with(shape.has_drivers)],
            teams: vec![0; with(shape.has_teams)],
            actions: vec![0.0; samples * shape.action_width],
            log_probs: vec![0.0; samples],
            values: vec![0.0; samples * shape.value_heads],
            rewards: vec![0.0; samples],
            stream_rewards: vec![0.0; samples * shape.reward_streams],
            outcomes: vec![Outcome::Vacant; samples],
            advantages: vec![0.0; samples * shape.value_heads],
            returns: vec![0.0; samples * shape.value_heads],
            combined: vec![0.0; with(shape.value_heads > 1)],
            memory: vec![0.0; rows * shape.memory_width],
            past_memory: vec![0.0; rows * shape.memory_width],
            first_memory: vec![0.0; rows * shape.memory_width],
            after: vec![AfterStep::Keep; with(shape.memory_width > 0)],
        };
        Self { shape, filled: 0, has_begun: false, columns }
    }

    /// Returns the sizes that the rollout was made with.
    pub const fn shape(&self) -> &RolloutShape {
        &self.shape
    }

    /// True once all steps are written.
    pub const fn is_full(&self) -> bool {
        self.filled == self.shape.steps
    }

    /// Steps that are still to come.
    pub const fn missing_steps(&self) -> usize {
        self.shape.steps - self.filled
    }

    /// Empties the rollout, so that it fills from its first step again. Rows keep their drivers and their policies'
    /// memory.
    pub const fn restart(&mut self) {
        self.filled = 0;
    }

    /// Sets the memory of rows to zero where it is not finite, as a policy whose parameters are not finite leaves it.
    pub fn forget_what_is_not_finite(&mut self) {
        let width = self.shape.memory_width.max(1);
        for memory in self.columns.memory.chunks_exact_mut(width) {
            if memory.iter().any(|number| !number.is_finite()) {
                memory.fill(0.0);
            }
        }
    }

    /// Returns the simulations' slabs, to write `steps` more steps. These count as written from here on.
    pub(crate) fn fill(&mut self, steps: usize) -> impl Iterator<Item = Slab<'_>> {
        let (step, has_begun) = (self.filled, self.has_begun);
        self.filled += steps;
        self.has_begun = true;
        self.slabs_mut().map(move |slab| Slab { step, has_begun, ..slab })
    }

    /// Returns all arrays, to read.
    pub fn samples(&self) -> Samples<'_> {
        let columns = &self.columns;
        Samples {
            observations: &columns.observations,
            inputs: &columns.inputs,
            masks: &columns.masks,
            drivers: &columns.drivers,
            teams: &columns.teams,
            actions: &columns.actions,
            log_probs: &columns.log_probs,
            values: &columns.values,
            rewards: &columns.rewards,
            stream_rewards: &columns.stream_rewards,
            outcomes: &columns.outcomes,
            advantages: &columns.advantages,
            returns: &columns.returns,
            policy_advantages: if columns.combined.is_empty() { &columns.advantages } else { &columns.combined },
            first_memory: &columns.first_memory,
            after: &columns.after,
        }
    }

    /// Returns the range of sample indices of each slab, in the order of the simulations.
    pub fn slab_places(&self) -> impl Iterator<Item = Range<usize>> {
        self.shape.slab_places()
    }

    /// Returns the simulations' slabs, to write, in the order of the simulations.
    pub fn slabs_mut(&mut self) -> impl Iterator<Item = Slab<'_>> {
        let columns = &mut self.columns;
        let mut left = Slab {
            first_row: 0,
            rows: 0,
            step: self.filled,
            has_begun: self.has_begun,
            observations: &mut columns.observations,
            inputs: &mut columns.inputs,
            masks: &mut columns.masks,
            drivers: &mut columns.drivers,
            teams: &mut columns.teams,
            actions: &mut columns.actions,
            log_probs: &mut columns.log_probs,
            values: &mut columns.values,
            rewards: &mut columns.rewards,
            stream_rewards: &mut columns.stream_rewards,
            outcomes: &mut columns.outcomes,
            advantages: &mut columns.advantages,
            returns: &mut columns.returns,
            memory: &mut columns.memory,
            past_memory: &mut columns.past_memory,
            first_memory: &mut columns.first_memory,
            after: &mut columns.after,
        };
        let shape = &self.shape;
        shape.rows.iter().map(move |&rows| left.split_off_first(rows, shape))
    }

    /// Marks the steps that depend on an observation that is not finite as [`Outcome::Faulty`]: the step that was
    /// decided from it, and the step that would bootstrap from its value. Detail 6.
    ///
    /// A simulation that reports its faults has marked the latter itself.
    pub(crate) fn mask_faults(&mut self) {
        let is_spoiled = self.columns.observations.iter().fold(false, |any, number| any | !number.is_finite());
        if is_spoiled {
            let width = self.shape.observation_width;
            self.slabs_mut().for_each(|slab| slab.mask_faults(width));
        }
    }
}

impl<'a> Slab<'a> {
    /// Splits the slab of the first `rows` rows off, and leaves the rest.
    fn split_off_first(&mut self, rows: usize, shape: &RolloutShape) -> Self {
        let samples = (shape.steps + 1) * rows;
        let with = |is_there: bool| if is_there { samples } else { 0 };
        let first_row = self.first_row;
        self.first_row += rows;
        Self {
            first_row,
            rows,
            step: self.step,
            has_begun: self.has_begun,
            observations: split_off_first(&mut self.observations, samples * shape.observation_width),
            inputs: split_off_first(&mut self.inputs, with(shape.has_inputs) * shape.observation_width),
            masks: split_off_first(&mut self.masks, samples * shape.mask_width),
            drivers: split_off_first(&mut self.drivers, with(shape.has_drivers)),
            teams: split_off_first(&mut self.teams, with(shape.has_teams)),
            actions: split_off_first(&mut self.actions, samples * shape.action_width),
            log_probs: split_off_first(&mut self.log_probs, samples),
            values: split_off_first(&mut self.values, samples * shape.value_heads),
            rewards: split_off_first(&mut self.rewards, samples),
            stream_rewards: split_off_first(&mut self.stream_rewards, samples * shape.reward_streams),
            outcomes: split_off_first(&mut self.outcomes, samples),
            advantages: split_off_first(&mut self.advantages, samples * shape.value_heads),
            returns: split_off_first(&mut self.returns, samples * shape.value_heads),
            memory: split_off_first(&mut self.memory, rows * shape.memory_width),
            past_memory: split_off_first(&mut self.past_memory, rows * shape.memory_width),
            first_memory: split_off_first(&mut self.first_memory, rows * shape.memory_width),
            after: split_off_first(&mut self.after, with(shape.memory_width > 0)),
        }
    }

    /// The range of a step's numbers in an array of this length.
    pub(crate) fn place(&self, step: usize, length: usize) -> Range<usize> {
        let numbers = self.rows * length / self.outcomes.len().max(1);
        step * numbers..(step + 1) * numbers
    }

    /// Returns the slices of the observations before a step, for a simulation to write.
    pub fn sensed_rows(&mut self, step: usize) -> SensedRows<'_> {
        let [observations, masks, drivers, teams] =
            [self.observations.len(), self.masks.len(), self.drivers.len(), self.teams.len()]
                .map(|length| self.place(step, length));
        SensedRows {
            observations: &mut self.observations[observations],
            masks: &mut self.masks[masks],
            drivers: &mut self.drivers[drivers],
            teams: &mut self.teams[teams],
        }
    }

    /// Returns the next step: its actions, and the slices for the rewards, outcomes and observations that follow from
    /// them.
    pub(crate) fn step_rows(&mut self) -> StepRows<'_> {
        let (now, then) = (self.step, self.step + 1);
        let [actions, of_rows, of_streams] =
            [self.actions.len(), self.outcomes.len(), self.stream_rewards.len()].map(|length| self.place(now, length));
        let [observations, masks, drivers, teams] =
            [self.observations.len(), self.masks.len(), self.drivers.len(), self.teams.len()]
                .map(|length| self.place(then, length));
        StepRows {
            actions: &self.actions[actions],
            rewards: &mut self.rewards[of_rows.clone()],
            stream_rewards: &mut self.stream_rewards[of_streams],
            outcomes: &mut self.outcomes[of_rows],
            next: SensedRows {
                observations: &mut self.observations[observations],
                masks: &mut self.masks[masks],
                drivers: &mut self.drivers[drivers],
                teams: &mut self.teams[teams],
            },
        }
    }

    fn mask_faults(self, observation_width: usize) {
        for (sample, observation) in self.observations.chunks_exact(observation_width).enumerate() {
            if observation.iter().all(|number| number.is_finite()) {
                continue;
            }
            // In a waiting step, no action and no value depends on the observation.
            if self.outcomes[sample].is_waiting() {
                continue;
            }
            if self.outcomes[sample].is_experience() {
                self.outcomes[sample] = Outcome::Faulty;
            }
            mask_what_leads_to(self.outcomes, sample, self.rows);
        }
    }
}

/// Marks the decision that would bootstrap from this sample's observation as faulty, and with it the waiting steps
/// between them.
fn mask_what_leads_to(outcomes: &mut [Outcome], sample: usize, rows: usize) {
    let mut before = sample.checked_sub(rows);
    while let Some(step) = before {
        let outcome = outcomes[step];
        if !matches!(outcome.as_decided(), Outcome::Running | Outcome::Truncated) {
            return;
        }
        outcomes[step] = Outcome::Faulty;
        before = step.checked_sub(rows).filter(|_| outcome.is_waiting());
    }
}

fn split_off_first<'a, T>(left: &mut &'a mut [T], count: usize) -> &'a mut [T] {
    left.split_off_mut(..count).expect("a rollout is as long as its slabs together")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Discount;

    fn rollout() -> Rollout {
        let shape = RolloutShape {
            steps: 2,
            rows: vec![3, 1],
            observation_width: 2,
            action_width: 1,
            mask_width: 2,
            ..RolloutShape::default()
        };
        Rollout::new(shape)
    }

    #[test]
    fn slabs_lie_one_behind_the_other() {
        let mut rollout = rollout();
        for (index, slab) in rollout.slabs_mut().enumerate() {
            assert_eq!((slab.first_row, slab.rows), [(0, 3), (3, 1)][index]);
            assert_eq!(slab.values.len(), 3 * slab.rows);
            slab.values.fill(index as f32 + 1.0);
            slab.observations.fill(index as f32 + 1.0);
            slab.masks.fill(index == 1);
        }
        assert_eq!(rollout.slab_places().collect::<Vec<_>>(), [0..9, 9..12]);
        let samples = rollout.samples();
        assert_eq!(samples.values, [[1.0; 9].as_slice(), &[2.0; 3]].concat());
        assert_eq!(samples.observations, [[1.0; 18].as_slice(), &[2.0; 6]].concat());
        assert_eq!(samples.masks, [[false; 18].as_slice(), &[true; 6]].concat());
    }

    /// One row over four steps; the observation before step 2 is not finite.
    #[test]
    fn an_observation_that_is_not_finite_masks_what_needs_it() {
        use Outcome::{Faulty, Restart, Running, Terminated, Truncated, Vacant, Waiting, WaitingTruncated};
        let check = |outcomes: [Outcome; 4], expected: [Outcome; 4]| {
            let shape = RolloutShape { steps: 4, rows: vec![1], observation_width: 2, ..RolloutShape::default() };
            let mut rollout = Rollout::new(shape);
            let slab = rollout.slabs_mut().next().unwrap();
            slab.outcomes[..4].copy_from_slice(&outcomes);
            slab.observations[2 * 2 + 1] = f32::NEG_INFINITY;
            rollout.mask_faults();
            assert_eq!(rollout.samples().outcomes[..4], expected);
        };
        check([Running; 4], [Running, Faulty, Faulty, Running]);
        check([Running, Truncated, Restart, Running], [Running, Faulty, Restart, Running]);
        check([Running, Terminated, Restart, Running], [Running, Terminated, Restart, Running]);
        check([Vacant; 4], [Vacant; 4]);
        check([Running, Waiting, Running, Running], [Faulty, Faulty, Faulty, Running]);
        check([Running, Waiting, Waiting, Running], [Running, Waiting, Waiting, Running]);
        check([Running, WaitingTruncated, Restart, Running], [Faulty, Faulty, Restart, Running]);
    }

    #[test]
    fn every_slab_has_advantages_of_its_own() {
        let mut rollout = rollout();
        for slab in rollout.slabs_mut() {
            let samples = 2 * slab.rows;
            slab.outcomes[..samples].fill(Outcome::Running);
            slab.rewards[..samples].fill(slab.first_row as f32 + 1.0);
            slab.values.fill(1.0);
        }
        rollout.estimate_advantages(&[Discount { gamma: 0.5, lambda: 1.0 }.into()]);
        let samples = rollout.samples();
        // r = 1: δ = 1 + 0.5 − 1 = 0.5, A = [0.5 + 0.25, 0.5]; r = 4: δ = 3.5, A = [3.5 + 1.75, 3.5].
        assert_eq!(samples.advantages, [0.75, 0.75, 0.75, 0.5, 0.5, 0.5, 0.0, 0.0, 0.0, 5.25, 3.5, 0.0]);
        assert_eq!(samples.returns[..3], [1.75; 3]);
    }
}
