//! The metric that the trials of a search are judged by.

use serde::{Deserialize, Serialize};

/// The metric, and the direction in which it is better.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Objective {
    pub metric: Metric,
    /// The kind of agents whose return counts.
    pub kind: String,
    /// True if less is better.
    pub is_minimized: bool,
    /// The mean return of an evaluation at which a run has reached its goal, where the metric counts up to one.
    pub goal: Option<f64>,
}

/// The metrics that trials can be judged by.
///
/// Returns are those of evaluations, in episodes whose seeds training does not use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Metric {
    /// Mean return of an evaluation at the end of the run.
    Return,
    /// Mean over all steps of the mean return of evaluations: the area under the learning curve, divided by the steps.
    Area,
    /// Steps until the mean return of an evaluation reaches the goal.
    Steps,
    /// Seconds of training until the mean return of an evaluation reaches the goal.
    Seconds,
    /// A column of the run's metrics: of an evaluation at the end where evaluations have it, such as a term of the
    /// reward, else its last value.
    Column(String),
}

impl Metric {
    /// The metric of this name. Every name that is none of the others is that of a column.
    pub fn named(name: &str) -> Self {
        match name {
            "return" => Self::Return,
            "area" => Self::Area,
            "steps" => Self::Steps,
            "seconds" => Self::Seconds,
            column => Self::Column(column.to_owned()),
        }
    }

    /// The name, as on the command line.
    pub fn name(&self) -> &str {
        match self {
            Self::Return => "return",
            Self::Area => "area",
            Self::Steps => "steps",
            Self::Seconds => "seconds",
            Self::Column(name) => name,
        }
    }

    /// True if the metric counts up to a goal.
    pub const fn has_goal(&self) -> bool {
        matches!(self, Self::Steps | Self::Seconds)
    }

    /// Episodes of an evaluation, unless a user names a number.
    ///
    /// A run that is evaluated on the way has several evaluations, or one that a goal confirms, so fewer do.
    pub const fn episodes(&self) -> u32 {
        match self {
            Self::Return | Self::Column(_) => 100,
            Self::Area | Self::Steps | Self::Seconds => 20,
        }
    }

    /// True if the training's mean return tells on the way how good a trial will be.
    pub const fn follows_return(&self) -> bool {
        !matches!(self, Self::Column(_))
    }
}

impl Objective {
    /// The header of the metric's column in a table, with the goal if it has one.
    pub fn title(&self) -> String {
        match (&self.metric, self.goal) {
            (Metric::Return, _) => "evaluated return".to_owned(),
            (Metric::Area, _) => "mean of the curve".to_owned(),
            (metric, Some(goal)) => format!("{} to {goal}", metric.name()),
            (metric, None) => metric.name().to_owned(),
        }
    }

    /// A value of the metric, for people.
    pub fn shown(&self, value: f64) -> String {
        match self.metric {
            Metric::Steps => format!("{value:.0}"),
            Metric::Return | Metric::Area | Metric::Seconds => format!("{value:.2}"),
            Metric::Column(_) => format!("{value:.4}"),
        }
    }
}
