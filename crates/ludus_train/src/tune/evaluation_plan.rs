//! The points of a trial's run at which it is evaluated.

use super::objective::{Metric, Objective};

/// Evaluations of a run that is judged by the area under its curve.
const EVALUATIONS: u64 = 10;

/// The part of a run's steps after which an evaluation is repeated that did not reach the goal: one in so many.
const RETRIES: u64 = 20;

/// The points of a run at which it is evaluated while it goes on. Every run that is not pruned is evaluated at its end.
///
/// Evaluations cost time, so there are no more of them than the metric needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum EvaluationPlan {
    /// At the end alone.
    AtEnd,
    /// After equal numbers of steps.
    EqualDistances {
        /// Steps from one evaluation to the next.
        every: u64,
        /// Steps after which the next one is due.
        next: u64,
    },
    /// As soon as the training's mean return reaches the goal, and again some steps later if the evaluation does not.
    ///
    /// The training's mean return costs nothing, and nearly all evaluations before that point would miss the goal.
    FromGoal {
        /// The mean return that an evaluation is to reach.
        goal: f64,
        /// Steps from one evaluation to the next.
        every: u64,
        /// Steps before which none is made.
        next: u64,
    },
}

impl EvaluationPlan {
    /// The plan for a run of at most `steps` steps.
    pub fn new(objective: &Objective, steps: u64) -> Self {
        match (&objective.metric, objective.goal) {
            (Metric::Area, _) => {
                let every = steps.div_ceil(EVALUATIONS);
                Self::EqualDistances { every, next: every }
            }
            (Metric::Steps | Metric::Seconds, Some(goal)) => {
                Self::FromGoal { goal, every: steps.div_ceil(RETRIES), next: 0 }
            }
            _ => Self::AtEnd,
        }
    }

    /// True if an evaluation is due after `steps` steps, when training has this mean return.
    pub fn is_due(&self, steps: u64, mean_return: Option<f64>) -> bool {
        match *self {
            Self::AtEnd => false,
            Self::EqualDistances { next, .. } => steps >= next,
            Self::FromGoal { goal, next, .. } => steps >= next && mean_return.is_some_and(|mean| mean >= goal),
        }
    }

    /// Takes note of an evaluation after `steps` steps.
    pub fn made(&mut self, steps: u64) {
        match self {
            Self::AtEnd => {}
            Self::EqualDistances { every, next } => *next = (steps / *every + 1) * *every,
            Self::FromGoal { every, next, .. } => *next = steps + *every,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The steps at which evaluations are made, in iterations of 30 steps whose mean return is that of `mean_return`.
    fn made(metric: Metric, goal: Option<f64>, steps: u64, mean_return: impl Fn(u64) -> f64) -> Vec<u64> {
        let objective = Objective { metric, kind: String::new(), is_minimized: false, goal };
        let mut plan = EvaluationPlan::new(&objective, steps);
        let mut made = Vec::new();
        for now in (30..=steps).step_by(30) {
            if plan.is_due(now, Some(mean_return(now))) {
                plan.made(now);
                made.push(now);
            }
        }
        made
    }

    #[test]
    fn the_area_has_points_at_equal_distances() {
        let area = made(Metric::Area, None, 1_000, |_| 0.0);
        assert_eq!(area, [120, 210, 300, 420, 510, 600, 720, 810, 900]);
        assert_eq!(made(Metric::Area, None, 3_000, |_| 0.0).len(), 10);
        assert_eq!(made(Metric::Area, None, 90, |_| 0.0), [30, 60, 90], "every iteration at most once");
    }

    #[test]
    fn the_goal_is_evaluated_from_where_training_reaches_it() {
        let mean_return = |steps| if (300..390).contains(&steps) || steps > 600 { 5.0 } else { 1.0 };
        // Those at 360 and from 630 on come 60 steps after one that did not reach the goal.
        let steps = made(Metric::Steps, Some(5.0), 1_200, mean_return);
        assert_eq!(steps[..4], [300, 360, 630, 690]);
        assert!(made(Metric::Seconds, Some(5.0), 1_200, |_| 4.9).is_empty());
    }

    #[test]
    fn other_metrics_need_the_end_alone() {
        assert!(made(Metric::Return, None, 1_000, |_| 9.0).is_empty());
        assert!(made(Metric::named("losses/entropy"), None, 1_000, |_| 9.0).is_empty());
    }
}
