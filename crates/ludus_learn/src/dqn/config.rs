//! The settings of DQN.

use serde::{Deserialize, Serialize};

use crate::Schedule;
use crate::problems::{Problems, Range, replay_problem};

/// The settings of DQN: a section of a run's config.
///
/// For discrete actions where steps are expensive: few worlds, slow simulations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DqnConfig {
    /// Steps of every row between two updates. At least 1, usually 1 to 16.
    pub rollout_steps: usize,
    /// Steps of agents that are kept to learn from. Their memory is allocated before the run starts.
    ///
    /// At least 1, usually 50,000 to 1,000,000. Mnih et al. 2015, doi:10.1038/nature14236.
    pub replay: usize,
    /// Steps of agents before the first update. Usually 1,000 to 10,000; no more than `replay`.
    pub learning_starts: usize,
    /// Gradient steps for each step of an agent.
    ///
    /// Higher learns more from the same experience, and takes longer. Above 0, usually 0.1 to 1.
    pub replay_ratio: f32,
    /// Samples per gradient step. At least 1, usually 32 to 256.
    pub minibatch: usize,
    /// Adam's step size. At least 0, usually 1e-4 to 1e-3.
    pub learning_rate: Schedule,
    /// The discount factor per decision (γ). In `0.0..=1.0`, usually 0.95 to 0.999.
    pub gamma: f32,
    /// Decisions whose rewards are in a target, before the rest is estimated.
    ///
    /// More bring late rewards to early actions sooner, and are noisier. At least 1, usually 1 to 5.
    /// Hessel et al. 2018, arXiv:1710.02298.
    pub n_step: usize,
    /// The probability of a random action (ε), over [`exploration`](Self::exploration).
    ///
    /// In `0.0..=1.0`, usually `Linear` from 1 to 0.05.
    pub epsilon: Schedule,
    /// The part of the run in which ε goes from its first value to its last. Above 0 and at most 1, usually 0.1 to 0.5.
    pub exploration: f32,
    /// Gradient steps between updates of the target network. At least 1; usually 1 with a small `target_rate`, or 100 to
    /// 10,000 with 1.
    pub target_interval: usize,
    /// The part of the way that the target network's weights go to the learned ones in an update (τ).
    ///
    /// Above 0 and at most 1: 1 copies them. Lillicrap et al. 2016, arXiv:1509.02971, §3.
    pub target_rate: f32,
    /// True if the learned network chooses the action whose value the target network estimates: no overestimation.
    ///
    /// Usually on. van Hasselt et al. 2016, arXiv:1509.06461, eq. 4.
    pub double: bool,
    /// True if a choice's value is the critic's value plus the policy's output less its mean: the advantage.
    ///
    /// Helps where most choices matter little. Wang et al. 2016, arXiv:1511.06581.
    pub dueling: bool,
    /// Sampling of surprising experience more often; `None` for all experience alike.
    pub priorities: Option<PriorityConfig>,
    /// The error from which on the loss is a line instead of a square; `None` for a square throughout.
    ///
    /// Above 0, usually 1. Mnih et al. 2015, methods.
    pub huber: Option<f32>,
    /// The maximum norm of the gradient. Above 0, usually 10.
    pub max_grad_norm: f32,
    /// True if observations are shifted and scaled by their running mean and deviation, as for PPO. Usually on.
    pub normalize_observations: bool,
    /// True if checkpoints have the replay, so that a run that resumes learns bit for bit as if it had never stopped.
    ///
    /// Otherwise it fills an empty replay first. A checkpoint is as large as the replay then.
    pub save_replay: bool,
}

/// The settings of prioritised experience replay.
///
/// Schaul et al. 2016, arXiv:1511.05952, §3.3 and §3.4.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PriorityConfig {
    /// The exponent of the error (α): with 0 all experience is sampled alike. In `0.0..=1.0`, usually 0.6.
    pub alpha: f32,
    /// The exponent of the correction for it (β): with 1 it is corrected fully.
    ///
    /// In `0.0..=1.0`, usually `Linear` from 0.4 to 1.
    pub beta: Schedule,
}

impl Default for PriorityConfig {
    fn default() -> Self {
        Self { alpha: 0.6, beta: Schedule::Linear { from: 0.4, to: 1.0 } }
    }
}

impl Default for DqnConfig {
    fn default() -> Self {
        Self {
            rollout_steps: 4,
            replay: 100_000,
            learning_starts: 1_000,
            replay_ratio: 0.5,
            minibatch: 64,
            learning_rate: Schedule::Constant(5e-4),
            gamma: 0.99,
            n_step: 1,
            epsilon: Schedule::Linear { from: 1.0, to: 0.05 },
            exploration: 0.2,
            target_interval: 1,
            target_rate: 0.005,
            double: true,
            dueling: false,
            priorities: None,
            huber: Some(1.0),
            max_grad_norm: 10.0,
            normalize_observations: true,
            save_replay: false,
        }
    }
}

impl DqnConfig {
    /// Returns the probability of a random action at this part of the run.
    pub fn epsilon(&self, progress: f32) -> f32 {
        self.epsilon.at(progress / self.exploration)
    }

    /// Returns every setting that is out of range: the field's name, and a sentence with its value and the valid range.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Problems::default();
        problems
            .count("rollout_steps", self.rollout_steps)
            .count("replay", self.replay)
            .numbers("replay_ratio", &[self.replay_ratio], Range::Positive)
            .count("minibatch", self.minibatch)
            .schedule("learning_rate", self.learning_rate, Range::NotNegative)
            .numbers("gamma", &[self.gamma], Range::Fraction)
            .count("n_step", self.n_step)
            .schedule("epsilon", self.epsilon, Range::Fraction)
            .numbers("exploration", &[self.exploration], Range::Share)
            .count("target_interval", self.target_interval)
            .numbers("target_rate", &[self.target_rate], Range::Share)
            .numbers("huber", self.huber.as_slice(), Range::Positive)
            .numbers("max_grad_norm", &[self.max_grad_norm], Range::Positive);
        if let Some(PriorityConfig { alpha, beta }) = self.priorities {
            let [from, to] = beta.ends();
            problems.numbers("priorities", &[alpha, from, to], Range::Fraction);
        }
        problems.learning_starts(self.learning_starts, self.replay);
        problems.0
    }

    /// Returns a sentence if the replay holds fewer steps of each of this many rows than a target needs.
    pub fn replay_problem(&self, rows: usize) -> Option<String> {
        replay_problem(self.replay, rows, self.n_step.max(self.rollout_steps))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_of_nothing_is_one_problem() {
        let config = DqnConfig { replay: 0, ..DqnConfig::default() };
        assert_eq!(config.problems(), [("replay", "`replay` is 0; it must be at least 1".to_owned())]);
        assert_eq!(config.replay_problem(8), None);
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        assert_eq!(DqnConfig::default().problems(), []);
        let config = DqnConfig {
            replay: 500,
            replay_ratio: 0.0,
            target_rate: 1.5,
            priorities: Some(PriorityConfig { alpha: 2.0, ..PriorityConfig::default() }),
            ..DqnConfig::default()
        };
        let fields: Vec<_> = config.problems().into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, ["replay_ratio", "target_rate", "priorities", "learning_starts"]);
    }

    #[test]
    fn a_replay_is_longer_than_a_target() {
        let config = DqnConfig { replay: 100, n_step: 5, ..DqnConfig::default() };
        assert_eq!(config.replay_problem(20), None);
        let sentence = config.replay_problem(21).unwrap();
        assert!(sentence.contains("keeps 4 steps of each of 21 agents") && sentence.ends_with("give it 105 at least"));
    }
}
