//! The interface of what rewards besides the simulation.

use std::fmt::Debug;

use ludus_spec::Seed;

use crate::{AlgorithmState, LearnError, Metric, Rollout};

/// A source of rewards beside those of the simulation.
///
/// It reads a rollout after it was collected and before advantages are estimated, and may learn from it. What it writes
/// never reaches the simulation, so it has no part in returns of episodes or in evaluations.
///
/// The result must not depend on the number of threads.
pub trait RewardSource: Send + Debug {
    /// Writes the reward of each step of a rollout `[samples]`, all 0 on entry.
    ///
    /// The observation after a step is that of the same row one step later, which every sample before the last step of
    /// its slab has. Rewards count where an agent decided or waited; those of all other steps stay 0.
    ///
    /// # Errors
    ///
    /// [`LearnError::NotFinite`] if a number that the source needs is not finite.
    fn reward(&mut self, rollout: &Rollout, rewards: &mut [f32]) -> Result<(), LearnError>;

    /// Learns from the rollout, after the policy has.
    ///
    /// # Errors
    ///
    /// [`LearnError::NotFinite`] if a loss or a gradient is not finite; then the run goes back to the marked state.
    fn learn(&mut self, rollout: &Rollout, update: SourceUpdate) -> Result<(), LearnError> {
        let _ = (rollout, update);
        Ok(())
    }

    /// Returns the source's metrics, always the same ones in the same order, with their values as of the last rollout.
    fn metrics(&self) -> Vec<Metric> {
        Vec::new()
    }

    /// Marks the current state as good.
    fn mark(&mut self) {}

    /// Restores the marked state, if there is one.
    fn rewind(&mut self) {}

    /// Returns the whole state that a run needs to resume, by names of the source's own. Its seed and its count of
    /// iterations are not used.
    fn save(&self) -> AlgorithmState {
        AlgorithmState::default()
    }

    /// Restores a saved state.
    ///
    /// # Errors
    ///
    /// If it is not one of such a source.
    fn restore(&mut self, state: &AlgorithmState) -> Result<(), LearnError> {
        let _ = state;
        Ok(())
    }
}

/// The settings of an update in which a source may learn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SourceUpdate {
    /// The part of the run that is over, in `0.0..=1.0`.
    pub progress: f32,
    /// Passes of the policy's update over the experience.
    pub epochs: usize,
    /// Samples of the policy's minibatches, about.
    pub minibatch: usize,
    /// The seed from which the update's draws derive.
    pub seed: Seed,
}
