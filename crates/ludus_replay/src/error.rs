//! The reasons that episodes can't be read, written or played again.

use std::io;
use std::path::PathBuf;

use ludus_worlds::{WorldError, WorldPanic};

/// The reasons that an episode can't be played again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// There is no such file, or it may not be read.
    #[error("episode `{path}` can't be read: {source}; check the path")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The folder may not be written to, or the disk is full.
    #[error("episode `{path}` can't be written: {source}; check the folder's permissions and space")]
    Unwritable {
        /// The file or folder.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The file is no episode, or a part of it is lost.
    #[error("`{path}` is not a whole episode: {problem}; copy it again, or train anew")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// A sentence about the problem with it.
        problem: String,
    },
    /// The agents are laid out otherwise than those that played it.
    #[error(
        "the episode was played by other agents than `{agent}`: {difference}; replay it with the game that made it"
    )]
    OtherGame {
        /// The game's kind of agent.
        agent: String,
        /// The difference.
        difference: String,
    },
    /// The game has other episode parameters.
    #[error(
        "the episode was played with other episode parameters: {}, and the game has {}; replay it with the game that made \
         it",
        listed(then),
        listed(now)
    )]
    OtherParameters {
        /// Those of the episode.
        then: Vec<String>,
        /// Those of the game.
        now: Vec<String>,
    },
    /// The game has no agents of a kind that played it.
    #[error(
        "the episode was played by agents `{agent}`, which the game does not have; its kinds: {}; replay it with the \
         game that made it",
        listed(kinds)
    )]
    NoSuchKind {
        /// The kind of the episode.
        agent: String,
        /// Those of the game.
        kinds: Vec<String>,
    },
    /// The world can't be built.
    #[error(transparent)]
    World(#[from] WorldError),
    /// The game panicked on the way.
    #[error(transparent)]
    Panicked(#[from] WorldPanic),
}

impl ReplayError {
    /// The exit code of the process: 2 if the command can't be carried out, 1 if it failed during the replay.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Unreadable { .. }
            | Self::Damaged { .. }
            | Self::OtherGame { .. }
            | Self::OtherParameters { .. }
            | Self::NoSuchKind { .. } => 2,
            Self::Unwritable { .. } | Self::World(_) | Self::Panicked(_) => 1,
        }
    }
}

/// Joins names to a list in a sentence.
fn listed(names: &[String]) -> String {
    match names {
        [] => "none".to_owned(),
        names => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
    }
}
