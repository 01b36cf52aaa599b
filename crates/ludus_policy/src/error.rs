//! The errors of policy files.

use std::io;
use std::path::PathBuf;

use ludus_net::NetError;

/// The reasons that a policy can't be read, written or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The file is missing, or may not be read.
    #[error("policy `{path}` can't be read: {source}; check the path")]
    Unreadable {
        /// The path of the file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The folder may not be written to, or the disk is full.
    #[error("policy `{path}` can't be written: {source}; check the folder's permissions and space")]
    Unwritable {
        /// The path of the file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The file is no policy, or is damaged or incomplete.
    #[error("`{path}` is not a whole policy file: {problem}; copy it again, or train anew")]
    Damaged {
        /// The path of the file.
        path: PathBuf,
        /// A sentence about the problem.
        problem: String,
    },
    /// A checkpoint is valid, but belongs to another run or place.
    #[error("`{path}` is not the checkpoint that it should be: {problem}; put it back into its own run's folder")]
    Misplaced {
        /// The path of the file.
        path: PathBuf,
        /// A sentence about the difference.
        problem: String,
    },
    /// The policy's rows are laid out differently from the game's.
    #[error("`{path}` was trained for a different `{agent}`: {difference}; retrain, or load a policy of that layout")]
    OtherLayout {
        /// The path of the file.
        path: PathBuf,
        /// The name of the game's kind of agent.
        agent: String,
        /// The first difference.
        difference: String,
    },
    /// The network is a game's own, and this program doesn't have it.
    #[error(
        "the policy's network {}is one of `{program}`'s own, which no file describes; run it in that program, built with \
         the feature `torch`",
        named(network)
    )]
    OwnNetwork {
        /// The name of the network's type; empty if the file doesn't have it.
        network: String,
        /// The program that trained it.
        program: String,
    },
    /// The parameters are not those of the network.
    #[error(transparent)]
    Network(NetError),
}

fn named(network: &str) -> String {
    if network.is_empty() { String::new() } else { format!("`{network}` ") }
}
