//! What a thread needs to read of the learner.

use ludus_net::{Network, Normalizer};

/// The network and what stands before it, as they are during an iteration.
#[derive(Clone, Copy, Debug)]
pub(super) struct Policy<'a> {
    pub network: &'a Network,
    pub normalizer: Option<&'a Normalizer>,
}

impl Policy<'_> {
    /// Turns observations into what the network reads: normalised if they are to be. Detail 14.
    ///
    /// Nobody has looked at them yet: numbers that are not finite become 0, so that even a faulty row's action is finite.
    pub fn stage(self, observations: &[f32], inputs: &mut [f32]) {
        match self.normalizer {
            Some(normalizer) => normalizer.apply(observations, inputs),
            None => inputs.copy_from_slice(observations),
        }
        for input in inputs {
            *input = if input.is_finite() { *input } else { 0.0 };
        }
    }
}
