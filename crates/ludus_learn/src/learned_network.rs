//! A network that learns in plain Rust: the part that the learners have in common.

use ludus_net::{Adam, Network, Normalizer};
use rayon::ThreadPool;

use crate::gradient::{StepSize, check_parameters, take_step};
use crate::{LearnError, LearnedPolicy, LearnerState, Observed, Rollout};

/// A network, its optimiser and the normaliser of its observations.
#[derive(Debug)]
pub(crate) struct LearnedNetwork {
    pub network: Network,
    pub normalizer: Option<Normalizer>,
    optimizer: Adam,
    observed: Observed,
}

impl LearnedNetwork {
    /// Starts from this network.
    ///
    /// # Errors
    ///
    /// If the normaliser is not as wide as the network's input.
    pub fn new(network: Network, normalizer: Option<Normalizer>) -> Result<Self, LearnError> {
        let width = network.layout().inputs();
        normalizer.as_ref().map_or(Ok(()), |normalizer| normalizer.check_width(width))?;
        let optimizer = Adam::new(network.parameters().len());
        Ok(Self { network, normalizer, optimizer, observed: Observed::default() })
    }

    /// Takes a step along a gradient. Returns the gradient's norm before clipping. Details 2 and 13.
    ///
    /// # Errors
    ///
    /// [`LearnError::NotFinite`] or [`LearnError::Gradient`], with all parameters as they were before.
    pub fn take_step(&mut self, gradient: &[f32], size: StepSize) -> Result<f32, LearnError> {
        take_step(&mut self.network, &mut self.optimizer, gradient, size)
    }

    /// Returns an error if a gradient step has left a parameter that is not finite.
    pub fn check(&self) -> Result<(), LearnError> {
        check_parameters(&self.network)
    }

    /// Merges the observations of the rollout's experience into the normaliser, if there is one. Detail 14.
    pub fn update_normalizer(&mut self, rollout: &Rollout, pool: &ThreadPool) {
        if let Some(normalizer) = &mut self.normalizer {
            self.observed.merge(rollout, normalizer, pool);
        }
    }

    /// The policy as it is now.
    pub fn policy(&self) -> LearnedPolicy {
        LearnedPolicy { parameters: self.network.parameters().to_vec(), normalizer: self.normalizer.clone() }
    }

    /// Returns the whole state.
    pub fn state(&self) -> LearnerState {
        let mut state = LearnerState::default();
        self.copy_state(&mut state);
        state
    }

    /// Replaces `copy` by the whole state, in the memory that it has.
    pub fn copy_state(&self, copy: &mut LearnerState) {
        self.network.parameters().clone_into(&mut copy.parameters);
        self.optimizer.mean().clone_into(&mut copy.first_moments);
        self.optimizer.variance().clone_into(&mut copy.second_moments);
        copy.optimizer_steps = self.optimizer.step_count();
        copy.normalizer.clone_from(&self.normalizer);
    }

    /// Restores a state.
    ///
    /// # Errors
    ///
    /// As [`LearnerState::check`]; then everything is as it was.
    pub fn restore(&mut self, state: &LearnerState) -> Result<(), LearnError> {
        state.check(self.network.parameters().len(), self.normalizer.as_ref())?;
        let LearnerState { first_moments, second_moments, optimizer_steps, .. } = state.clone();
        let optimizer = Adam::from_state(first_moments, second_moments, optimizer_steps)?;
        self.network.set_parameters(&state.parameters)?;
        self.optimizer = optimizer;
        if let Some((normalizer, saved)) = self.normalizer.as_mut().zip(state.normalizer.as_ref()) {
            normalizer.go_on_from(saved);
        }
        Ok(())
    }
}
