//! The settings of GAIL.

use ludus_net::{Activation, InputBlock, Layout, NetError, NetworkConfig};
use ludus_spec::{AgentSpec, Head};
use serde::{Deserialize, Serialize};

use crate::Schedule;
use crate::problems::{Problems, Range};

/// The name of the stream.
pub(crate) const GAIL: &str = "gail";

/// The settings of generative adversarial imitation learning.
///
/// Ho and Ermon 2016, arXiv:1606.03476.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GailConfig {
    /// The weight of its advantages beside those of the game's rewards, whose weight is 1.
    ///
    /// At least 0, usually 0.1 to 1; 1 for a game whose own rewards weigh 0.
    pub weight: Schedule,
    /// The discount factor of its rewards per decision (γ). Its returns go on in the next episode.
    ///
    /// In `0.0..=1.0`, usually 0.95 to 0.99.
    pub gamma: f32,
    /// Width of each hidden layer of its network, which reads grids and sets as plain numbers.
    ///
    /// Each at least 1, usually `[64, 64]`.
    pub hidden: Vec<usize>,
    /// Adam's step size.
    ///
    /// Rewards that follow the policy too slowly pay for what it did long ago. At least 0, usually 1e-3 to 1e-2.
    pub learning_rate: Schedule,
    /// Pairs per gradient step: half of them shown, half of them played.
    ///
    /// At least 2, usually 128 to 1,024.
    pub minibatch: usize,
    /// The weight of the penalty for a gradient, with respect to a pair, whose norm is not 1.
    ///
    /// More makes rewards change more slowly from pair to pair, and tells policy and demonstrations apart less well. At
    /// least 0, usually 0.03 to 1; Kostrikov et al. 2019, arXiv:1809.02925, §4, take 10.
    pub gradient_penalty: f32,
}

impl Default for GailConfig {
    fn default() -> Self {
        Self {
            weight: Schedule::Constant(1.0),
            gamma: 0.99,
            hidden: vec![64, 64],
            learning_rate: Schedule::Constant(3e-3),
            minibatch: 256,
            gradient_penalty: 0.1,
        }
    }
}

impl GailConfig {
    /// Returns every setting that is out of range: the field's name, and a sentence with its value and the valid range.
    ///
    /// ```
    /// # use ludus_learn::GailConfig;
    /// let config = GailConfig { gradient_penalty: -1.0, ..GailConfig::default() };
    /// let sentence = "`gradient_penalty` is -1; it must be at least 0".to_owned();
    /// assert_eq!(config.problems(), [("gradient_penalty", sentence)]);
    /// ```
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Problems::default();
        problems
            .schedule("weight", self.weight, Range::NotNegative)
            .numbers("gamma", &[self.gamma], Range::Fraction)
            .schedule("learning_rate", self.learning_rate, Range::NotNegative)
            .numbers("gradient_penalty", &[self.gradient_penalty], Range::NotNegative)
            .hidden(&self.hidden);
        if self.minibatch < 2 {
            problems.0.push(("minibatch", format!("`minibatch` is {}; it must be at least 2", self.minibatch)));
        }
        problems.0
    }

    /// Lays out a network with one output for these pairs.
    pub(super) fn layout(&self, pairs: &AgentSpec) -> Result<Layout, NetError> {
        let config = NetworkConfig {
            hidden: self.hidden.clone(),
            // The penalty needs a gradient that changes smoothly.
            activation: Activation::Tanh,
            // The critic is not used: on a common trunk it costs next to nothing.
            shared: true,
            ..NetworkConfig::default()
        };
        // One number, whose deviation is not used.
        Layout::with_blocks(
            pairs.observation_width(),
            &InputBlock::of_agent(pairs),
            &[Head::Gaussian { width: 1 }],
            &config,
        )
    }
}
