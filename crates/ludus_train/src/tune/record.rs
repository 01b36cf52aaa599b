//! A search as its folder has it, for programs that show it.

use std::path::{Path, PathBuf};

use super::TuneError;
use super::folder::SearchFolder;
use super::journal::{self, last_settings};
use super::objective::Objective;
use super::ranking::{Trial, ranked};
use super::result::{KeyImportance, TrialResult};
use super::space::{Key, Space};
use super::trial::RunOutcome;
use super::trials::Trials;
use crate::error::{TrainError, at};

/// A search as its folder has it. The search may be going on in another process.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SearchRecord {
    /// The search's folder.
    pub path: PathBuf,
    /// The metric that trials are judged by, with the goal if it has one.
    pub metric: String,
    /// Trials that were asked for, besides the config as it is.
    pub wanted: u64,
    /// The keys of the space, in its order.
    pub keys: Vec<KeyRecord>,
    /// The trials that have ended, the best first.
    pub trials: Vec<TrialRecord>,
    /// The share of each key in the variance of the trials' ranks; none with few trials.
    pub importance: Vec<KeyImportance>,
}

/// A key of a space.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeyRecord {
    /// The key, as `--set` takes it.
    pub name: String,
    /// The values at the ends of its range, or all choices, each with its place in the range, in `0.0..=1.0`.
    pub marks: Vec<(f64, String)>,
}

/// A trial that has ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrialRecord {
    /// Its results.
    pub result: TrialResult,
    /// The value of the metric as text, or the reason that there is none.
    pub outcome: String,
    /// The place of each value in the range of its key, in `0.0..=1.0`; none for the config as it is.
    pub places: Vec<f64>,
    /// The curves of its runs.
    pub runs: Vec<RunCurves>,
}

/// The curves of a run: steps, and the mean return after them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunCurves {
    /// The seed of the run.
    pub seed: u64,
    /// The mean return of training.
    pub training: Vec<[f64; 2]>,
    /// The mean return of evaluations.
    pub evaluations: Vec<[f64; 2]>,
}

impl SearchRecord {
    /// The folders of the searches of this game in `runs`, the newest first.
    pub fn folders(runs: &Path, game: &str) -> Vec<PathBuf> {
        SearchFolder::all(runs, game).into_iter().map(|folder| folder.path().to_owned()).collect()
    }

    /// The path of the file that grows with each event of the search in this folder.
    pub fn journal(folder: &Path) -> PathBuf {
        SearchFolder::open(folder).journal()
    }

    /// Reads the search in this folder.
    ///
    /// # Errors
    ///
    /// If a file of it can't be read.
    pub fn read(folder: &Path) -> Result<Self, TrainError> {
        let folder = SearchFolder::open(folder);
        let path = folder.journal();
        let space = Space::read(&folder.space()).map_err(TuneError::Space)?;
        let events = journal::read(&path).map_err(at(&path))??;
        let unusable = |problem: &str| TuneError::Journal { path: path.clone(), line: 1, problem: problem.to_owned() };
        let settings = last_settings(&events).cloned();
        let settings = settings.ok_or_else(|| unusable("the journal of a search begins with its settings"))?;
        let mut trials = Trials::default();
        for event in events {
            if !trials.take_up(event, &space) {
                return Err(unusable("a trial has values that the space of the search does not allow").into());
            }
        }
        let objective = &settings.objective;
        let ended = ranked(&trials.all, objective).into_iter();
        Ok(Self {
            path: folder.path().to_owned(),
            metric: objective.title(),
            wanted: settings.trials,
            keys: space.keys.iter().map(key_record).collect(),
            trials: ended.filter_map(|trial| trial_record(trial, &trials, &space, objective)).collect(),
            importance: trials.importance(&space, objective),
        })
    }
}

fn key_record(key: &Key) -> KeyRecord {
    let marks = key.range.extremes().into_iter();
    let mark = |value| (key.range.place(value), key.range.text(value));
    KeyRecord { name: key.name.clone(), marks: marks.map(mark).collect() }
}

fn trial_record(trial: &Trial, trials: &Trials, space: &Space, objective: &Objective) -> Option<TrialRecord> {
    let result = trials.result(trial, space, objective)?;
    let values = trial.values.iter().flatten();
    Some(TrialRecord {
        outcome: result.outcome(|value| objective.shown(value)),
        places: space.keys.iter().zip(values).map(|(key, &value)| key.range.place(value)).collect(),
        runs: trial.runs().iter().map(run_curves).collect(),
        result,
    })
}

fn run_curves(run: &RunOutcome) -> RunCurves {
    let points = |curve: &[(u64, f64)]| curve.iter().map(|&(steps, mean)| [steps as f64, mean]).collect();
    RunCurves { seed: run.seed, training: points(&run.curve), evaluations: points(&run.evaluations) }
}
