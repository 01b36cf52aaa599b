//! What opens a window: a crate above this one, which draws.

use std::path::PathBuf;
use std::sync::Arc;

use bevy::app::AppExit;
use ludus_spec::{AgentSpec, Seed};

use crate::blueprint::WORLDS;
use crate::config::RunConfig;
use crate::definition::GameDefinition;
use crate::folder::RunFolder;
use crate::learner::LearnerChoice;

/// What the commands that need a window call. Nothing below draws, so whoever draws hands itself in.
#[derive(Clone, Copy)]
pub struct Windows {
    /// `watch`: opens the editor and returns when it is closed.
    pub watch: fn(WatchRequest) -> Result<AppExit, WindowFailure>,
    /// `play`: opens a window with nothing but the game in it, and returns when it is closed.
    pub play: fn(PlayRequest) -> Result<AppExit, WindowFailure>,
}

/// Why a window did not do what it was asked for, in a sentence that names the remedy.
#[derive(Debug, thiserror::Error)]
pub enum WindowFailure {
    /// It was never opened: something is missing, or what it was to show is not what it seems.
    #[error("{0}")]
    NotOpened(String),
    /// It was open, and did not come to the end of what it was to do.
    #[error("{0}")]
    CutShort(String),
}

/// What `play` was asked for.
#[derive(Clone)]
pub struct PlayRequest {
    /// The game with its policy; assets are there when it is added.
    pub definition: GameDefinition,
}

/// What `watch` was asked for.
#[derive(Clone)]
pub struct WatchRequest {
    /// The game.
    pub definition: GameDefinition,
    /// The kinds of its agents, in the game's order.
    pub specs: Vec<Arc<AgentSpec>>,
    /// The config to train with, and to show the game with: resolved.
    pub config: RunConfig,
    /// The learner that was asked for.
    pub learner: LearnerChoice,
    /// Threads to train on.
    pub threads: usize,
    /// Where runs have their folders.
    pub runs: PathBuf,
    /// What to show from the start; none, if it is to be learned live.
    pub shown: Option<ShownPolicy>,
    /// The file of an episode to play again from the start.
    pub replay: Option<PathBuf>,
    /// A file of steps to carry out in the window.
    pub script: Option<PathBuf>,
}

impl WatchRequest {
    /// What the seeds of the worlds that train derive from, so that the window can show the same worlds.
    pub const fn seed(&self) -> Seed {
        Seed::new(self.config.seed).derive(WORLDS)
    }
}

/// A policy that was named on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownPolicy {
    /// Its file, or the folder of the policies of several kinds.
    pub file: PathBuf,
    /// The run that it belongs to, if it does.
    pub run: Option<RunFolder>,
}
