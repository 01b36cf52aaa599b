//! A training run: config, loop, checkpoints, metrics, command line.
//!
//! Give [`Ludus`] a game, and its program can `train`, `eval`, `play`, `export` and `bench`, without a window and without
//! Python, and `watch` and `play` in one where a window is built in.
//!
//! - [`config`]: what decides a run, and every problem with it at once.
//! - [`RunFolder`]: where a run leaves its config, metrics, checkpoints and policy.
//! - [`Checkpoint`]: what a run needs to go on.
//! - [`replay`]: episodes that a run keeps, to be played again.
//! - [`session`]: a run in threads of its own, with a handle, for whoever shows or steers one.
//! - [`Report`]: what a command came to, for programs.
//!
//! The same config and seed give the same policy, bit for bit, whatever the number of threads. The wall clock is read
//! in one place, [`clock`], and only for people.
#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "tests make and read whatever files they like"))]

mod actor;
mod bench;
mod blueprint;
mod census;
mod changes;
mod check;
mod checkpoint;
mod checkpoints;
pub mod clock;
mod command;
pub mod config;
mod control;
mod cpu;
mod definition;
mod episodes;
mod error;
mod evaluation;
mod fit;
mod folder;
mod frozen;
mod group;
mod hash_log;
mod incidents;
mod initialize;
pub mod interrupt;
mod learner;
mod lock;
mod lookout;
mod ludus;
mod metrics;
mod panics;
mod patience;
mod phases;
mod play;
mod progress;
mod record;
pub mod replay;
mod report;
mod resume;
mod run;
pub mod session;
mod shipped;
pub mod text;
mod training;
mod window;

pub use bench::{Benchmark, DecisionSpeed, SimulationSpeed, TrainingSpeed};
pub use changes::Change;
pub use check::Finding;
pub use checkpoint::Checkpoint;
pub use command::policies_at;
pub use definition::GameDefinition;
pub use episodes::Spread;
pub use error::TrainError;
pub use folder::RunFolder;
pub use learner::{DeviceChoice, LearnerChoice, LearnerKind};
pub use ludus::Ludus;
pub use phases::{PhaseShares, Phases};
pub use progress::StopReason;
pub use record::{PastEpisode, RunRecord};
pub use report::{ActionsTaken, Diagnosis, FirstDifference, Report};
pub use window::{PlayRequest, ShownPolicy, WatchRequest, WindowFailure, Windows};
