//! The result of an iteration of PPO.

use super::Losses;
use crate::{LEARNING_RATE, Metric, MetricInfo, PhaseTimes, Report};

/// The result of one iteration of PPO: counts, losses and times. Detail 17.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Iteration {
    /// The index of the iteration, from 0.
    pub number: u64,
    /// Samples of the rollout that are experience. If 0, nothing was learned and all losses are 0.
    pub experience: usize,
    /// Steps that were left out because a number that they depend on was not finite.
    pub faulty: usize,
    /// Samples learned from, counted anew in every epoch.
    pub samples: usize,
    /// Gradient steps taken.
    pub minibatches: usize,
    /// True if the update ended early because the divergence from the old policy exceeded `target_kl`.
    pub reached_target_kl: bool,
    /// Adam's step size.
    pub learning_rate: f32,
    /// The part of the returns' variance that the critic explained before it learned from them: 1 is all of it, 0 none,
    /// below 0 is worse than a constant.
    pub explained_variance: f32,
    /// Means over all samples learned from.
    pub losses: Losses,
    /// The wall time of the iteration, by phase.
    pub phases: PhaseTimes,
}

impl Iteration {
    /// The metrics, under CleanRL's names.
    pub const METRICS: [MetricInfo; 8] = [
        MetricInfo { name: "losses/value_loss", title: "Value loss", unit: "reward²" },
        MetricInfo { name: "losses/policy_loss", title: "Policy loss", unit: "advantage" },
        MetricInfo { name: "losses/entropy", title: "Entropy", unit: "nats" },
        MetricInfo { name: "losses/old_approx_kl", title: "Distance of policies, signed", unit: "nats" },
        MetricInfo { name: "losses/approx_kl", title: "Distance of policies", unit: "nats" },
        MetricInfo { name: "losses/clipfrac", title: "Clipped samples", unit: "part" },
        MetricInfo { name: "losses/explained_variance", title: "Explained variance", unit: "part" },
        MetricInfo { name: LEARNING_RATE, title: "Learning rate", unit: "" },
    ];

    /// Returns the report of this iteration.
    pub fn report(&self) -> Report {
        let Losses { policy, value, entropy, old_approx_kl, approx_kl, clip_fraction, .. } = self.losses;
        let values = [
            value,
            policy,
            entropy,
            old_approx_kl,
            approx_kl,
            clip_fraction,
            self.explained_variance,
            self.learning_rate,
        ];
        let metrics = Self::METRICS.into_iter().zip(values).map(|(info, value)| Metric { info, value });
        Report {
            experience: self.experience,
            faulty: self.faulty,
            gradient_steps: self.minibatches,
            metrics: metrics.collect(),
        }
    }

    /// Counts a minibatch. `losses` holds sums until [`Iteration::average`].
    pub(crate) const fn count(&mut self, samples: usize) {
        self.samples += samples;
        self.minibatches += 1;
    }

    /// Turns the sums in `losses` into means.
    pub(crate) fn average(&mut self) {
        let mut means = Losses::default();
        means.add(&self.losses, 1.0 / self.samples.max(1) as f32);
        self.losses = means;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_means_over_samples() {
        let mut iteration = Iteration::default();
        for (value, samples) in [(1.0, 30), (5.0, 10)] {
            iteration.count(samples);
            iteration.losses.add(&Losses { value, ..Losses::default() }, samples as f32);
        }
        iteration.average();
        assert_eq!((iteration.minibatches, iteration.samples, iteration.losses.value), (2, 40, 2.0));
        assert_eq!(iteration.report().metric("losses/value_loss"), Some(2.0));
    }
}
