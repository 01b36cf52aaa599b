//! Errors of a search.

use std::path::PathBuf;

use ludus_config::ConfigError;

/// The reasons that a search can't start or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TuneError {
    /// There is no space to search.
    #[error(
        "no space `{file}` in {folders}; write one, such as `{{ \"ppo.learning_rate\": Log(1e-4, 1e-2) }}`, or name one with --space"
    )]
    NoSpace {
        /// The path of the space, from one of the folders.
        file: PathBuf,
        /// The folders that were searched, as quoted paths.
        folders: String,
    },
    /// The space can't be used.
    #[error(transparent)]
    Space(#[from] ConfigError),
    /// The metric needs a goal.
    #[error("`--metric {metric}` counts up to a goal; add one, such as `--goal 475`")]
    NoGoal {
        /// Name of the metric.
        metric: String,
    },
    /// The metric has no goal.
    #[error("`--metric {metric}` has no goal; leave --goal out, or choose `--metric steps` or `--metric seconds`")]
    GoalUnused {
        /// Name of the metric.
        metric: String,
    },
    /// The game has several kinds of agents, and the metric names none.
    #[error("the game has several kinds of agents, and `--metric {metric}` names none; {valid}")]
    KindUnnamed {
        /// Name of the metric.
        metric: String,
        /// The names to choose from, in words.
        valid: String,
    },
    /// A run has no such metric.
    #[error("a run has no metric `{metric}`; {valid}")]
    UnknownMetric {
        /// Name of the metric.
        metric: String,
        /// The names to choose from, in words.
        valid: String,
    },
    /// The config would overwrite a file.
    #[error("`{path}` is there already and is not overwritten; name another file with --write")]
    FileExists {
        /// Path of the file that exists.
        path: PathBuf,
    },
    /// There is no search to go on with.
    #[error("no search of `{game}` in `{runs}`; start one without --resume, or name its folder")]
    NoSearch {
        /// Name of the game.
        game: String,
        /// The folder in which searches were searched.
        runs: PathBuf,
    },
    /// The search that was named is not there.
    #[error("no search `{search}`, neither as a path nor in `{runs}`; check the name")]
    UnknownSearch {
        /// The path that was named.
        search: PathBuf,
        /// The folder in which the search was searched.
        runs: PathBuf,
    },
    /// A line of the journal can't be read.
    #[error("`{path}`:{line}: {problem}; start a new search without --resume")]
    Journal {
        /// Path of the journal.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The problem.
        problem: String,
    },
    /// The program can't be started again for a trial.
    #[error("a trial's process can't be started: {message}")]
    NoProcess {
        /// The error of the operating system.
        message: String,
    },
    /// None of the first trials came to its end.
    #[error("none of the first {trials} trials came to its end, so the search was ended; the last one: {reason}")]
    AllFailed {
        /// Trials that failed.
        trials: usize,
        /// The reason that the last of them ended.
        reason: String,
    },
    /// No trial came to its end.
    #[error("no trial has come to its end, so there is no best one; {remedy}")]
    NoneFinished {
        /// The remedy.
        remedy: String,
    },
    /// No trial reached the goal.
    #[error(
        "no trial reached the goal {goal} on all of its seeds; the best, trial {trial}, came to a mean return of {mean_return:.2}; \
         lower --goal, raise `stop.steps`, or widen the space"
    )]
    GoalNotReached {
        /// The goal.
        goal: f64,
        /// The number of the best trial.
        trial: u64,
        /// The mean return of the last evaluations of its runs.
        mean_return: f64,
    },
}

impl TuneError {
    /// The code that the process exits with: 2 if the search can't be carried out, 1 if it failed on the way.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::NoProcess { .. }
            | Self::AllFailed { .. }
            | Self::NoneFinished { .. }
            | Self::GoalNotReached { .. } => 1,
            _ => 2,
        }
    }
}
