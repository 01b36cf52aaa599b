//! The settings of a stream of a game's terms.

use serde::{Deserialize, Serialize};

use crate::Schedule;
use crate::problems::{Problems, Range};

/// The settings of a stream of rewards: some terms of a game's reward with a discount of their own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StreamConfig {
    /// The terms of the game's reward that the stream has. They keep their weights, and the other terms lose them.
    ///
    /// At least one, each in one stream at most.
    pub terms: Vec<String>,
    /// The discount factor per decision (γ).
    ///
    /// In `0.0..=1.0`; lower than that of the other terms for what matters at once, higher for what matters late.
    pub gamma: f32,
    /// The weight of its advantages beside those of the other terms, whose weight is 1.
    ///
    /// At least 0, usually 0.1 to 2.
    pub weight: Schedule,
    /// True if its rewards are divided by the running deviation of their discounted return.
    pub scale_rewards: bool,
    /// True if its returns end with an episode. Others go on in the next one.
    ///
    /// Usually on.
    pub episodic: bool,
}

impl Default for StreamConfig {
    fn default() -> Self {
        Self { terms: Vec::new(), gamma: 0.99, weight: Schedule::Constant(1.0), scale_rewards: false, episodic: true }
    }
}

impl StreamConfig {
    /// Returns every number that is out of range: the field's name, and a sentence.
    pub(crate) fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Problems::default();
        problems.numbers("gamma", &[self.gamma], Range::Fraction).schedule("weight", self.weight, Range::NotNegative);
        problems.0
    }
}
