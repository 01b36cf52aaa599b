//! The interface between PPO and its arithmetic.

use ludus_net::{Layout, ValueMap};

use super::Losses;
use crate::{CloningLearner, Decider, LearnError, LearnedPolicy, LearnerState, Machine, Minibatch, Rollout};

/// The arithmetic of PPO: a policy and a critic that decide and learn from minibatches.
///
/// PPO determines what is collected, estimated and learned, and in which order. A learner determines on which device
/// the arithmetic runs.
///
/// The result must not depend on the number of threads.
pub trait Learner: Send {
    /// Returns the threads and the clock that the learner uses.
    fn machine(&self) -> &Machine;

    /// True if every call must come from the same thread instead of any thread of the pool. Libraries that use a device
    /// need this if they keep state for each thread.
    fn keeps_to_a_thread(&self) -> bool {
        false
    }

    /// Returns the current policy, which decides in the rollouts that are learned from.
    fn decider(&mut self) -> Decider<'_>;

    /// True if rollouts keep the normalised observations, so that an update need not normalise them again.
    fn keeps_inputs(&self) -> bool {
        false
    }

    /// Numbers of the memory that the policy and its critic have per row; 0 without memory.
    ///
    /// It stands in the rollout, unless the [`Decider`] decides for all simulations together.
    fn memory_width(&self) -> usize {
        0
    }

    /// Returns the layout of the learner's network, with its value heads; `None` if it is no network of `ludus_net`, which
    /// has one value.
    fn layout(&self) -> Option<&Layout> {
        None
    }

    /// Returns the arithmetic of cloning; `None` if the learner can't clone.
    fn cloning(&mut self) -> Option<&mut dyn CloningLearner> {
        None
    }

    /// Shifts and scales what the critic returns, one map for each value head, by its last layer. Called only if there is a
    /// [`layout`](Self::layout).
    ///
    /// # Errors
    ///
    /// [`LearnError::Device`] if a device fails.
    fn map_values(&mut self, maps: &[ValueMap]) -> Result<(), LearnError>;

    /// Prepares an update, for example by copying advantages and returns to a device: these are final now.
    ///
    /// Called once before the first minibatch of an update.
    fn begin_update(&mut self, rollout: &Rollout);

    /// Takes one gradient step on these samples of the rollout. With a memory, the steps of their rows are recomputed,
    /// each row from its first step on.
    ///
    /// On a device, the step may still be running when this returns; then its error is returned later, with the losses.
    ///
    /// # Errors
    ///
    /// [`LearnError::NotFinite`] if a loss or the gradient is not finite, with all parameters as they were before it.
    fn learn_minibatch(
        &mut self,
        rollout: &Rollout,
        minibatch: Minibatch<'_>,
        settings: &UpdateSettings,
    ) -> Result<(), LearnError>;

    /// Returns the losses of the minibatches since the last call, before their gradient steps. Each number is a sum
    /// over minibatches, weighted by their sample counts.
    ///
    /// This is the only call of an update in which a learner on a device has to wait for the device.
    ///
    /// # Errors
    ///
    /// As for [`learn_minibatch`](Self::learn_minibatch), and [`LearnError::Parameter`] if the last step has left a
    /// parameter that is not finite, which no later loss would show. Then the parameters are lost; call
    /// [`rewind`](Self::rewind).
    fn take_losses(&mut self) -> Result<Losses, LearnError>;

    /// Merges the observations of the rollout's experience into the normaliser, if there is one.
    ///
    /// Called after an iteration: within it, the statistics don't change. Detail 14.
    ///
    /// # Errors
    ///
    /// [`LearnError::Device`] if a device fails.
    fn update_normalizer(&mut self, rollout: &Rollout) -> Result<(), LearnError>;

    /// Marks the current state as good. The copy stays on the learner's device: nothing is moved to the host.
    ///
    /// # Errors
    ///
    /// [`LearnError::Device`] if a device fails; then the mark before this one is lost as well.
    fn mark(&mut self) -> Result<(), LearnError>;

    /// Restores the marked state, if there is one.
    fn rewind(&mut self);

    /// The policy as it is now.
    fn policy(&self) -> LearnedPolicy;

    /// Returns a message about settings that are unavailable, with the reason. The learner works without them, more
    /// slowly.
    fn obstacle(&self) -> Option<&str> {
        None
    }

    /// Returns the whole state of the learner, to save.
    fn state(&self) -> LearnerState;

    /// Restores a saved state.
    ///
    /// # Errors
    ///
    /// If the state belongs to another network, or holds invalid numbers.
    fn restore(&mut self, state: &LearnerState) -> Result<(), LearnError>;
}

/// The settings of a gradient step: the config's numbers at the current point of the run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UpdateSettings {
    /// Adam's step size.
    pub learning_rate: f32,
    /// The clip range of the probability ratio (ε).
    pub clip: f32,
    /// The clip range of the critic's value around its old estimate; `None` for no limit.
    pub value_clip: Option<f32>,
    /// The coefficient of the entropy bonus, per nat.
    pub entropy: f32,
    /// The coefficient of the critic's loss.
    pub value_coefficient: f32,
    /// The maximum norm of the gradient.
    pub max_grad_norm: f32,
    /// True if the minibatch's advantages are brought to mean 0 and deviation 1. Detail 9.
    pub normalize_advantages: bool,
}
