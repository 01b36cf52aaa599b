//! The head of the first version of the format: its games had one kind of agents, whose name it left out.

use std::num::NonZeroU32;

use ludus_spec::{Outcome, Seed};
use serde::Deserialize;

use super::{EpisodeKind, EpisodeValues};

/// The first bytes of a file.
pub const MAGIC: &[u8; 8] = b"ludusep1";

/// The head of an episode.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpisodeHead {
    program: String,
    library: String,
    layout_hash: String,
    choices: Vec<u32>,
    world: u32,
    seed: Seed,
    arena: Option<u32>,
    arenas: u32,
    numbers: Vec<u32>,
    decision_interval: NonZeroU32,
    weights: Vec<f32>,
    episode_limit: Option<NonZeroU32>,
    stagger: bool,
    rows: u32,
    steps: u32,
    reward: f32,
    outcome: Outcome,
    iteration: u64,
}

impl From<EpisodeHead> for super::EpisodeHead {
    /// Converts to a head with one kind, whose agents decide in every step: so the step in which they restarted does
    /// not matter.
    fn from(head: EpisodeHead) -> Self {
        let kind = EpisodeKind {
            name: String::new(),
            layout_hash: head.layout_hash,
            choices: head.choices,
            decision_interval: head.decision_interval,
            weights: head.weights,
            episode_limit: head.episode_limit,
            stagger: head.stagger,
            observation_noise: Vec::new(),
            action_delay: 0,
            rows: head.rows,
            reward: head.reward,
        };
        Self {
            program: head.program,
            library: head.library,
            world: head.world,
            seed: head.seed,
            arena: head.arena,
            arenas: head.arenas,
            numbers: head.numbers,
            restart_step: 0,
            parameters: EpisodeValues::default(),
            kinds: vec![kind],
            steps: head.steps,
            outcome: head.outcome,
            iteration: head.iteration,
        }
    }
}
