//! The interface between Q-learning and its arithmetic.

use std::ops::Range;

use ludus_net::{Normalizer, check_finite};

use super::metrics::ValueLosses;
use crate::{Decider, LearnError, LearnedPolicy, LearnerState, Machine, Rollout};

/// The arithmetic of Q-learning: a network whose outputs are the values of choices decides and learns from minibatches.
///
/// [`Pqn`](crate::Pqn) and [`Dqn`](crate::Dqn) determine what is collected, remembered and learned, and in which order. A
/// learner determines on which device the arithmetic runs.
///
/// The result must not depend on the number of threads.
pub trait ValueLearner: Send {
    /// Returns the threads and the clock that the learner uses.
    fn machine(&self) -> &Machine;

    /// True if every call must come from the same thread instead of any thread of the pool. Libraries that use a device
    /// need this if they keep state for each thread.
    fn keeps_to_a_thread(&self) -> bool {
        false
    }

    /// Returns a message about settings that are unavailable, with the reason. The learner works without them, more
    /// slowly.
    fn obstacle(&self) -> Option<&str> {
        None
    }

    /// Sets the use of the network. Called once, before all other methods.
    fn set_up(&mut self, setup: ValueSetup);

    /// Returns the current policy: the greedy action, or with the probability `epsilon` one of those that are allowed.
    /// The value of a row is that of its greedy action. Detail 22.
    fn decider(&mut self, epsilon: f32) -> Decider<'_>;

    /// True if rollouts keep the normalised observations, so that an update need not normalise them again.
    fn keeps_inputs(&self) -> bool {
        false
    }

    /// Prepares an update: forgets the losses of one that has failed.
    ///
    /// Called once before the first gradient step of an update.
    fn begin_update(&mut self);

    /// Takes one gradient step on these samples. Details 26 to 29.
    ///
    /// On a device, the step may still be running when this returns; then its error is returned later, with the losses.
    ///
    /// # Errors
    ///
    /// [`LearnError::NotFinite`] or [`LearnError::Gradient`] if the loss or the gradient is not finite, with all
    /// parameters as they were before it.
    fn learn(&mut self, samples: &dyn ValueSamples, step: &ValueStep) -> Result<(), LearnError>;

    /// Writes the error of each sample of the last gradient step, in their order: that of the head with the greatest one.
    ///
    /// A learner on a device waits for the device here.
    ///
    /// # Errors
    ///
    /// [`LearnError::Device`] if a device fails.
    fn read_errors(&mut self, errors: &mut Vec<f32>) -> Result<(), LearnError>;

    /// Moves the target network the part `rate` of the way to the learned one; 1 copies it. Detail 30.
    ///
    /// # Errors
    ///
    /// [`LearnError::Device`] if a device fails.
    fn follow(&mut self, rate: f32) -> Result<(), LearnError>;

    /// Returns the losses of the gradient steps since the last call, before these steps. Each number is a sum over steps,
    /// weighted by their sample counts.
    ///
    /// # Errors
    ///
    /// As for [`learn`](Self::learn), and [`LearnError::Parameter`] if the last step has left a parameter that is not
    /// finite, which no later loss would show. Then the parameters are lost; call [`rewind`](Self::rewind).
    fn take_losses(&mut self) -> Result<ValueLosses, LearnError>;

    /// Merges the observations of the rollout's experience into the normaliser, if there is one. Detail 14.
    ///
    /// # Errors
    ///
    /// [`LearnError::Device`] if a device fails.
    fn update_normalizer(&mut self, rollout: &Rollout) -> Result<(), LearnError>;

    /// Marks the current state as good, that of the target network included. The copy stays on the learner's device.
    ///
    /// # Errors
    ///
    /// [`LearnError::Device`] if a device fails; then the mark before this one is lost as well.
    fn mark(&mut self) -> Result<(), LearnError>;

    /// Restores the marked state, if there is one.
    fn rewind(&mut self);

    /// The policy as it is now.
    fn policy(&self) -> LearnedPolicy;

    /// Returns the whole state of the learner, to save.
    fn state(&self) -> ValueState;

    /// Restores a saved state.
    ///
    /// # Errors
    ///
    /// If the state belongs to another network, or holds invalid numbers; then everything is as it was.
    fn restore(&mut self, state: &ValueState) -> Result<(), LearnError>;
}

/// The use of a network by an algorithm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ValueSetup {
    /// True if a choice's value is the critic's value plus the policy's output less its mean. Detail 21.
    pub is_dueling: bool,
    /// True if targets are worked out by a target network. Detail 30.
    pub has_target: bool,
}

/// The settings of a gradient step: the config's numbers at the current point of the run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ValueStep {
    /// Adam's step size.
    pub learning_rate: f32,
    /// The maximum norm of the gradient.
    pub max_grad_norm: f32,
    /// The error from which on the loss is a line; `None` for a square throughout. Detail 29.
    pub huber: Option<f32>,
    /// True if the learned network chooses the action whose value the target network estimates. Detail 28.
    pub is_double: bool,
}

/// The samples of a gradient step. They stay on the host, and a learner copies what it needs.
pub trait ValueSamples: Sync {
    /// Returns the count of samples.
    fn count(&self) -> usize;

    /// Replaces the batch by the samples in this range, side by side.
    fn gather(&self, range: Range<usize>, batch: &mut ValueBatch);
}

/// Samples of value learning, side by side. The value of a sample's action is led to its target:
///
/// ```text
/// target = reward                                rollouts: `reward` is the λ-return
/// target = reward + bootstrap·Q_target(s', a')   transitions of a replay, where `bootstrap` is not 0
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ValueBatch {
    /// Observations `[samples, observation width]`; empty if there are `inputs`.
    pub observations: Vec<f32>,
    /// Inputs of the network, which are normalised already `[samples, observation width]`.
    pub inputs: Vec<f32>,
    /// The chosen actions `[samples, action width]`.
    pub actions: Vec<f32>,
    /// The part of the targets that is known `[samples]`.
    pub rewards: Vec<f32>,
    /// The weight of each sample's loss, or empty if all are 1 `[samples]`.
    pub weights: Vec<f32>,
    /// The weights of the values of what follows `[samples]`, or empty if nothing follows.
    pub bootstraps: Vec<f32>,
    /// The observations that follow `[samples, observation width]`, or empty.
    pub next_observations: Vec<f32>,
    /// True for each choice that is allowed in what follows `[samples, mask width]`; empty if all are.
    pub next_masks: Vec<bool>,
}

impl ValueBatch {
    /// Removes all samples.
    pub fn clear(&mut self) {
        let Self { observations, inputs, actions, rewards, weights, bootstraps, next_observations, next_masks } = self;
        let numbers = [observations, inputs, actions, rewards, weights, bootstraps, next_observations];
        numbers.into_iter().for_each(Vec::clear);
        next_masks.clear();
    }
}

/// The saved state of a [`ValueLearner`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ValueState {
    /// The network that learns.
    pub learner: LearnerState,
    /// All weights of the target network, in the order of the network's layout; `None` without one.
    pub target: Option<Vec<f32>>,
}

impl ValueState {
    /// Checks that a learner with this many parameters and target weights, and with this normaliser or none, can go on
    /// from the state.
    ///
    /// # Errors
    ///
    /// As [`LearnerState::check`], for the weights of the target network too.
    pub fn check(
        &self,
        parameters: usize,
        target_weights: usize,
        normalizer: Option<&Normalizer>,
    ) -> Result<(), LearnError> {
        self.learner.check(parameters, normalizer)?;
        let target = self.target.as_deref().unwrap_or_default();
        if target.len() != target_weights {
            return Err(LearnError::Checkpoint { what: "target weights", was: target.len(), now: target_weights });
        }
        check_finite("the checkpoint's array of target weights", target)?;
        Ok(())
    }
}
