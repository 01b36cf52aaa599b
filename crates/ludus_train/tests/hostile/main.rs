//! Untrusted files: they are read or refused, with memory in proportion to their length.
#![expect(clippy::disallowed_methods, reason = "tests make and read whatever files they like")]
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]
#![expect(unsafe_code, reason = "an allocator that counts has to implement `GlobalAlloc`")]

mod claims;
mod corpus;
mod memory;
mod nesting;

use ludus_policy::{Policy, PolicyFile, TensorFile};
use ludus_spec::{ActionField, ActionKind, AgentSpec, ObservationField, ObservationKind, RewardTerm, StableHasher};
use ludus_train::Checkpoint;
use ludus_train::config::RunConfig;
use ludus_train::demonstrations::DemonstrationFile;
use ludus_train::replay::EpisodeLog;

/// A function that reads a file's bytes; true if they are valid.
type Reader = fn(&[u8]) -> bool;

/// All readers, by the names of the targets in `fuzz`.
const READERS: [(&str, Reader); 5] = [
    ("policy", policy),
    ("checkpoint", checkpoint),
    ("config", config),
    ("episode", episode),
    ("demonstrations", demonstrations),
];

fn policy(bytes: &[u8]) -> bool {
    let file = TensorFile::from_bytes(bytes).and_then(|file| PolicyFile::from_tensor_file(&file));
    file.is_ok_and(|file| Policy::new(&file).is_ok())
}

fn checkpoint(bytes: &[u8]) -> bool {
    Checkpoint::from_bytes(bytes).is_ok()
}

fn config(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    RunConfig::from_ron(&text, &[spec().into()]).is_ok()
}

fn episode(bytes: &[u8]) -> bool {
    EpisodeLog::from_bytes(bytes).is_ok()
}

fn demonstrations(bytes: &[u8]) -> bool {
    DemonstrationFile::from_bytes(bytes).is_ok_and(|file| file.damage.is_empty())
}

fn spec() -> AgentSpec {
    let (name, doc) = (|name: &str| name.to_owned(), String::new());
    AgentSpec {
        name: name("Plate"),
        observation: vec![ObservationField {
            name: name("ball"),
            doc: doc.clone(),
            block: ludus_spec::Block::values([""]),
            range: None,
            kind: ObservationKind::Number,
            is_critic: false,
        }],
        action: vec![ActionField {
            name: name("rate"),
            doc: doc.clone(),
            parts: vec![name("")],
            kind: ActionKind::Continuous { low: -1.0, high: 1.0 },
        }],
        reward: vec![
            RewardTerm { name: name("balanced"), doc: doc.clone(), is_team: false },
            RewardTerm { name: name("dropped"), doc, is_team: false },
        ],
        masked: false,
        teams: Vec::new(),
    }
}

/// A `.safetensors` file with this header.
fn tensors(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
}

/// The first bytes of an episode's file, by the version of its format.
const EPISODE_1: &[u8; 8] = b"ludusep1";
const EPISODE_2: &[u8; 8] = b"ludusep2";

/// An episode's file of a version, with this head and the hash that it should have.
fn sealed_episode(version: &[u8; 8], head: &str, content: &[u8]) -> Vec<u8> {
    let bytes = [version, &(head.len() as u32).to_le_bytes()[..], head.as_bytes(), content].concat();
    let hash = StableHasher::default().bytes(&bytes).finish();
    [&bytes[..], &hash.to_le_bytes()].concat()
}
