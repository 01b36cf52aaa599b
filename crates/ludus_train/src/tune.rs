//! A search over the keys of a config, for `tune`.
//!
//! - `space`: the keys and their ranges, read from a file.
//! - `sampler`: the values of the next trial. TPE and random sampling.
//! - `objective`: the metric that trials are judged by.
//! - `pruning`: the steps at which a trial is compared with earlier ones, and the least return that it needs.
//! - `trial`: the order and the report of a trial.
//! - `trial_run`: the training runs of a trial, in a process of its own.
//! - `evaluation_plan`: the points of a run at which it is evaluated.
//! - `evaluating`: these evaluations, in worlds whose seeds training does not use.
//! - `curve`: the area under the evaluations of a run.
//! - `child`: the process of a trial, seen from the search.
//! - `ranking`: trials, ordered from the best to the worst.
//! - `journal`: the events of a search in a file, from which a search that was killed goes on.
//! - `trials`: the trials so far, from the events of the journal.
//! - `search`: the loop over the trials.
//! - `record`: a search as its folder has it, for programs that show it.
//! - `importance`: the share of each key in the differences between trials.
//! - `result`: the results for people and programs.
//!
//! With one job, a search depends only on its seed, its space and its config. With several jobs, a proposal depends on
//! the trials that have ended before it, and so on the time that they take; each trial alone is reproducible.

pub(crate) mod child;
mod curve;
mod error;
mod evaluating;
mod evaluation_plan;
pub(crate) mod folder;
mod importance;
mod journal;
pub(crate) mod objective;
pub(crate) mod pruning;
mod ranking;
mod record;
mod result;
mod sampler;
pub(crate) mod search;
pub(crate) mod settings;
pub(crate) mod space;
pub(crate) mod trial;
pub(crate) mod trial_run;
mod trials;

use std::path::Path;
use std::sync::Arc;

use ludus_config::ConfigError;
use ludus_spec::AgentSpec;

use crate::config::ConfigSource;

pub use error::TuneError;
pub use record::{KeyRecord, RunCurves, SearchRecord, TrialRecord};
pub use result::{KeyImportance, SearchResult, TrialResult};
pub(crate) use sampler::SamplerKind;

/// Checks a space, and every end of every range in the config that `base` names, as `tune` does before a search.
///
/// # Errors
///
/// Every problem at once, with its line.
pub fn check_space(file: &Path, base: &ConfigSource, specs: &[Arc<AgentSpec>]) -> Result<(), ConfigError> {
    space::Space::load(file, base, specs).map(drop)
}
