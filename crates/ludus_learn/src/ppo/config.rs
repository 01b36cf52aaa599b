//! The settings of PPO.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

use super::LearningRate;
use crate::experience::minibatch_count;
use crate::problems::{Problems, Range};
use crate::{CuriosityConfig, Discount, Schedule, StreamConfig};

/// The settings of PPO: a section of a run's config.
///
/// Every field has a default that is a fair start for a game with hundreds of agents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PpoConfig {
    /// Steps of every row between two updates.
    ///
    /// More steps make estimates less noisy and reach further ahead; fewer give more frequent updates. At least 1;
    /// usually 16 to 64 with hundreds of rows, 128 to 2,048 with a handful. Andrychowicz et al. 2020, arXiv:2006.05990,
    /// §3.5.
    pub rollout_steps: usize,
    /// Passes of an update over the rollout's experience.
    ///
    /// More epochs learn more from the same experience, until the policy has moved too far from the one that collected
    /// it. At least 1, usually 1 to 10. Schulman et al. 2017, arXiv:1707.06347, algorithm 1.
    pub epochs: usize,
    /// Samples per gradient step; the experience is split evenly into minibatches of about this size.
    ///
    /// Larger ones are less noisy and need fewer, larger steps. At least 1, or 2 with `normalize_advantages`; usually
    /// 64 to 8,192, and a quarter to all of a rollout. Huang et al. 2022, core detail 6.
    pub minibatch: usize,
    /// Adam's step size.
    ///
    /// A larger step size learns faster, until learning becomes unstable. At least 0, usually 1e-4 to 1e-2, and often
    /// `Linear` down to 0.
    /// Huang et al. 2022, core detail 4.
    pub learning_rate: LearningRate,
    /// The discount factor per decision (γ): a reward one decision later counts γ times as much.
    ///
    /// The horizon is about 1 / (1 − γ) decisions. In `0.0..=1.0`, usually 0.95 to 0.999.
    /// Andrychowicz et al. 2020, arXiv:2006.05990, §3.6.
    pub gamma: f32,
    /// The decay of later temporal-difference errors in an advantage estimate (λ of GAE).
    ///
    /// With 0, an advantage is one reward and the critic's estimates; with 1, it is all rewards to the end of the
    /// episode or rollout, less the critic's estimate. In `0.0..=1.0`, usually 0.9 to 0.98.
    /// Schulman et al. 2016, arXiv:1506.02438, eq. 16.
    pub gae_lambda: f32,
    /// The clip range of the probability ratio between new and old policy (ε). A gain beyond it is ignored.
    ///
    /// Smaller is steadier and slower. Above 0 and below 1, usually 0.1 to 0.3.
    /// Schulman et al. 2017, arXiv:1707.06347, eq. 7.
    pub clip: Schedule,
    /// The clip range of the critic's value around its old estimate; `None` for no limit.
    ///
    /// Seldom helps and depends on the rewards' scale. Above 0, usually none.
    /// Engstrom et al. 2020, arXiv:2005.12729, §3; Andrychowicz et al. 2020, arXiv:2006.05990, §3.4.
    pub value_clip: Option<f32>,
    /// The coefficient of the entropy bonus, per nat. It keeps the policy from becoming deterministic too early.
    ///
    /// At least 0, usually 0 to 0.02. Schulman et al. 2017, arXiv:1707.06347, eq. 9.
    pub entropy: Schedule,
    /// The coefficient of the critic's loss beside the policy's. It matters most if both share a trunk.
    ///
    /// At least 0, usually 0.5 to 1, of half the squared error. Schulman et al. 2017, arXiv:1707.06347, eq. 9.
    pub value_coefficient: f32,
    /// The maximum norm of the gradient, over all parameters together. A longer gradient is scaled down to it.
    ///
    /// Above 0, usually 0.5. Huang et al. 2022, core detail 11.
    pub max_grad_norm: f32,
    /// The divergence from the old policy at which an update ends early, in nats; `None` for no limit.
    ///
    /// Above 0, usually 0.01 to 0.05. Achiam 2018, "Spinning Up in Deep RL", PPO.
    pub target_kl: Option<f32>,
    /// True if the advantages of each minibatch are shifted and scaled to mean 0 and deviation 1.
    ///
    /// Makes the step size independent of the rewards' scale. A minibatch that happens to have a single sample is left
    /// as it is: it would become 0. Usually on. Huang et al. 2022, core detail 7.
    pub normalize_advantages: bool,
    /// True if observations are shifted and scaled by their running mean and deviation, which the policy keeps.
    ///
    /// Flags (`bool`s and enums) and grids stay as they are: a flag that seldom changes would be an outlier when it
    /// does. No number is beyond ±10 afterwards. Off, a game must scale its observations to about -1..=1 itself.
    /// Usually on. Andrychowicz et al. 2020, arXiv:2006.05990, §3.3.
    pub normalize_observations: bool,
    /// True if rewards are divided by the running deviation of the discounted return.
    ///
    /// Helps if rewards are far from 1: a critic takes very long to learn returns of some hundreds, and a run warns of
    /// it.
    /// Usually off in games, whose rewards have weights.
    /// Engstrom et al. 2020, arXiv:2005.12729, §3.
    pub scale_rewards: bool,
    /// True if the critic's targets are shifted and scaled by their running mean and deviation in each update.
    ///
    /// Lets a critic learn returns of any size, without a change of the rewards. Values are in the units of rewards
    /// everywhere else. Not together with `value_clip`, whose range would change its meaning. Usually off; on with rewards
    /// far from 1, or for the critics of teams.
    /// van Hasselt et al. 2016, arXiv:1602.07714; Yu et al. 2022, arXiv:2103.01955, §5.1.
    pub normalize_values: bool,
    /// Streams of rewards by name: terms of the game's reward that have a discount, a weight and a value of their own. All
    /// other terms stay together.
    ///
    /// [`Ppo::with_streams`](crate::Ppo::with_streams) takes the streams that
    /// [`reward_streams`](Self::reward_streams) makes of these settings.
    ///
    /// Usually none. van Seijen et al. 2017, arXiv:1706.04208.
    pub streams: BTreeMap<String, StreamConfig>,
    /// Rewards for what is new to the agents, for games whose rewards are rare; `None` for none. It is one of the streams
    /// too.
    ///
    /// Burda et al. 2019, arXiv:1810.12894.
    #[serde(serialize_with = "without_some")]
    pub curiosity: Option<CuriosityConfig>,
}

/// Writes a section as it is written in a config: without `Some`.
fn without_some<T: Serialize, S: Serializer>(section: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
    match section {
        Some(section) => section.serialize(serializer),
        None => serializer.serialize_none(),
    }
}

impl Default for PpoConfig {
    fn default() -> Self {
        Self {
            rollout_steps: 32,
            epochs: 4,
            minibatch: 2048,
            learning_rate: LearningRate::Scheduled(Schedule::Constant(3e-4)),
            gamma: 0.99,
            gae_lambda: 0.95,
            clip: Schedule::Constant(0.2),
            value_clip: None,
            entropy: Schedule::Constant(0.0),
            value_coefficient: 0.5,
            max_grad_norm: 0.5,
            target_kl: None,
            normalize_advantages: true,
            normalize_observations: true,
            scale_rewards: false,
            normalize_values: false,
            streams: BTreeMap::new(),
            curiosity: None,
        }
    }
}

impl PpoConfig {
    /// Returns γ and λ.
    pub const fn discount(&self) -> Discount {
        Discount { gamma: self.gamma, lambda: self.gae_lambda }
    }

    /// Returns the number of minibatches of an epoch over this many samples, so that their size comes closest to
    /// `minibatch`.
    pub const fn minibatches(&self, samples: usize) -> usize {
        minibatch_count(samples, self.minibatch)
    }

    /// Returns every setting that is out of range: the field's name, and a sentence with its value and the valid range.
    ///
    /// ```
    /// # use ludus_learn::PpoConfig;
    /// let config = PpoConfig { gamma: 1.5, epochs: 0, ..PpoConfig::default() };
    /// let problems = config.problems();
    /// assert_eq!(problems[0], ("epochs", "`epochs` is 0; it must be at least 1".to_owned()));
    /// assert_eq!(problems[1], ("gamma", "`gamma` is 1.5; it must be from 0 to 1".to_owned()));
    /// ```
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Problems::default();
        problems
            .count("rollout_steps", self.rollout_steps)
            .count("epochs", self.epochs)
            .count("minibatch", self.minibatch)
            .learning_rate(self.learning_rate)
            .numbers("gamma", &[self.gamma], Range::Fraction)
            .numbers("gae_lambda", &[self.gae_lambda], Range::Fraction)
            .numbers("clip", &self.clip.ends(), Range::Clip)
            .numbers("value_clip", self.value_clip.as_slice(), Range::Positive)
            .numbers("entropy", &self.entropy.ends(), Range::NotNegative)
            .numbers("value_coefficient", &[self.value_coefficient], Range::NotNegative)
            .numbers("max_grad_norm", &[self.max_grad_norm], Range::Positive)
            .numbers("target_kl", self.target_kl.as_slice(), Range::Positive);
        if self.minibatch == 1 && self.normalize_advantages {
            let sentence = "`minibatch` is 1; with `normalize_advantages` it must be at least 2, as the advantage of a \
                            single sample would always become 0";
            problems.0.push(("minibatch", sentence.to_owned()));
        }
        if self.value_clip.is_some() && self.normalize_values {
            let sentence = "`value_clip` is a range in the units of rewards, and with `normalize_values` the critic \
                            learns in others; leave one of them out";
            problems.0.push(("value_clip", sentence.to_owned()));
        }
        problems.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_has_no_problems() {
        assert_eq!(PpoConfig::default().problems(), []);
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let config = PpoConfig {
            rollout_steps: 0,
            epochs: 0,
            minibatch: 0,
            learning_rate: Schedule::Linear { from: 1e-3, to: -1.0 }.into(),
            gamma: f32::NAN,
            gae_lambda: 1.01,
            clip: Schedule::Constant(0.0),
            value_clip: Some(0.0),
            entropy: Schedule::Constant(f32::INFINITY),
            value_coefficient: -0.5,
            max_grad_norm: 0.0,
            target_kl: Some(-0.1),
            ..PpoConfig::default()
        };
        let problems = config.problems();
        assert_eq!(problems.len(), 12);
        assert!(problems.iter().all(|(field, sentence)| sentence.contains(field)));
        assert_eq!(problems[3].1, "`learning_rate` is -1; it must be at least 0");
    }

    #[test]
    fn advantages_of_single_samples_are_not_normalized() {
        let config =
            |minibatch, normalize_advantages| PpoConfig { minibatch, normalize_advantages, ..PpoConfig::default() };
        let problems = config(1, true).problems();
        assert_eq!((problems.len(), problems[0].0), (1, "minibatch"));
        assert!(problems[0].1.starts_with("`minibatch` is 1; with `normalize_advantages` it must be at least 2"));
        assert_eq!([config(1, false).problems(), config(2, true).problems()], [[], []]);
    }

    #[test]
    fn normalised_values_have_no_clip_range() {
        let config = PpoConfig { value_clip: Some(0.2), normalize_values: true, ..PpoConfig::default() };
        let problems = config.problems();
        assert_eq!((problems.len(), problems[0].0), (1, "value_clip"));
        assert!(problems[0].1.ends_with("leave one of them out"));
    }

    #[test]
    fn a_section_names_only_what_differs() {
        let config: PpoConfig = ron::from_str(
            "(rollout_steps: 16, learning_rate: Linear(from: 3e-4, to: 0.0), clip: 0.1, target_kl: Some(0.02))",
        )
        .unwrap();
        assert_eq!(config.learning_rate, Schedule::Linear { from: 3e-4, to: 0.0 }.into());
        assert_eq!((config.clip.at(0.5), config.target_kl, config.epochs), (0.1, Some(0.02), 4));
        assert_eq!(ron::from_str::<PpoConfig>(&ron::to_string(&config).unwrap()).unwrap(), config);
    }

    #[test]
    fn an_unknown_field_is_an_error_that_names_it() {
        let error = ron::from_str::<PpoConfig>("(gama: 0.9)").unwrap_err().to_string();
        assert!(error.contains("gama") && error.contains("gamma"), "{error}");
    }

    #[test]
    fn minibatches_come_as_close_as_they_can() {
        let check = |samples, minibatch, expected| {
            assert_eq!(PpoConfig { minibatch, ..PpoConfig::default() }.minibatches(samples), expected);
        };
        check(1000, 256, 4);
        check(900, 256, 4);
        check(890, 256, 3);
        check(100, 256, 1);
        check(16_384, 2_048, 8);
        check(5, 1, 5);
    }
}
