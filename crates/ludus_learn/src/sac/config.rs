//! The settings of SAC.

use serde::{Deserialize, Serialize};

use crate::Schedule;
use crate::problems::{Problems, Range, replay_problem};

/// The settings of soft actor-critic: a section of a run's config.
///
/// For continuous actions where steps are expensive. Discrete actions, and both together, are learned as well.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SacConfig {
    /// Steps of every row between two updates. At least 1, usually 1 to 16.
    pub rollout_steps: usize,
    /// Steps of agents that are kept to learn from. Their memory is allocated before the run starts.
    ///
    /// At least 1, usually 50,000 to 1,000,000.
    pub replay: usize,
    /// Steps of agents before the first update, with random actions. Usually 100 to 10,000; no more than `replay`.
    pub learning_starts: usize,
    /// Gradient steps of all networks for each step of an agent.
    ///
    /// Higher learns more from the same experience, and takes longer. Above 0, usually 0.25 to 1.
    pub replay_ratio: f32,
    /// Samples per gradient step. At least 1, usually 256.
    pub minibatch: usize,
    /// Adam's step size, of the policy and of the temperature. At least 0, usually 3e-4 to 1e-3.
    pub learning_rate: Schedule,
    /// Adam's step size of the critics; `None` for that of the policy. At least 0, usually 3e-4 to 1e-3.
    pub critic_learning_rate: Option<Schedule>,
    /// The discount factor per decision (γ). In `0.0..=1.0`, usually 0.95 to 0.999.
    pub gamma: f32,
    /// Decisions whose rewards are in a target, before the rest is estimated.
    ///
    /// More bring late rewards to early actions sooner, and are noisier. At least 1, usually 1 to 5.
    pub n_step: usize,
    /// The part of the way that the target critics' weights go to the learned ones in a gradient step (τ).
    ///
    /// Above 0 and at most 1, usually 0.005 to 0.02. Haarnoja et al. 2018, arXiv:1801.01290, table 1.
    pub target_rate: f32,
    /// The weight of the entropy of continuous actions beside the return (α).
    pub temperature: Temperature,
    /// The entropy per number of a continuous action to which a `Tuned` temperature leads.
    ///
    /// Usually -1; lower makes the policy more certain. Haarnoja et al. 2018, arXiv:1812.05905, appendix D.
    pub target_entropy: f32,
    /// The weight of the entropy of discrete actions beside the return.
    pub choice_temperature: Temperature,
    /// The part of the greatest entropy of the allowed choices to which a `Tuned` `choice_temperature` leads.
    ///
    /// In `0.0..=1.0`, usually 0.3 to 0.9. Christodoulou 2019, arXiv:1910.07207, uses 0.98, which keeps a policy nearly
    /// random.
    pub choice_target_entropy: f32,
    /// Noise that is a smooth function of the observation, instead of another draw in every step; `None` for the latter.
    ///
    /// Where rewards are rare, as on a mountain that takes many swings, it explores whole courses of action. It concerns
    /// the numbers of actions in training alone.
    pub gsde: Option<GsdeConfig>,
    /// The maximum norm of the gradients, of the policy and of each critic. Above 0, usually 10 or more.
    pub max_grad_norm: f32,
    /// True if observations are shifted and scaled by their running mean and deviation, as for PPO. Usually on.
    pub normalize_observations: bool,
    /// True if checkpoints have the replay, so that a run that resumes learns bit for bit as if it had never stopped.
    ///
    /// Otherwise it fills an empty replay first. A checkpoint is as large as the replay then.
    pub save_replay: bool,
}

/// The settings of generalised state-dependent exploration.
///
/// The standard normal number of a draw is `θ·f/‖f‖`: `f` are the outputs of the policy's last hidden layer, and θ is drawn
/// for each row and number from the standard normal distribution. So every draw has the density of the policy's head, and
/// what is learned from it is the same; but while θ stays, equal observations get equal noise. In the paper the deviation
/// is a learned weight of each feature, here it is the head's.
///
/// Raffin et al. 2021, arXiv:2005.05719, §3.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GsdeConfig {
    /// Updates from one θ to the next: `interval · rollout_steps` steps. At least 1; usually 8 to 64 steps.
    pub interval: usize,
}

impl Default for GsdeConfig {
    fn default() -> Self {
        Self { interval: 32 }
    }
}

/// The weight of the entropy beside the return (α).
///
/// In RON: `Tuned(1.0)`, `Fixed(0.1)`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Temperature {
    /// Begins at this number, and is then tuned until the policy has the target entropy. Above 0, usually 0.1 to 1.
    ///
    /// Haarnoja et al. 2018, arXiv:1812.05905, §5.
    Tuned(f32),
    /// This number throughout. Above 0.
    Fixed(f32),
}

impl Temperature {
    /// Returns the number at the start.
    pub const fn start(self) -> f32 {
        match self {
            Self::Tuned(start) | Self::Fixed(start) => start,
        }
    }

    /// True if it is tuned.
    pub const fn is_tuned(self) -> bool {
        matches!(self, Self::Tuned(_))
    }
}

impl Default for SacConfig {
    fn default() -> Self {
        Self {
            rollout_steps: 1,
            replay: 100_000,
            learning_starts: 1_000,
            replay_ratio: 1.0,
            minibatch: 256,
            learning_rate: Schedule::Constant(5e-4),
            critic_learning_rate: None,
            gamma: 0.99,
            n_step: 1,
            target_rate: 0.005,
            temperature: Temperature::Tuned(1.0),
            target_entropy: -1.0,
            choice_temperature: Temperature::Tuned(1.0),
            choice_target_entropy: 0.5,
            gsde: None,
            max_grad_norm: 100.0,
            normalize_observations: true,
            save_replay: false,
        }
    }
}

impl SacConfig {
    /// Returns Adam's step size of the critics at this part of the run.
    pub fn critic_rate(&self, progress: f32) -> f32 {
        self.critic_learning_rate.unwrap_or(self.learning_rate).at(progress)
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
            .numbers("target_rate", &[self.target_rate], Range::Share)
            .numbers("temperature", &[self.temperature.start()], Range::Positive)
            .numbers("target_entropy", &[self.target_entropy], Range::Finite)
            .numbers("choice_temperature", &[self.choice_temperature.start()], Range::Positive)
            .numbers("choice_target_entropy", &[self.choice_target_entropy], Range::Fraction)
            .numbers("max_grad_norm", &[self.max_grad_norm], Range::Positive);
        if let Some(rate) = self.critic_learning_rate {
            problems.schedule("critic_learning_rate", rate, Range::NotNegative);
        }
        if let Some(GsdeConfig { interval: 0 }) = self.gsde {
            problems.0.push(("gsde", "`interval` of `gsde` is 0; it must be at least 1".to_owned()));
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
        let config = SacConfig { replay: 0, ..SacConfig::default() };
        assert_eq!(config.problems(), [("replay", "`replay` is 0; it must be at least 1".to_owned())]);
        assert_eq!(config.replay_problem(8), None);
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        assert_eq!(SacConfig::default().problems(), []);
        let config = SacConfig {
            replay: 500,
            temperature: Temperature::Fixed(0.0),
            target_entropy: f32::NAN,
            gsde: Some(GsdeConfig { interval: 0 }),
            critic_learning_rate: Some(Schedule::Constant(-1.0)),
            ..SacConfig::default()
        };
        let fields: Vec<_> = config.problems().into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, ["temperature", "target_entropy", "critic_learning_rate", "gsde", "learning_starts"]);
    }

    #[test]
    fn settings_are_read_as_they_are_written() {
        let written = "(temperature: Fixed(0.1), critic_learning_rate: Some(1e-3), target_entropy: -2)";
        let config: SacConfig = ron::from_str(written).unwrap();
        assert_eq!((config.temperature, config.target_entropy), (Temperature::Fixed(0.1), -2.0));
        assert_eq!(config.critic_rate(0.5), 1e-3);
        assert_eq!(SacConfig::default().critic_rate(0.5), 5e-4);
        assert_eq!(ron::from_str::<SacConfig>(&ron::to_string(&config).unwrap()).unwrap(), config);
        assert!(ron::from_str::<SacConfig>("(epsilon: 0.1)").is_err());
    }
}
