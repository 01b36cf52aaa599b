//! Cloning: a policy learns the actions of demonstrations by maximum likelihood.

mod config;
mod demonstrations;
mod learner;
mod pretraining;
mod report;

pub use config::CloningConfig;
pub use demonstrations::{DemonstratedEpisode, DemonstratedSamples, Demonstrations};
pub use learner::{CloningLearner, CloningStep};
pub(crate) use pretraining::pretrain;
pub use report::{CloningEpoch, CloningReport};

use crate::{MetricInfo, Schedule};

pub(crate) const LOSS: MetricInfo = MetricInfo { name: "losses/cloning", title: "Loss of cloning", unit: "nats" };

/// The demonstrations that a policy of PPO imitates, and the use that is made of them.
#[derive(Debug)]
pub struct Imitation {
    /// The demonstrations.
    pub demonstrations: Demonstrations,
    /// The settings of cloning.
    pub config: CloningConfig,
}

impl Imitation {
    /// Returns the weight of cloning's loss beside PPO's, after `progress` of the run.
    pub fn weight(&self, progress: f32) -> f32 {
        self.config.weight.at(progress)
    }

    /// Returns true if cloning's loss is a part of the updates of PPO at any time.
    pub fn is_auxiliary(&self) -> bool {
        self.config.weight != Schedule::Constant(0.0)
    }

    /// Returns true if demonstrations are learned before the first step.
    pub const fn is_pretrained(&self) -> bool {
        self.config.epochs > 0
    }

    /// Returns true if only the critic learns in the update of this number.
    pub const fn is_warming_up(&self, iteration: u64) -> bool {
        iteration < self.config.critic_warm_up as u64
    }
}
