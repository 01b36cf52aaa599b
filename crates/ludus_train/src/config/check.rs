//! Checks of a config that its types can't make: ranges, and agreement with the game.

use std::sync::Arc;

use ludus_learn::StreamProblem;
use ludus_net::NetworkProblem;
use ludus_spec::{AgentSpec, Block, ObservationField, ObservationKind};

use super::algorithm::{AlgorithmConfig, SECTIONS};
use super::check_critic::check_critics;
use super::check_kinds::{check_goals, check_intervals, check_learning, check_policies, check_sections};
use super::pretrain::check_pretrain;
use super::self_play::check_self_play;
use super::{AgentConfig, CriticView, PolicySource, RunConfig};
use crate::memory;
use ludus_config::Problems;
use ludus_config::valid_names;

/// Most arenas, and most rows of a kind. A config with more has a typing mistake.
const MOST_ROWS: u64 = 1 << 24;

/// Most samples of a rollout. More exceed the memory, and samples are numbered with 32 bits.
const MOST_SAMPLES: u64 = 1 << 28;

/// Adds every problem of `config` for a game with these kinds of agents to `report`.
pub(super) fn check(config: &RunConfig, specs: &[Arc<AgentSpec>], report: &mut Problems<'_>) {
    check_intervals(config, report);
    check_size(config, report);
    check_goals(config, specs, report);
    check_stop(config, report);
    check_checkpoints(config, report);
    check_sections(config, specs, report);
    check_policies(config, specs, report);
    check_learning(config, specs, report);
    check_self_play(config, specs, report);
    check_critics(config, specs, report);
    for spec in specs {
        if let Some(agent) = config.agents.get(&spec.name) {
            check_agent(agent, spec, report);
            check_pretrain(agent, spec, config.interval(&spec.name), report);
        }
    }
}

fn check_size(config: &RunConfig, report: &mut Problems<'_>) {
    let worlds = u64::from(config.worlds.resolve().get());
    let arenas = worlds * u64::from(config.arenas.get());
    if arenas > MOST_ROWS {
        return report.problem(&["arenas"], format!("{arenas} arenas in all; there may be {MOST_ROWS} at most"));
    }
    for (kind, agent) in &config.agents {
        let rows = agent.rows.map_or(arenas, |rows| worlds * u64::from(rows.get()));
        check_rollout(kind, agent, rows, report);
    }
}

fn check_rollout(kind: &str, agent: &AgentConfig, rows: u64, report: &mut Problems<'_>) {
    let message = || format!("{rows} rows in all; there may be {MOST_ROWS} at most");
    report.require(rows <= MOST_ROWS, &["agents", kind, "rows"], message);
    let algorithm = agent.algorithm();
    let samples = rows.saturating_mul(algorithm.rollout_steps() as u64);
    let message = || format!("a rollout of {samples} samples; there may be {MOST_SAMPLES} at most");
    report.require(samples <= MOST_SAMPLES, &["agents", kind, algorithm.section(), "rollout_steps"], message);
}

fn check_stop(config: &RunConfig, report: &mut Problems<'_>) {
    if let Some(seconds) = config.stop.seconds {
        let message = || format!("`seconds` is {seconds}; it must be above 0");
        report.require(seconds > 0.0 && seconds.is_finite(), &["stop", "seconds"], message);
    }
}

fn check_checkpoints(config: &RunConfig, report: &mut Problems<'_>) {
    if let Some(seconds) = config.checkpoints.every_seconds {
        let message = || format!("`every_seconds` is {seconds}; it must be above 0, or `None`");
        report.require(seconds > 0.0 && seconds.is_finite(), &["checkpoints", "every_seconds"], message);
    }
}

fn check_agent(agent: &AgentConfig, spec: &AgentSpec, report: &mut Problems<'_>) {
    let section = ["agents", spec.name.as_str()];
    check_reward(agent, spec, report);
    check_disturbances(agent, spec, report);
    // With `shared` layers, the critic is reported.
    let read = if agent.network.shared { spec.clone() } else { agent.learned_spec(spec, 1) };
    for NetworkProblem { path, message } in agent.network.problems_for(&read) {
        let path = path.iter().map(String::as_str);
        report.problem(&section.into_iter().chain(["network"]).chain(path).collect::<Vec<_>>(), message);
    }
    check_algorithm(agent, spec, report);
}

/// Reports settings of the algorithm that are out of range, more than one algorithm, and one that can't learn from these
/// agents.
fn check_algorithm(agent: &AgentConfig, spec: &AgentSpec, report: &mut Problems<'_>) {
    let (section, algorithm) = (["agents", spec.name.as_str()], agent.algorithm());
    let in_section = |field: &'static str| [&section[..], &[algorithm.section(), field]].concat();
    for (field, message) in algorithm.problems() {
        report.problem(&in_section(field), message);
    }
    if let AlgorithmConfig::Ppo(ppo) = algorithm {
        for StreamProblem { path, message } in ppo.stream_problems(spec) {
            let path = path.iter().map(String::as_str);
            report.problem(&section.into_iter().chain(["ppo"]).chain(path).collect::<Vec<_>>(), message);
        }
    }
    let path = [&section[..], &[algorithm.section()]].concat();
    let sections = agent.algorithm_sections();
    if sections.len() != 1 {
        let names = sections.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ");
        let has = if names.is_empty() {
            "no algorithm".to_owned()
        } else {
            format!("{names}, and one policy has one algorithm")
        };
        report.problem(&path, format!("`{}` has {has}; keep one of {}", spec.name, valid_sections()));
    }
    if let Some(message) = algorithm.misfit(agent, spec) {
        report.problem(&path, message);
    }
    let (bytes, free) = (algorithm.replay_bytes(spec, 1) as u64, memory::available());
    report.require(bytes <= free, &in_section("replay"), || {
        let [needed, free] = [bytes, free].map(memory::in_words);
        format!("the replay takes {needed} of memory, and {free} are free; give `replay` fewer steps")
    });
}

/// Reports streams of rewards that networks of the game's own can't learn: each needs a value head.
pub(super) fn check_own_networks(config: &RunConfig, report: &mut Problems<'_>) {
    for (kind, agent) in &config.agents {
        let AlgorithmConfig::Ppo(ppo) = agent.algorithm() else { continue };
        report.require(agent.critic == CriticView::Agent, &["agents", kind, "critic"], || {
            format!(
                "`{kind}` learns a network of the game's own, and `critic: Team` needs one that the config describes; leave \
                 `critic` out"
            )
        });
        for (field, is_there) in [("streams", !ppo.streams.is_empty()), ("curiosity", ppo.curiosity.is_some())] {
            report.require(!is_there, &["agents", kind, "ppo", field], || {
                format!(
                    "`{kind}` learns a network of the game's own, whose critic has one value, and `{field}` needs others \
                     beside it; leave `{field}` out, or learn a network that the config describes"
                )
            });
        }
    }
}

/// Most decisions by which actions are delayed.
const LONGEST_DELAY: u32 = 1000;

/// Reports noise on fields that can't have any, and delays that are too long.
fn check_disturbances(agent: &AgentConfig, spec: &AgentSpec, report: &mut Problems<'_>) {
    let is_number =
        |field: &&ObservationField| matches!(field.block, Block::Values { .. }) && field.kind != ObservationKind::Flag;
    let fields: Vec<_> = spec.observation.iter().filter(is_number).map(|field| field.name.as_str()).collect();
    let section = ["agents", spec.name.as_str()];
    for (field, deviation) in &agent.observation_noise {
        let path = [&section[..], &["observation_noise", field.as_str()]].concat();
        let message = || {
            let why = if spec.observation.iter().any(|known| known.name == *field) {
                "has no numbers that noise could be added to"
            } else {
                "is no field of the observation"
            };
            format!("`{field}` {why}; {}", valid_names(&fields))
        };
        report.require(fields.contains(&field.as_str()), &path, message);
        let message = || format!("the noise on `{field}` is {deviation}; it must be finite and at least 0");
        report.require(deviation.is_finite() && *deviation >= 0.0, &path, message);
    }
    let path = [&section[..], &["action_delay"]].concat();
    let delay = agent.action_delay;
    report.require(delay <= LONGEST_DELAY, &path, || {
        format!("`action_delay` is {delay}; there may be {LONGEST_DELAY} decisions at most")
    });
    report.require(delay == 0 || !spec.masked, &path, || {
        format!(
            "`{}` has masks, and a choice that is allowed now may be forbidden {delay} decisions later; leave it out",
            spec.name
        )
    });
}

/// The sections of algorithms, in words.
fn valid_sections() -> String {
    SECTIONS.map(|name| format!("`{name}`")).join(", ")
}

fn check_reward(agent: &AgentConfig, spec: &AgentSpec, report: &mut Problems<'_>) {
    let terms = spec.reward.iter().map(|term| term.name.as_str()).collect::<Vec<_>>();
    let path = |term| ["agents", spec.name.as_str(), "reward", term];
    for (term, weight) in &agent.reward {
        if !terms.contains(&term.as_str()) {
            report.problem(&path(term), format!("unknown term `{term}`; {}", valid_names(&terms)));
        }
        report.require(weight.is_finite(), &path(term), || {
            format!("the weight of `{term}` is {weight}; it must be finite")
        });
    }
    // A kind that does not learn needs no weights.
    if !matches!(agent.policy, PolicySource::Learned | PolicySource::SameAs(_)) {
        return;
    }
    for term in terms.iter().filter(|term| !report.is_written(&path(term))).collect::<Vec<_>>() {
        let message = format!("no weight for term `{term}`; every term needs one: {}", valid_names(&terms));
        report.problem(&path(term), message);
    }
}
