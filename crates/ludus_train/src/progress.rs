//! The events, the progress and the results of a run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::changes::Change;
use crate::config::StopConfig;
use crate::episodes::Spread;
use crate::phases::Phases;
use crate::training::{Lap, Training};

/// The events of a run that are reported while it goes on.
#[non_exhaustive]
pub enum RunEvent<'a> {
    /// The worlds are built and learning begins.
    Started(&'a RunStart, &'a Training),
    /// An iteration is over.
    Progress(&'a Progress, &'a Training, &'a Lap),
    /// A checkpoint was saved, of what the run has learned so far.
    Saved(&'a Path, &'a Training),
    /// A setting was changed while the run goes on.
    Changed(&'a Change, &'a Training),
    /// A sentence about the start of the run.
    Note(String),
    /// Something went wrong that doesn't end the run.
    Trouble(String),
}

/// The settings and sizes that a run starts with.
#[derive(Clone, Debug)]
pub struct RunStart {
    /// The run's folder.
    pub run_dir: PathBuf,
    /// The number of worlds.
    pub worlds: u32,
    /// The number of agents that a policy decides for at once.
    pub rows: usize,
    /// The number of threads that train.
    pub threads: usize,
    /// The learner of each policy, where it computes, and why.
    pub learners: Vec<String>,
    /// Time to build the worlds [s].
    pub build_seconds: f64,
    /// The conditions that end the run.
    pub stop: StopConfig,
    /// Steps that were over before: those of the checkpoint that the run goes on from.
    pub steps_before: u64,
}

/// The progress of a run.
#[derive(Clone, Debug)]
pub struct Progress {
    /// Steps of experience so far.
    pub steps: u64,
    /// The progress of the kinds of agents that a policy decides for, in the game's order.
    pub kinds: Vec<KindProgress>,
    /// Steps of experience per second, from the start of training on, or from where it was resumed.
    pub steps_per_second: f64,
    /// Time of training [s], that before a run was resumed included.
    pub seconds: f64,
    /// Time by phase since training started, or was resumed.
    pub phases: Phases,
}

/// The progress of a kind of agents in a run.
#[derive(Clone, Debug)]
pub struct KindProgress {
    /// The kind, as an index among those of the game.
    pub kind: usize,
    /// The name of the kind.
    pub name: String,
    /// Returns of the episodes that count: the last ones in the order in which they began, 100 or more; NaN before the
    /// first.
    pub returns: Spread,
    /// True if as many episodes count as the mean is taken over.
    pub is_full: bool,
    /// Mean length of the episodes that count [steps].
    pub length: f64,
    /// Mean sum of each term of the reward over the episodes that count, unweighted.
    pub terms: BTreeMap<String, f64>,
    /// Episodes that have ended so far, including those that do not count yet.
    pub episodes: u64,
    /// The part of the episodes that count and succeeded; `None` if the game has given no verdict.
    pub success: Option<f64>,
    /// True if the run learns its policy.
    pub learns: bool,
}

impl Progress {
    /// The mean return in words: `return 12.30 ± 4.56`, or `return Wolf 3.10 ± 1.00, Sheep 20.00 ± 4.00`, or the reason
    /// that there is none.
    pub fn return_sentence(&self) -> String {
        self.return_sentence_with(|_| String::new())
    }

    /// The same words with the text of `after` behind each return.
    pub(crate) fn return_sentence_with(&self, after: impl Fn(&KindProgress) -> String) -> String {
        if let [only] = &self.kinds[..] {
            return match only.returns.shown() {
                Some(returns) => format!("return {returns}{}", after(only)),
                None if only.episodes == 0 => format!("no episode has ended yet{}", after(only)),
                None => format!("no mean return yet, the first episodes have not all ended{}", after(only)),
            };
        }
        let of_kind = |kind: &KindProgress| {
            let returns = kind.returns.shown().unwrap_or_else(|| "none yet".to_owned());
            format!("{} {returns}{}", kind.name, after(kind))
        };
        format!("return {}", self.kinds.iter().map(of_kind).collect::<Vec<_>>().join(", "))
    }

    /// True if the config has a goal for the success rate, and every kind that learns and gets verdicts has reached it.
    pub(crate) fn succeeds(&self, stop: &StopConfig) -> bool {
        let Some(goal) = stop.success else { return false };
        let mut rates = self.kinds.iter().filter(|kind| kind.learns).filter_map(|kind| Some((kind, kind.success?)));
        let mut judged = rates.by_ref().peekable();
        judged.peek().is_some() && judged.all(|(kind, rate)| kind.is_full && rate >= f64::from(goal))
    }

    /// Episodes of all kinds that have ended so far.
    pub fn episodes(&self) -> u64 {
        self.kinds.iter().map(|kind| kind.episodes).sum()
    }

    /// True if every kind that has a goal has reached it, and one has.
    pub(crate) fn has_reached(&self, stop: &StopConfig) -> bool {
        let mut goals = self.kinds.iter().filter_map(|kind| Some((kind, stop.goal(&kind.name)?))).peekable();
        goals.peek().is_some() && goals.all(|(kind, goal)| kind.is_full && kind.returns.mean >= f64::from(goal))
    }
}

/// The reasons that a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StopReason {
    /// The mean return was reached.
    MeanReturn,
    /// The success rate was reached.
    Success,
    /// All steps were made.
    Steps,
    /// The time was up.
    Seconds,
    /// The user ended it.
    Interrupted,
}

/// The results of a run.
#[derive(Clone, Debug)]
pub struct RunSummary {
    /// The progress at the end.
    pub progress: Progress,
    /// The reason that the run ended.
    pub reason: StopReason,
    /// The run's folder.
    pub run_dir: PathBuf,
    /// Time to build the worlds [s].
    pub build_seconds: f64,
    /// Processor time of training, all threads together [s], where the system tells.
    pub cpu_seconds: Option<f64>,
    /// Numbers that were not finite.
    pub faults: u64,
    /// Worlds that panicked and were built anew.
    pub panics: u64,
}
