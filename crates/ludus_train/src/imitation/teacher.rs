//! Teachers of a run: a policy file becomes what an algorithm learns from.

use ludus_learn::{LearnError, PolicyDistillation, Teacher};
use ludus_net::Network;
use ludus_play::{Steps, check_steps};
use ludus_policy::PolicyFile;
use ludus_spec::{AgentSpec, Seed};

use super::RecordedTime;
use crate::config::{AgentConfig, TeacherConfig};
use crate::error::TrainError;

/// Reads the teacher of a kind of agents; `None` if its section names none.
///
/// # Errors
///
/// If the file can't be read, or does not fit the kind.
pub(crate) fn distillation(agent: &AgentConfig, spec: &AgentSpec) -> Result<Option<PolicyDistillation>, TrainError> {
    let Some(teacher) = section(agent) else { return Ok(None) };
    let file = PolicyFile::read_for(&teacher.file(spec), spec)?;
    let mut network = Network::new(file.layout()?, Seed::default());
    let learner = |error| TrainError::Learner(LearnError::from(error));
    network.set_parameters(&file.parameters).map_err(learner)?;
    let made = Teacher::new(network, file.normalizer).map_err(TrainError::Learner)?;
    Ok(Some(PolicyDistillation { teacher: made, config: teacher.distillation() }))
}

/// Checks that the teacher of a kind was trained with these steps and ticks. Returns a sentence about it; `None` without
/// a teacher.
///
/// # Errors
///
/// [`TrainError::Unplayable`] if it was trained with others.
pub(crate) fn check_time(
    agent: &AgentConfig,
    spec: &AgentSpec,
    time: RecordedTime,
) -> Result<Option<String>, TrainError> {
    let Some(teacher) = section(agent) else { return Ok(None) };
    let path = teacher.file(spec);
    let file = PolicyFile::read_for(&path, spec)?;
    let trained = Steps { decision_interval: file.decision_interval, tick_rate_hz: file.tick_rate_hz };
    let now = Steps { decision_interval: time.interval, tick_rate_hz: time.tick_rate_hz };
    check_steps(&path, trained, now).map_err(|error| TrainError::Unplayable(error.to_string()))?;
    let (path, updates) = (path.display(), teacher.updates);
    Ok(Some(format!("learning from the teacher `{path}`, and from nothing else in the first {updates} updates")))
}

fn section(agent: &AgentConfig) -> Option<&TeacherConfig> {
    agent.pretrain.as_ref()?.teacher.as_ref()
}
