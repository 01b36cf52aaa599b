//! The interface between SAC and its arithmetic.

use std::ops::Range;

use ludus_net::{Normalizer, check_finite};
use ludus_spec::Seed;

use super::drawn::Temperatures;
use super::losses::SacLosses;
use super::parts::ActionParts;
use super::temperature::{TemperatureSettings, TemperatureState};
use crate::{Decider, LearnError, LearnedPolicy, LearnerState, Machine, Rollout};

/// The arithmetic of SAC: a policy that decides, two critics with their targets, and the temperatures.
///
/// [`Sac`](crate::Sac) determines what is collected, remembered and learned, and in which order. A learner determines on
/// which device the arithmetic runs. It is made of [`SacNetworks`](crate::SacNetworks).
///
/// The result must not depend on the number of threads.
pub trait SacLearner: Send {
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

    /// True if the learner has [`SacBehavior::Smooth`]. Detail 40.
    fn explores_smoothly(&self) -> bool {
        false
    }

    /// Returns the parts of the policy's actions.
    fn parts(&self) -> &ActionParts;

    /// Sets the settings of the temperatures. Called once, before all other methods but those above.
    fn set_up(&mut self, temperatures: TemperatureSettings);

    /// Returns the current policy, which explores as `behavior` says. The value of a row is 0, because the policy has no
    /// critic of its own. Detail 32.
    fn decider(&mut self, behavior: SacBehavior) -> Decider<'_>;

    /// Prepares an update of this many gradient steps: forgets the losses of one that has failed.
    fn begin_update(&mut self, steps: usize);

    /// Takes one gradient step of the critics, then of the policy, then of the temperatures, on these samples; then the
    /// target critics follow. Details 34 to 38.
    ///
    /// On a device, the step may still be running when this returns; then its error is returned later, with the losses.
    ///
    /// # Errors
    ///
    /// [`LearnError::NotFinite`] or [`LearnError::Gradient`] if a loss or a gradient is not finite. Earlier
    /// parts of the step may have been learned; call [`rewind`](Self::rewind).
    fn learn(&mut self, samples: &dyn SacSamples, step: &SacStep) -> Result<(), LearnError>;

    /// Returns the means of the losses over the gradient steps since the last call, before these steps.
    ///
    /// # Errors
    ///
    /// As for [`learn`](Self::learn), and [`LearnError::Parameter`] if the last step has left a parameter that is not
    /// finite, which no later loss would show. Then the parameters are lost; call [`rewind`](Self::rewind).
    fn take_losses(&mut self) -> Result<SacLosses, LearnError>;

    /// Returns the temperatures as they were when the losses were last taken, or a state restored.
    fn temperatures(&self) -> Temperatures;

    /// Merges the observations of the rollout's experience into the normaliser, if there is one. Detail 14.
    ///
    /// # Errors
    ///
    /// [`LearnError::Device`] if a device fails.
    fn update_normalizer(&mut self, rollout: &Rollout) -> Result<(), LearnError>;

    /// Marks the current state as good. The copy stays on the learner's device.
    ///
    /// # Errors
    ///
    /// [`LearnError::Device`] if a device fails; then the mark before this one is lost as well.
    fn mark(&mut self) -> Result<(), LearnError>;

    /// Restores the marked state, if there is one.
    fn rewind(&mut self);

    /// The policy as it is now.
    fn policy(&self) -> LearnedPolicy;

    /// Returns the weights of both critics, as [`CriticState::parameters`].
    fn critics(&self) -> Vec<f32>;

    /// Returns the whole state of the learner, to save.
    fn state(&self) -> SacState;

    /// Restores a saved state. Temperatures that are fixed stay as the settings say.
    ///
    /// # Errors
    ///
    /// If the state belongs to other networks, or holds invalid numbers; then everything is as it was.
    fn restore(&mut self, state: &SacState) -> Result<(), LearnError>;
}

/// The exploration of a policy while SAC collects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SacBehavior {
    /// Every number in -1..=1, and every allowed choice, has the same probability.
    Random,
    /// Actions are drawn from the policy.
    Drawn,
    /// As `Drawn`, but the noise of numbers is a function of the observation, which this seed determines. Detail 40.
    Smooth(Seed),
}

/// The settings of a gradient step: the config's numbers at the current point of the run, and the seeds of its draws.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SacStep {
    /// Adam's step size of the critics.
    pub critic_rate: f32,
    /// Adam's step size of the policy and of the temperatures.
    pub policy_rate: f32,
    /// The maximum norm of each gradient: that of the policy, and those of both critics.
    pub max_grad_norm: f32,
    /// The part of the way that the target critics go to the learned ones.
    pub target_rate: f32,
    /// The seed of the actions after the samples. A sample's seed is the child with its index.
    pub next_actions: Seed,
    /// The seed of the actions that the policy's gradient goes through, likewise.
    pub own_actions: Seed,
}

/// The samples of a gradient step: transitions of a replay. They stay on the host, and a learner copies what it needs.
pub trait SacSamples: Sync {
    /// Returns the count of samples.
    fn count(&self) -> usize;

    /// Replaces `decided` by the decisions of the samples in this range, side by side.
    fn gather(&self, range: Range<usize>, decided: &mut DecidedRows);

    /// Replaces `next` by what follows the samples in this range, side by side.
    fn gather_next(&self, range: Range<usize>, next: &mut SacNextRows);
}

/// Decisions of some samples, side by side.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DecidedRows {
    /// Observations `[samples, observation width]`.
    pub observations: Vec<f32>,
    /// True for each choice that was allowed `[samples, mask width]`; empty if all are.
    pub masks: Vec<bool>,
    /// The chosen actions `[samples, action width]`.
    pub actions: Vec<f32>,
}

/// The rewards of some samples, and the rows after them, side by side:
///
/// ```text
/// target = reward + bootstrap·V(s')      where `bootstrap` is not 0
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SacNextRows {
    /// The discounted sums of rewards `[samples]`.
    pub rewards: Vec<f32>,
    /// The weights of the values of what follows `[samples]`.
    pub bootstraps: Vec<f32>,
    /// The observations that follow `[samples, observation width]`.
    pub observations: Vec<f32>,
    /// True for each choice that is allowed there `[samples, mask width]`; empty if all are.
    pub masks: Vec<bool>,
}

/// The saved state of a [`SacLearner`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SacState {
    /// The policy, its optimiser and the normaliser.
    pub policy: LearnerState,
    /// Both critics, their targets and their optimisers.
    pub critics: CriticState,
    /// The temperatures and their optimiser.
    pub temperatures: TemperatureState,
}

/// The saved state of both critics: the numbers of the first, then those of the second, in the order of their layout.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CriticState {
    /// All weights.
    pub parameters: Vec<f32>,
    /// All weights of the target critics.
    pub targets: Vec<f32>,
    /// Adam's first moments.
    pub first_moments: Vec<f32>,
    /// Adam's second moments.
    pub second_moments: Vec<f32>,
    /// The number of Adam's steps so far, which is the same for both.
    pub optimizer_steps: u64,
}

impl SacState {
    /// Checks that a learner with so many parameters of the policy and of each critic, and with this normaliser or none,
    /// can go on from the state.
    ///
    /// # Errors
    ///
    /// As [`LearnerState::check`], for the critics and the temperatures too.
    pub fn check(
        &self,
        policy_parameters: usize,
        critic_parameters: usize,
        normalizer: Option<&Normalizer>,
    ) -> Result<(), LearnError> {
        self.policy.check(policy_parameters, normalizer)?;
        self.critics.check(critic_parameters)?;
        self.temperatures.check()
    }
}

impl CriticState {
    fn check(&self, parameters_of_one: usize) -> Result<(), LearnError> {
        let Self { parameters, targets, first_moments, second_moments, .. } = self;
        let now = 2 * parameters_of_one;
        for (what, array) in [
            ("weights of critics", parameters),
            ("weights of target critics", targets),
            ("moments of critics", first_moments),
            ("moments of critics", second_moments),
        ] {
            if array.len() != now {
                return Err(LearnError::Checkpoint { what, was: array.len(), now });
            }
            check_finite(&format!("the checkpoint's array of {what}"), array)?;
        }
        Ok(())
    }
}
