//! Checkpoints: everything that a run needs to go on, in one file each.

mod hash;
mod tensors;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ludus_learn::{AlgorithmState, Moments, StateTensor};
use ludus_policy::files::{self, LONGEST_FILE, Links};
use ludus_policy::{PolicyError, PolicyFile, TensorFile, write_atomically};

use crate::record::{CheckpointScore, OneKindRecord, RunRecord};
use hash::{check_hash, hashed};
use tensors::STATE;
use text::{CheckpointText, Counters, FORMAT, ONE_KIND_FORMAT, OneKindText, PpoText, TEXT, known_format, parsed};

/// Most policies in a checkpoint.
const MOST_POLICIES: usize = 256;

/// Policies, what their algorithms need to go on as if they had never stopped, and how far the run has come.
///
/// Its file has a hash (XXH3, 64 bits) of all its bytes, so that no file that was cut off or altered is taken for a
/// checkpoint. With one policy, the file is a policy file too, with more in it. With several, the texts and tensors of
/// each have the name of its kind of agents as a prefix.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// The policies, in the order of the run.
    pub policies: Vec<SavedPolicy>,
    /// The progress of the run.
    pub record: RunRecord,
}

/// A policy that a run learns, and the state of its algorithm.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedPolicy {
    /// The policy. Its agent's name is that of the kind whose section describes it.
    pub policy: PolicyFile,
    /// The algorithm's state besides its policy.
    pub state: AlgorithmState,
}

impl Checkpoint {
    /// Writes the checkpoint to `path`, whole or not at all.
    ///
    /// # Errors
    ///
    /// If the file can't be written.
    pub fn write(&self, path: &Path) -> Result<(), PolicyError> {
        let unwritable = |source| PolicyError::Unwritable { path: path.to_owned(), source };
        write_atomically(path, &self.to_bytes()).map_err(unwritable)
    }

    /// Reads a checkpoint.
    ///
    /// # Errors
    ///
    /// If the file can't be read, was cut off or altered, is another version's, or is a policy without a learner's
    /// state.
    pub fn read(path: &Path) -> Result<Self, PolicyError> {
        Self::read_through(path, Links::Follow)
    }

    /// Reads a checkpoint. `links` says if its path may be a link.
    pub(crate) fn read_through(path: &Path, links: Links) -> Result<Self, PolicyError> {
        let unreadable = |source| PolicyError::Unreadable { path: path.to_owned(), source };
        let bytes = files::read(path, links, LONGEST_FILE).map_err(unreadable)?;
        Self::from_bytes(&bytes).map_err(|problem| PolicyError::Damaged { path: path.to_owned(), problem })
    }

    /// Reads a checkpoint from the bytes of its file.
    ///
    /// # Errors
    ///
    /// If the bytes are damaged, altered, or of another version, as a sentence.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let file = TensorFile::from_bytes(bytes)?;
        let format = known_format(&file)?;
        check_hash(bytes)?;
        Self::from_tensor_file(file, format)
    }

    /// Steps of all agents when the checkpoint was saved.
    pub fn steps(&self) -> u64 {
        self.policies.first().map_or(0, |saved| saved.policy.origin.steps)
    }

    /// The policy of this kind of agents, and the state of its algorithm.
    pub fn of(&self, kind: &str) -> Option<&SavedPolicy> {
        self.policies.iter().find(|saved| saved.policy.spec.name == kind)
    }

    /// The score of the run; `None` before there is a mean return, and if there are several policies: a gain of one may
    /// be a loss of another.
    pub(crate) fn score(&self) -> Option<CheckpointScore> {
        match &self.policies[..] {
            [only] => self.record.kinds.get(&only.policy.spec.name)?.score(),
            _ => None,
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut file = TensorFile::default();
        for saved in &self.policies {
            let (own, prefix) = (saved.to_tensor_file(), self.prefix(&saved.policy.spec.name));
            file.texts.extend(own.texts.into_iter().map(|(name, text)| (format!("{prefix}{name}"), text)));
            file.tensors.extend(own.tensors.into_iter().map(|(name, tensor)| (format!("{prefix}{name}"), tensor)));
        }
        let counters = |SavedPolicy { policy, state }: &SavedPolicy| Counters {
            kind: policy.spec.name.clone(),
            seed: state.seed,
            iteration: state.iteration,
            counters: state.counters.clone(),
        };
        let policies = self.policies.iter().map(counters).collect();
        let text = CheckpointText { format: FORMAT, policies, record: self.record.clone() };
        let text = serde_json::to_string(&text).expect("numbers are JSON");
        file.texts.insert(TEXT.to_owned(), text);
        hashed(file)
    }

    /// The prefix of the names of a policy's tensors and texts.
    fn prefix(&self, kind: &str) -> String {
        prefix(kind, self.policies.len())
    }

    fn from_tensor_file(file: TensorFile, format: u32) -> Result<Self, String> {
        match format {
            FORMAT => Self::of_several(file),
            ONE_KIND_FORMAT => {
                let OneKindText { seed, iteration, counters, record, .. } = parsed(&file)?;
                let state = AlgorithmState { seed, iteration, counters, tensors: BTreeMap::new() };
                Self::of_one(&file, state, STATE, record)
            }
            _ => {
                let PpoText { seed, iteration, optimizer_steps, rewards, record, .. } = parsed(&file)?;
                let counters = BTreeMap::from([("optimizer_steps".to_owned(), optimizer_steps)]);
                let Moments { count, mean, variance } = rewards;
                let rewards = StateTensor::Statistics(vec![count, mean, variance]);
                let tensors = BTreeMap::from([("rewards".to_owned(), rewards)]);
                Self::of_one(&file, AlgorithmState { seed, iteration, counters, tensors }, "", record)
            }
        }
    }

    fn of_one(file: &TensorFile, state: AlgorithmState, before: &str, record: OneKindRecord) -> Result<Self, String> {
        let iteration = state.iteration;
        let saved = SavedPolicy::from_tensor_file(file, state, before)?;
        let record = record.of_kind(&saved.policy.spec.name, iteration);
        Ok(Self { policies: vec![saved], record })
    }

    fn of_several(file: TensorFile) -> Result<Self, String> {
        let CheckpointText { policies, record, .. } = parsed(&file)?;
        if !(1..=MOST_POLICIES).contains(&policies.len()) {
            return Err(format!("it has {} policies, there may be 1 to {MOST_POLICIES}", policies.len()));
        }
        let names: BTreeSet<&str> = policies.iter().map(|own| &*own.kind).collect();
        if names.len() < policies.len() || names.iter().any(|name| name.contains('/')) {
            return Err("its policies have no names of their own".to_owned());
        }
        let count = policies.len();
        let mut saved = Vec::with_capacity(count);
        for Counters { kind, seed, iteration, counters } in policies {
            let state = AlgorithmState { seed, iteration, counters, tensors: BTreeMap::new() };
            let own = part_of(&file, &prefix(&kind, count));
            let policy = SavedPolicy::from_tensor_file(&own, state, STATE).map_err(|problem| match count {
                1 => problem,
                _ => format!("its policy of `{kind}`: {problem}"),
            })?;
            if policy.policy.spec.name != kind {
                return Err(format!("its policy of `{kind}` is one of `{}`", policy.policy.spec.name));
            }
            saved.push(policy);
        }
        Ok(Self { policies: saved, record })
    }
}

/// The prefix of the names of a policy in a file with this many policies.
fn prefix(kind: &str, policies: usize) -> String {
    if policies == 1 { String::new() } else { format!("{kind}/") }
}

/// The texts and tensors of a file under a prefix, without it.
fn part_of(file: &TensorFile, prefix: &str) -> TensorFile {
    fn with<T: Clone>(all: &BTreeMap<String, T>, prefix: &str) -> BTreeMap<String, T> {
        let named = all.iter().filter_map(|(name, one)| Some((name.strip_prefix(prefix)?.to_owned(), one.clone())));
        named.collect()
    }
    TensorFile { texts: with(&file.texts, prefix), tensors: with(&file.tensors, prefix) }
}

#[cfg(test)]
pub(crate) mod tests;
