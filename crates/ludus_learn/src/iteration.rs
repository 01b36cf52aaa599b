//! What an iteration reports.

use crate::{Losses, PhaseTimes};

/// What one iteration of PPO did. Detail 17.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Iteration {
    /// Its number, from 0.
    pub number: u64,
    /// Samples of the rollout that are experience. Without any, nothing was learned and all losses are 0.
    pub experience: usize,
    /// Steps that were left out because a number that they need was not finite.
    pub faulty: usize,
    /// Samples learned from, counted anew in every epoch.
    pub samples: usize,
    /// Gradient steps taken.
    pub minibatches: usize,
    /// Whether the update ended early because the policy had moved far enough.
    pub reached_target_kl: bool,
    /// Adam's step size.
    pub learning_rate: f32,
    /// How much of the returns' variance the critic explained before it learned from them: 1 all, 0 none, or worse.
    pub explained_variance: f32,
    /// Means over all samples learned from.
    pub losses: Losses,
    /// Where the time went.
    pub phases: PhaseTimes,
}

impl Iteration {
    /// The numbers to log, under CleanRL's names.
    pub const fn metrics(&self) -> [(&'static str, f32); 8] {
        [
            ("losses/value_loss", self.losses.value),
            ("losses/policy_loss", self.losses.policy),
            ("losses/entropy", self.losses.entropy),
            ("losses/old_approx_kl", self.losses.old_approx_kl),
            ("losses/approx_kl", self.losses.approx_kl),
            ("losses/clipfrac", self.losses.clip_fraction),
            ("losses/explained_variance", self.explained_variance),
            ("charts/learning_rate", self.learning_rate),
        ]
    }

    /// Counts a minibatch in: `losses` holds sums until [`Iteration::average`].
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
        assert_eq!(iteration.metrics()[0], ("losses/value_loss", 2.0));
    }
}
