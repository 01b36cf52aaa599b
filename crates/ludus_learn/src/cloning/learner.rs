//! The interface between imitation and its arithmetic.

use crate::{LearnError, Minibatch, Rollout, TaughtSamples};

/// The arithmetic of imitation: a policy that learns the actions of demonstrations, or the distributions of a teacher.
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

    /// Adds the gradient of a teacher's divergence in these samples of a rollout, times `weight`, to the next gradient step
    /// of PPO. Returns their mean divergence \[nats\].
    fn add_divergence_to_next_step(
        &mut self,
        rollout: &Rollout,
        minibatch: Minibatch<'_>,
        taught: TaughtSamples<'_>,
        weight: f32,
    ) -> f32;

    /// Sets the parameters that PPO's own losses change: those of the critic alone, or all. Gradients that were added to a
    /// step change all of them in either case.
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
