//! The trials of a search so far, from the events of its journal.

use std::collections::BTreeMap;

use super::importance::importance;
use super::journal::Event;
use super::objective::Objective;
use super::ranking::{Score, Trial, TrialState, ranked};
use super::result::{KeyImportance, TrialResult};
use super::space::{Key, KeyValue, Space};
use super::trial::{RunOutcome, TrialReport};

/// The trials of a search so far.
#[derive(Debug, Default)]
pub(super) struct Trials {
    /// All trials that have begun, by their number.
    pub all: Vec<Trial>,
    /// The reports of trials that were trained again, by the number of the trial and the fresh seed.
    pub confirmed: BTreeMap<(u64, u64), TrialReport>,
}

impl Trials {
    /// Takes up an event of the journal. Returns false if it has values that the space does not allow.
    pub fn take_up(&mut self, event: Event, space: &Space) -> bool {
        match event {
            Event::Search { .. } => {}
            Event::Began { trial: number, values } => {
                let Ok(values) = values_of(&values, space) else { return false };
                if self.all.iter().all(|trial| trial.number != number) {
                    self.all.push(Trial { number, values, report: None });
                }
            }
            Event::Ended { trial, report } => {
                if let Some(trial) = self.all.iter_mut().find(|begun| begun.number == trial) {
                    trial.report = Some(report);
                }
            }
            Event::Confirmed { trial, seed, report } => {
                self.confirmed.insert((trial, seed), report);
            }
        }
        true
    }

    /// The values of the trials that have ended, the best first.
    pub fn ranked_values(&self, objective: &Objective) -> Vec<&[KeyValue]> {
        ranked(&self.all, objective).into_iter().filter_map(|trial| trial.values.as_deref()).collect()
    }

    /// The importance of each key; none with few trials.
    pub fn importance(&self, space: &Space, objective: &Objective) -> Vec<KeyImportance> {
        let shares = importance(space, &self.ranked_values(objective)).unwrap_or_default();
        let of_key = |(key, share): (&Key, f64)| KeyImportance { key: key.name.clone(), share };
        space.keys.iter().zip(shares).map(of_key).collect()
    }

    /// The results of a trial; `None` until it has ended.
    pub fn result(&self, trial: &Trial, space: &Space, objective: &Objective) -> Option<TrialResult> {
        let score = Score::of(trial.runs(), objective);
        let finite = |number: f64| Some(number).filter(|number| number.is_finite());
        let fresh = self.confirmed.iter().filter(|((of, _), _)| *of == trial.number);
        let value = |report: &TrialReport| match report {
            TrialReport::Done(runs) => runs.first().and_then(|run: &RunOutcome| run.value),
            _ => None,
        };
        Some(TrialResult {
            trial: trial.number,
            state: match trial.state()? {
                TrialState::Finished => "finished",
                TrialState::Pruned => "pruned",
                TrialState::Failed => "failed",
            },
            value: finite(score.value),
            without_value: score.without_value,
            mean_return: finite(score.mean_return),
            steps: finite(score.steps),
            values: texts(trial, space),
            runs: trial.runs().iter().map(|run| run.run.clone()).collect(),
            fresh: fresh.map(|(_, report)| value(report)).collect(),
            reason: failure_of(trial),
        })
    }
}

/// The values of a trial, as `--set` takes them.
pub(super) fn texts(trial: &Trial, space: &Space) -> BTreeMap<String, String> {
    let values = trial.values.iter().flatten();
    space.keys.iter().zip(values).map(|(key, &value)| (key.name.clone(), key.range.text(value))).collect()
}

/// The reason that a trial has failed, if it has.
pub(super) fn failure_of(trial: &Trial) -> Option<String> {
    match &trial.report {
        Some(TrialReport::Failed(reason)) => Some(reason.clone()),
        _ => None,
    }
}

/// The values with these texts, in the space's order; `None` for the config as it is.
///
/// # Errors
///
/// If they are not those of a trial in this space.
fn values_of(texts: &BTreeMap<String, String>, space: &Space) -> Result<Option<Vec<KeyValue>>, ()> {
    if texts.is_empty() {
        return Ok(None);
    }
    let value = |key: &Key| texts.get(&key.name).and_then(|text| key.range.value(text));
    let values: Option<Vec<_>> = space.keys.iter().map(value).collect();
    values.filter(|values| values.len() == texts.len()).map(Some).ok_or(())
}
