//! Samples of a replay, side by side.

use std::ops::Range;

use crate::replay::{Replay, Transition};
use crate::value::{ValueBatch, ValueSamples};

/// Transitions of a replay.
///
/// ```text
/// target = r[0] + γ·r[1] + … + γⁿ·Q_target(s[n], a)      a = argmax Q(s[n], ·), by the learned network if double
/// ```
#[derive(Clone, Copy, Debug)]
pub(super) struct ReplaySamples<'a> {
    pub replay: &'a Replay,
    pub transitions: &'a [Transition],
    /// The weight of each sample's loss, or empty if all are 1.
    pub weights: &'a [f32],
}

impl ValueSamples for ReplaySamples<'_> {
    fn count(&self) -> usize {
        self.transitions.len()
    }

    fn gather(&self, range: Range<usize>, batch: &mut ValueBatch) {
        batch.clear();
        batch.weights.extend_from_slice(self.weights.get(range.clone()).unwrap_or_default());
        for transition in &self.transitions[range] {
            batch.observations.extend_from_slice(self.replay.observation(transition.entry));
            batch.actions.extend_from_slice(self.replay.action(transition.entry));
            batch.rewards.push(transition.reward);
            batch.bootstraps.push(transition.bootstrap);
            batch.next_observations.extend_from_slice(self.replay.observation(transition.next));
            batch.next_masks.extend_from_slice(self.replay.mask(transition.next));
        }
    }
}
