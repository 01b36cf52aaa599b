//! The settings of a search, which its journal keeps.

use serde::{Deserialize, Serialize};

use super::SamplerKind;
use super::objective::Objective;

/// Everything but the space and the config that decides what a search comes to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub objective: Objective,
    /// Trials, without the one of the config as it is.
    pub trials: u64,
    /// The seed of the sampler.
    pub seed: u64,
    pub sampler: SamplerKind,
    /// The seeds of the runs of each trial.
    pub seeds: Vec<u64>,
    /// The seeds that the best trial is trained with again at the end.
    pub fresh_seeds: Vec<u64>,
    /// Episodes of an evaluation.
    pub episodes: u32,
    /// True if actions of evaluations are drawn, as in training; else they are the most probable ones.
    pub sampled: bool,
    /// The steps at which trials are compared, to end the worse ones; none if every trial goes on to its end.
    pub rung_steps: Vec<u64>,
    /// The learner, and the device that it computes on, as on the command line.
    pub learner: Option<String>,
    pub device: String,
}
