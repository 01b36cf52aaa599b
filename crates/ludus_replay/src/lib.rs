//! Episodes that can be played again, step for step.
//!
//! An episode follows from the seed of its world, its arena, its number and the actions that were taken in it. A run
//! records them for a few of its arenas and keeps the best episode, the worst and a sample of ordinary ones in its
//! folder, a few KB each. `replay RUN [best|worst|N]` plays one in a world of its own, and compares the agents'
//! observations, rewards and outcomes with a hash that was logged for every step; a [`Replay`] does the same for
//! programs and moves to any step. The window plays them with a time line.
//!
//! # When a replay is exact
//!
//! Bit for bit, where an episode depends on nothing but its [`EpisodeRng`](ludus_agent::EpisodeRng) and the actions:
//! everything that matters is reset when the episode starts. A replay starts in a world with that arena alone, at its
//! own place, so float rounding is the same. The episodes of the examples are exact, those of `balance` in physics that
//! all arenas share too, and in builds with and without optimisations alike; `tests/games/replay.rs` and `cargo xtask torture
//! profiles` try it.
//!
//! It is not exact where something outlives episodes: an entity that is not reset, time since the world began, an arena
//! that touches its neighbours, a solver that carries something over or computes in another order where other arenas
//! are absent. Such a replay may look alike, but the hashes show the step from which it differs, and `replay` reports
//! that step. The same holds on another kind of machine, where sines and exponentials may be rounded otherwise. To make
//! replays exact, reset everything when an episode starts, and give each arena a physics context of its own.
//!
//! # What is recorded
//!
//! Some 16 arenas of a run, the first of each world. An arena is recorded from where all of its agents start together
//! until the first of them ends: that is every episode of an arena with one agent or with
//! [`EpisodeScope::Arena`](ludus_agent::EpisodeScope::Arena). Episodes in which a number was not finite, those longer
//! than 16,384 steps, and those of games whose agents come and go are left out.
//!
//! # Several kinds of agents
//!
//! An arena's agents are those of all kinds. A record holds the actions of every kind that a policy decides for, and
//! each hash is of the observations, rewards and outcomes of all of these. Agents that the game decides for are not
//! recorded: in a replay they act again by themselves, with the random numbers that they had. But they have to start
//! with the others, since a replay can't begin in the middle of an episode.
//!
//! So where agents restart apart, each in episodes of its own
//! ([`EpisodeScope::Agent`](ludus_agent::EpisodeScope::Agent)), an arena is recorded from the start of its world until
//! the first of its agents ends, and never again, unless all of them happen to start in one step. Games that want
//! replays of what was learned later let the arena end as a whole.
//!
//! Each kind has a best and a worst episode of its own, by the mean return of its agents: `best` and `worst` in a run
//! with one kind, `best-Chaser`, `worst-Chaser` and so on in one with several, where `best` means that of the first
//! kind. An episode counts for a kind if one of the kind's agents ended in it.

#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "tests make and read whatever files they like"))]

mod error;
mod hash_log;
mod kept;
mod log;
mod player;
mod recorder;
#[cfg(test)]
mod tests;

pub use error::ReplayError;
pub use hash_log::{HashComparison, HashLog, HashLogError, HashPlace, LoggedHash, NO_WORLD, compare, cut_after};
pub use kept::{KeptEpisodes, kept_episode, kept_episodes};
pub use log::{EpisodeHead, EpisodeKind, EpisodeLog, EpisodeValues};
pub use player::{Difference, Replay};
pub use recorder::{Recorder, RecorderSettings};

use ludus_agent::Rows;
use ludus_spec::StableHasher;

/// The hash of the agents' observations, rewards and outcomes after a step, kind by kind.
#[derive(Default)]
struct ShownHasher(StableHasher);

impl ShownHasher {
    /// Adds the observations, rewards and outcomes of these rows of a kind.
    fn add(&mut self, rows: &Rows, of: &[usize]) {
        let width = rows.spec().observation_width();
        for &row in of {
            self.0.floats(&rows.observations()[row * width..][..width]);
            self.0.word(u64::from(rows.rewards()[row].to_bits()) | (rows.outcomes()[row] as u64) << 32);
        }
    }

    fn finish(&self) -> u32 {
        // The upper half is mixed as well as the lower; one in four billion differences is missed in one step.
        (self.0.finish() >> 32) as u32
    }
}
