//! Losses of value learning, and the metrics of its reports.

use crate::gradient::LossSums;
use crate::{LEARNING_RATE, Metric, MetricInfo};

/// Losses of value learning: sums over samples, or means once they were divided.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ValueLosses {
    /// The loss of the temporal-difference error.
    pub loss: f32,
    /// The value of the chosen action.
    pub value: f32,
    /// The norm of the gradient before clipping.
    pub grad_norm: f32,
}

impl ValueLosses {
    /// Adds `weight` times the other losses.
    pub fn add(&mut self, other: &Self, weight: f32) {
        self.loss += weight * other.loss;
        self.value += weight * other.value;
        self.grad_norm += weight * other.grad_norm;
    }
}

impl LossSums for ValueLosses {
    fn plus(mut self, other: Self) -> Self {
        self.add(&other, 1.0);
        self
    }
}

/// The metrics of an update, under CleanRL's names.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct ValueMetrics {
    /// Means over the samples of the update.
    pub losses: ValueLosses,
    /// The probability of a random action in the experience that was learned from.
    pub epsilon: f32,
    /// Adam's step size.
    pub learning_rate: f32,
}

impl ValueMetrics {
    pub const INFO: [MetricInfo; 5] = [
        MetricInfo { name: "losses/td_loss", title: "TD loss", unit: "reward²" },
        MetricInfo { name: "losses/q_values", title: "Value of actions", unit: "reward" },
        MetricInfo { name: "losses/grad_norm", title: "Gradient's norm", unit: "" },
        MetricInfo { name: "charts/epsilon", title: "Random actions", unit: "part" },
        MetricInfo { name: LEARNING_RATE, title: "Learning rate", unit: "" },
    ];

    pub fn metrics(&self) -> Vec<Metric> {
        let ValueLosses { loss, value, grad_norm } = self.losses;
        let values = [loss, value, grad_norm, self.epsilon, self.learning_rate];
        Self::INFO.into_iter().zip(values).map(|(info, value)| Metric { info, value }).collect()
    }
}
