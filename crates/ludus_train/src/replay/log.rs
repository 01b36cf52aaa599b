//! The log of an episode and its file.

use std::num::NonZeroU32;
use std::path::Path;

use ludus_policy::files::{self, Links};
use ludus_policy::write_atomically;
use ludus_spec::{AgentSpec, Head, LONGEST_STEP, Outcome, Seed, StableHasher};
use serde::{Deserialize, Serialize};

use super::ReplayError;

/// The first bytes of a file, with the version of its format.
const MAGIC: &[u8; 8] = b"ludusep1";
/// Bytes of a length.
const LENGTH_BYTES: usize = 4;
/// Bytes of the hash at the end of a file.
const HASH_BYTES: usize = 8;
/// The longest file that is read [bytes]: 1 GiB.
const LONGEST_EPISODE: u64 = 1 << 30;
/// More arenas than a replay builds.
const MOST_ARENAS: u32 = 1 << 16;

/// Everything that repeats an episode, and what tells whether it did.
#[derive(Clone, Debug, PartialEq)]
pub struct EpisodeLog {
    /// Which episode it is.
    pub head: EpisodeHead,
    /// What the agents did `[steps, rows, action width]`, as a policy writes it into rows.
    pub actions: Vec<f32>,
    /// A hash of what the agents saw, got and came to: at the start, then after each step `[steps + 1]`.
    pub hashes: Vec<u32>,
}

/// Which episode a log is of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpisodeHead {
    /// The game.
    pub program: String,
    /// The version of the library that played it.
    pub library: String,
    /// [`AgentSpec::layout_hash`] in 16 hexadecimal digits.
    pub layout_hash: String,
    /// Choices of each column of an action row; 0 for a number.
    pub choices: Vec<u32>,
    /// The world's index.
    pub world: u32,
    /// The world's own seed.
    pub seed: Seed,
    /// Which arena it was; without one, the whole world.
    pub arena: Option<u32>,
    /// Arenas of the world.
    pub arenas: u32,
    /// The number of the episode for each member of the arena, from 0, the arena itself.
    pub numbers: Vec<u32>,
    /// Ticks per step.
    pub decision_interval: NonZeroU32,
    /// The weight of each term of the reward.
    pub weights: Vec<f32>,
    /// The run's limit.
    pub episode_limit: Option<NonZeroU32>,
    /// Whether first episodes were cut at points of their own.
    pub stagger: bool,
    /// Agents.
    pub rows: u32,
    /// Steps.
    pub steps: u32,
    /// Sum of the weighted rewards; their mean over the agents whose episode ended.
    pub reward: f32,
    /// How it ended.
    pub outcome: Outcome,
    /// The iteration in which it ended.
    pub iteration: u64,
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

    /// Writes the episode, or replaces the file whole.
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
        for (&action, &choices) in self.actions.iter().zip(self.head.choices.iter().cycle()) {
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

    /// What the bytes of a file say. Takes no more memory than a small multiple of their number.
    ///
    /// # Errors
    ///
    /// A sentence about what is wrong with them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let (content, hash) = bytes.split_last_chunk::<HASH_BYTES>().ok_or("it is too short")?;
        let rest = content.strip_prefix(MAGIC).ok_or("it does not start as an episode of this version does")?;
        if StableHasher::default().bytes(content).finish() != u64::from_le_bytes(*hash) {
            return Err("it is not what its hash says: it was cut off or altered".to_owned());
        }
        let (length, rest) = rest.split_first_chunk::<LENGTH_BYTES>().ok_or("its head is cut off")?;
        let (head, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or("its head is cut off")?;
        let head = serde_json::from_slice::<EpisodeHead>(head).map_err(|error| format!("its head: {error}"))?;
        head.check(rest.len())?;
        let (actions, hashes) = rest.split_at(rest.len() - (head.steps as usize + 1) * size_of::<u32>());
        let hashes = hashes.as_chunks().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect();
        Ok(Self { actions: head.read_actions(actions), hashes, head })
    }

    /// The actions of a step `[rows, action width]`.
    pub fn actions_of(&self, step: u32) -> &[f32] {
        let width = self.head.rows as usize * self.head.choices.len();
        &self.actions[step as usize * width..][..width]
    }
}

impl EpisodeHead {
    /// Of an episode of no steps that was played by nobody.
    pub(crate) fn of_agent(spec: &AgentSpec) -> Self {
        Self {
            program: String::new(),
            library: env!("CARGO_PKG_VERSION").to_owned(),
            layout_hash: written_layout(spec),
            choices: choices_of(spec),
            world: 0,
            seed: Seed::default(),
            arena: None,
            arenas: 1,
            numbers: Vec::new(),
            decision_interval: NonZeroU32::MIN,
            weights: Vec::new(),
            episode_limit: None,
            stagger: false,
            rows: 0,
            steps: 0,
            reward: 0.0,
            outcome: Outcome::default(),
            iteration: 0,
        }
    }

    /// Refuses what can't be played, and a head that asks for more or less than `content` bytes.
    fn check(&self, content: usize) -> Result<(), String> {
        let per_step = self.choices.iter().map(|&choices| width(choices) as u64).sum::<u64>();
        let actions = u64::from(self.rows).checked_mul(u64::from(self.steps)).and_then(|all| all.checked_mul(per_step));
        let hashes = (u64::from(self.steps) + 1) * size_of::<u32>() as u64;
        let needed = actions.and_then(|actions| actions.checked_add(hashes));
        if needed != Some(content as u64) {
            return Err(format!("it has {content} bytes of actions and hashes, which is not what its head says"));
        }
        if self.decision_interval.get() > LONGEST_STEP {
            return Err(format!("its steps have {} ticks, there may be {LONGEST_STEP}", self.decision_interval));
        }
        if self.rows == 0 || self.choices.is_empty() {
            return Err("it has no agents".to_owned());
        }
        if self.arenas > MOST_ARENAS {
            return Err(format!("its world has {} arenas, there may be {MOST_ARENAS}", self.arenas));
        }
        let is_finite = self.reward.is_finite() && self.weights.iter().all(|weight| weight.is_finite());
        if is_finite { Ok(()) } else { Err("its weights or its return are not finite".to_owned()) }
    }

    fn read_actions(&self, mut bytes: &[u8]) -> Vec<f32> {
        let count = self.rows as usize * self.steps as usize * self.choices.len();
        let mut columns = self.choices.iter().cycle();
        let mut next = || {
            let (taken, rest) = bytes.split_at(width(*columns.next().expect("a cycle has no end")));
            bytes = rest;
            match *taken {
                [choice] => f32::from(choice),
                [low, high] => f32::from(u16::from_le_bytes([low, high])),
                _ => taken.first_chunk().map_or(0.0, |number| f32::from_le_bytes(*number)),
            }
        };
        (0..count).map(|_| next()).collect()
    }
}

/// Bytes of a column in a file.
const fn width(choices: u32) -> usize {
    match choices {
        1..=256 => 1,
        257..=65536 => 2,
        _ => 4,
    }
}

/// The choices of each column of an action row, 0 for numbers.
pub(super) fn choices_of(spec: &AgentSpec) -> Vec<u32> {
    let columns = |head: &Head| match *head {
        Head::Gaussian { width } => vec![0; width],
        Head::Categorical { choices } => vec![u32::try_from(choices).unwrap_or(u32::MAX)],
    };
    spec.heads().iter().flat_map(columns).collect()
}

/// How a layout's hash is written.
pub(super) fn written_layout(spec: &AgentSpec) -> String {
    format!("{:016x}", spec.layout_hash())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn log() -> EpisodeLog {
        let head = EpisodeHead {
            program: "balance".to_owned(),
            library: "0.1.0".to_owned(),
            layout_hash: "0123456789abcdef".to_owned(),
            choices: vec![0, 3, 300],
            world: 2,
            seed: Seed::new(7),
            arena: Some(5),
            arenas: 8,
            numbers: vec![1, 12, 12],
            decision_interval: NonZeroU32::MIN,
            weights: vec![0.1, -1.0],
            episode_limit: NonZeroU32::new(100),
            stagger: true,
            rows: 2,
            steps: 2,
            reward: 0.3,
            outcome: Outcome::Truncated,
            iteration: 9,
        };
        let actions = vec![0.1, 2.0, 299.0, -0.5, 0.0, 256.0, f32::MIN_POSITIVE, 1.0, 0.0, 3e8, 0.0, 1.0];
        EpisodeLog { head, actions, hashes: vec![1, 2, u32::MAX] }
    }

    /// With the right hash at its end, as whoever means harm would write it.
    fn sealed(content: &[u8]) -> Vec<u8> {
        let hash = StableHasher::default().bytes(content).finish();
        [content, &hash.to_le_bytes()].concat()
    }

    fn with_head(head: &str, rest: &[u8]) -> Vec<u8> {
        sealed(&[MAGIC, &(head.len() as u32).to_le_bytes()[..], head.as_bytes(), rest].concat())
    }

    #[test]
    fn what_is_written_is_read() {
        let bytes = log().to_bytes();
        assert_eq!(EpisodeLog::from_bytes(&bytes).unwrap(), log());
        assert_eq!(bytes.len(), 8 + 4 + serde_json::to_vec(&log().head).unwrap().len() + 4 * (4 + 1 + 2) + 3 * 4 + 8);
    }

    #[test]
    fn no_bit_can_be_altered_and_no_byte_be_cut_off() {
        let bytes = log().to_bytes();
        for bit in 0..bytes.len() * 8 {
            let mut altered = bytes.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert!(EpisodeLog::from_bytes(&altered).is_err(), "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert!(EpisodeLog::from_bytes(&bytes[..length]).is_err(), "the first {length} bytes");
        }
    }

    #[test]
    fn a_head_that_claims_more_than_there_is_is_refused() {
        let head = serde_json::to_string(&log().head).unwrap();
        let check = |from: &str, to: &str, part: &str| {
            assert!(head.contains(from), "{head}");
            let error = EpisodeLog::from_bytes(&with_head(&head.replace(from, to), &[0; 40])).unwrap_err();
            assert!(error.contains(part), "{error}");
        };
        check("\"steps\":2", "\"steps\":4294967295", "not what its head says");
        check("\"rows\":2", "\"rows\":4294967295", "not what its head says");
        check("\"rows\":2,\"steps\":2", "\"rows\":4294967295,\"steps\":4294967295", "not what its head says");
        check("\"decision_interval\":1", "\"decision_interval\":4294967295", "ticks");
        check("\"decision_interval\":1", "\"decision_interval\":0", "its head");
        check("\"arenas\":8", "\"arenas\":4294967295", "arenas");
        check("\"arenas\":8", "\"arenas\":8,\"more\":1", "unknown field");
        check("\"reward\":0.3", "\"reward\":1e999", "its head");
        check("\"numbers\":[1,12,12]", &format!("\"numbers\":{}", "[".repeat(100_000)), "its head");
    }
}
