//! The numbers that estimate the values of a policy's decisions, for windows.

use std::path::Path;

use ludus_learn::SacNetworks;
use ludus_net::Network;
use ludus_policy::{PolicyFile, PolicyNetwork, SoftCritics, ValueEstimate};
use ludus_spec::Seed;

use crate::config::{AgentConfig, AlgorithmConfig, PolicySource, RunConfig};
use crate::{Checkpoint, RunFolder};

/// The array of a checkpoint with the weights of soft actor-critic's critics.
const CRITICS: &str = "critics";

/// A policy of a session as it is now.
#[derive(Clone, Debug)]
pub struct SessionPolicy {
    /// The policy as it is saved.
    pub file: PolicyFile,
    /// The numbers that estimate the values of its decisions: of `sac`, its critics, which are not in the file.
    pub values: ValueEstimate,
}

/// Returns the numbers that estimate the values of a policy in a file or a run's folder, which a run with this config has
/// learned.
///
/// The critics of `sac` are not in policy files. They are read from the checkpoint that is at `path`, or from one of the
/// run that was saved after as many steps as the policy.
pub fn saved_values(path: &Path, config: &RunConfig, file: &PolicyFile) -> ValueEstimate {
    let is_needed = matches!(owner(config, file).algorithm(), AlgorithmConfig::Sac(_));
    let critics = if is_needed { saved_critics(path, file) } else { None };
    value_estimate(config, file, critics.as_deref())
}

/// Returns the numbers that estimate the values of a policy that a run with this config learns. `critics` are the weights
/// of both critics of `sac`.
pub(crate) fn value_estimate(config: &RunConfig, file: &PolicyFile, critics: Option<&[f32]>) -> ValueEstimate {
    let agent = owner(config, file);
    let PolicyNetwork::Described(network) = &file.network else { return ValueEstimate::Critic };
    if network.squashed != agent.learned_network().squashed {
        // Another algorithm has learned it, and it is not known which.
        return ValueEstimate::Missing;
    }
    match agent.algorithm() {
        AlgorithmConfig::Ppo(_) => ValueEstimate::Critic,
        AlgorithmConfig::Pqn(pqn) => ValueEstimate::Outputs { is_dueling: pqn.dueling },
        AlgorithmConfig::Dqn(dqn) => ValueEstimate::Outputs { is_dueling: dqn.dueling },
        AlgorithmConfig::Sac(_) => {
            let critics = critics.and_then(|critics| soft_critics(file, critics));
            critics.map_or(ValueEstimate::Missing, |critics| ValueEstimate::Critics(Box::new(critics)))
        }
    }
}

/// Returns the section of the agents that learn the policy.
fn owner<'a>(config: &'a RunConfig, file: &PolicyFile) -> &'a AgentConfig {
    let own = config.agent(&file.spec);
    match &own.policy {
        PolicySource::SameAs(other) => config.agents.get(other).unwrap_or(own),
        _ => own,
    }
}

/// Makes the critics with these weights; `None` if they are for another policy.
fn soft_critics(file: &PolicyFile, weights: &[f32]) -> Option<SoftCritics> {
    let policy = Network::new(file.layout().ok()?, Seed::default());
    let mut critics = SacNetworks::new(policy, Seed::default()).ok()?.critics().clone();
    let count = critics[0].parameters().len();
    if weights.len() != 2 * count {
        return None;
    }
    for (critic, own) in critics.iter_mut().zip(weights.chunks_exact(count)) {
        critic.set_parameters(own).ok()?;
    }
    Some(SoftCritics::new(critics))
}

/// Reads the critics' weights of a policy from a checkpoint.
fn saved_critics(path: &Path, file: &PolicyFile) -> Option<Vec<f32>> {
    let is_folder = path.is_dir();
    let own = (!is_folder).then(|| path.to_owned());
    let run = RunFolder::open(if is_folder { path } else { path.parent()? });
    let of_run = run.numbered_checkpoints().unwrap_or_default().into_iter();
    let of_run = of_run.filter(|checkpoint| checkpoint.steps == file.origin.steps).map(|checkpoint| checkpoint.path);
    own.into_iter().chain(of_run).find_map(|path| {
        let checkpoint = Checkpoint::read(&path).ok()?;
        let saved = checkpoint.of(&file.spec.name).filter(|saved| saved.policy.origin.steps == file.origin.steps)?;
        saved.state.column(CRITICS).ok().map(<[f32]>::to_vec)
    })
}
