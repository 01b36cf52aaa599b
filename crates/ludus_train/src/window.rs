//! The interface to the crate above this one that opens windows and draws.

use std::path::PathBuf;
use std::sync::Arc;

use bevy::app::AppExit;
use ludus_spec::{AgentSpec, Seed};

use crate::blueprint::Draws;
use crate::config::RunConfig;
use crate::definition::GameDefinition;
use crate::folder::RunFolder;
use crate::learner::LearnerChoice;
use crate::window_failure::WindowFailure;

/// The functions that open windows, for the commands that need one. This crate does not draw, so a crate above it
/// passes them in.
#[derive(Clone, Copy)]
pub struct Windows {
    /// `watch`: opens the editor and returns when it is closed.
    pub watch: fn(WatchRequest) -> Result<AppExit, WindowFailure>,
    /// `play`: opens a window with nothing but the game in it, and returns when it is closed.
    pub play: fn(PlayRequest) -> Result<AppExit, WindowFailure>,
}

/// The arguments of `play`.
#[derive(Clone)]
pub struct PlayRequest {
    /// The game with its policy. Bevy's assets are added before it.
    pub definition: GameDefinition,
}

/// The arguments of `watch`.
#[derive(Clone)]
pub struct WatchRequest {
    /// The game to train and to show.
    pub definition: GameDefinition,
    /// The kinds of its agents, in the game's order.
    pub specs: Vec<Arc<AgentSpec>>,
    /// The config to train with, and to show the game with: resolved.
    pub config: RunConfig,
    /// The choice of learner and device.
    pub learner: LearnerChoice,
    /// The number of threads to train on.
    pub threads: usize,
    /// The folder that contains the runs' folders.
    pub runs: PathBuf,
    /// The policy to show from the start; `None` to show the one that is being learned.
    pub shown: Option<ShownPolicy>,
    /// The file of an episode to play again from the start.
    pub replay: Option<PathBuf>,
    /// A file of steps to carry out in the window.
    pub script: Option<PathBuf>,
    /// The folder for the episodes in which a person takes over; `None` to record none.
    pub record: Option<PathBuf>,
}

impl WatchRequest {
    /// The seed from which those of the training worlds derive, so that the window can show the same worlds.
    pub const fn seed(&self) -> Seed {
        Draws::Worlds.seed(self.config.seed)
    }
}

/// A policy that was named on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownPolicy {
    /// The policy's file, or the folder of the policies of several kinds.
    pub file: PathBuf,
    /// The run that the policy belongs to, if it belongs to one.
    pub run: Option<RunFolder>,
}
