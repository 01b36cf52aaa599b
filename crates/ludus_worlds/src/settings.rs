//! What a world is built from.

use core::num::NonZeroU32;
use core::ops::Range;
use std::sync::Arc;

use bevy::prelude::App;
use ludus_agent::spec::{Clock, Seed};

/// A game: the function that adds its plugins, systems and agents to an app.
pub type Game = Arc<dyn Fn(&mut App) + Send + Sync>;

/// What makes a world this world and no other.
#[derive(Clone, Debug)]
pub struct WorldSettings {
    /// The run's seed; the world's own derives from it and from `world`.
    pub seed: Seed,
    /// Which of the run's worlds it is.
    pub world: u32,
    /// The indices of its arenas.
    pub arenas: Range<u32>,
    /// Ticks per step.
    pub decision_interval: NonZeroU32,
    /// How its agents are scored and counted.
    pub agent: AgentSettings,
    /// Measures how long sensing and scoring take; nothing in the world depends on it.
    pub clock: Clock,
}

/// Where an episode began: with it, a world begins there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EpisodeOrigin {
    /// The world's own seed, whatever it was derived from.
    pub seed: Seed,
    /// The number of the episode of each member of the arena; the first is that of the arena itself.
    pub numbers: Vec<u32>,
}

/// What a run decides about a kind of agents.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AgentSettings {
    /// The weight of each reward term, in the spec's order.
    pub weights: Vec<f32>,
    /// Truncates episodes after so many steps, where the agent has no limit of its own.
    pub episode_limit: Option<NonZeroU32>,
    /// Lets the limit cut first episodes at points of their own, so that agents don't all restart in the same step.
    pub stagger: bool,
    /// Rows to keep; if `None`, as many as there are agents after the world's first step.
    pub rows: Option<u32>,
}
