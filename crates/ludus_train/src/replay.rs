//! Episodes that can be played again, step for step.
//!
//! An episode follows from the seed of its world, its arena, its number and the actions that were taken in it. A run
//! notes them for a few of its arenas and keeps the best episode, the worst and a sample of ordinary ones in its folder,
//! a few KB each. `replay RUN [best|worst|N]` plays one in a world of its own, and compares what the agents see, get and
//! come to with a hash that was logged for every step; a [`Replay`] does the same for programs and moves to any step. The window plays them with a time line.
//!
//! # When a replay is exact
//!
//! Bit for bit, where an episode depends on nothing but its [`EpisodeRng`](ludus_agent::EpisodeRng) and the actions:
//! everything that matters is put in its place when the episode starts. A replay starts in a world with that arena alone,
//! at its own place, so float rounding is the same. The episodes of the examples are exact, those of `balance` in physics
//! that all arenas share too, and in builds with and without optimisations alike; `tests/replay.rs` and
//! `cargo xtask torture profiles` try it.
//!
//! It is not exact where something outlives episodes: an entity that is not reset, time since the world began, an arena
//! that touches its neighbours, a solver that carries something over or computes in another order where other arenas are
//! absent. Such a replay may still look alike; the hashes tell where it parts, and `replay` says so instead of passing
//! it off as the episode. The same holds on another kind of machine, where sines and exponentials may be rounded otherwise.
//! What helps: to put everything in place when an episode starts, and a physics context for each arena.
//!
//! # What is recorded
//!
//! Some 16 arenas of a run, the first of each world. Whose agents all start together is recorded from there until the
//! first of them ends: that is every episode of an arena with one agent or with
//! [`EpisodeScope::Arena`](ludus_agent::EpisodeScope::Arena). Episodes in which a number was not finite, those longer than
//! 16,384 steps, and those of games whose agents come and go are left out.

mod kept;
mod log;
mod player;
mod recorder;

pub use log::{EpisodeHead, EpisodeLog};
pub use player::{Difference, Replay, ReplayError};

pub use kept::kept_episodes;

pub(crate) use kept::KeptEpisodes;
pub(crate) use recorder::{Recorder, RecorderSettings};

/// The kind of agents whose episodes are noted.
const FIRST_KIND: usize = 0;

use ludus_agent::Rows;
use ludus_spec::StableHasher;

/// The hash of what some rows show after a step.
fn seen(rows: &Rows, of: impl Iterator<Item = usize>) -> u32 {
    let width = rows.spec().observation_width();
    let mut hasher = StableHasher::default();
    for row in of {
        hasher.floats(&rows.observations()[row * width..][..width]);
        hasher.word(u64::from(rows.rewards()[row].to_bits()) | (rows.outcomes()[row] as u64) << 32);
    }
    // The upper half is mixed as well as the lower; one in four billion differences goes unseen in one step.
    (hasher.finish() >> 32) as u32
}
