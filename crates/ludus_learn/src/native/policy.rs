//! What a thread needs to read of the learner.

use ludus_net::{Network, Normalizer, stage};

/// The network and what stands before it, as they are during an iteration.
#[derive(Clone, Copy, Debug)]
pub(super) struct Policy<'a> {
    pub network: &'a Network,
    pub normalizer: Option<&'a Normalizer>,
}

impl Policy<'_> {
    /// Turns observations into what the network reads: normalised if they are to be, and finite. Detail 14.
    pub fn stage(self, observations: &[f32], inputs: &mut [f32]) {
        stage(self.normalizer, observations, inputs);
    }
}
