//! A training run: config, loop, checkpoints, metrics, command line.
//!
//! Give [`Ludus`] a game, and its program can `train`, `eval`, `play`, `export` and `bench`, without a window and
//! without Python, and `watch` and `play` in one where a window is built in.
//!
//! - [`config`]: the config of a run, and all its problems at once.
//! - [`RunFolder`]: the folder of a run's config, metrics, checkpoints and policy.
//! - [`Checkpoint`]: the state that a run resumes from.
//! - [`replay`]: episodes that a run keeps, to be played again.
//! - [`session`]: a run in threads of its own, with a handle to show and control it.
//! - `tune`: a search over the keys of a config, with the feature `tune`.
//! - [`Report`]: the results of a command, for programs.
//!
//! The same config and seed give the same policy, bit for bit, with any number of threads. Only [`clock`] reads the
//! wall clock, and what is learned does not depend on it.
#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "tests make and read whatever files they like"))]

mod actor;
mod agreement;
mod bench;
mod blueprint;
mod census;
mod changes;
mod check;
mod checkpoint;
mod checkpoint_names;
mod checkpoints;
pub mod clock;
mod command;
pub mod config;
mod control;
mod corrections;
mod cpu;
mod definition;
mod diagnostics;
mod episodes;
mod error;
mod evaluation;
mod finding;
mod fit;
mod folder;
mod frozen;
mod group;
mod imitation;
mod incidents;
mod initialize;
pub mod interrupt;
mod learned_hashes;
mod learner;
mod lock;
mod ludus;
mod memory;
mod metrics;
mod panics;
mod patience;
mod phases;
mod play;
mod progress;
mod random_actions;
mod record;
mod report;
mod resume;
mod run;
mod run_ladder;
mod self_play;
pub mod session;
mod shipped;
mod shown_values;
pub mod text;
mod training;
#[cfg(feature = "tune")]
pub mod tune;
mod window;
mod window_failure;

pub use agreement::{Agreement, ChoiceAgreement, ChoiceScore, NumberAgreement};
pub use bench::{Benchmark, DecisionSpeed, SimulationSpeed, TrainingSpeed};
pub use changes::Change;
pub use checkpoint::Checkpoint;
pub use checkpoint_names::NumberedCheckpoint;
pub use command::policies_at;
pub use corrections::record_corrections;
pub use definition::GameDefinition;
pub use episodes::Spread;
pub use error::TrainError;
pub use finding::Finding;
pub use folder::RunFolder;
pub use learner::{DeviceChoice, LearnerChoice, LearnerKind};
pub use ludus::Ludus;
pub use ludus_demonstrations as demonstrations;
pub use ludus_replay as replay;
pub use phases::{PhaseShares, Phases};
pub use progress::StopReason;
pub use record::{PastEpisode, RunRecord};
pub use report::{ActionsTaken, Diagnosis, FirstDifference, Report};
pub use run_ladder::run_ladder;
pub use self_play::{
    LadderEntry, PairRecord, Player, PlayerSource, Rating, Results, SelfPlayRecord, Tally, fit_ratings, ladder,
};
pub use shown_values::saved_values;
pub use window::{PlayRequest, ShownPolicy, WatchRequest, Windows};
pub use window_failure::WindowFailure;
