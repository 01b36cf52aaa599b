//! Checks of the values of episode parameters.

use std::sync::Arc;

use ludus_config::{Problems, valid_names};
use ludus_spec::{AgentSpec, EpisodeParameter};

use super::parameters::LearningKind;
use super::{PARAMETERS, PolicySource, RunConfig};

/// Reports parameters that the game does not have, values beyond their ranges, and stages that can't be finished.
pub(super) fn check_parameters<'a>(
    config: &RunConfig,
    specs: &'a [Arc<AgentSpec>],
    parameters: &[EpisodeParameter],
    report: &mut Problems<'_>,
) {
    let learning = |spec: &'a Arc<AgentSpec>| {
        let agent = config.agents.get(&spec.name)?;
        let learns = matches!(agent.policy, PolicySource::Learned | PolicySource::SameAs(_));
        learns.then_some(LearningKind { name: &spec.name, plays_itself: agent.self_play.is_some() })
    };
    let learning: Vec<_> = specs.iter().filter_map(learning).collect();
    let names: Vec<_> = parameters.iter().map(|parameter| parameter.name.as_str()).collect();
    for (name, values) in &config.parameters {
        let path = [PARAMETERS, name.as_str()];
        match parameters.iter().find(|parameter| parameter.name == *name) {
            Some(parameter) => {
                values.problems(parameter, &learning).into_iter().for_each(|problem| report.problem(&path, problem));
            }
            None if names.is_empty() => report.problem(
                &path,
                format!(
                    "unknown episode parameter `{name}`; the game has none: register some by \
                     `app.add_episode_parameters::<Arena, …>()`, or leave the line out"
                ),
            ),
            None => report.problem(&path, format!("unknown episode parameter `{name}`; {}", valid_names(&names))),
        }
    }
    if let Some(success) = config.stop.success {
        let message = || format!("`success` is {success}; it is a part of the episodes, 0 to 1");
        report.require((0.0..=1.0).contains(&success), &["stop", "success"], message);
    }
}
