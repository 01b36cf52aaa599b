//! Trials, ordered from the best to the worst.

use std::cmp::Ordering;

use super::objective::Objective;
use super::space::KeyValue;
use super::trial::{RunEnd, RunOutcome, TrialReport, mean_at};

/// A trial of a search.
#[derive(Clone, Debug)]
pub(super) struct Trial {
    pub number: u64,
    /// The value of each key of the space; `None` for the config as it is.
    pub values: Option<Vec<KeyValue>>,
    /// The report of its process; `None` until it has ended.
    pub report: Option<TrialReport>,
}

/// The ways in which a trial has ended, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TrialState {
    Finished,
    Pruned,
    Failed,
}

/// The score of a trial that came to its end. Less is better.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Score {
    /// Runs without a value, such as those that did not reach the goal.
    pub without_value: usize,
    /// The mean of the metric over the runs that have a value; NaN if there are none.
    pub value: f64,
    /// The same number, with the sign by which less is better.
    cost: f64,
    /// The mean return of the last evaluations; NaN if there are none.
    pub evaluated: f64,
    /// The training's mean return at the end.
    pub mean_return: f64,
    pub steps: f64,
}

impl Trial {
    /// The runs of the trial.
    pub fn runs(&self) -> &[RunOutcome] {
        match &self.report {
            Some(TrialReport::Done(runs)) => runs,
            _ => &[],
        }
    }

    /// The way in which it has ended; `None` if it has not.
    pub fn state(&self) -> Option<TrialState> {
        match self.report.as_ref()? {
            TrialReport::Done(runs) if runs.iter().any(|run| run.end == RunEnd::Pruned) => Some(TrialState::Pruned),
            TrialReport::Done(_) => Some(TrialState::Finished),
            TrialReport::Failed(_) | TrialReport::UnknownMetric(_) => Some(TrialState::Failed),
            TrialReport::Interrupted => None,
        }
    }

    /// The mean return of all its runs at a rung; `None` if one has none there.
    pub fn at_rung(&self, rung: usize) -> Option<f64> {
        mean_at(rung, self.runs().iter().map(|run| &run.at_rungs))
    }

    /// The rungs that it came to.
    fn rungs(&self) -> usize {
        self.runs().last().map_or(0, |run| run.at_rungs.iter().flatten().count())
    }
}

impl Score {
    /// The score of a trial's runs.
    pub fn of(runs: &[RunOutcome], objective: &Objective) -> Self {
        let values = runs.iter().filter_map(|run| run.value);
        let value = mean(values.clone());
        Self {
            without_value: runs.len() - values.count(),
            value,
            cost: if objective.is_minimized { value } else { -value },
            evaluated: mean(runs.iter().filter_map(|run| run.evaluations.last().map(|&(_, mean)| mean))),
            mean_return: mean(runs.iter().filter_map(|run| run.mean_return)),
            steps: mean(runs.iter().map(|run| run.steps as f64)),
        }
    }

    /// The better one comes first. Scores with the same value, such as those of games that are played perfectly, are
    /// ordered by the mean returns of evaluations, then of training, then by their steps.
    fn order(&self, other: &Self) -> Ordering {
        let by_value = self.without_value.cmp(&other.without_value).then(self.cost.total_cmp(&other.cost));
        by_value
            .then(other.evaluated.total_cmp(&self.evaluated))
            .then(other.mean_return.total_cmp(&self.mean_return))
            .then(self.steps.total_cmp(&other.steps))
    }
}

fn mean(numbers: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = numbers.fold((0.0, 0.0), |(sum, count), number| (sum + number, count + 1.0));
    sum / count
}

/// The trials that have ended, the best first: those that came to their end by their score, those that were pruned by
/// how far they came, then those that failed.
pub(super) fn ranked<'a>(trials: &'a [Trial], objective: &Objective) -> Vec<&'a Trial> {
    let mut ended: Vec<_> = trials.iter().filter_map(|trial| Some((trial.state()?, trial))).collect();
    ended.sort_by(|(state, one), (other_state, other)| {
        let in_state = || match state {
            TrialState::Finished => Score::of(one.runs(), objective).order(&Score::of(other.runs(), objective)),
            TrialState::Pruned => by_rungs(one, other),
            TrialState::Failed => Ordering::Equal,
        };
        state.cmp(other_state).then_with(in_state).then(one.number.cmp(&other.number))
    });
    ended.into_iter().map(|(_, trial)| trial).collect()
}

/// The one that came further comes first, then the one that was better there.
fn by_rungs(one: &Trial, other: &Trial) -> Ordering {
    let last = |trial: &Trial| trial.rungs().checked_sub(1).and_then(|rung| trial.at_rung(rung)).unwrap_or(f64::NAN);
    other.rungs().cmp(&one.rungs()).then(last(other).total_cmp(&last(one)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tune::objective::Metric;

    fn run(value: Option<f64>, mean_return: f64, end: RunEnd, at_rungs: &[Option<f64>]) -> RunOutcome {
        RunOutcome {
            seed: 1,
            run: String::new(),
            end,
            steps: 100,
            seconds: 1.0,
            cpu_seconds: None,
            evaluation_cpu_seconds: None,
            mean_return: Some(mean_return),
            value,
            at_rungs: at_rungs.to_vec(),
            curve: Vec::new(),
            evaluations: Vec::new(),
            troubles: Vec::new(),
        }
    }

    fn trial(number: u64, report: TrialReport) -> Trial {
        Trial { number, values: None, report: Some(report) }
    }

    #[test]
    fn trials_are_ordered_from_the_best_to_the_worst() {
        let objective = Objective { metric: Metric::Steps, kind: String::new(), is_minimized: true, goal: Some(10.0) };
        let reached = |steps| run(Some(steps), 10.0, RunEnd::Reached, &[]);
        let missed = |mean| run(None, mean, RunEnd::Over, &[]);
        let pruned = |at_rungs: &[Option<f64>]| run(None, 0.0, RunEnd::Pruned, at_rungs);
        let trials = [
            trial(0, TrialReport::Failed("a panic".to_owned())),
            trial(1, TrialReport::Done(vec![pruned(&[Some(1.0), None])])),
            trial(2, TrialReport::Done(vec![pruned(&[Some(3.0), None])])),
            trial(3, TrialReport::Done(vec![pruned(&[Some(2.0), Some(1.0)])])),
            trial(4, TrialReport::Done(vec![missed(8.0), missed(2.0)])),
            trial(5, TrialReport::Done(vec![missed(9.0), missed(5.0)])),
            trial(6, TrialReport::Done(vec![reached(50.0), missed(9.0)])),
            trial(7, TrialReport::Done(vec![reached(90.0), reached(70.0)])),
            trial(8, TrialReport::Done(vec![reached(80.0), reached(70.0)])),
            trial(9, TrialReport::Interrupted),
            Trial { number: 10, values: None, report: None },
        ];
        let numbers: Vec<_> = ranked(&trials, &objective).iter().map(|trial| trial.number).collect();
        assert_eq!(numbers, [8, 7, 6, 5, 4, 3, 2, 1, 0]);
    }

    #[test]
    fn a_metric_that_is_not_minimised_is_better_if_it_is_higher() {
        let objective = Objective { metric: Metric::Return, kind: String::new(), is_minimized: false, goal: None };
        let done = |value| TrialReport::Done(vec![run(Some(value), 0.0, RunEnd::Over, &[])]);
        let trials = [trial(1, done(3.0)), trial(2, done(5.0)), trial(3, done(-1.0))];
        let numbers: Vec<_> = ranked(&trials, &objective).iter().map(|trial| trial.number).collect();
        assert_eq!(numbers, [2, 1, 3]);
    }
}
