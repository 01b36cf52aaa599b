//! The settings from which a world is built.

use core::num::NonZeroU32;
use core::ops::Range;
use std::sync::Arc;

use bevy::prelude::App;
use ludus_agent::spec::{Clock, Distribution, Seed, stopped_clock};

/// A game: the function that adds its plugins, systems and agents to an app.
pub type Game = Arc<dyn Fn(&mut App) + Send + Sync>;

/// The settings that determine a world.
#[derive(Clone, Debug)]
pub struct WorldSettings {
    /// The run's seed; the world's own derives from it and from `world`.
    pub seed: Seed,
    /// The index of the world in its run.
    pub world: u32,
    /// The indices of its arenas.
    pub arenas: Range<u32>,
    /// Ticks from one decision to the next, for kinds of agents that have no interval of their own.
    pub decision_interval: NonZeroU32,
    /// Settings of agents: one for each kind that learns or plays by a policy, in any order.
    ///
    /// The game decides for kinds that are not listed: nothing is written to their actions, and their rows are vacant.
    pub agents: Vec<AgentSettings>,
    /// The distributions of episode parameters.
    pub parameters: Arc<WorldParameters>,
    /// Measures how long sensing and scoring take; nothing in the world depends on it.
    pub clock: Clock,
}

/// The distributions of the episode parameters of a world. Parameters that are not named stay at their defaults.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorldParameters {
    /// The number by which episodes tell the plan with which they began: see
    /// [`ParameterPlan::set_number`](ludus_agent::ParameterPlan::set_number).
    pub number: u32,
    /// Names, such as `Course.wall_height`, and distributions.
    pub distributions: Vec<(String, Distribution)>,
}

/// The origin of an episode. A world that is built from it begins with that episode.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EpisodeOrigin {
    /// The world's own seed, whatever it was derived from.
    pub seed: Seed,
    /// The number of the episode of each member of the arena; the first is that of the arena itself.
    pub numbers: Vec<u32>,
    /// The number of the world's step in which the episode restarted; 0 for the one that is part of building a world.
    ///
    /// For agents that do not decide in every step it determines how long the restart lasts, see
    /// [`PooledWorld::steps`](crate::PooledWorld::steps).
    pub step: u64,
    /// The values of all episode parameters, in the game's order, for each member of the arena; the first are those of
    /// the arena itself. If empty, they are drawn.
    pub parameters: Vec<Vec<f32>>,
}

/// A run's settings for a kind of agents.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AgentSettings {
    /// The kind's name, which is the name of its type.
    pub name: String,
    /// Ticks from one decision to the next; if `None`, those of the [`WorldSettings`].
    pub decision_interval: Option<NonZeroU32>,
    /// The weight of each reward term, in the spec's order.
    pub weights: Vec<f32>,
    /// Streams of rewards beside the first: the indices of each stream's terms. Usually none.
    pub reward_streams: Vec<Vec<usize>>,
    /// The steps of the world after which episodes are truncated, for agents without a limit of their own.
    pub episode_limit: Option<NonZeroU32>,
    /// True to shorten first episodes by random parts of the limit, so that agents don't all restart in the same step.
    pub stagger: bool,
    /// The least count of rows; if `None`, or if there are more agents after the world's first step, it is theirs.
    ///
    /// A kind whose agents all come later needs it: otherwise it has no rows.
    pub rows: Option<u32>,
    /// The standard deviation of the noise on each column of the observation, in the column's units; empty without noise.
    pub observation_noise: Vec<f32>,
    /// Decisions by which actions take effect later.
    pub action_delay: u32,
}

impl WorldSettings {
    /// Ticks per step of the world: the smallest interval of the kinds that are listed.
    pub fn ticks_per_step(&self) -> NonZeroU32 {
        self.agents.iter().map(|agent| self.interval(agent)).min().unwrap_or(self.decision_interval)
    }

    /// Ticks from one decision of a kind to the next.
    pub fn interval(&self, agent: &AgentSettings) -> NonZeroU32 {
        agent.decision_interval.unwrap_or(self.decision_interval)
    }

    /// The settings of the kind with this name; `None` if the game decides for it.
    pub fn agent(&self, name: &str) -> Option<&AgentSettings> {
        self.agents.iter().find(|agent| agent.name == name)
    }
}

/// Returns settings for an app that is inspected and not stepped.
pub(crate) fn spec_settings() -> WorldSettings {
    WorldSettings {
        seed: Seed::default(),
        world: 0,
        arenas: 0..0,
        decision_interval: NonZeroU32::MIN,
        agents: Vec::new(),
        parameters: Arc::default(),
        clock: stopped_clock,
    }
}
