//! The algorithm of an agent's section: one section of settings for each.

use std::sync::LazyLock;

use ludus_learn::{Dqn, DqnConfig, LaneShape, LearningRate, PpoConfig, PqnConfig, Sac, SacConfig, Schedule};
use ludus_net::{Encoder, NetworkConfig};
use ludus_spec::{AgentSpec, TEAM_VIEW};
use serde::{Serialize, Serializer};

use super::AgentConfig;
use super::critic::{CriticView, TEAM_POOL};

/// The names of the sections, in the order of a config.
pub(crate) const SECTIONS: [&str; 4] = ["ppo", "pqn", "dqn", "sac"];

/// Steps of all agents together that an iteration has at least: algorithms that learn in every few steps would else be
/// reported, marked and checked all the time.
const LEAST_STEPS: usize = 1024;

static DEFAULT: LazyLock<PpoConfig> = LazyLock::new(PpoConfig::default);

/// The algorithm that learns a policy, with its settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AlgorithmConfig<'a> {
    /// Proximal policy optimisation.
    Ppo(&'a PpoConfig),
    /// Q-learning with many agents, without replay.
    Pqn(&'a PqnConfig),
    /// Q-learning from a replay.
    Dqn(&'a DqnConfig),
    /// Soft actor-critic, from a replay.
    Sac(&'a SacConfig),
}

/// Writes a section as it is written in a config: without `Some`.
pub(super) fn without_some<T: Serialize, S: Serializer>(section: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
    match section {
        Some(section) => section.serialize(serializer),
        None => serializer.serialize_none(),
    }
}

impl AgentConfig {
    /// The algorithm that learns the policy.
    pub fn algorithm(&self) -> AlgorithmConfig<'_> {
        let Self { ppo, pqn, dqn, sac, .. } = self;
        let pqn = pqn.as_ref().map(AlgorithmConfig::Pqn);
        let dqn = dqn.as_ref().map(AlgorithmConfig::Dqn);
        let sac = sac.as_ref().map(AlgorithmConfig::Sac);
        pqn.or(dqn).or(sac).unwrap_or_else(|| AlgorithmConfig::Ppo(ppo.as_ref().unwrap_or(&DEFAULT)))
    }

    /// The network as it is learned.
    ///
    /// Values of actions need one tower of hidden layers, so it is `shared`; with `dueling`, the critic may have its own.
    /// A critic that sees its team has an encoder for it. Soft actor-critic has critics of its own, and a deviation that
    /// depends on the observation (`squashed`).
    pub fn learned_network(&self) -> NetworkConfig {
        let is_one = match self.algorithm() {
            AlgorithmConfig::Ppo(_) => false,
            AlgorithmConfig::Pqn(pqn) => !pqn.dueling,
            AlgorithmConfig::Dqn(dqn) => !dqn.dueling,
            AlgorithmConfig::Sac(_) => true,
        };
        let squashed = self.network.squashed || matches!(self.algorithm(), AlgorithmConfig::Sac(_));
        let mut encoders = self.network.encoders.clone();
        if self.critic == CriticView::Team {
            encoders.entry(TEAM_VIEW.to_owned()).or_insert(Encoder::Pool(TEAM_POOL));
        }
        NetworkConfig { shared: self.network.shared || is_one, squashed, encoders, ..self.network.clone() }
    }

    /// Sets Adam's step size.
    pub(crate) fn set_learning_rate(&mut self, rate: Schedule) {
        let Self { ppo, pqn, dqn, sac, .. } = self;
        match (pqn, dqn, sac) {
            (Some(pqn), ..) => pqn.learning_rate = rate,
            (None, Some(dqn), _) => dqn.learning_rate = rate,
            (None, None, Some(sac)) => sac.learning_rate = rate,
            (None, None, None) => ppo.get_or_insert_default().learning_rate = rate.into(),
        }
    }

    /// Leaves out PPO's settings where they are defaults beside another algorithm's section.
    pub(super) fn choose_algorithm(&mut self, is_ppo_written: bool) {
        if !is_ppo_written && (self.pqn.is_some() || self.dqn.is_some() || self.sac.is_some()) {
            self.ppo = None;
        }
    }

    /// The names of the sections that this one has.
    pub(super) fn algorithm_sections(&self) -> Vec<&'static str> {
        let has = [self.ppo.is_some(), self.pqn.is_some(), self.dqn.is_some(), self.sac.is_some()];
        SECTIONS.into_iter().zip(has).filter_map(|(name, has)| has.then_some(name)).collect()
    }
}

impl AlgorithmConfig<'_> {
    /// The name of the section.
    pub const fn section(&self) -> &'static str {
        match self {
            Self::Ppo(_) => "ppo",
            Self::Pqn(_) => "pqn",
            Self::Dqn(_) => "dqn",
            Self::Sac(_) => "sac",
        }
    }

    /// Steps of every row between two updates.
    pub const fn rollout_steps(&self) -> usize {
        match self {
            Self::Ppo(ppo) => ppo.rollout_steps,
            Self::Pqn(pqn) => pqn.rollout_steps,
            Self::Dqn(dqn) => dqn.rollout_steps,
            Self::Sac(sac) => sac.rollout_steps,
        }
    }

    /// Samples of a gradient step.
    pub const fn minibatch(&self) -> usize {
        match self {
            Self::Ppo(ppo) => ppo.minibatch,
            Self::Pqn(pqn) => pqn.minibatch,
            Self::Dqn(dqn) => dqn.minibatch,
            Self::Sac(sac) => sac.minibatch,
        }
    }

    /// Steps of every row in an iteration, with this many rows.
    pub fn iteration_steps(&self, rows: usize) -> usize {
        match self {
            Self::Ppo(_) | Self::Pqn(_) => self.rollout_steps(),
            Self::Dqn(_) | Self::Sac(_) => LEAST_STEPS.div_ceil(rows.max(1)).max(self.rollout_steps()),
        }
    }

    /// Adam's step size, as it is written in the config.
    pub fn learning_rate(&self) -> LearningRate {
        match self {
            Self::Ppo(ppo) => ppo.learning_rate,
            Self::Pqn(pqn) => pqn.learning_rate.into(),
            Self::Dqn(dqn) => dqn.learning_rate.into(),
            Self::Sac(sac) => sac.learning_rate.into(),
        }
    }

    /// The discount factor per decision.
    pub const fn gamma(&self) -> f32 {
        match self {
            Self::Ppo(ppo) => ppo.gamma,
            Self::Pqn(pqn) => pqn.gamma,
            Self::Dqn(dqn) => dqn.gamma,
            Self::Sac(sac) => sac.gamma,
        }
    }

    /// True if observations are normalised.
    pub const fn normalizes_observations(&self) -> bool {
        match self {
            Self::Ppo(ppo) => ppo.normalize_observations,
            Self::Pqn(pqn) => pqn.normalize_observations,
            Self::Dqn(dqn) => dqn.normalize_observations,
            Self::Sac(sac) => sac.normalize_observations,
        }
    }

    /// Bytes of the replay for this many rows of such agents, which are allocated when the run starts; 0 without one.
    pub fn replay_bytes(&self, spec: &AgentSpec, rows: usize) -> usize {
        let lane = LaneShape {
            rows,
            observation_width: spec.observation_width(),
            action_width: spec.action_width(),
            mask_width: spec.mask_width(),
            ..LaneShape::default()
        };
        match self {
            Self::Ppo(_) | Self::Pqn(_) => 0,
            Self::Dqn(dqn) => Dqn::replay_bytes(dqn, lane, rows),
            Self::Sac(sac) => Sac::replay_bytes(sac, lane, rows),
        }
    }

    /// Every setting that is out of range: the field's name, and a sentence.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Ppo(ppo) => ppo.problems(),
            Self::Pqn(pqn) => pqn.problems(),
            Self::Dqn(dqn) => dqn.problems(),
            Self::Sac(sac) => sac.problems(),
        }
    }

    /// A sentence if the algorithm can't learn from these agents, or with this network; it names the way out.
    pub fn misfit(&self, agent: &AgentConfig, spec: &AgentSpec) -> Option<String> {
        if matches!(self, Self::Ppo(_)) {
            return None;
        }
        let section = self.section();
        let is_continuous =
            |field: &&ludus_spec::ActionField| matches!(field.head(), ludus_spec::Head::Gaussian { .. });
        let has_values = matches!(self, Self::Pqn(_) | Self::Dqn(_));
        if let Some(field) = spec.critic_fields().next() {
            let why = match has_values {
                true => "has no critic: its policy is the value of each choice",
                false => "learns with critics that read what its policy reads",
            };
            let (name, agent) = (&field.name, &spec.name);
            return Some(format!(
                "`{section}` {why}, and `{name}` of `{agent}` is for the critic alone; learn with `ppo`, or observe \
                 `{name}` without `critic`"
            ));
        }
        if let Some(field) = spec.action.iter().find(is_continuous).filter(|_| has_values) {
            return Some(format!(
                "`{section}` learns the value of each choice, and `{}` of `{}` is continuous; learn with `ppo` or `sac`, or \
                 make it an enum",
                field.name, spec.name
            ));
        }
        agent
            .network
            .remembers()
            .map(|setting| format!("`{section}` can't learn with `{setting}`; leave it out, or learn with `ppo`"))
    }
}
