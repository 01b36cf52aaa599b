//! The samples of a rollout, side by side.

use std::ops::Range;

use ludus_net::Scratch;

use crate::value::{Batch, Online, ValueSamples};
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
    /// The samples with these indices, of actions of this width.
    pub fn new(rollout: &'a Rollout, samples: &'a [u32], action_width: usize) -> Self {
        let observation_width = rollout.shape().observation_width;
        Self { rollout: rollout.samples(), observation_width, action_width, samples }
    }
}

impl ValueSamples for RolloutSamples<'_> {
    fn count(&self) -> usize {
        self.samples.len()
    }

    fn gather(&self, range: Range<usize>, batch: &mut Batch, _: &mut Scratch, _: Online<'_>) {
        let Samples { observations, inputs, actions, returns, .. } = self.rollout;
        let read = if inputs.is_empty() { observations } else { inputs };
        batch.clear();
        for &sample in &self.samples[range] {
            let sample = sample as usize;
            batch.inputs.extend_from_slice(&read[sample * self.observation_width..][..self.observation_width]);
            batch.actions.extend_from_slice(&actions[sample * self.action_width..][..self.action_width]);
            batch.targets.push(returns[sample]);
        }
    }
}
