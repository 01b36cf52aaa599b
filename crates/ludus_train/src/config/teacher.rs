//! The section `teacher` of `pretrain`: a policy whose decisions another one learns.

use std::num::NonZeroU32;
use std::path::PathBuf;

use ludus_config::Problems;
use ludus_learn::{DistillationConfig, Schedule};
use ludus_net::Layout;
use ludus_policy::PolicyFile;
use ludus_spec::AgentSpec;
use serde::{Deserialize, Serialize};

use super::AgentConfig;
use crate::frozen::frozen_file;

/// A policy whose decisions a kind of agents learns where it goes itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TeacherConfig {
    /// The policy file of the teacher, or a run's folder. Its network may be of any other size.
    pub policy: PathBuf,
    /// Updates at the beginning of the run in which the policy learns from the teacher alone, and the critic from rewards.
    ///
    /// 0 for none, usually 50 to 500.
    pub updates: usize,
    /// Adam's step size in these updates, by the part of them that is over.
    ///
    /// At least 0, usually 1e-4 to 3e-3.
    pub learning_rate: Schedule,
    /// The weight of the divergence from the teacher in later updates of PPO, per nat, by the part of the run that is over.
    ///
    /// At least 0: 0 for none, usually `Linear` from 0.1 to 1 down to 0.
    pub weight: Schedule,
}

impl Default for TeacherConfig {
    fn default() -> Self {
        let DistillationConfig { updates, learning_rate, weight } = DistillationConfig::default();
        Self { policy: PathBuf::new(), updates, learning_rate, weight }
    }
}

impl TeacherConfig {
    /// The settings of distillation.
    pub const fn distillation(&self) -> DistillationConfig {
        let &Self { updates, learning_rate, weight, .. } = self;
        DistillationConfig { updates, learning_rate, weight }
    }

    /// The file of the teacher of a kind of agents.
    pub fn file(&self, spec: &AgentSpec) -> PathBuf {
        frozen_file(&self.policy, spec)
    }
}

/// Reports settings of `teacher` that are out of range, and a teacher that the kind can't learn from.
pub(super) fn check_teacher(
    agent: &AgentConfig,
    spec: &AgentSpec,
    decision_interval: NonZeroU32,
    report: &mut Problems<'_>,
) {
    let Some(teacher) = agent.pretrain.as_ref().and_then(|pretrain| pretrain.teacher.as_ref()) else { return };
    let path = |field: &'static str| ["agents", spec.name.as_str(), "pretrain", "teacher", field];
    for (field, message) in teacher.distillation().problems() {
        report.problem(&path(field), message);
    }
    if let Some(problem) = policy_problem(teacher, agent, spec, decision_interval) {
        report.problem(&path("policy"), problem);
    }
}

/// The reason that the kind can't learn from the teacher; `None` if it can.
fn policy_problem(
    teacher: &TeacherConfig,
    agent: &AgentConfig,
    spec: &AgentSpec,
    decision_interval: NonZeroU32,
) -> Option<String> {
    if teacher.policy.as_os_str().is_empty() {
        return Some("there is no teacher; name a policy file, or a run's folder".to_owned());
    }
    let path = teacher.file(spec);
    let layouts = PolicyFile::read_for(&path, spec).and_then(|file| Ok((file.layout()?, file.decision_interval)));
    let (layout, interval) = match layouts {
        Ok(found) => found,
        Err(error) => return Some(error.to_string()),
    };
    let path = path.display();
    if layout.policy_memory_width() > 0 {
        return Some(format!(
            "the teacher `{path}` has a `memory`, stacked steps or its last action; take a teacher without them"
        ));
    }
    if interval != decision_interval {
        return Some(format!(
            "the teacher `{path}` decides every {interval} ticks, and `{}` every {decision_interval}; give `decision_interval` the \
             same value",
            spec.name
        ));
    }
    // Whatever is wrong with the policy's own network is told elsewhere.
    let own = Layout::of_agent(spec, &agent.learned_network()).ok()?;
    (own.heads() != layout.heads()).then(|| {
        let [was, now] = [&layout, &own].map(|layout| layout.config().squashed);
        format!("the teacher `{path}` has a network with `squashed: {was}`, the config's has `squashed: {now}`; use the same")
    })
}
