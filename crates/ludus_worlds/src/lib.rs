//! Many headless worlds, stepped in parallel.
//!
//! A [`PooledWorld`] is a game's app without a window, with many arenas, whose agents' decisions come from rows.
//! This crate knows no policy: whoever steps a world writes actions before and reads the rest after.
//!
//! - A step is one `update()`, so messages, change ticks and all of the game's schedules behave as in a real app. It has
//!   a fixed number of ticks, also where the game pauses or scales its time. Every schedule has the single-threaded
//!   executor: parallelism is across worlds.
//! - Everything in a world derives from the run's seed, the world's index and its arenas' indices. Nothing reads the
//!   wall clock. So a world alone and the same world among many give the same trajectory, with any number of threads.

mod build;
mod error;
mod settings;
mod ticks;
mod world;
mod writers;

pub use build::build_worlds;
pub use error::{WorldError, WorldPanic};
pub use settings::{AgentSettings, EpisodeOrigin, Game, WorldSettings};
pub use world::{PooledWorld, spec_of};
pub use writers::{ActionWriter, action_writers};
