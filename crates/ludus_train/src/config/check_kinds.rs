//! Checks of what a config says about the kinds of agents and their policies.

use std::num::NonZeroU32;
use std::sync::Arc;

use ludus_policy::PolicyFile;
use ludus_spec::{AgentSpec, LONGEST_STEP};

use super::{AgentConfig, MeanReturn, PolicySource, RunConfig};
use crate::frozen::frozen_file;
use ludus_config::Problems;
use ludus_config::valid_names;

/// Reports sections of kinds that the game does not have, and kinds without a section.
pub(super) fn check_sections(config: &RunConfig, specs: &[Arc<AgentSpec>], report: &mut Problems<'_>) {
    let names = specs.iter().map(|spec| spec.name.as_str()).collect::<Vec<_>>();
    let unknown = config.agents.keys().filter(|kind| !names.contains(&kind.as_str())).collect::<Vec<_>>();
    for kind in &unknown {
        report.problem(&["agents", kind.as_str()], format!("unknown agent `{kind}`; {}", valid_names(&names)));
    }
    for name in names {
        // A section with a typing mistake in its name was meant for one of them.
        if (unknown.is_empty() || specs.len() > 1) && !report.is_written(&["agents", name]) {
            let external = if specs.len() > 1 { ", or `(policy: External)` if the game decides for it" } else { "" };
            report.problem(&["agents"], format!("no section for agent `{name}`; write `\"{name}\": (…)`{external}"));
        }
    }
}

/// Reports policies that can't be read, and policies of another layout.
pub(super) fn check_policies(config: &RunConfig, specs: &[Arc<AgentSpec>], report: &mut Problems<'_>) {
    for spec in specs {
        let Some(agent) = config.agents.get(&spec.name) else { continue };
        let problem = match &agent.policy {
            PolicySource::Learned | PolicySource::External => None,
            PolicySource::SameAs(other) => shared_problem(config, spec, other, specs),
            PolicySource::Frozen(file) => {
                let file = frozen_file(file, spec);
                PolicyFile::read_for(&file, spec).err().map(|error| error.to_string())
            }
        };
        if let Some(problem) = problem {
            report.problem(&["agents", &spec.name, "policy"], problem);
        }
    }
}

/// Reports a config in which no kind learns.
pub(super) fn check_learning(config: &RunConfig, specs: &[Arc<AgentSpec>], report: &mut Problems<'_>) {
    let sections = || specs.iter().filter_map(|spec| config.agents.get(&spec.name));
    if sections().count() == specs.len() && !sections().any(|agent| agent.policy == PolicySource::Learned) {
        report.problem(&["agents"], "no kind of agents learns; leave `policy` out of the section of one that is to");
    }
}

/// The reason that a kind can't share the policy of another; `None` if it can.
fn shared_problem(config: &RunConfig, spec: &AgentSpec, other: &str, specs: &[Arc<AgentSpec>]) -> Option<String> {
    let name = &spec.name;
    let owns = |spec: &&Arc<AgentSpec>| {
        let policy = config.agents.get(&spec.name).map(|agent| &agent.policy);
        spec.name != *name && matches!(policy, Some(PolicySource::Learned | PolicySource::Frozen(_)))
    };
    let owners = specs.iter().filter(owns).collect::<Vec<_>>();
    let Some(owner) = owners.iter().find(|owner| owner.name == other) else {
        let names = owners.iter().map(|owner| owner.name.as_str()).collect::<Vec<_>>();
        return Some(format!("`{name}` can't share the policy of `{other}`; {}", valid_names(&names)));
    };
    let renamed = AgentSpec { name: owner.name.clone(), ..spec.clone() };
    let masks = |spec: &AgentSpec| if spec.masked { "has" } else { "has no" };
    let difference = renamed.row_difference_from(owner).or_else(|| {
        let differs = spec.masked != owner.masked;
        differs.then(|| format!("`{other}` {} masks, `{name}` {} masks", masks(owner), masks(spec)))
    });
    if let Some(difference) = difference {
        return Some(format!(
            "`{name}` can't share the policy of `{other}`, they are laid out otherwise: from `{other}` to `{name}`, \
             {difference}; give it a policy of its own"
        ));
    }
    let [own, others] = [name, other].map(|kind| config.interval(kind));
    (own != others).then(|| {
        format!(
            "`{name}` can't share the policy of `{other}`, which decides every {others} ticks, `{name}` every {own}; \
             give both the same `decision_interval`"
        )
    })
}

/// Reports intervals that are too long, or no multiple of the smallest one: that is the length of a step of the world.
pub(super) fn check_intervals(config: &RunConfig, report: &mut Problems<'_>) {
    let check = |interval: NonZeroU32, path: &[&str], report: &mut Problems<'_>| {
        let message = || format!("`decision_interval` is {interval}; it must be at most {LONGEST_STEP}");
        report.require(interval.get() <= LONGEST_STEP, path, message);
    };
    check(config.decision_interval, &["decision_interval"], report);
    let driven = || config.agents.iter().filter(|(_, agent)| agent.policy != PolicySource::External);
    let smallest = driven().map(|(kind, _)| config.interval(kind)).min();
    for (kind, AgentConfig { decision_interval, .. }) in driven() {
        let path = ["agents", kind.as_str(), "decision_interval"];
        if let Some(interval) = decision_interval {
            check(*interval, &path, report);
        }
        let (own, smallest) = (config.interval(kind).get(), smallest.map_or(1, NonZeroU32::get));
        report.require(own.is_multiple_of(smallest), &path, || {
            format!("`{kind}` decides every {own} ticks, which is no multiple of {smallest}, the smallest interval")
        });
    }
}

/// Reports goals that are not finite, and goals of kinds that do not learn.
pub(super) fn check_goals(config: &RunConfig, specs: &[Arc<AgentSpec>], report: &mut Problems<'_>) {
    let path = ["stop", "mean_return"];
    let is_learned = |kind: &str| {
        config
            .agents
            .get(kind)
            .is_some_and(|agent| matches!(agent.policy, PolicySource::Learned | PolicySource::SameAs(_)))
    };
    let learning = specs.iter().map(|spec| spec.name.as_str()).filter(|kind| is_learned(kind)).collect::<Vec<_>>();
    match &config.stop.mean_return {
        None => {}
        Some(MeanReturn::Of(goal)) => {
            report.require(goal.is_finite(), &path, || format!("`mean_return` is {goal}; it must be finite"));
            report.require(specs.len() == 1, &path, || {
                let kinds = specs.iter().map(|spec| format!("\"{}\": …", spec.name)).collect::<Vec<_>>().join(", ");
                format!("`mean_return` is {goal} for all of several kinds; write a goal for each: `{{ {kinds} }}`")
            });
        }
        Some(MeanReturn::PerKind(goals)) => {
            for (kind, goal) in goals {
                let path = [&path[..], &[kind.as_str()]].concat();
                report
                    .require(goal.is_finite(), &path, || format!("the goal of `{kind}` is {goal}; it must be finite"));
                report.require(learning.contains(&kind.as_str()), &path, || {
                    let why = if specs.iter().any(|spec| spec.name == *kind) {
                        format!("the goal of `{kind}` may never be reached, since it does not learn")
                    } else {
                        format!("a goal for unknown agent `{kind}`")
                    };
                    format!("{why}; {}", valid_names(&learning))
                });
            }
        }
    }
}
