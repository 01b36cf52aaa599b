//! The samples of a rollout, side by side.

use std::ops::Range;

use crate::value::{ValueBatch, ValueSamples};
use crate::{Rollout, Samples};

/// Samples of a rollout whose targets are its returns.
#[derive(Clone, Copy, Debug)]
pub(super) struct RolloutSamples<'a> {
    rollout: Samples<'a>,
    observation_width: usize,
    action_width: usize,
    samples: &'a [u32],
}

impl<'a> RolloutSamples<'a> {
    /// The samples with these indices.
    pub fn new(rollout: &'a Rollout, samples: &'a [u32]) -> Self {
        let shape = rollout.shape();
        let (observation_width, action_width) = (shape.observation_width, shape.action_width);
        Self { rollout: rollout.samples(), observation_width, action_width, samples }
    }
}

impl ValueSamples for RolloutSamples<'_> {
    fn count(&self) -> usize {
        self.samples.len()
    }

    fn gather(&self, range: Range<usize>, batch: &mut ValueBatch) {
        let Samples { observations, inputs, actions, returns, .. } = self.rollout;
        batch.clear();
        let (read, gathered) = match inputs.is_empty() {
            true => (observations, &mut batch.observations),
            false => (inputs, &mut batch.inputs),
        };
        for &sample in &self.samples[range] {
            let sample = sample as usize;
            gathered.extend_from_slice(&read[sample * self.observation_width..][..self.observation_width]);
            batch.actions.extend_from_slice(&actions[sample * self.action_width..][..self.action_width]);
            batch.rewards.push(returns[sample]);
        }
    }
}
