//! The results of a command, as one JSON object.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use crate::agreement::Agreement;
use crate::bench::Benchmark;
use crate::check::RandomPlay;
use crate::episodes::Spread;
use crate::error::TrainError;
use crate::evaluation::{Evaluation, KindEvaluation};
use crate::finding::Finding;
use crate::phases::PhaseShares;
use crate::play::Played;
use crate::progress::{KindProgress, RunSummary, StopReason};
use crate::self_play::{LadderEntry, Tally};
#[cfg(feature = "tune")]
use crate::tune::SearchResult;

/// The last line of standard output with `--json`. Fields that do not apply to a command are left out or null.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Mean return: of a training's last episodes in the order in which they began, 100 or more; of those that were
    /// evaluated; of random actions, for `check`. Null if there is none.
    pub mean_return: Option<f64>,
    /// Standard deviation of these returns.
    pub std_return: Option<f64>,
    /// The same of each kind of agents, by its name, where there are several; then the two above are null.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub kinds: BTreeMap<String, KindReport>,
    /// Episodes: all of the training, or those that were evaluated.
    pub episodes: u64,
    /// Steps that agents decided.
    pub env_steps: u64,
    /// Time from the first iteration's start to the stop condition \[s\].
    pub train_seconds: f64,
    /// Processor time of all threads meanwhile \[s\].
    pub cpu_seconds: Option<f64>,
    /// `env_steps` per second.
    pub steps_per_second: f64,
    /// The run's folder.
    pub run_dir: Option<PathBuf>,
    /// The phases' shares in the time, which add up to 1.
    pub phases: PhaseShares,
    /// Time to build the worlds \[s\].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_seconds: Option<f64>,
    /// The reason that training ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_reason: Option<StopReason>,
    /// Mean length of the episodes that were evaluated \[steps\].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean_length: Option<f64>,
    /// The part of the episodes that succeeded, for games that give verdicts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success: Option<f64>,
    /// Mean sum of each term of the reward per episode, unweighted.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub terms: BTreeMap<String, f64>,
    /// The matches of `eval --against`, as the policy sees them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matches: Option<Tally>,
    /// The players of `ladder`, the strongest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ladder: Option<Vec<LadderEntry>>,
    /// Numbers that were not finite.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub faults: Option<u64>,
    /// Worlds that panicked and were built anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub panics: Option<u64>,
    /// The findings of `check`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub findings: Option<Vec<Finding>>,
    /// The policy that `export` wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<PathBuf>,
    /// The config that was used or, by `train --write-config`, written; none if there was no file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<PathBuf>,
    /// The way in which `eval` and `play` chose actions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actions: Option<ActionsTaken>,
    /// True if a replay equals its log, or if two runs have the same hashes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same: Option<bool>,
    /// The first difference of a replay from its log, or of two runs, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<FirstDifference>,
    /// The findings of `doctor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doctor: Option<Diagnosis>,
    /// The results of `tune`.
    #[cfg(feature = "tune")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<SearchResult>,
    /// The results of `eval --demonstrations`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agreement: Option<Agreement>,
    /// The error that ended the command, one problem a line, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The measurements of `bench`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bench: Option<Benchmark>,
}

/// The ways in which a policy chooses actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionsTaken {
    /// The most probable actions.
    Greedy,
    /// Actions that are drawn from the policy's distribution, as in training.
    Drawn,
}

/// The results of a kind of agents, where there are several.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KindReport {
    /// Mean return. Null if there are no episodes.
    pub mean_return: f64,
    /// Standard deviation of the returns.
    pub std_return: f64,
    /// The number of episodes.
    pub episodes: u64,
    /// Mean length of the episodes that count \[steps\].
    pub mean_length: f64,
    /// Mean sum of each term of the reward per episode, unweighted.
    pub terms: BTreeMap<String, f64>,
    /// The part of the episodes that succeeded, for games that give verdicts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success: Option<f64>,
}

impl From<&KindProgress> for KindReport {
    fn from(kind: &KindProgress) -> Self {
        let KindProgress { returns, length, terms, episodes, .. } = kind;
        Self {
            mean_return: returns.mean,
            std_return: returns.std,
            episodes: *episodes,
            mean_length: *length,
            terms: terms.clone(),
            success: kind.success,
        }
    }
}

impl From<&KindEvaluation> for KindReport {
    fn from(kind: &KindEvaluation) -> Self {
        Self {
            mean_return: kind.returns.mean,
            std_return: kind.returns.std,
            episodes: kind.episodes as u64,
            mean_length: kind.lengths.mean,
            terms: kind.terms.iter().map(|(name, spread)| (name.clone(), spread.mean)).collect(),
            success: kind.success,
        }
    }
}

/// The first difference of a replay from its log, or of two runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FirstDifference {
    /// Ticks of the episode, of the world, or of the run.
    pub tick: u64,
    /// Steps of the episode, in a replay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<u32>,
    /// The world whose hashes differ; none if what was learned differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub world: Option<u32>,
    /// The part of the state that differs, between two runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
}

/// The software and the GPUs that a machine has for learning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    /// One sentence about each of libtorch, CUDA and the GPUs.
    pub findings: Vec<String>,
    /// True if the program was built with the feature `torch`.
    pub is_built_with_torch: bool,
}

impl Report {
    /// One line of JSON. Numbers that are not finite are null.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("numbers and names are JSON")
    }
}

impl From<&TrainError> for Report {
    fn from(error: &TrainError) -> Self {
        let difference = match error {
            TrainError::ReplayDiffers { step, tick } => {
                Some(FirstDifference { tick: *tick, step: Some(*step), world: None, part: None })
            }
            TrainError::Differ { tick, world, part } => {
                Some(FirstDifference { tick: *tick, step: None, world: *world, part: Some(part.clone()) })
            }
            _ => None,
        };
        let same = difference.is_some().then_some(false);
        Self { error: Some(error.to_string()), same, difference, ..Self::default() }
    }
}

impl Report {
    /// Returns the report with the results of the kinds of agents: in its own fields if there is only one kind.
    #[must_use]
    fn with_kinds<'a>(self, kinds: impl Iterator<Item = (&'a str, KindReport)>) -> Self {
        let mut kinds: BTreeMap<String, KindReport> = kinds.map(|(name, kind)| (name.to_owned(), kind)).collect();
        let episodes = kinds.values().map(|kind| kind.episodes).sum();
        if kinds.len() > 1 {
            return Self { kinds, episodes, ..self };
        }
        match kinds.pop_first() {
            None => self,
            Some((_, KindReport { mean_return, std_return, terms, success, .. })) => {
                let (mean_return, std_return) = (Some(mean_return), Some(std_return));
                Self { mean_return, std_return, episodes, terms, success, ..self }
            }
        }
    }
}

impl From<&RunSummary> for Report {
    fn from(summary: &RunSummary) -> Self {
        let progress = &summary.progress;
        let report = Self {
            env_steps: progress.steps,
            train_seconds: progress.seconds,
            cpu_seconds: summary.cpu_seconds,
            steps_per_second: progress.steps_per_second,
            run_dir: Some(summary.run_dir.clone()),
            phases: progress.phases.shares(),
            build_seconds: Some(summary.build_seconds),
            stop_reason: Some(summary.reason),
            faults: Some(summary.faults),
            panics: Some(summary.panics),
            ..Self::default()
        };
        report.with_kinds(progress.kinds.iter().map(|kind| (&*kind.name, kind.into())))
    }
}

impl From<&[RandomPlay]> for Report {
    fn from(kinds: &[RandomPlay]) -> Self {
        let report = Self { env_steps: kinds.iter().map(|kind| kind.steps).sum(), ..Self::default() };
        let mean_length = if let [only] = kinds { Some(only.lengths.mean) } else { None };
        Self { mean_length, ..report }.with_kinds(kinds.iter().map(|kind| (&*kind.kind, kind.into())))
    }
}

impl From<&RandomPlay> for KindReport {
    fn from(random: &RandomPlay) -> Self {
        Self {
            mean_return: random.returns.mean,
            std_return: random.returns.std,
            episodes: random.episodes as u64,
            mean_length: random.lengths.mean,
            terms: random.terms.clone(),
            success: random.success,
        }
    }
}

impl From<&Evaluation> for Report {
    fn from(evaluation: &Evaluation) -> Self {
        let kinds = &evaluation.kinds;
        let report = Self {
            env_steps: evaluation.steps(),
            cpu_seconds: evaluation.cpu_seconds,
            steps_per_second: evaluation.steps() as f64 / evaluation.seconds.max(1e-9),
            phases: evaluation.phases.shares(),
            mean_length: if let [only] = &kinds[..] { Some(only.lengths.mean) } else { None },
            matches: evaluation.matches,
            faults: Some(evaluation.faults),
            panics: Some(evaluation.panics),
            ..Self::default()
        };
        report.with_kinds(kinds.iter().map(|kind| (&*kind.name, kind.into())))
    }
}

impl From<&Played> for Report {
    fn from(played: &Played) -> Self {
        let of_kind = |kind: Option<&str>| {
            let returns = Spread::of(played.of_kind(kind).map(|episode| f64::from(episode.reward)));
            KindReport {
                mean_return: returns.mean,
                std_return: returns.std,
                episodes: played.of_kind(kind).count() as u64,
                mean_length: Spread::of(played.of_kind(kind).map(|episode| f64::from(episode.steps))).mean,
                terms: BTreeMap::new(),
                success: None,
            }
        };
        let kinds = played.kinds();
        let mean_length = (kinds.len() <= 1).then(|| played.steps() as f64 / played.episodes.len() as f64);
        let report = Self { env_steps: played.steps(), mean_length, ..Self::default() };
        report.with_kinds(kinds.iter().map(|&kind| (kind.unwrap_or_default(), of_kind(kind))))
    }
}

impl From<&Benchmark> for Report {
    fn from(bench: &Benchmark) -> Self {
        let training = &bench.training;
        Self {
            env_steps: training.steps,
            train_seconds: training.seconds,
            cpu_seconds: training.cpu_seconds,
            steps_per_second: training.steps_per_second,
            phases: training.phases.shares(),
            build_seconds: Some(bench.build_seconds),
            faults: Some(bench.faults),
            panics: Some(bench.panics),
            bench: Some(bench.clone()),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_promised_keys_are_there() {
        let json = Report { mean_return: Some(f64::NAN), ..Report::default() }.to_json();
        assert!(!json.contains('\n'));
        let object = serde_json::from_str::<serde_json::Value>(&json).unwrap();
        for key in [
            "mean_return",
            "std_return",
            "episodes",
            "env_steps",
            "train_seconds",
            "cpu_seconds",
            "steps_per_second",
            "run_dir",
            "phases",
        ] {
            assert!(object.get(key).is_some(), "{key} in {json}");
        }
        for phase in ["forward", "copy", "simulate", "sense_score", "learn"] {
            assert!(object["phases"].get(phase).is_some(), "{phase} in {json}");
        }
        assert!(object["mean_return"].is_null());
    }
}
