//! The settings of cloning.

use crate::Schedule;
use crate::problems::{Problems, Range};

/// The settings of cloning: of the pretraining before a run's first step, and of what follows from it in PPO.
#[derive(Clone, Debug, PartialEq)]
pub struct CloningConfig {
    /// Passes over the demonstrations before the first step of the run. With any, the statistics of observations are those
    /// of the demonstrations for the whole run.
    ///
    /// 0 for none, usually 20 for hundreds of episodes to 300 for a few.
    pub epochs: usize,
    /// Samples per gradient step, in the pretraining and beside a minibatch of PPO.
    ///
    /// At least 1, usually 32 to 512.
    pub minibatch: usize,
    /// Adam's step size in the pretraining, by the part of its epochs that is over.
    ///
    /// At least 0, usually 1e-4 to 3e-3.
    pub learning_rate: Schedule,
    /// The maximum norm of the gradient in the pretraining.
    ///
    /// Above 0.
    pub max_grad_norm: f32,
    /// The least standard deviation of continuous actions after the pretraining.
    ///
    /// Demonstrations without noise make a policy that hardly explores, from which PPO learns little. It has no effect on
    /// the most probable actions, nor on numbers whose deviation depends on the observation (`squashed`). At least 0,
    /// usually 0.1 to 0.5.
    pub least_deviation: f32,
    /// The weight of cloning's loss in the updates of PPO, per nat, by the part of the run that is over.
    ///
    /// At least 0: 0 for none, usually `Linear` from 0.1 to 1 down to 0.
    pub weight: Schedule,
    /// The updates of PPO at the beginning of the run in which only the critic learns.
    ///
    /// Cloning teaches the policy and not the critic. From a critic that knows nothing, the first updates of PPO would
    /// undo what was cloned. 0 for none, usually 5 to 50.
    pub critic_warm_up: usize,
}

impl Default for CloningConfig {
    fn default() -> Self {
        Self {
            epochs: 300,
            minibatch: 64,
            learning_rate: Schedule::Linear { from: 1e-3, to: 1e-4 },
            max_grad_norm: 1.0,
            least_deviation: 0.1,
            weight: Schedule::Constant(0.0),
            critic_warm_up: 10,
        }
    }
}

impl CloningConfig {
    /// Returns every setting that is out of range: the field's name, and a sentence with its value and the valid range.
    ///
    /// ```
    /// # use ludus_learn::CloningConfig;
    /// let config = CloningConfig { minibatch: 0, ..CloningConfig::default() };
    /// assert_eq!(config.problems(), [("minibatch", "`minibatch` is 0; it must be at least 1".to_owned())]);
    /// ```
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Problems::default();
        problems
            .count("minibatch", self.minibatch)
            .schedule("learning_rate", self.learning_rate, Range::NotNegative)
            .numbers("max_grad_norm", &[self.max_grad_norm], Range::Positive)
            .numbers("least_deviation", &[self.least_deviation], Range::NotNegative)
            .schedule("weight", self.weight, Range::NotNegative);
        problems.0
    }
}
