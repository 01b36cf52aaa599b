//! The results of a search, for people and programs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

/// The results of a search.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SearchResult {
    /// The search's folder, with the run folders of its trials.
    pub search: PathBuf,
    /// The metric that trials are judged by, with the goal if it has one.
    pub metric: String,
    /// The seeds of the runs of each trial.
    pub seeds: Vec<u64>,
    /// The trials that have ended, the best first. Trial 0 is the config as it is.
    pub trials: Vec<TrialResult>,
    /// The share of each key in the variance of the trials' ranks; none with few trials.
    pub importance: Vec<KeyImportance>,
    /// Seeds that the search did not use, with which the best trial and the config as it is were trained again.
    pub fresh_seeds: Vec<u64>,
    /// Wall time of this process \[s\]; it leaves out what was over before a search went on.
    pub seconds: f64,
    /// Wall time of all processes of trials that this process has started \[s\].
    pub process_seconds: f64,
}

/// The results of a trial.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TrialResult {
    /// The number; 0 is the config as it is.
    pub trial: u64,
    /// `finished`, `pruned` or `failed`.
    pub state: &'static str,
    /// The mean of the metric over the runs that have a value.
    pub value: Option<f64>,
    /// Runs without a value, such as those that did not reach the goal.
    pub without_value: usize,
    /// The mean over the runs of the training's mean return at the end.
    pub mean_return: Option<f64>,
    /// The mean steps of a run.
    pub steps: Option<f64>,
    /// The values of the keys, as `--set` takes them.
    pub values: BTreeMap<String, String>,
    /// The names of the run folders.
    pub runs: Vec<String>,
    /// The metric with each of the fresh seeds; null where the goal was not reached.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fresh: Vec<Option<f64>>,
    /// The reason that it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The importance of a key.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KeyImportance {
    /// The key.
    pub key: String,
    /// The share of this key alone in the variance of the trials' ranks, in `0.0..=1.0`.
    pub share: f64,
}

impl TrialResult {
    /// The changes of the config, as arguments of a command line.
    pub fn arguments(&self) -> String {
        let argument = |(key, value): (&String, &String)| {
            let set = format!("{key}={value}");
            if set.contains([' ', '"', '(', '[', '{', '$']) { format!("--set '{set}'") } else { format!("--set {set}") }
        };
        self.values.iter().map(argument).collect::<Vec<_>>().join(" ")
    }
}

impl TrialResult {
    /// The value of the metric, as `shown` writes it, or the reason that there is none.
    pub(super) fn outcome(&self, shown: impl Fn(f64) -> String) -> String {
        match (self.state, self.value, self.without_value) {
            ("finished", Some(value), 0) => shown(value),
            ("finished", _, missed) => format!("missed on {missed}"),
            (state, ..) => state.to_owned(),
        }
    }
}

impl SearchResult {
    /// The trials as a table, the best first, with a column for each of `keys`.
    pub fn table(&self, keys: &[String], shown: impl Fn(f64) -> String) -> Vec<String> {
        let header = ["trial".to_owned(), self.metric.clone(), "mean return".to_owned(), "steps".to_owned()];
        let mut rows = vec![header.into_iter().chain(keys.iter().cloned()).collect::<Vec<_>>()];
        rows.extend(self.trials.iter().map(|trial| row(trial, keys, &shown)));
        aligned(&rows)
    }
}

fn row(trial: &TrialResult, keys: &[String], shown: impl Fn(f64) -> String) -> Vec<String> {
    let nothing = || "-".to_owned();
    let result = trial.outcome(shown);
    let number = if trial.trial == 0 { "as it is".to_owned() } else { trial.trial.to_string() };
    let numbers = [
        trial.mean_return.map_or_else(nothing, |mean| format!("{mean:.2}")),
        trial.steps.map_or_else(nothing, |steps| format!("{steps:.0}")),
    ];
    let values = keys.iter().map(|key| trial.values.get(key).cloned().unwrap_or_else(nothing));
    [number, result].into_iter().chain(numbers).chain(values).collect()
}

/// Lines with cells of the same width in each column, aligned to the right.
fn aligned(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:>width$}"));
        cells.collect::<Vec<_>>().join("  ")
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let rows = [["a", "value"], ["10", "1"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(aligned(&rows), [" a  value", "10      1"]);
    }

    #[test]
    fn values_are_arguments_of_a_shell() {
        let pairs = [("network.hidden", "[64, 64]"), ("ppo.clip", "0.1")];
        let values = pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let trial = TrialResult {
            trial: 1,
            state: "finished",
            value: None,
            without_value: 0,
            mean_return: None,
            steps: None,
            values,
            runs: Vec::new(),
            fresh: Vec::new(),
            reason: None,
        };
        assert_eq!(trial.arguments(), "--set 'network.hidden=[64, 64]' --set ppo.clip=0.1");
    }
}
