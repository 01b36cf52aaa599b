//! The blueprint of a run: everything that its parts are built from.

mod learners;
mod seeds;
mod worlds;

use std::num::{NonZeroU32, NonZeroU64};
use std::sync::Arc;

use ludus_spec::AgentSpec;
use rayon::ThreadPool;

use crate::config::{AgentConfig, AlgorithmConfig, CriticView, PolicySource, RunConfig};
use crate::definition::GameDefinition;
use crate::episodes::RowSettings;
use crate::group::Lanes;
use crate::learner::LearnerChoice;
use crate::record::CurriculumStages;

pub(crate) use seeds::{Draws, Purpose};

/// The game, the config and the machine of a run.
#[derive(Clone)]
pub(crate) struct Blueprint {
    pub definition: GameDefinition,
    /// The kinds of agents, in the game's order: an index into them is a *kind*.
    pub specs: Vec<Arc<AgentSpec>>,
    /// The config of the run, in which the number of worlds is resolved.
    pub config: RunConfig,
    pub pool: Arc<ThreadPool>,
    /// Iterations that are over when the training's worlds are built: 0, or those of the checkpoint that a run resumes.
    pub iteration: u64,
    /// The stages of curricula in which the training's worlds begin.
    pub stages: CurriculumStages,
    /// Ticks between two state hashes, if they are logged.
    pub hash_every: Option<NonZeroU64>,
    /// The choice of learner and device.
    pub learner: LearnerChoice,
    /// Other members of a team that the critic of each kind sees at most; empty as long as no team was counted.
    pub team_views: Vec<usize>,
    /// Shows a sentence about work that takes long.
    pub note: fn(String),
}

impl Blueprint {
    /// The config of a kind of agents.
    pub fn agent(&self, kind: usize) -> &AgentConfig {
        self.config.agent(&self.specs[kind])
    }

    /// The config of a kind of agents, mutable.
    pub fn agent_mut(&mut self, kind: usize) -> &mut AgentConfig {
        self.config.agent_mut(&self.specs[kind])
    }

    /// True if the critic of a kind sees the team of its agent.
    pub fn critic_sees_team(&self, kind: usize) -> bool {
        self.agent(kind).critic == CriticView::Team
    }

    /// The spec of the rows that a kind's algorithm learns from.
    ///
    /// Rows with the observations of a team exist only there: those of worlds, and so of games, replays and evaluations,
    /// are the game's own.
    pub fn learned_spec(&self, kind: usize) -> Arc<AgentSpec> {
        match self.team_views.get(kind) {
            Some(&members) if members > 0 => Arc::new(self.agent(kind).learned_spec(&self.specs[kind], members)),
            _ => self.specs[kind].clone(),
        }
    }

    /// The weights of a kind's reward, in the order of its spec.
    pub fn weights(&self, kind: usize) -> Vec<f32> {
        self.agent(kind).weights(&self.specs[kind])
    }

    /// The terms of each stream of a kind's rewards beside the first, as the section of its policy says.
    pub fn stream_terms(&self, kind: usize) -> Vec<Vec<usize>> {
        let owner = match &self.agent(kind).policy {
            PolicySource::SameAs(name) => self.specs.iter().position(|spec| spec.name == *name).unwrap_or(kind),
            _ => kind,
        };
        match self.agent(owner).algorithm() {
            AlgorithmConfig::Ppo(ppo) => ppo.stream_terms(&self.specs[kind]),
            _ => Vec::new(),
        }
    }

    /// The same blueprint with another decision interval \[ticks\] of a kind.
    #[must_use]
    pub fn with_interval(&self, kind: usize, interval: NonZeroU32) -> Self {
        let mut blueprint = self.clone();
        blueprint.config.set_interval(&self.specs, kind, interval);
        blueprint
    }

    /// True if a policy decides for the kind, false if the game does.
    pub fn is_driven(&self, kind: usize) -> bool {
        self.agent(kind).policy != PolicySource::External
    }

    /// The kinds that a policy decides for.
    pub fn driven_kinds(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.specs.len()).filter(|&kind| self.is_driven(kind))
    }

    /// True if the game has more than one kind of agents: then metrics, policies and sentences name theirs.
    pub fn has_several_kinds(&self) -> bool {
        self.specs.len() > 1
    }

    /// The kinds that follow each policy of the run. The kind whose section describes the policy comes first.
    pub fn lanes(&self) -> Lanes {
        let owners = self.driven_kinds().filter(|&kind| !matches!(self.agent(kind).policy, PolicySource::SameAs(_)));
        let lane = |owner: usize| {
            let shared = PolicySource::SameAs(self.specs[owner].name.clone());
            let followers = self.driven_kinds().filter(|&kind| self.agent(kind).policy == shared);
            std::iter::once(owner).chain(followers).collect()
        };
        owners.map(lane).collect()
    }

    /// Steps of the longest rollout that a policy of the run learns from.
    pub fn longest_rollout(&self) -> usize {
        let learned = (0..self.specs.len()).filter(|&kind| self.agent(kind).policy == PolicySource::Learned);
        learned.map(|kind| self.agent(kind).algorithm().rollout_steps()).max().unwrap_or(1)
    }

    /// The settings of a kind's episodes, for `rows` rows in all.
    pub fn row_settings(&self, kind: usize, rows: usize) -> RowSettings {
        let AgentConfig { episode_limit, stagger, .. } = *self.agent(kind);
        RowSettings { rows, limit: episode_limit.map(|limit| limit.get()), stagger }
    }
}
