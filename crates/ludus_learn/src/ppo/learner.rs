//! What stands between PPO and the arithmetic.

use super::{LearnerState, Losses};
use crate::{Decider, LearnError, LearnedPolicy, Machine, Rollout};

/// A policy and a critic that decide, and that learn from minibatches.
///
/// PPO decides what is played, estimated and learned, and in which order; a learner decides where the arithmetic happens.
///
/// Whatever it does, the result must not depend on how many threads there are.
pub trait Learner: Send {
    /// The threads and the timer that it works with.
    fn machine(&self) -> &Machine;

    /// Whether it wants to be called by the same thread every time, instead of by any of the pool's: as libraries do that
    /// talk to a device, and keep something for each thread.
    fn keeps_to_a_thread(&self) -> bool {
        false
    }

    /// The policy as it is now: it decides in the rollouts that are learned from.
    fn decider(&mut self) -> Decider<'_>;

    /// True if rollouts keep the normalised observations, so that an update need not normalise them again.
    fn keeps_inputs(&self) -> bool {
        false
    }

    /// Takes what was worked out since the rollout was collected: its advantages and returns are final now.
    ///
    /// Called once before the first minibatch of an update.
    fn begin_update(&mut self, rollout: &Rollout);

    /// Takes one gradient step on these samples of the rollout, all of them experience.
    ///
    /// On a device, the step may still be under way when this returns; then its error comes later, with the losses.
    ///
    /// # Errors
    ///
    /// [`LearnError::NotFinite`] if a loss or the gradient is not finite, with all parameters as they were before it.
    fn learn_minibatch(
        &mut self,
        rollout: &Rollout,
        samples: &[u32],
        settings: &UpdateSettings,
    ) -> Result<(), LearnError>;

    /// What the minibatches since the last call cost before their gradient steps: each number is a sum in which every
    /// minibatch counts as often as it has samples.
    ///
    /// The only moment of an update at which a learner on a device has to wait for it.
    ///
    /// # Errors
    ///
    /// As for [`learn_minibatch`](Self::learn_minibatch), and [`LearnError::Parameter`] if the last step has left a parameter
    /// that is not finite: no loss was worked out after it. Then nothing is as it was; [`rewind`](Self::rewind) helps.
    fn take_losses(&mut self) -> Result<Losses, LearnError>;

    /// Takes the observations of the rollout's experience into the statistics that they are normalised with, if they are.
    ///
    /// Called after an iteration: within it, the statistics stand still. Detail 14.
    ///
    /// # Errors
    ///
    /// [`LearnError::Device`] if a device fails.
    fn update_normalizer(&mut self, rollout: &Rollout) -> Result<(), LearnError>;

    /// Marks what was learned so far as good. It stays where it is: a learner on a device moves nothing to the host.
    ///
    /// # Errors
    ///
    /// [`LearnError::Device`] if a device fails; then the mark before this one is lost as well.
    fn mark(&mut self) -> Result<(), LearnError>;

    /// Goes back to the mark, if there is one.
    fn rewind(&mut self);

    /// The policy as it is now.
    fn policy(&self) -> LearnedPolicy;

    /// Settings that can't be had, and why; it learns without, more slowly.
    fn obstacle(&self) -> Option<&str> {
        None
    }

    /// Everything that was learned, to save.
    fn state(&self) -> LearnerState;

    /// Goes on from a saved state.
    ///
    /// # Errors
    ///
    /// If the state belongs to another network, or holds numbers that can't be.
    fn restore(&mut self, state: &LearnerState) -> Result<(), LearnError>;
}

/// How to take a gradient step: the config's numbers, as they are at this point of the run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UpdateSettings {
    /// Adam's step size.
    pub learning_rate: f32,
    /// How far the policy may move (ε).
    pub clip: f32,
    /// How far the critic may move, if that is limited.
    pub value_clip: Option<f32>,
    /// What a nat of entropy is worth.
    pub entropy: f32,
    /// What the critic's loss counts.
    pub value_coefficient: f32,
    /// The longest gradient.
    pub max_grad_norm: f32,
    /// Whether the minibatch's advantages are brought to mean 0 and deviation 1. Detail 9.
    pub normalize_advantages: bool,
}
