//! Estimates of a run's progress and of its remaining time, from its history.

use super::{History, IterationRecord, SessionState, TrainingSnapshot};

/// The last part of the training over which the speed is measured \[s\].
const SPEED_SECONDS: f64 = 30.0;
/// The least time over which a speed is measured \[s\].
const LEAST_SPEED_SECONDS: f64 = 1.0;
/// The last part of the training time over which the slope of the mean return is taken.
const SLOPE_PART: f64 = 1.0 / 3.0;
/// Iterations that the slope is taken over, at least and at most.
const SLOPE_ITERATIONS: [usize; 2] = [8, 64];
/// Limit on an extrapolation, as a multiple of the time over which the slope was taken.
const FORESIGHT: f64 = 2.0;

/// Time until a run ends.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum TimeLeft {
    /// The time can't be estimated.
    #[default]
    Unknown,
    /// An estimate of the time \[s\].
    About(f64),
    /// An upper limit \[s\]: the run may end sooner by a stop condition whose time can't be estimated.
    AtMost(f64),
}

/// The progress of a run towards its stop conditions, each from 0 to 1; `None` where it has no such condition.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GoalProgress {
    /// The part of its steps that is over.
    pub steps: f64,
    /// The part of its time that is over.
    pub seconds: Option<f64>,
    /// The part of the way from the first mean return to the goal; the least one, if several kinds have goals.
    pub mean_return: Option<f64>,
}

impl GoalProgress {
    /// The progress towards the nearest stop condition.
    pub fn nearest(&self) -> f64 {
        [self.seconds, self.mean_return].into_iter().flatten().fold(self.steps, f64::max)
    }
}

impl TrainingSnapshot {
    /// Time until the run ends: by its steps, its seconds, and the slope of its mean return, whichever comes first.
    ///
    /// [`TimeLeft::Unknown`] unless the run is running or paused and its history is long enough.
    pub fn time_left(&self) -> TimeLeft {
        if !matches!(self.state, SessionState::Running | SessionState::Paused) {
            return TimeLeft::Unknown;
        }
        let Some(last) = self.history.last() else { return TimeLeft::Unknown };
        let by_steps = steps_per_second(&self.history)
            .map(|speed| self.stop.steps.get().saturating_sub(last.steps) as f64 / speed);
        let by_seconds = self.stop.seconds.map(|limit| (limit - last.seconds).max(0.0));
        let limit = [by_steps, by_seconds].into_iter().flatten().reduce(f64::min).filter(|limit| limit.is_finite());
        let goals: Vec<_> = self.goals().collect();
        // All have to be reached: the last of them counts.
        let left = |&(kind, goal): &(usize, f32)| until_return(&self.history, kind, goal.into());
        let by_return =
            goals.iter().map(left).collect::<Option<Vec<_>>>().and_then(|left| left.into_iter().reduce(f64::max));
        let is_foreseen = by_steps.is_some() && (goals.is_empty() || by_return.is_some());
        match (limit, by_return) {
            (Some(limit), Some(left)) => TimeLeft::About(limit.min(left)),
            (Some(limit), None) if is_foreseen => TimeLeft::About(limit),
            (Some(limit), None) => TimeLeft::AtMost(limit),
            (None, _) => TimeLeft::Unknown,
        }
    }

    /// The progress of the run towards each of its stop conditions.
    pub fn progress(&self) -> GoalProgress {
        let seconds = self.history.last().map_or(0.0, |last| last.seconds);
        GoalProgress {
            steps: part(self.steps() as f64, self.stop.steps.get() as f64),
            seconds: self.stop.seconds.map(|limit| part(seconds, limit)),
            mean_return: self.goals().map(|(kind, goal)| self.progress_to(kind, goal)).reduce(f64::min),
        }
    }

    /// The part of the way from a kind's first mean return to its goal that is behind it, from 0 to 1.
    pub fn progress_to(&self, kind: usize, goal: f32) -> f64 {
        let [first, last] = self.first_and_last_return(kind);
        if last >= f64::from(goal) { 1.0 } else { part(last - first, f64::from(goal) - first) }
    }

    fn first_and_last_return(&self, kind: usize) -> [f64; 2] {
        let mean = |record: &IterationRecord| mean_return(record, kind);
        let returns = || self.history.iter().map(mean).filter(|mean| mean.is_finite());
        [returns().next(), returns().next_back()].map(|mean| mean.unwrap_or(f64::NAN))
    }
}

fn part(done: f64, all: f64) -> f64 {
    let part = done / all;
    if all > 0.0 && part.is_finite() { part.clamp(0.0, 1.0) } else { 0.0 }
}

fn mean_return(record: &IterationRecord, kind: usize) -> f64 {
    record.kinds.get(kind).map_or(f64::NAN, |kind| kind.returns.mean)
}

/// Steps per second over the last part of the training; `None` if it was too short.
fn steps_per_second(history: &History) -> Option<f64> {
    let last = history.last()?;
    let before = history.get(first_since(history, last.seconds - SPEED_SECONDS))?;
    let (steps, seconds) = (last.steps.saturating_sub(before.steps), last.seconds - before.seconds);
    (steps > 0 && seconds >= LEAST_SPEED_SECONDS).then(|| steps as f64 / seconds)
}

/// Time until the mean return of a kind is `goal` if it goes on as it did \[s\]; `None` if it doesn't rise steadily, or
/// if the time is beyond the limit on extrapolation.
fn until_return(history: &History, kind: usize, goal: f64) -> Option<f64> {
    let [least, most] = SLOPE_ITERATIONS;
    let end = history.last()?.seconds;
    let begin = history.iter().next()?.seconds;
    let first = first_since(history, end - (end - begin) * SLOPE_PART);
    let stride = (history.len() - first).div_ceil(most).max(1);
    let watched = (first..history.len()).rev().step_by(stride).filter_map(|index| history.get(index));
    let point = |record: &IterationRecord| [record.seconds, mean_return(record, kind)];
    let mut points: Vec<_> = watched.map(point).filter(|[_, mean]| mean.is_finite()).collect();
    points.reverse();
    if points.len() < least {
        return None;
    }
    let (early, late) = points.split_at(points.len() / 2);
    let rises = |points: &[[f64; 2]]| line(points).is_some_and(|(_, slope)| slope > 0.0);
    let (mean, slope) = line(&points).filter(|_| rises(early) && rises(late))?;
    let now = mean + slope * (end - middle(&points));
    let left = ((goal - now) / slope).max(0.0);
    let is_near = left <= FORESIGHT * (end - points[0][0]);
    is_near.then_some(left)
}

/// The mean and the slope of the line through points that has the least squares.
fn line(points: &[[f64; 2]]) -> Option<(f64, f64)> {
    let count = points.len() as f64;
    let (middle, mean) = (middle(points), points.iter().map(|point| point[1]).sum::<f64>() / count);
    let products = points.iter().map(|[x, y]| (x - middle) * (y - mean)).sum::<f64>();
    let squares = points.iter().map(|[x, _]| (x - middle).powi(2)).sum::<f64>();
    (squares > 0.0).then(|| (mean, products / squares))
}

fn middle(points: &[[f64; 2]]) -> f64 {
    points.iter().map(|point| point[0]).sum::<f64>() / points.len() as f64
}

/// The index of the first iteration that ended at or after this time of training; else that of the last one.
fn first_since(history: &History, seconds: f64) -> usize {
    let (mut low, mut high) = (0, history.len().saturating_sub(1));
    while low < high {
        let middle = low.midpoint(high);
        if history.get(middle).is_some_and(|record| record.seconds < seconds) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use super::*;
    use crate::config::StopConfig;
    use crate::episodes::Spread;
    use crate::phases::Phases;
    use crate::session::{KindIteration, KindSnapshot};

    /// A run of `iterations` of 1000 steps and 0.5 s each.
    fn run(iterations: u64, mean: impl Fn(u64) -> f64, stop: StopConfig) -> TrainingSnapshot {
        let record = |index: u64| IterationRecord {
            steps: index * 1000,
            seconds: index as f64 * 0.5,
            kinds: vec![KindIteration { returns: Spread { mean: mean(index), std: 1.0 }, ..KindIteration::default() }],
            phases: Phases::default(),
        };
        let history = (1..=iterations).map(record).collect();
        let kinds = vec![KindSnapshot::default()];
        TrainingSnapshot { state: SessionState::Running, kinds, stop, history, ..TrainingSnapshot::default() }
    }

    fn stop(mean_return: Option<f32>, seconds: Option<f64>) -> StopConfig {
        StopConfig {
            steps: NonZeroU64::new(1_000_000).unwrap(),
            mean_return: mean_return.map(Into::into),
            seconds,
            success: None,
        }
    }

    #[test]
    fn the_time_left_is_that_of_the_first_limit() {
        let check = |seconds: Option<f64>, expected: TimeLeft| {
            assert_eq!(run(100, |_| 0.0, stop(None, seconds)).time_left(), expected, "{seconds:?} s");
        };
        check(None, TimeLeft::About(450.0));
        check(Some(60.0), TimeLeft::About(10.0));
        check(Some(1e6), TimeLeft::About(450.0));
        check(Some(1.0), TimeLeft::About(0.0));
    }

    #[test]
    fn what_was_not_watched_long_enough_is_unknown() {
        assert_eq!(run(0, |_| 0.0, stop(None, None)).time_left(), TimeLeft::Unknown);
        assert_eq!(run(2, |_| 0.0, stop(None, None)).time_left(), TimeLeft::Unknown);
        let limited = run(2, |_| 0.0, stop(None, Some(60.0)));
        assert_eq!(limited.time_left(), TimeLeft::AtMost(59.0), "its steps may be made sooner");
        let over = TrainingSnapshot { state: SessionState::Failed(String::new()), ..limited };
        assert_eq!(over.time_left(), TimeLeft::Unknown);
    }

    #[test]
    fn a_return_that_rises_steadily_is_foreseen() {
        // 0.2 per second: from 10 at 50 s to 12 at 60 s.
        let rising = run(100, |index| 0.1 * index as f64, stop(Some(12.0), None));
        let TimeLeft::About(left) = rising.time_left() else { panic!("{:?}", rising.time_left()) };
        assert!((left - 10.0).abs() < 0.01, "{left}");
        let sooner = run(100, |index| 0.1 * index as f64, stop(Some(12.0), Some(55.0)));
        assert_eq!(sooner.time_left(), TimeLeft::About(5.0));
    }

    #[test]
    fn a_return_that_does_not_rise_is_not_foreseen() {
        let check = |mean: fn(u64) -> f64, goal: f32| {
            let run = run(100, mean, stop(Some(goal), None));
            assert_eq!(run.time_left(), TimeLeft::AtMost(450.0));
        };
        check(|_| 5.0, 12.0);
        check(|index| -0.1 * index as f64, 12.0);
        check(|_| f64::NAN, 12.0);
        // The goal is beyond the limit on extrapolation.
        check(|index| 0.1 * index as f64, 1e6);
        // It rose, and has fallen since.
        check(|index| if index < 85 { index as f64 } else { 170.0 - index as f64 }, 200.0);
    }

    #[test]
    fn progress_is_counted_from_where_the_run_began() {
        let progress = run(100, |index| -200.0 + index as f64, stop(Some(0.0), Some(200.0))).progress();
        assert_eq!((progress.steps, progress.seconds), (0.1, Some(0.25)));
        // From -199 to -100, of the way to 0.
        assert!((progress.mean_return.unwrap() - 99.0 / 199.0).abs() < 1e-9);
        assert!((progress.nearest() - 99.0 / 199.0).abs() < 1e-9);
        let reached = run(3, |_| 7.0, stop(Some(5.0), None)).progress();
        assert_eq!(reached.mean_return, Some(1.0));
        assert_eq!(run(0, |_| 0.0, stop(Some(5.0), None)).progress().nearest(), 0.0);
    }
}
