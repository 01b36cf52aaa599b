//! What is saved, so that a run can go on as if it had never stopped.

use ludus_net::Normalizer;
use ludus_spec::Seed;

use crate::Moments;

/// Everything that a run of PPO needs to go on. All its draws derive from `seed` and `iteration`.
#[derive(Clone, Debug, PartialEq)]
pub struct PpoState {
    /// What the run's draws derive from.
    pub seed: Seed,
    /// How many iterations are over.
    pub iteration: u64,
    /// The statistics that rewards are scaled with.
    pub rewards: Moments,
    /// What was learned.
    pub learner: LearnerState,
}

/// Everything that was learned: weights, the optimiser's moments, statistics of observations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LearnerState {
    /// All weights, in the order of the network's layout.
    pub parameters: Vec<f32>,
    /// Adam's first moments, one per parameter.
    pub first_moments: Vec<f32>,
    /// Adam's second moments, one per parameter.
    pub second_moments: Vec<f32>,
    /// Adam's steps so far.
    pub optimizer_steps: u64,
    /// What observations are normalised with, if they are.
    pub normalizer: Option<Normalizer>,
}
