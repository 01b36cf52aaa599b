//! What can be wrong with a policy file.

use std::io;
use std::path::PathBuf;

use ludus_net::NetError;

/// Why a policy can't be read, written or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// There is no such file, or it may not be read.
    #[error("policy `{path}` can't be read: {source}; check the path")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The folder may not be written to, or the disk is full.
    #[error("policy `{path}` can't be written: {source}; check the folder's permissions and space")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file is not a policy, or a part of it is lost.
    #[error("`{path}` is not a whole policy file: {problem}; copy it again, or train anew")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A checkpoint is good, and not where it belongs.
    #[error("`{path}` is not the checkpoint that it should be: {problem}; put it back into its own run's folder")]
    Misplaced {
        /// The file.
        path: PathBuf,
        /// What tells that.
        problem: String,
    },
    /// The policy's rows are laid out differently from the game's.
    #[error("`{path}` was trained for a different `{agent}`: {difference}; retrain, or load a policy of that layout")]
    OtherLayout {
        /// The file.
        path: PathBuf,
        /// The game's kind of agent.
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
        /// The type that computes it; empty where nobody has said.
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
