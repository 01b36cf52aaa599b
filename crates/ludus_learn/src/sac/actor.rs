//! The policy.

use ludus_net::{Network, Normalizer, Scratch};

use super::learner::SacBehavior;
use super::parts::ActionParts;
use crate::LearnError;
use crate::learned_network::LearnedNetwork;

/// The policy, and the parts of its actions.
#[derive(Debug)]
pub(super) struct Actor {
    pub learned: LearnedNetwork,
    pub parts: ActionParts,
    pub scratch: Scratch,
    pub behavior: SacBehavior,
}

impl Actor {
    /// Makes the policy of this network.
    ///
    /// # Errors
    ///
    /// If the normaliser is not as wide as its input.
    pub fn new(network: Network, parts: ActionParts, normalizer: Option<Normalizer>) -> Result<Self, LearnError> {
        let learned = LearnedNetwork::new(network, normalizer)?;
        Ok(Self { scratch: Scratch::new(learned.network.layout()), learned, parts, behavior: SacBehavior::Random })
    }
}
