//! The advantages of a rollout: of each value head, and of the policy.

use std::ops::Range;

use ludus_net::ValueMap;
use ludus_spec::Outcome;

use super::{Columns, Rollout, RolloutShape, Slab};
use crate::gae::{Discount, Trajectories, estimate_advantages};

/// The rewards that a value head estimates, and how they are discounted.
#[derive(Clone, Copy, Debug)]
pub struct HeadRewards<'a> {
    /// γ and λ.
    pub discount: Discount,
    /// The reward of each step `[samples]`; `None` for those that the simulation wrote.
    pub rewards: Option<&'a [f32]>,
    /// The outcome of each step `[samples]`; `None` for those of the rollout. Others say where returns end.
    pub outcomes: Option<&'a [Outcome]>,
}

/// The rewards of a rollout, to scale, and the outcomes, which say where returns end.
#[derive(Debug)]
pub(crate) struct RewardedSteps<'a> {
    /// The sizes of the rollout.
    pub shape: &'a RolloutShape,
    /// The reward of each step `[samples]`.
    pub rewards: &'a mut [f32],
    /// The outcome of each step `[samples]`.
    pub outcomes: &'a [Outcome],
}

impl From<Discount> for HeadRewards<'_> {
    /// The rewards and the outcomes that the simulation wrote.
    fn from(discount: Discount) -> Self {
        Self { discount, rewards: None, outcomes: None }
    }
}

impl HeadRewards<'_> {
    /// Returns the part that belongs to a slab, from the range of its samples.
    fn of_slab(&self, place: &Range<usize>) -> Self {
        Self {
            discount: self.discount,
            rewards: self.rewards.map(|rewards| &rewards[place.clone()]),
            outcomes: self.outcomes.map(|outcomes| &outcomes[place.clone()]),
        }
    }
}

impl Rollout {
    /// Returns the rewards that the simulation wrote.
    pub(crate) fn rewarded_steps(&mut self) -> RewardedSteps<'_> {
        let Columns { rewards, outcomes, .. } = &mut self.columns;
        RewardedSteps { shape: &self.shape, rewards, outcomes }
    }

    /// Computes the advantages and the returns of every slab, for each value head. Details 4 to 6.
    ///
    /// # Panics
    ///
    /// If there are not as many streams of rewards as value heads.
    pub fn estimate_advantages(&mut self, heads: &[HeadRewards<'_>]) {
        let steps = self.shape.steps;
        assert_eq!(heads.len(), self.shape.value_heads, "a value head has rewards");
        let (mut first, mut advantages) = (0, Vec::new());
        for slab in self.slabs_mut() {
            let place = first..first + slab.outcomes.len();
            first = place.end;
            if let [head] = heads {
                slab.estimate_advantages(steps, head.of_slab(&place));
            } else {
                slab.estimate_heads(steps, heads.iter().map(|head| head.of_slab(&place)), &mut advantages);
            }
        }
    }

    /// Replaces the advantages by those over a baseline `[samples, value heads]`: the returns less the baseline.
    pub(crate) fn subtract_baseline(&mut self, baseline: &[f32]) {
        let Columns { advantages, returns, .. } = &mut self.columns;
        assert_eq!(baseline.len(), returns.len(), "a sample has a baseline for each value head");
        for ((advantage, target), baseline) in advantages.iter_mut().zip(returns).zip(baseline) {
            *advantage = *target - baseline;
        }
    }

    /// Shifts and scales the returns, one map for each value head. They are read in an update alone.
    pub(crate) fn map_returns(&mut self, maps: &[ValueMap]) {
        for returns in self.columns.returns.chunks_exact_mut(maps.len()) {
            returns.iter_mut().zip(maps).for_each(|(value, map)| *value = map.apply(*value));
        }
    }

    /// Adds up the advantages of the value heads, each with its weight, to those that the policy learns from. With one
    /// head, they are the head's own, whatever its weight.
    ///
    /// Burda et al. 2019, arXiv:1810.12894, §2.3: A = Σ weight·A of each head.
    ///
    /// # Panics
    ///
    /// If there are not as many weights as value heads.
    pub fn combine_advantages(&mut self, weights: &[f32]) {
        assert_eq!(weights.len(), self.shape.value_heads, "a value head has a weight");
        let rows = self.columns.advantages.chunks_exact(weights.len());
        for (combined, advantages) in self.columns.combined.iter_mut().zip(rows) {
            *combined = advantages.iter().zip(weights).map(|(advantage, weight)| weight * advantage).sum();
        }
    }
}

impl Slab<'_> {
    fn estimate_advantages(self, steps: usize, head: HeadRewards<'_>) {
        let samples = steps * self.rows;
        let trajectories = Trajectories {
            rows: self.rows,
            rewards: &head.rewards.unwrap_or(self.rewards)[..samples],
            values: self.values,
            outcomes: &head.outcomes.unwrap_or(self.outcomes)[..samples],
        };
        estimate_advantages(trajectories, head.discount, &mut self.advantages[..samples]);
        for ((target, advantage), value) in self.returns.iter_mut().zip(&*self.advantages).zip(&*self.values) {
            *target = advantage + value;
        }
    }

    /// As [`estimate_advantages`](Self::estimate_advantages), for several heads, one head at a time.
    fn estimate_heads<'r>(
        self,
        steps: usize,
        streams: impl ExactSizeIterator<Item = HeadRewards<'r>>,
        advantages: &mut Vec<f32>,
    ) {
        let (samples, heads) = (steps * self.rows, streams.len());
        advantages.resize(samples, 0.0);
        for (head, stream) in streams.enumerate() {
            let values: Vec<f32> = self.values.iter().skip(head).step_by(heads).copied().collect();
            let trajectories = Trajectories {
                rows: self.rows,
                rewards: &stream.rewards.unwrap_or(self.rewards)[..samples],
                values: &values,
                outcomes: &stream.outcomes.unwrap_or(self.outcomes)[..samples],
            };
            estimate_advantages(trajectories, stream.discount, advantages);
            for (sample, (&advantage, value)) in advantages.iter().zip(&values).enumerate() {
                self.advantages[sample * heads + head] = advantage;
                self.returns[sample * heads + head] = advantage + value;
            }
        }
    }
}
