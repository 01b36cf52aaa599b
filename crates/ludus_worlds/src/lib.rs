//! Many headless worlds, stepped in parallel.
//!
//! A [`PooledWorld`] is a game's app without a window, with many arenas, whose agents' decisions come from rows.
//! A world may have several kinds of agents, each with rows of its own. They stand in the order in which the game adds
//! them by [`add_agent`](ludus_agent::AgentAppExt::add_agent), and are called by their index in it.
//! This crate has no policies: the driver of a world writes actions before a step and reads the rest after it.
//!
//! - A step is one `update()`, so messages, change ticks and all of the game's schedules behave as in a real app. It
//!   has a fixed number of ticks, even if the game pauses or scales its time. Every schedule has the single-threaded
//!   executor: parallelism is across worlds.
//! - Everything in a world derives from the run's seed, the world's index and its arenas' indices. Nothing reads the
//!   wall clock. So a world alone and the same world among many give the same trajectory, with any number of threads.

mod build;
mod error;
mod game_app;
mod kinds;
mod names;
mod parameters;
mod settings;
mod states;
mod systems;
mod ticks;
mod world;
mod world_app;

pub use build::build_worlds;
pub use error::{WorldError, WorldPanic, explained};
pub use kinds::{spec_of, specs_of, steps_to_decision};
pub use parameters::parameters_of;
pub use settings::{AgentSettings, EpisodeOrigin, Game, WorldParameters, WorldSettings};
pub use states::add_with_states;
pub use systems::{FrameUse, GameSystem, GameSystems};
pub use world::{CLEARED, PooledWorld};
