//! The readers of `ludus_train` and `ludus_replay`, included by their files. The crates themselves depend on Bevy, which
//! takes half an hour to build with instruments and has no readers to fuzz.
#![allow(dead_code, missing_docs, reason = "what surrounds the readers is not fuzzed")]
#![expect(unused_imports, reason = "the crates that the readers are of export more")]

#[path = "../../crates/ludus_train/src"]
mod readers {
    pub mod checkpoint;
    pub mod config;
    pub mod episodes;
    pub mod metrics {
        pub mod csv;
    }
    pub mod record;
    pub mod text;
}

#[path = "../../crates/ludus_replay/src"]
mod replays {
    pub mod hash_log;
    pub mod log;
    pub use crate::error::ReplayError;
}

use readers::*;

pub use readers::checkpoint::Checkpoint;
pub use readers::config::RunConfig;
pub use replays::log::EpisodeLog;

use ludus_policy::TensorFile;
use ludus_spec::{ActionField, ActionKind, AgentSpec, ObservationField, RewardTerm, StableHasher};
use twox_hash::XxHash3_64;

/// Reads a file of state hashes and returns their count.
pub fn read_hashes(text: &str) -> Result<usize, String> {
    replays::hash_log::parse(text).map(|hashes| hashes.len())
}

/// Returns the count of bytes of a table of metrics that a run continues after this step, if it can.
pub fn metrics_up_to(table: &[u8], step: u64) -> Option<u64> {
    use readers::metrics::csv::{Remains, remains_up_to};
    let columns = ["step", "charts/episodic_return"].into_iter();
    match remains_up_to(table, columns, step).expect("memory can be read") {
        Remains::Bytes(length) => Some(length),
        Remains::Nothing | Remains::Unusable => None,
    }
}

/// Returns a valid policy, into which targets put other texts.
pub fn whole_policy() -> TensorFile {
    whole(include_bytes!("../seeds/policy/whole"))
}

/// Returns a valid checkpoint, into which targets put other texts.
pub fn whole_checkpoint() -> TensorFile {
    whole(include_bytes!("../seeds/checkpoint/whole"))
}

fn whole(bytes: &[u8]) -> TensorFile {
    TensorFile::from_bytes(bytes).expect("seeds are whole")
}

/// Returns the bytes of a checkpoint with its right hash, as an attacker would write it.
pub fn sealed_checkpoint(mut file: TensorFile) -> Vec<u8> {
    file.texts.insert("hash".to_owned(), "0".repeat(16));
    let hash = XxHash3_64::oneshot(&file.to_bytes());
    file.texts.insert("hash".to_owned(), format!("{hash:016x}"));
    file.to_bytes()
}

/// The first bytes of episode files, for each version of the format.
pub const EPISODE_VERSIONS: [&[u8; 8]; 2] = [b"ludusep1", b"ludusep2"];

/// Returns the bytes of an episode of a version with this head and content, and its right hash.
pub fn sealed_episode(version: &[u8; 8], head: &[u8], content: &[u8]) -> Vec<u8> {
    let bytes = [version, &(head.len() as u32).to_le_bytes()[..], head, content].concat();
    let hash = StableHasher::default().bytes(&bytes).finish();
    [&bytes[..], &hash.to_le_bytes()].concat()
}

/// Returns the spec of an agent that configs can have a section for.
pub fn spec() -> AgentSpec {
    let (name, doc) = (|name: &str| name.to_owned(), String::new());
    AgentSpec {
        name: name("Plate"),
        observation: vec![ObservationField {
            name: name("ball"),
            doc: doc.clone(),
            block: ludus_spec::Block::values([""]),
            range: None,
            kind: ludus_spec::ObservationKind::default(),
            is_critic: false,
        }],
        action: vec![ActionField {
            name: name("rate"),
            doc: doc.clone(),
            parts: vec![name("")],
            kind: ActionKind::Continuous { low: -1.0, high: 1.0 },
        }],
        reward: vec![
            RewardTerm { name: name("balanced"), doc: doc.clone() },
            RewardTerm { name: name("dropped"), doc },
        ],
        masked: false,
        teams: Vec::new(),
    }
}

/// Errors by the names that the readers know, without those of worlds.
mod error {
    use std::io;
    use std::path::PathBuf;

    #[derive(Debug, thiserror::Error)]
    pub enum ReplayError {
        #[error("{path}: {source}")]
        Unreadable { path: PathBuf, source: io::Error },
        #[error("{path}: {source}")]
        Unwritable { path: PathBuf, source: io::Error },
        #[error("{path}: {problem}")]
        Damaged { path: PathBuf, problem: String },
    }
}

/// The files that configs name, as they are written.
mod frozen {
    use std::path::{Path, PathBuf};

    pub fn frozen_file(named: &Path, _: &ludus_spec::AgentSpec) -> PathBuf {
        named.to_owned()
    }
}
