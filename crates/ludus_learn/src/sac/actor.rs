//! The policy.

use ludus_net::{Network, Normalizer, Scratch};
use ludus_spec::Seed;

use super::parts::ActionParts;
use crate::{LearnError, LearnedPolicy, LearnerState};

/// The policy's network and the normaliser of its observations.
#[derive(Debug)]
pub(super) struct Actor {
    pub network: Network,
    pub normalizer: Option<Normalizer>,
    pub parts: ActionParts,
    pub scratch: Scratch,
    /// True while actions are random, before anything was learned.
    pub is_random: bool,
    /// The seed of the noise that is a function of the observation; `None` for another draw in every step.
    pub smooth_noise: Option<Seed>,
}

impl Actor {
    /// Makes the policy of this network.
    ///
    /// # Errors
    ///
    /// [`LearnError::Memory`] if the network has a memory, [`LearnError::NotSquashed`] if its numbers are not squashed,
    /// and if the normaliser is not as wide as its input.
    pub fn new(network: Network, normalizer: Option<Normalizer>) -> Result<Self, LearnError> {
        let layout = network.layout();
        normalizer.as_ref().map_or(Ok(()), |normalizer| normalizer.check_width(layout.inputs()))?;
        if layout.memory_width() > 0 {
            return Err(LearnError::Memory);
        }
        let (parts, scratch) = (ActionParts::new(layout.heads())?, Scratch::new(layout));
        Ok(Self { network, normalizer, parts, scratch, is_random: true, smooth_noise: None })
    }

    pub fn policy(&self) -> LearnedPolicy {
        LearnedPolicy { parameters: self.network.parameters().to_vec(), normalizer: self.normalizer.clone() }
    }

    /// Replaces the numbers of the policy by those that were checked.
    ///
    /// # Errors
    ///
    /// If they were not.
    pub fn set_numbers(&mut self, numbers: &LearnerState) -> Result<(), LearnError> {
        self.network.set_parameters(&numbers.parameters)?;
        if let Some((normalizer, saved)) = self.normalizer.as_mut().zip(numbers.normalizer.as_ref()) {
            normalizer.go_on_from(saved);
        }
        Ok(())
    }
}
