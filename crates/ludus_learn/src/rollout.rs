//! The experience between two updates.

use std::ops::Range;

use ludus_spec::Outcome;

use crate::gae::{Discount, Trajectories, estimate_advantages};

/// The sizes of a rollout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolloutShape {
    /// Steps that every row plays.
    pub steps: usize,
    /// The rows of each simulation.
    pub rows: Vec<usize>,
    /// Columns of an observation.
    pub observation_width: usize,
    /// Columns of an action.
    pub action_width: usize,
    /// Columns of a mask: one per choice, or 0 where every choice is always allowed.
    pub mask_width: usize,
}

impl RolloutShape {
    /// Rows of all simulations together.
    pub fn total_rows(&self) -> usize {
        self.rows.iter().sum()
    }

    /// Samples of all rows together, with those after the last step; `usize::MAX` if there are more.
    pub fn total_samples(&self) -> usize {
        let rows = self.rows.iter().fold(0, |sum: usize, rows| sum.saturating_add(*rows));
        self.steps.saturating_add(1).saturating_mul(rows)
    }
}

/// What all rows saw, did and got in one rollout. Allocated once, then written over and over.
///
/// The rows of a simulation form a *slab*, time-major: `[steps + 1, rows of the simulation]`; slabs lie one behind the
/// other in the order of the simulations. So each thread writes a stretch of its own, and one *sample index* finds a
/// step of a row in every array. A slab's last step has observations, values and nothing else: its outcomes stay
/// [`Outcome::Vacant`], so it is never taken for experience.
#[derive(Clone, Debug)]
pub struct Rollout {
    shape: RolloutShape,
    observations: Vec<f32>,
    masks: Vec<bool>,
    actions: Vec<f32>,
    log_probs: Vec<f32>,
    values: Vec<f32>,
    rewards: Vec<f32>,
    outcomes: Vec<Outcome>,
    advantages: Vec<f32>,
    returns: Vec<f32>,
}

/// A rollout's arrays, to read. A sample's index finds it in each of them.
#[derive(Clone, Copy, Debug)]
pub struct Samples<'a> {
    /// What was observed before the step, as the simulation gave it. `[samples, observation width]`.
    pub observations: &'a [f32],
    /// Which choices were allowed in the step. `[samples, mask width]`.
    pub masks: &'a [bool],
    /// What was done. `[samples, action width]`.
    pub actions: &'a [f32],
    /// The logarithm of the action's probability (density) under the policy that chose it.
    pub log_probs: &'a [f32],
    /// The critic's estimate before the step.
    pub values: &'a [f32],
    /// What the step was worth.
    pub rewards: &'a [f32],
    /// What the step led to.
    pub outcomes: &'a [Outcome],
    /// How much better than expected the step was.
    pub advantages: &'a [f32],
    /// What the critic should have estimated: advantage plus value.
    pub returns: &'a [f32],
}

impl Samples<'_> {
    /// Columns of a mask; 0 where every choice is always allowed.
    pub fn mask_width(&self) -> usize {
        self.masks.len() / self.values.len().max(1)
    }
}

/// The part of a rollout that belongs to one simulation, to write. Arrays as in [`Samples`].
#[derive(Debug)]
pub struct Slab<'a> {
    /// How many rows earlier slabs have: the simulation's row 0 is this one of all.
    pub first_row: usize,
    /// Rows of the simulation.
    pub rows: usize,
    /// `[steps + 1, rows, observation width]`.
    pub observations: &'a mut [f32],
    /// `[steps + 1, rows, mask width]`.
    pub masks: &'a mut [bool],
    /// `[steps + 1, rows, action width]`.
    pub actions: &'a mut [f32],
    /// `[steps + 1, rows]`.
    pub log_probs: &'a mut [f32],
    /// `[steps + 1, rows]`.
    pub values: &'a mut [f32],
    /// `[steps + 1, rows]`.
    pub rewards: &'a mut [f32],
    /// `[steps + 1, rows]`.
    pub outcomes: &'a mut [Outcome],
    /// `[steps + 1, rows]`.
    pub advantages: &'a mut [f32],
    /// `[steps + 1, rows]`.
    pub returns: &'a mut [f32],
}

impl Rollout {
    /// An empty rollout: every step is vacant.
    pub fn new(shape: RolloutShape) -> Self {
        let samples = (shape.steps + 1) * shape.total_rows();
        Self {
            observations: vec![0.0; samples * shape.observation_width],
            masks: vec![true; samples * shape.mask_width],
            actions: vec![0.0; samples * shape.action_width],
            log_probs: vec![0.0; samples],
            values: vec![0.0; samples],
            rewards: vec![0.0; samples],
            outcomes: vec![Outcome::Vacant; samples],
            advantages: vec![0.0; samples],
            returns: vec![0.0; samples],
            shape,
        }
    }

    /// The sizes.
    pub const fn shape(&self) -> &RolloutShape {
        &self.shape
    }

    /// Makes room for masks of this width: everything is allowed.
    pub(crate) fn set_mask_width(&mut self, mask_width: usize) {
        self.shape.mask_width = mask_width;
        self.masks = vec![true; self.values.len() * mask_width];
    }

    /// Everything, to read.
    pub fn samples(&self) -> Samples<'_> {
        Samples {
            observations: &self.observations,
            masks: &self.masks,
            actions: &self.actions,
            log_probs: &self.log_probs,
            values: &self.values,
            rewards: &self.rewards,
            outcomes: &self.outcomes,
            advantages: &self.advantages,
            returns: &self.returns,
        }
    }

    /// Which samples are whose, in the order of the simulations.
    pub fn slab_places(&self) -> impl Iterator<Item = Range<usize>> {
        let slab_steps = self.shape.steps + 1;
        self.shape.rows.iter().scan(0, move |start, rows| {
            let place = *start..*start + rows * slab_steps;
            *start = place.end;
            Some(place)
        })
    }

    /// The simulations' slabs, to write, in the order of the simulations.
    pub fn slabs_mut(&mut self) -> impl Iterator<Item = Slab<'_>> {
        let mut left = Slab {
            first_row: 0,
            rows: 0,
            observations: &mut self.observations,
            masks: &mut self.masks,
            actions: &mut self.actions,
            log_probs: &mut self.log_probs,
            values: &mut self.values,
            rewards: &mut self.rewards,
            outcomes: &mut self.outcomes,
            advantages: &mut self.advantages,
            returns: &mut self.returns,
        };
        let shape = &self.shape;
        shape.rows.iter().map(move |&rows| left.split_off_first(rows, shape))
    }

    /// Masks the steps that an observation which is not finite spoils: the one that was decided from it, and the one
    /// whose value would have to be bootstrapped from it. Detail 6.
    ///
    /// A simulation that marks its faults has masked the latter itself.
    pub(crate) fn mask_faults(&mut self) {
        let is_spoiled = self.observations.iter().fold(false, |any, number| any | !number.is_finite());
        if is_spoiled {
            let width = self.shape.observation_width;
            self.slabs_mut().for_each(|slab| slab.mask_faults(width));
        }
    }

    /// Works out the advantages and the returns of every slab. Details 4 to 6.
    pub(crate) fn estimate_advantages(&mut self, discount: Discount) {
        let steps = self.shape.steps;
        for slab in self.slabs_mut() {
            slab.estimate_advantages(steps, discount);
        }
    }
}

impl<'a> Slab<'a> {
    /// Takes the first `rows` rows' slab out of what is left.
    fn split_off_first(&mut self, rows: usize, shape: &RolloutShape) -> Self {
        let samples = (shape.steps + 1) * rows;
        let first_row = self.first_row;
        self.first_row += rows;
        Self {
            first_row,
            rows,
            observations: split_off_first(&mut self.observations, samples * shape.observation_width),
            masks: split_off_first(&mut self.masks, samples * shape.mask_width),
            actions: split_off_first(&mut self.actions, samples * shape.action_width),
            log_probs: split_off_first(&mut self.log_probs, samples),
            values: split_off_first(&mut self.values, samples),
            rewards: split_off_first(&mut self.rewards, samples),
            outcomes: split_off_first(&mut self.outcomes, samples),
            advantages: split_off_first(&mut self.advantages, samples),
            returns: split_off_first(&mut self.returns, samples),
        }
    }

    /// Where a step's masks stand among the slab's; nowhere if there are none.
    pub fn mask_place(&self, step: usize) -> Range<usize> {
        let flags = self.rows * self.masks.len() / self.values.len().max(1);
        step * flags..(step + 1) * flags
    }

    fn mask_faults(self, observation_width: usize) {
        for (sample, observation) in self.observations.chunks_exact(observation_width).enumerate() {
            if observation.iter().all(|number| number.is_finite()) {
                continue;
            }
            if self.outcomes[sample].is_experience() {
                self.outcomes[sample] = Outcome::Faulty;
            }
            let before = sample.checked_sub(self.rows).map(|before| &mut self.outcomes[before]);
            if let Some(outcome @ (Outcome::Running | Outcome::Truncated)) = before {
                *outcome = Outcome::Faulty;
            }
        }
    }

    fn estimate_advantages(self, steps: usize, discount: Discount) {
        let samples = steps * self.rows;
        let trajectories = Trajectories {
            rows: self.rows,
            rewards: &self.rewards[..samples],
            values: self.values,
            outcomes: &self.outcomes[..samples],
        };
        estimate_advantages(trajectories, discount, &mut self.advantages[..samples]);
        for ((target, advantage), value) in self.returns.iter_mut().zip(&*self.advantages).zip(&*self.values) {
            *target = advantage + value;
        }
    }
}

fn split_off_first<'a, T>(left: &mut &'a mut [T], count: usize) -> &'a mut [T] {
    left.split_off_mut(..count).expect("a rollout is as long as its slabs together")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rollout() -> Rollout {
        let shape = RolloutShape { steps: 2, rows: vec![3, 1], observation_width: 2, action_width: 1, mask_width: 2 };
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

    /// One row over four steps; what is observed before step 2 is not finite.
    #[test]
    fn an_observation_that_is_not_finite_masks_what_needs_it() {
        use Outcome::{Faulty, Restart, Running, Terminated, Truncated, Vacant};
        let check = |outcomes: [Outcome; 4], expected: [Outcome; 4]| {
            let shape = RolloutShape { steps: 4, rows: vec![1], observation_width: 2, action_width: 0, mask_width: 0 };
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
        rollout.estimate_advantages(Discount { gamma: 0.5, lambda: 1.0 });
        let samples = rollout.samples();
        // r = 1: δ = 1 + 0.5 − 1 = 0.5, A = [0.5 + 0.25, 0.5]; r = 4: δ = 3.5, A = [3.5 + 1.75, 3.5].
        assert_eq!(samples.advantages, [0.75, 0.75, 0.75, 0.5, 0.5, 0.5, 0.0, 0.0, 0.0, 5.25, 3.5, 0.0]);
        assert_eq!(samples.returns[..3], [1.75; 3]);
    }
}
