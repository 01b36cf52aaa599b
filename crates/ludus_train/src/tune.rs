//! A search over the keys of a config, for `tune`.
//!
//! - `space`: the keys and their ranges, read from a file.
//! - `sampler`: the values of the next trial. TPE and random sampling.
//! - `objective`: the metric that trials are judged by.
//! - `pruning`: the steps at which a trial is compared with earlier ones, and the least return that it needs.
//! - `trial`: the training runs of a trial, in a process of its own.
//! - `child`: that process, seen from the search.
//! - `ranking`: trials, ordered from the best to the worst.
//! - `journal`: the events of a search in a file, from which a search that was killed goes on.
//! - `search`: the loop over the trials.
//! - `importance`: the share of each key in the differences between trials.
//! - `result`: the results for people and programs.
//!
//! With one job, a search depends only on its seed, its space and its config. With several jobs, a proposal depends on
//! the trials that have ended before it, and so on the time that they take; each trial alone is reproducible.

pub(crate) mod child;
mod error;
pub(crate) mod folder;
mod importance;
mod journal;
pub(crate) mod objective;
pub(crate) mod pruning;
mod ranking;
mod result;
mod sampler;
pub(crate) mod search;
pub(crate) mod settings;
pub(crate) mod space;
pub(crate) mod trial;

pub use error::TuneError;
pub use result::{KeyImportance, SearchResult, TrialResult};
pub(crate) use sampler::SamplerKind;
