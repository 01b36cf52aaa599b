//! The section `pretrain` of an agent's section: demonstrations that its policy learns from before and beside rewards.

use std::num::NonZeroU32;
use std::path::PathBuf;

use ludus_config::Problems;
use ludus_demonstrations::{DemonstrationError, DemonstrationFile};
use ludus_learn::{CloningConfig, GailConfig, Schedule};
use ludus_spec::AgentSpec;
use serde::{Deserialize, Serialize};

use super::algorithm::{AlgorithmConfig, without_some};
use super::teacher::{TeacherConfig, check_teacher};
use super::{AgentConfig, PolicySource};
use crate::shipped::shipped;

/// Demonstrations that a policy learns from before the first step of a run, and the use of them in the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PretrainConfig {
    /// The files of the demonstrations.
    pub demonstrations: Vec<PathBuf>,
    /// The share of each file's episodes that is not learned from. The policy of the epoch that predicts these best is
    /// kept, and `eval --demonstrations` judges by them.
    ///
    /// From 0 to below 1, usually 0.1 to 0.2, and 0 for some twenty episodes or fewer: one or two episodes say too little
    /// about the best epoch. A file of two episodes or more has one at least, unless the share is 0.
    pub held_out: f32,
    /// Passes over the demonstrations before the first step of the run. With any, the statistics of observations are those
    /// of the demonstrations for the whole run.
    ///
    /// 0 for none, usually 20 for hundreds of episodes to 300 for a few.
    pub epochs: usize,
    /// Samples per gradient step, before the run and beside a minibatch of PPO.
    ///
    /// At least 1, usually 32 to 512.
    pub minibatch: usize,
    /// Adam's step size before the run, by the part of its epochs that is over.
    ///
    /// At least 0, usually 1e-4 to 3e-3.
    pub learning_rate: Schedule,
    /// The least standard deviation of continuous actions after the last epoch, so that PPO still explores.
    ///
    /// At least 0, usually 0.1 to 0.5.
    pub least_deviation: f32,
    /// The weight of the demonstrations' loss in the updates of PPO, per nat, by the part of the run that is over.
    ///
    /// At least 0: 0 for none, usually `Linear` from 0.1 to 1 down to 0.
    pub weight: Schedule,
    /// Updates of PPO at the beginning of the run in which only the critic learns.
    ///
    /// 0 for none, usually 5 to 50.
    pub critic_warm_up: usize,
    /// Rewards for deciding as in the demonstrations, in a stream of their own; `None` for none.
    #[serde(serialize_with = "without_some")]
    pub gail: Option<GailConfig>,
    /// A policy whose decisions are learned, with demonstrations or without; `None` for none.
    #[serde(serialize_with = "without_some")]
    pub teacher: Option<TeacherConfig>,
}

impl Default for PretrainConfig {
    fn default() -> Self {
        let CloningConfig { epochs, minibatch, learning_rate, least_deviation, weight, critic_warm_up, .. } =
            CloningConfig::default();
        Self {
            demonstrations: Vec::new(),
            held_out: 0.1,
            epochs,
            minibatch,
            learning_rate,
            least_deviation,
            weight,
            critic_warm_up,
            gail: None,
            teacher: None,
        }
    }
}

impl PretrainConfig {
    /// The settings of cloning.
    pub fn cloning(&self) -> CloningConfig {
        let &Self { epochs, minibatch, learning_rate, least_deviation, weight, critic_warm_up, .. } = self;
        CloningConfig {
            epochs,
            minibatch,
            learning_rate,
            least_deviation,
            weight,
            critic_warm_up,
            ..CloningConfig::default()
        }
    }

    /// True if an episode is held out, by its index among `count` episodes of its file.
    ///
    /// Episodes that are held out are spread evenly over the file.
    pub fn is_held_out(&self, index: usize, count: usize) -> bool {
        let least = usize::from(count > 1 && self.held_out > 0.0);
        let most = count.saturating_sub(1);
        let held_out = ((self.held_out * count as f32).round() as usize).clamp(least.min(most), most);
        (index + 1) * held_out / count.max(1) > index * held_out / count.max(1)
    }

    /// Reads the files for agents with this spec, which decide every `decision_interval` ticks.
    ///
    /// # Errors
    ///
    /// The first file that can't be read or does not fit, by its index.
    pub fn read(
        &self,
        spec: &AgentSpec,
        decision_interval: NonZeroU32,
    ) -> Result<Vec<(PathBuf, DemonstrationFile)>, (usize, DemonstrationError)> {
        let read = |(index, named): (usize, &PathBuf)| {
            let path = shipped(named).unwrap_or_else(|| named.clone());
            let file = DemonstrationFile::read_for(&path, spec, decision_interval);
            file.map(|file| (path, file)).map_err(|error| (index, error))
        };
        self.demonstrations.iter().enumerate().map(read).collect()
    }
}

/// Reports settings of `pretrain` that are out of range, and demonstrations that can't be learned from.
pub(super) fn check_pretrain(
    agent: &AgentConfig,
    spec: &AgentSpec,
    decision_interval: NonZeroU32,
    report: &mut Problems<'_>,
) {
    let Some(pretrain) = &agent.pretrain else { return };
    let path = |field: &'static str| ["agents", spec.name.as_str(), "pretrain", field];
    for (field, message) in pretrain.cloning().problems() {
        report.problem(&path(field), message);
    }
    for (field, message) in pretrain.gail.iter().flat_map(GailConfig::problems) {
        report.problem(&["agents", &spec.name, "pretrain", "gail", field], message);
    }
    let held_out = pretrain.held_out;
    report.require((0.0..1.0).contains(&held_out), &path("held_out"), || {
        format!("`held_out` is {held_out}; it must be from 0 to below 1")
    });
    let section = ["agents", spec.name.as_str(), "pretrain"];
    report.require(matches!(agent.algorithm(), AlgorithmConfig::Ppo(_)), &section, || {
        format!("`{}` can't learn from demonstrations or teachers; learn with `ppo`", agent.algorithm().section())
    });
    report.require(agent.policy == PolicySource::Learned, &section, || {
        format!("the policy of `{}` is not learned in this run; leave `pretrain` out", spec.name)
    });
    check_teacher(agent, spec, decision_interval, report);
    let needs_none = pretrain.teacher.is_some() && pretrain.gail.is_none();
    if pretrain.demonstrations.is_empty() && !needs_none {
        let message = "no demonstrations; name files that `eval --record` or `play --record` has written";
        report.problem(&path("demonstrations"), message);
    } else if let Err((_, error)) = pretrain.read(spec, decision_interval) {
        report.problem(&path("demonstrations"), error.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn episodes_that_are_held_out_are_spread_over_a_file() {
        let check = |held_out: f32, count: usize, expected: &[usize]| {
            let pretrain = PretrainConfig { held_out, ..PretrainConfig::default() };
            let found: Vec<usize> = (0..count).filter(|&index| pretrain.is_held_out(index, count)).collect();
            assert_eq!(found, expected, "{held_out} of {count}");
        };
        check(0.1, 20, &[9, 19]);
        check(0.1, 3, &[2]);
        check(0.1, 1, &[]);
        check(0.0, 20, &[]);
        check(0.5, 4, &[1, 3]);
        check(0.99, 3, &[1, 2]);
    }
}
