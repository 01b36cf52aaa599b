//! The errors of demonstrations.

use std::io;
use std::path::PathBuf;

/// The reasons that demonstrations can't be read, written or learned from.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DemonstrationError {
    /// The file is missing, or may not be read.
    #[error("demonstrations `{path}` can't be read: {source}; check the path")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The file may not be written to, or the disk is full.
    #[error("demonstrations `{path}` can't be written: {source}; check the folder's permissions and space")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The file has no demonstrations, or is damaged.
    #[error("`{path}` has no demonstrations that can be read: {problem}; copy it again, or record anew")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// A sentence about the problem.
        problem: String,
    },
    /// The agents are laid out otherwise than the game's.
    #[error("demonstrations `{path}` were recorded of other agents than `{agent}`: {difference}; record anew")]
    OtherLayout {
        /// The file.
        path: PathBuf,
        /// The name of the game's kind of agents.
        agent: String,
        /// The difference.
        difference: String,
    },
    /// The agents decided at other times than the game's.
    #[error(
        "demonstrations `{path}` were recorded with {was}, and the game has {now}; record anew, or give the game the same"
    )]
    OtherTime {
        /// The file.
        path: PathBuf,
        /// The times of the file, in words.
        was: String,
        /// The times of the game, in words.
        now: String,
    },
    /// The file has fewer episodes than were asked for.
    #[error("`{path}` has {count} episodes, and no episode {number}; keep numbers from 1 to {count}")]
    NoEpisode {
        /// The file.
        path: PathBuf,
        /// The number that was asked for, from 1.
        number: usize,
        /// The episodes of the file.
        count: usize,
    },
    /// The file has no episodes.
    #[error("demonstrations `{path}` have no episodes; record some with `eval --record` or `play --record`")]
    Empty {
        /// The file.
        path: PathBuf,
    },
}
