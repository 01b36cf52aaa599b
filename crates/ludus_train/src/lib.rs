//! A training run: config, loop, checkpoints, metrics, command line.
//!
//! Give [`Ludus`] a game, and its program can `train`, `eval` and `bench`, without a window and without Python.
//!
//! - [`config`]: what decides a run, and every problem with it at once.
//! - [`RunFolder`]: where a run leaves its config, metrics, checkpoints and policy.
//! - [`Checkpoint`]: what a run needs to go on.
//! - [`Report`]: what a command came to, for programs.
//!
//! The same config and seed give the same policy, bit for bit, whatever the number of threads. The wall clock is read
//! in one place, [`clock`], and only for people.

mod bench;
mod checkpoint;
pub mod clock;
mod command;
pub mod config;
mod cpu;
mod episodes;
mod error;
mod evaluation;
mod folder;
mod group;
mod incidents;
mod interrupt;
mod ludus;
mod metrics;
mod phases;
mod progress;
mod report;
mod run;
mod training;

pub use bench::{Benchmark, SimulationSpeed, TrainingSpeed};
pub use checkpoint::Checkpoint;
pub use folder::RunFolder;
pub use ludus::Ludus;
pub use phases::{PhaseShares, Phases};
pub use progress::StopReason;
pub use report::Report;
