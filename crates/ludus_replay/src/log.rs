//! The log of an episode and its file.

mod head;
mod version_1;

use std::path::Path;

use ludus_policy::files::{self, Links};
use ludus_policy::write_atomically;
use ludus_spec::StableHasher;

pub use head::{EpisodeHead, EpisodeKind, EpisodeValues};
pub(super) use head::{choices_of, written_layout};

use super::ReplayError;

/// The first bytes of a file, with the version of its format.
const MAGIC: &[u8; 8] = b"ludusep2";
/// The size of the head's length \[bytes\].
const LENGTH_BYTES: usize = 4;
/// The size of the hash at the end of a file \[bytes\].
const HASH_BYTES: usize = 8;
/// The longest file that is read [bytes]: 1 GiB.
const LONGEST_EPISODE: u64 = 1 << 30;

/// All data that repeats an episode, and the hashes that verify the repetition.
#[derive(Clone, Debug, PartialEq)]
pub struct EpisodeLog {
    /// The identity of the episode.
    pub head: EpisodeHead,
    /// The actions of the agents, step by step and, in each, kind by kind `[rows, action width]`, as a policy writes it
    /// into rows. See [`actions_of`](Self::actions_of).
    pub actions: Vec<f32>,
    /// Hashes of the observations, rewards and outcomes of the agents of all kinds: at the start, then after each step
    /// `[steps + 1]`.
    pub hashes: Vec<u32>,
}

impl EpisodeLog {
    /// Reads an episode.
    ///
    /// # Errors
    ///
    /// If the file can't be read, was cut off or altered, or is no episode.
    pub fn read(path: &Path) -> Result<Self, ReplayError> {
        let bytes = files::read(path, Links::Follow, LONGEST_EPISODE)
            .map_err(|source| ReplayError::Unreadable { path: path.to_owned(), source })?;
        Self::from_bytes(&bytes).map_err(|problem| ReplayError::Damaged { path: path.to_owned(), problem })
    }

    /// Writes the episode to a file, which is replaced as a whole if it exists.
    ///
    /// # Errors
    ///
    /// If the folder can't be written to.
    pub fn write(&self, path: &Path) -> Result<(), ReplayError> {
        let written = write_atomically(path, &self.to_bytes());
        written.map_err(|source| ReplayError::Unwritable { path: path.to_owned(), source })
    }

    /// The file's bytes: the head as JSON with its length before it, actions, hashes, and a hash of it all.
    ///
    /// A number takes four bytes, a choice one or two.
    pub fn to_bytes(&self) -> Vec<u8> {
        let head = serde_json::to_vec(&self.head).expect("names and finite numbers are JSON");
        let length = u32::try_from(head.len()).expect("a head is short");
        let mut bytes = [MAGIC, &length.to_le_bytes()[..], &head].concat();
        for (&action, choices) in self.actions.iter().zip(self.head.columns().cycle()) {
            match width(choices) {
                1 => bytes.push(action as u8),
                2 => bytes.extend_from_slice(&(action as u16).to_le_bytes()),
                _ => bytes.extend_from_slice(&action.to_le_bytes()),
            }
        }
        bytes.extend(self.hashes.iter().flat_map(|hash| hash.to_le_bytes()));
        let hash = StableHasher::default().bytes(&bytes).finish();
        bytes.extend_from_slice(&hash.to_le_bytes());
        bytes
    }

    /// Parses the bytes of a file, of this version or of the one before. Takes no more memory than a small multiple of
    /// their number.
    ///
    /// # Errors
    ///
    /// A sentence about the problem with the bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let (content, hash) = bytes.split_last_chunk::<HASH_BYTES>().ok_or("it is too short")?;
        let (version, rest) = content.split_first_chunk().ok_or("it is too short")?;
        let read_head =
            head_reader(version).ok_or("it does not start as an episode of a version that is known does")?;
        if StableHasher::default().bytes(content).finish() != u64::from_le_bytes(*hash) {
            return Err("it is not what its hash says: it was cut off or altered".to_owned());
        }
        let (length, rest) = rest.split_first_chunk::<LENGTH_BYTES>().ok_or("its head is cut off")?;
        let (head, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or("its head is cut off")?;
        let head = read_head(head).map_err(|error| format!("its head: {error}"))?;
        head.check(rest.len())?;
        let (actions, hashes) = rest.split_at(rest.len() - (head.steps as usize + 1) * size_of::<u32>());
        let hashes = hashes.as_chunks().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect();
        Ok(Self { actions: read_actions(&head, actions), hashes, head })
    }

    /// The actions of a kind in a step `[rows, action width]`; `kind` is its index among the head's kinds.
    pub fn actions_of(&self, step: u32, kind: usize) -> &[f32] {
        let widths = || self.head.kinds.iter().map(EpisodeKind::actions_per_step);
        let start = step as usize * widths().sum::<usize>() + widths().take(kind).sum::<usize>();
        &self.actions[start..][..self.head.kinds[kind].actions_per_step()]
    }
}

type HeadReader = fn(&[u8]) -> serde_json::Result<EpisodeHead>;

/// The reader of the head in a file of this version; `None` for an unknown version.
fn head_reader(version: &[u8; 8]) -> Option<HeadReader> {
    match version {
        MAGIC => Some(|head| serde_json::from_slice(head)),
        version_1::MAGIC => Some(|head| serde_json::from_slice::<version_1::EpisodeHead>(head).map(Into::into)),
        _ => None,
    }
}

/// Reads the actions, whose number and sizes follow from the head.
fn read_actions(head: &EpisodeHead, mut bytes: &[u8]) -> Vec<f32> {
    let count = head.kinds.iter().map(EpisodeKind::actions_per_step).sum::<usize>() * head.steps as usize;
    let mut columns = head.columns().cycle();
    let mut next = || {
        let (taken, rest) = bytes.split_at(width(columns.next().expect("a cycle has no end")));
        bytes = rest;
        match *taken {
            [choice] => f32::from(choice),
            [low, high] => f32::from(u16::from_le_bytes([low, high])),
            _ => taken.first_chunk().map_or(0.0, |number| f32::from_le_bytes(*number)),
        }
    };
    (0..count).map(|_| next()).collect()
}

/// The size of a column in a file \[bytes\].
const fn width(choices: u32) -> usize {
    match choices {
        1..=256 => 1,
        257..=65536 => 2,
        _ => 4,
    }
}

#[cfg(test)]
pub(super) mod tests;
