//! The interface between cloning and its arithmetic.

use crate::{LearnError, Minibatch, Rollout};

/// The arithmetic of cloning: a policy that learns the actions of demonstrations.
///
/// The loss of a sample is the negative log-likelihood of its action, under the masks of the sample. Detail 46.
pub trait CloningLearner {
    /// Writes the inputs of the network for the samples of demonstrations, with the present statistics of observations.
    fn stage(&self, demonstrations: &mut Rollout);

    /// Takes one gradient step on these samples. Returns their mean loss before it \[nats\].
    ///
    /// # Errors
    ///
    /// [`LearnError::NotFinite`] if the loss or the gradient is not finite, with all parameters as they were before it.
    fn clone_minibatch(
        &mut self,
        demonstrations: &Rollout,
        minibatch: Minibatch<'_>,
        step: CloningStep,
    ) -> Result<f32, LearnError>;

    /// Returns the mean loss of these samples \[nats\].
    fn cloning_loss(&mut self, demonstrations: &Rollout, minibatch: Minibatch<'_>) -> f32;

    /// Adds the gradient of these samples, times `weight`, to the next gradient step of PPO. Returns their mean loss
    /// \[nats\].
    fn add_to_next_step(&mut self, demonstrations: &Rollout, minibatch: Minibatch<'_>, weight: f32) -> f32;

    /// Sets the parameters that gradient steps change: those of the critic alone, or all.
    fn freeze_policy(&mut self, is_frozen: bool);
}

/// The size of a gradient step of cloning.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CloningStep {
    /// Adam's step size.
    pub learning_rate: f32,
    /// The maximum norm of the gradient.
    pub max_grad_norm: f32,
}
