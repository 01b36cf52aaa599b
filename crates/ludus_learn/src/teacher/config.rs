//! The settings of policy distillation.

use crate::Schedule;
use crate::problems::{Problems, Range};

/// The settings of policy distillation in PPO.
#[derive(Clone, Debug, PartialEq)]
pub struct DistillationConfig {
    /// Updates at the beginning of the run in which the policy learns from the teacher alone, and the critic from rewards.
    ///
    /// 0 for none, usually 50 to 500.
    pub updates: usize,
    /// Adam's step size in these updates, by the part of them that is over.
    ///
    /// At least 0, usually 1e-4 to 3e-3.
    pub learning_rate: Schedule,
    /// The weight of the divergence from the teacher in the updates after them, per nat, by the part of the run that is
    /// over.
    ///
    /// At least 0: 0 for none, usually `Linear` from 0.1 to 1 down to 0.
    pub weight: Schedule,
}

impl Default for DistillationConfig {
    fn default() -> Self {
        Self { updates: 100, learning_rate: Schedule::Linear { from: 1e-3, to: 1e-4 }, weight: Schedule::Constant(0.0) }
    }
}

impl DistillationConfig {
    /// Returns every setting that is out of range: the field's name, and a sentence with its value and the valid range.
    ///
    /// ```
    /// # use ludus_learn::{DistillationConfig, Schedule};
    /// let config = DistillationConfig { weight: Schedule::Constant(-1.0), ..DistillationConfig::default() };
    /// assert_eq!(config.problems(), [("weight", "`weight` is -1; it must be at least 0".to_owned())]);
    /// ```
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Problems::default();
        problems.schedule("learning_rate", self.learning_rate, Range::NotNegative).schedule(
            "weight",
            self.weight,
            Range::NotNegative,
        );
        problems.0
    }

    /// Returns true if the update of this number is one in which the policy learns from the teacher alone.
    pub const fn is_taught(&self, iteration: u64) -> bool {
        iteration < self.updates as u64
    }

    /// Returns the step size of such an update.
    pub fn rate(&self, iteration: u64) -> f32 {
        self.learning_rate.at(iteration as f32 / self.updates.max(1) as f32)
    }
}
