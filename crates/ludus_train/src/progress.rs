//! How a run goes and what it comes to, for whoever watches.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::changes::Change;
use crate::config::StopConfig;
use crate::episodes::Spread;
use crate::phases::Phases;
use crate::training::{Lap, Training};

/// Something that people may want to hear about while a run goes on.
#[non_exhaustive]
pub enum RunEvent<'a> {
    /// The worlds stand and learning begins.
    Started(&'a RunStart, &'a Training),
    /// An iteration is over.
    Progress(&'a Progress, &'a Training, &'a Lap),
    /// A checkpoint was saved.
    Saved(&'a Path),
    /// A setting was changed while the run goes on.
    Changed(&'a Change, &'a Training),
    /// Something that people should know about how the run begins.
    Note(String),
    /// Something went wrong that doesn't end the run.
    Trouble(String),
}

/// What a run starts with.
#[derive(Clone, Debug)]
pub struct RunStart {
    /// The run's folder.
    pub run_dir: PathBuf,
    /// Worlds.
    pub worlds: u32,
    /// Agents that learn at once.
    pub rows: usize,
    /// Threads.
    pub threads: usize,
    /// Which learner, where it computes, and why.
    pub learner: String,
    /// How long building the worlds took [s].
    pub build_seconds: f64,
    /// When the run ends.
    pub stop: StopConfig,
    /// Steps that were over before: those of the checkpoint that the run goes on from.
    pub steps_before: u64,
}

/// How far a run has come.
#[derive(Clone, Debug)]
pub struct Progress {
    /// Steps of experience so far.
    pub steps: u64,
    /// Returns of the recent episodes.
    pub returns: Spread,
    /// Episodes so far.
    pub episodes: u64,
    /// Steps of experience per second, from the start of training on, or from where it was resumed.
    pub steps_per_second: f64,
    /// Time of training [s], that before a run was resumed included.
    pub seconds: f64,
    /// Time by phase since training started, or was resumed.
    pub phases: Phases,
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StopReason {
    /// The mean return was reached.
    MeanReturn,
    /// All steps were made.
    Steps,
    /// The time was up.
    Seconds,
    /// The user ended it.
    Interrupted,
}

/// What a run came to.
#[derive(Clone, Debug)]
pub struct RunSummary {
    /// How far it came.
    pub progress: Progress,
    /// Why it ended.
    pub reason: StopReason,
    /// The run's folder.
    pub run_dir: PathBuf,
    /// How long building the worlds took [s].
    pub build_seconds: f64,
    /// Processor time of training, all threads together [s], where the system tells.
    pub cpu_seconds: Option<f64>,
    /// Mean sum of each term of the reward over the recent episodes, unweighted.
    pub terms: BTreeMap<String, f64>,
    /// Numbers that were not finite.
    pub faults: u64,
    /// Worlds that panicked and were built anew.
    pub panics: u64,
}
