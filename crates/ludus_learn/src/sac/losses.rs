//! Losses of SAC, and the metrics of its reports.

use super::drawn::Temperatures;
use crate::gradient::LossSums;
use crate::{LEARNING_RATE, Metric, MetricInfo};

/// The losses of SAC: sums over samples, or means once they were divided.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SacLosses {
    /// Half the squared error of a critic: the mean of both.
    pub critic_loss: f32,
    /// The critics' value of the chosen action: the mean of both.
    pub value: f32,
    /// The policy's loss: the negative soft value of its actions.
    pub actor_loss: f32,
    /// The negative log-density of drawn numbers \[nats\].
    pub number_entropy: f32,
    /// The entropy of choices \[nats\].
    pub choice_entropy: f32,
    /// The greatest entropy that the allowed choices can have \[nats\].
    pub greatest_entropy: f32,
    /// The norm of a critic's gradient before clipping: the greater one of both.
    pub critic_grad_norm: f32,
    /// The norm of the policy's gradient before clipping.
    pub actor_grad_norm: f32,
}

impl SacLosses {
    /// Adds `weight` times the other losses.
    pub(super) fn add(&mut self, other: &Self, weight: f32) {
        self.critic_loss += weight * other.critic_loss;
        self.value += weight * other.value;
        self.actor_loss += weight * other.actor_loss;
        self.number_entropy += weight * other.number_entropy;
        self.choice_entropy += weight * other.choice_entropy;
        self.greatest_entropy += weight * other.greatest_entropy;
        self.critic_grad_norm += weight * other.critic_grad_norm;
        self.actor_grad_norm += weight * other.actor_grad_norm;
    }
}

impl LossSums for SacLosses {
    fn plus(mut self, other: Self) -> Self {
        self.add(&other, 1.0);
        self
    }
}

/// The metrics of an update, under CleanRL's names where it has them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct SacMetrics {
    /// Means over the samples of the update.
    pub losses: SacLosses,
    pub temperatures: Temperatures,
    /// Adam's step size.
    pub learning_rate: f32,
}

impl SacMetrics {
    pub const INFO: [MetricInfo; 9] = [
        MetricInfo { name: "losses/qf_loss", title: "Critics' loss", unit: "reward²" },
        MetricInfo { name: "losses/qf_values", title: "Value of actions", unit: "reward" },
        MetricInfo { name: "losses/actor_loss", title: "Policy's loss", unit: "reward" },
        MetricInfo { name: "losses/entropy", title: "Entropy", unit: "nats" },
        MetricInfo { name: "losses/alpha", title: "Temperature", unit: "reward per nat" },
        MetricInfo { name: "losses/choice_alpha", title: "Temperature of choices", unit: "reward per nat" },
        MetricInfo { name: "losses/qf_grad_norm", title: "Critics' gradient", unit: "" },
        MetricInfo { name: "losses/grad_norm", title: "Gradient's norm", unit: "" },
        MetricInfo { name: LEARNING_RATE, title: "Learning rate", unit: "" },
    ];

    pub fn metrics(&self) -> Vec<Metric> {
        let Self { losses, temperatures, learning_rate } = *self;
        let values = [
            losses.critic_loss,
            losses.value,
            losses.actor_loss,
            losses.number_entropy + losses.choice_entropy,
            temperatures.numbers,
            temperatures.choices,
            losses.critic_grad_norm,
            losses.actor_grad_norm,
            learning_rate,
        ];
        Self::INFO.into_iter().zip(values).map(|(info, value)| Metric { info, value }).collect()
    }
}
