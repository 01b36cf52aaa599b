//! The settings of PQN.

use serde::{Deserialize, Serialize};

use crate::experience::minibatch_count;
use crate::problems::{Problems, Range};
use crate::{Discount, Schedule};

/// The settings of PQN: a section of a run's config.
///
/// For discrete actions in fast simulations with many agents. A network with `layer_norm: true` learns steadily.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PqnConfig {
    /// Steps of every row between two updates.
    ///
    /// At least 1, usually 16 to 64. Gallici et al. 2024, arXiv:2407.04811, table 6.
    pub rollout_steps: usize,
    /// Passes of an update over the rollout's experience. At least 1, usually 1 to 4.
    pub epochs: usize,
    /// Samples per gradient step; the experience is split evenly into minibatches of about this size.
    ///
    /// At least 1, usually 64 to 2,048.
    pub minibatch: usize,
    /// Adam's step size. At least 0, usually 1e-4 to 1e-3, and often `Linear` down to 0.
    pub learning_rate: Schedule,
    /// The discount factor per decision (γ). In `0.0..=1.0`, usually 0.95 to 0.999.
    pub gamma: f32,
    /// The decay of later temporal-difference errors in a return (λ).
    ///
    /// With 0, a return is one reward and the network's estimate of the rest; with 1, it is all rewards to the end of
    /// the episode or rollout. In `0.0..=1.0`, usually 0.65 to 0.95. Peng and Williams 1996, doi:10.1007/BF00114731;
    /// Gallici et al. 2024, §4.2.
    pub lambda: f32,
    /// The probability of a random action (ε), over [`exploration`](Self::exploration).
    ///
    /// In `0.0..=1.0`, usually `Linear` from 1 to 0.05.
    pub epsilon: Schedule,
    /// The part of the run in which ε goes from its first value to its last. Above 0 and at most 1, usually 0.1 to 0.5.
    pub exploration: f32,
    /// True if a choice's value is the critic's value plus the policy's output less its mean: the advantage.
    ///
    /// Helps where most choices matter little. Wang et al. 2016, arXiv:1511.06581.
    pub dueling: bool,
    /// The maximum norm of the gradient. Above 0, usually 10.
    pub max_grad_norm: f32,
    /// True if observations are shifted and scaled by their running mean and deviation, as for PPO. Usually on.
    pub normalize_observations: bool,
}

impl Default for PqnConfig {
    fn default() -> Self {
        Self {
            rollout_steps: 32,
            epochs: 2,
            minibatch: 512,
            learning_rate: Schedule::Constant(5e-4),
            gamma: 0.99,
            lambda: 0.9,
            epsilon: Schedule::Linear { from: 1.0, to: 0.05 },
            exploration: 0.3,
            dueling: false,
            max_grad_norm: 10.0,
            normalize_observations: true,
        }
    }
}

impl PqnConfig {
    /// Returns γ and λ.
    pub const fn discount(&self) -> Discount {
        Discount { gamma: self.gamma, lambda: self.lambda }
    }

    /// Returns the probability of a random action at this part of the run.
    pub fn epsilon(&self, progress: f32) -> f32 {
        self.epsilon.at(progress / self.exploration)
    }

    /// Returns the number of minibatches of an epoch over this many samples, so that their size comes closest to
    /// `minibatch`.
    pub const fn minibatches(&self, samples: usize) -> usize {
        minibatch_count(samples, self.minibatch)
    }

    /// Returns every setting that is out of range: the field's name, and a sentence with its value and the valid range.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Problems::default();
        problems
            .count("rollout_steps", self.rollout_steps)
            .count("epochs", self.epochs)
            .count("minibatch", self.minibatch)
            .schedule("learning_rate", self.learning_rate, Range::NotNegative)
            .numbers("gamma", &[self.gamma], Range::Fraction)
            .numbers("lambda", &[self.lambda], Range::Fraction)
            .schedule("epsilon", self.epsilon, Range::Fraction)
            .numbers("exploration", &[self.exploration], Range::Share)
            .numbers("max_grad_norm", &[self.max_grad_norm], Range::Positive);
        problems.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epsilon_falls_during_exploration() {
        let config =
            PqnConfig { epsilon: Schedule::Linear { from: 1.0, to: 0.0 }, exploration: 0.5, ..PqnConfig::default() };
        assert_eq!([0.0, 0.25, 0.5, 1.0].map(|progress| config.epsilon(progress)), [1.0, 0.5, 0.0, 0.0]);
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        assert_eq!(PqnConfig::default().problems(), []);
        let config =
            PqnConfig { epochs: 0, exploration: 0.0, epsilon: Schedule::Constant(1.5), ..PqnConfig::default() };
        let fields: Vec<_> = config.problems().into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, ["epochs", "epsilon", "exploration"]);
    }
}
