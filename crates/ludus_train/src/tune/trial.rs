//! A trial: the training runs of some values, one run for each seed. These are its order and its report.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ludus_spec::{AgentSpec, EpisodeParameter};
use serde::{Deserialize, Serialize};

use super::objective::Objective;
use super::pruning::Rung;
use crate::blueprint::Blueprint;
use crate::config::RunConfig;
use crate::error::TrainError;

/// The work of a trial's process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct TrialOrder {
    /// The folder of the search, which gets the run folders.
    pub search: PathBuf,
    /// The words by which people recognise the trial, such as `trial 3`.
    pub tag: String,
    /// The config without the values of the trial.
    pub config: PathBuf,
    /// The values, and what else differs from the config, as `--set` takes it.
    pub sets: Vec<String>,
    /// The seeds of the runs.
    pub seeds: Vec<u64>,
    pub objective: Objective,
    /// Episodes of an evaluation.
    pub episodes: u32,
    /// True if actions of evaluations are drawn, as in training; else they are the most probable ones.
    pub sampled: bool,
    /// True if the game is checked before the first run, and problems are reported.
    pub checks: bool,
    /// The points at which the trial may be ended early.
    pub rungs: Vec<Rung>,
    /// The file that gets the report.
    pub report: PathBuf,
    /// The learner, and the device that it computes on, as on the command line.
    pub learner: Option<String>,
    pub device: String,
    /// Threads of the process.
    pub threads: usize,
}

/// The results of a trial's process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TrialReport {
    /// All runs, or those before the trial was pruned.
    Done(Vec<RunOutcome>),
    /// The error that ended a run, in words.
    Failed(String),
    /// The runs have no metric of the objective's name; contains the names that there are.
    UnknownMetric(Vec<String>),
    /// The process was requested to end.
    Interrupted,
}

/// The results of a training run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunOutcome {
    pub seed: u64,
    /// The name of the run's folder in that of the search.
    pub run: String,
    pub end: RunEnd,
    pub steps: u64,
    /// Time of training \[s\].
    pub seconds: f64,
    /// Processor time of training \[s\], without evaluations, where the system tells.
    pub cpu_seconds: Option<f64>,
    /// Processor time of evaluations \[s\], where the system tells.
    pub evaluation_cpu_seconds: Option<f64>,
    /// The training's mean return at the end.
    pub mean_return: Option<f64>,
    /// The objective's metric; `None` if the run was pruned, if the goal was not reached, or if there is no number.
    pub value: Option<f64>,
    /// The training's mean return at each rung; `None` where there was none yet, or where the run did not come so far.
    pub at_rungs: Vec<Option<f64>>,
    /// The learning curve: steps, and the training's mean return after them.
    pub curve: Vec<(u64, f64)>,
    /// The evaluations: steps, and the mean return of the policy of that time.
    pub evaluations: Vec<(u64, f64)>,
    /// Sentences about problems that did not end the run, if the order has them reported.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub troubles: Vec<String>,
}

/// The ways in which a run of a trial ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RunEnd {
    /// The mean return of the config was reached in training, or the goal in an evaluation.
    Reached,
    /// The steps or the seconds of the config are over.
    Over,
    /// The mean return was too low at a rung.
    Pruned,
}

/// The parts of a trial that it shares with other commands.
pub(crate) struct TrialContext<'a> {
    pub specs: &'a [Arc<AgentSpec>],
    /// The episode parameters of the game.
    pub parameters: &'a [EpisodeParameter],
    /// Makes the blueprint of a config.
    pub blueprint: &'a dyn Fn(RunConfig) -> Result<Blueprint, TrainError>,
    pub interrupted: &'a AtomicBool,
    /// Shows a sentence about a problem that does not end the trial.
    pub warn: &'a dyn Fn(&str),
}

/// The mean over runs of their mean returns at a rung; `None` if one has none there.
pub(super) fn mean_at<'a>(rung: usize, runs: impl Iterator<Item = &'a Vec<Option<f64>>>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0.0);
    for at_rungs in runs {
        sum += at_rungs.get(rung).copied().flatten()?;
        count += 1.0;
    }
    (count > 0.0).then(|| sum / count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_at_a_rung_needs_all_runs() {
        let runs = [vec![Some(1.0), None], vec![Some(3.0), Some(5.0)]];
        assert_eq!(mean_at(0, runs.iter()), Some(2.0));
        assert_eq!(mean_at(1, runs.iter()), None);
        assert_eq!(mean_at(2, runs.iter()), None);
        assert_eq!(mean_at(0, [].iter()), None);
    }
}
