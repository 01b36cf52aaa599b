//! Checks of critics that see their team.

use std::sync::Arc;

use ludus_config::Problems;
use ludus_spec::AgentSpec;

use super::algorithm::AlgorithmConfig;
use super::critic::{Baseline, CriticView};
use super::{AgentConfig, PolicySource, RunConfig};

/// Reports critics of teams that can't be learned.
pub(super) fn check_critics(config: &RunConfig, specs: &[Arc<AgentSpec>], report: &mut Problems<'_>) {
    for spec in specs {
        let agent = config.agents.get(&spec.name).filter(|agent| agent.critic == CriticView::Team);
        if let Some(problem) = agent.and_then(|agent| problem(agent, spec, config)) {
            report.problem(&["agents", &spec.name, "critic"], problem);
        }
        let needs_team =
            |agent: &&AgentConfig| agent.baseline == Baseline::Counterfactual && agent.critic != CriticView::Team;
        report.require(config.agents.get(&spec.name).filter(needs_team).is_none(), &["agents", &spec.name, "baseline"], || {
            format!(
                "a counterfactual baseline is a value without the agent's own action, in what its team observes and does, and \
                 the critic of `{}` does not see its team; set `critic: Team`, or leave `baseline` out",
                spec.name
            )
        });
    }
}

/// The reason that the critic of a kind can't see its team, as a sentence with the remedy.
fn problem(agent: &AgentConfig, spec: &AgentSpec, config: &RunConfig) -> Option<String> {
    let name = &spec.name;
    if agent.policy != PolicySource::Learned {
        return Some(format!("the policy of `{name}` is not learned here, so it has no critic; leave `critic` out"));
    }
    let shared = PolicySource::SameAs(name.clone());
    if let Some((other, _)) = config.agents.iter().find(|(_, other)| other.policy == shared) {
        return Some(format!(
            "`{other}` shares the policy of `{name}`, and a team of several kinds of agents is not supported; give \
             `{other}` a policy of its own, or leave `critic` out"
        ));
    }
    if !matches!(agent.algorithm(), AlgorithmConfig::Ppo(_)) {
        let section = agent.algorithm().section();
        return Some(format!(
            "`{section}` has no critic that could see a team; learn with `ppo`, or leave `critic` out"
        ));
    }
    if agent.pretrain.is_some() {
        return Some(format!(
            "demonstrations of `{name}` have no observations of its team; leave `critic` or `pretrain` out"
        ));
    }
    if agent.network.shared {
        return Some(
            "with `shared: true` actor and critic read the same, and the critic of a team reads more; set `shared: false`, \
             or leave `critic` out"
                .to_owned(),
        );
    }
    spec.team_view_problem()
}
