//! Words about a trial that several parts of the panel show.

use ludus_train::tune::TrialRecord;

use crate::widgets::{brief, count};

/// Returns the name of a trial: `as it is` for the config without changes.
pub(super) fn name_of(trial: u64) -> String {
    if trial == 0 { "as it is".to_owned() } else { format!("trial {}", count(trial)) }
}

/// Returns everything about a trial but its curves, in lines.
pub(super) fn described(trial: &TrialRecord, metric: &str) -> String {
    let result = &trial.result;
    let mut lines = vec![format!("{}: {metric} {}", name_of(result.trial), trial.outcome)];
    lines.extend(result.reason.clone());
    lines.extend(result.mean_return.map(|mean| format!("mean return {} in training, at the end", brief(mean))));
    lines.extend(result.steps.map(|steps| format!("{} steps", whole(steps))));
    lines.extend(fresh(trial));
    lines.extend(result.values.iter().map(|(key, value)| format!("{key} = {value}")));
    lines.join("\n")
}

/// Returns the results with seeds that the search did not use; `None` without any.
pub(super) fn fresh(trial: &TrialRecord) -> Option<String> {
    let value = |value: &Option<f64>| value.map_or_else(|| "missed".to_owned(), brief);
    let values: Vec<_> = trial.result.fresh.iter().map(value).collect();
    (!values.is_empty()).then(|| format!("on fresh seeds: {}", values.join(", ")))
}

/// Formats a mean number of steps.
pub(super) fn whole(steps: f64) -> String {
    count(steps.max(0.0).round() as u64)
}
