//! Samples of a replay, side by side.

use std::ops::Range;

use super::learner::{DecidedRows, SacNextRows, SacSamples};
use crate::replay::{Replay, Transition};

/// Transitions of a replay.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReplaySamples<'a> {
    pub replay: &'a Replay,
    pub transitions: &'a [Transition],
}

impl SacSamples for ReplaySamples<'_> {
    fn count(&self) -> usize {
        self.transitions.len()
    }

    fn gather(&self, range: Range<usize>, DecidedRows { observations, masks, actions }: &mut DecidedRows) {
        [&mut *observations, actions].into_iter().for_each(Vec::clear);
        masks.clear();
        for transition in &self.transitions[range] {
            observations.extend_from_slice(self.replay.observation(transition.entry));
            masks.extend_from_slice(self.replay.mask(transition.entry));
            actions.extend_from_slice(self.replay.action(transition.entry));
        }
    }

    fn gather_next(&self, range: Range<usize>, next: &mut SacNextRows) {
        let SacNextRows { rewards, bootstraps, observations, masks } = next;
        [&mut *rewards, bootstraps, observations].into_iter().for_each(Vec::clear);
        masks.clear();
        for transition in &self.transitions[range] {
            rewards.push(transition.reward);
            bootstraps.push(transition.bootstrap);
            observations.extend_from_slice(self.replay.observation(transition.next));
            masks.extend_from_slice(self.replay.mask(transition.next));
        }
    }
}
