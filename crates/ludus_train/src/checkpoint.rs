//! Checkpoints: everything that a run needs to go on, in one file each.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hasher;
use std::ops::Range;
use std::path::Path;

use ludus_learn::{AlgorithmState, Moments, StateTensor};
use ludus_policy::files::{self, LONGEST_FILE, Links};
use ludus_policy::{PolicyError, PolicyFile, TensorData, TensorFile, Values, write_atomically};
use ludus_spec::Seed;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;
use twox_hash::xxhash3_64::{DEFAULT_SECRET_LENGTH, RawHasher, SecretBuffer};

use crate::record::{CheckpointScore, OneKindRecord, RunRecord};

/// The name of the text that holds a checkpoint's numbers.
const TEXT: &str = "checkpoint";
/// The version of that text.
const FORMAT: u32 = 4;
/// The version before it, with one kind of agents.
const ONE_KIND_FORMAT: u32 = 3;
/// The version before that, with PPO as the only algorithm.
const PPO_FORMAT: u32 = 2;
/// The name of the text that holds the hash of everything else.
const HASH: &str = "hash";
/// The placeholder of the hash while it is computed.
const UNHASHED: &str = "0000000000000000";
/// Prefix of the names of the algorithm's arrays.
const STATE: &str = "state.";
/// Most arrays of an algorithm that have one number per parameter.
const MOST_ARRAYS: usize = 16;
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

/// The text of a checkpoint: everything besides tensors.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckpointText {
    format: u32,
    policies: Vec<Counters>,
    record: RunRecord,
}

/// The counters of an algorithm.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Counters {
    /// The name of the policy's kind of agents.
    kind: String,
    seed: Seed,
    iteration: u64,
    counters: BTreeMap<String, u64>,
}

/// The text of a checkpoint of [`ONE_KIND_FORMAT`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OneKindText {
    #[serde(rename = "format")]
    _format: u32,
    seed: Seed,
    iteration: u64,
    counters: BTreeMap<String, u64>,
    record: OneKindRecord,
}

/// The text of a checkpoint of [`PPO_FORMAT`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PpoText {
    #[serde(rename = "format")]
    _format: u32,
    seed: Seed,
    iteration: u64,
    optimizer_steps: u64,
    rewards: Moments,
    record: OneKindRecord,
}

/// The part of [`CheckpointText`] that all versions have.
#[derive(Deserialize)]
struct Version {
    /// The version of the text. The first version has no such field.
    #[serde(default = "first_format")]
    format: u32,
}

const fn first_format() -> u32 {
    1
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

impl SavedPolicy {
    fn to_tensor_file(&self) -> TensorFile {
        let mut file = self.policy.to_tensor_file();
        for (name, tensor) in &self.state.tensors {
            match tensor {
                StateTensor::PerParameter(numbers) => self.add_per_parameter(&mut file, name, numbers),
                StateTensor::Statistics(numbers) => {
                    file.tensors.insert(format!("{STATE}{name}"), TensorData::double_row(numbers.clone()));
                }
            }
        }
        file
    }

    /// Adds a tensor for each of the policy's tensors, of the same shape.
    fn add_per_parameter(&self, file: &mut TensorFile, name: &str, numbers: &[f32]) {
        for (parameter, shape, values) in self.policy.named(numbers) {
            let tensor = TensorData { shape, values: Values::F32(values) };
            file.tensors.insert(format!("{STATE}{name}.{parameter}"), tensor);
        }
    }

    /// The policy of a file, with the arrays of the algorithm's state, whose names begin with `before`.
    fn from_tensor_file(file: &TensorFile, mut state: AlgorithmState, before: &str) -> Result<Self, String> {
        let policy = PolicyFile::from_tensor_file(file)?;
        state.tensors.extend(statistics(file));
        for name in per_parameter_names(file, &policy, before)? {
            let numbers = per_parameter(file, &policy, &format!("{before}{name}."))?;
            state.tensors.insert(name, StateTensor::PerParameter(numbers));
        }
        Ok(Self { policy, state })
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

/// Returns the file's bytes, with their hash among the texts.
fn hashed(mut file: TensorFile) -> Vec<u8> {
    file.texts.insert(HASH.to_owned(), UNHASHED.to_owned());
    let mut bytes = file.to_bytes();
    let place = hash_place(&bytes).expect("it was just written");
    let hash = format!("{:016x}", XxHash3_64::oneshot(&bytes));
    bytes[place].copy_from_slice(hash.as_bytes());
    bytes
}

/// Checks that the file's bytes match the hash in it.
fn check_hash(bytes: &[u8]) -> Result<(), String> {
    let altered = || "its content is not what its hash says, it was altered".to_owned();
    let place = hash_place(bytes).ok_or_else(altered)?;
    let secret = SecretBuffer::with_seed(0, [0; DEFAULT_SECRET_LENGTH]).map_err(|_| altered())?;
    let mut hasher = RawHasher::new(secret);
    hasher.write(&bytes[..place.start]);
    hasher.write(UNHASHED.as_bytes());
    hasher.write(&bytes[place.end..]);
    if bytes[place] == *format!("{:016x}", hasher.finish()).as_bytes() { Ok(()) } else { Err(altered()) }
}

/// The range of the hash in the file's header. Quotes inside a text are escaped, so nothing else is taken for it.
fn hash_place(bytes: &[u8]) -> Option<Range<usize>> {
    let key = format!("\"{HASH}\":\"");
    let start = bytes.windows(key.len()).position(|window| window == key.as_bytes())? + key.len();
    let place = start..start + UNHASHED.len();
    (bytes.get(place.end) == Some(&b'"')).then_some(place)
}

fn known_format(file: &TensorFile) -> Result<u32, String> {
    match parsed::<Version>(file)?.format {
        format @ (FORMAT | ONE_KIND_FORMAT | PPO_FORMAT) => Ok(format),
        format => {
            Err(format!("its checkpoint's format is {format}, this version of the library goes on from {FORMAT}"))
        }
    }
}

/// Parses the checkpoint's text as a `T`.
fn parsed<T: DeserializeOwned>(file: &TensorFile) -> Result<T, String> {
    let text = file.texts.get(TEXT).ok_or("it is a policy without a learner's state")?;
    serde_json::from_str(text).map_err(|error| format!("its `{TEXT}`: {error}"))
}

/// The statistics of the algorithm.
fn statistics(file: &TensorFile) -> impl Iterator<Item = (String, StateTensor)> {
    file.tensors.iter().filter_map(|(name, tensor)| match (name.strip_prefix(STATE), &tensor.values) {
        (Some(name), Values::F64(numbers)) => Some((name.to_owned(), StateTensor::Statistics(numbers.clone()))),
        _ => None,
    })
}

/// The names of arrays that have a tensor for each of the policy's tensors.
///
/// Such a tensor is called `<before><array>.<parameter>`.
fn per_parameter_names(file: &TensorFile, policy: &PolicyFile, before: &str) -> Result<Vec<String>, String> {
    let Some((first, ..)) = policy.named(&policy.parameters).into_iter().next() else { return Ok(Vec::new()) };
    let of_first = |name: &String| {
        let name = name.strip_prefix(before)?.strip_suffix(first.as_str())?.strip_suffix('.')?;
        Some(name.to_owned())
    };
    let names: Vec<String> = file.tensors.keys().filter_map(of_first).collect();
    if names.len() > MOST_ARRAYS {
        return Err(format!("it has {} arrays for each parameter, there may be {MOST_ARRAYS} at most", names.len()));
    }
    Ok(names)
}

fn per_parameter(file: &TensorFile, policy: &PolicyFile, prefix: &str) -> Result<Vec<f32>, String> {
    let stored = file.tensors.iter().filter_map(|(name, tensor)| Some((name.strip_prefix(prefix)?, tensor)));
    let named = stored.map(|(name, tensor)| match &tensor.values {
        Values::F32(values) => Ok((name.to_owned(), tensor.shape.clone(), values.clone())),
        Values::F64(_) => Err(format!("tensor `{prefix}{name}` is of type F64, it must be F32")),
    });
    let named = named.collect::<Result<Vec<_>, _>>()?;
    policy.unnamed(named)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::num::NonZeroU32;

    use ludus_net::{Layout, Network, NetworkConfig};
    use ludus_policy::Origin;
    use ludus_spec::{ActionField, ActionKind, AgentSpec, ObservationField, ObservationKind, RewardTerm};

    use super::*;
    use crate::record::{KindRecord, PastEpisode};

    fn spec() -> AgentSpec {
        let parts = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let (name, doc) = (String::new, String::new);
        let (grid, range, kind) = (None, None, ObservationKind::Number);
        let observation =
            ObservationField { name: "ball".to_owned(), doc: doc(), parts: parts(&["x"]), grid, range, kind };
        let action = ActionField {
            name: "jump".to_owned(),
            doc: doc(),
            parts: parts(&["no", "yes"]),
            kind: ActionKind::Discrete,
        };
        let reward = RewardTerm { name: name(), doc: doc() };
        AgentSpec {
            name: "Plate".to_owned(),
            observation: vec![observation],
            action: vec![action],
            reward: vec![reward],
            masked: false,
        }
    }

    /// A checkpoint after this many steps, with numbers of its own.
    pub fn checkpoint(steps: u64) -> Checkpoint {
        let network = NetworkConfig { hidden: vec![3], ..NetworkConfig::default() };
        let spec = spec();
        let layout = Layout::new(1, &spec.heads(), &network).unwrap();
        let parameters = Network::new(layout, Seed::new(steps)).parameters().to_vec();
        let moments = || StateTensor::PerParameter(parameters.clone());
        let tensors = [
            ("adam.mean", moments()),
            ("adam.variance", moments()),
            ("rewards", StateTensor::Statistics(vec![0.0, 0.1, 0.0])),
        ];
        let state = AlgorithmState {
            seed: Seed::new(4),
            iteration: 5,
            counters: [("optimizer_steps".to_owned(), 7)].into(),
            tensors: tensors.map(|(name, tensor)| (name.to_owned(), tensor)).into(),
        };
        let recent = vec![PastEpisode { reward: 0.1, steps: 9, terms: vec![0.1] }];
        let kinds = [(spec.name.clone(), KindRecord { episodes: 3, recent })].into();
        let record = RunRecord { kinds, iteration: 5, world_steps: Some(640), seconds: 1.5, run: String::new() };
        let origin = Origin { steps, ..Origin::default() };
        let policy = PolicyFile {
            spec,
            network: network.into(),
            parameters,
            normalizer: None,
            decision_interval: NonZeroU32::MIN,
            tick_rate_hz: 64.0,
            origin,
        };
        Checkpoint { policies: vec![SavedPolicy { policy, state }], record }
    }

    fn bytes() -> Vec<u8> {
        checkpoint(100).to_bytes()
    }

    /// A checkpoint of two kinds, each with a policy of its own.
    fn of_two() -> Checkpoint {
        let mut both = checkpoint(100);
        let mut other = checkpoint(7).policies.remove(0);
        other.policy.spec.name = "Ball".to_owned();
        other.policy.origin.steps = 100;
        other.state.iteration = 50;
        both.record.kinds.insert("Ball".to_owned(), KindRecord::default());
        both.policies.push(other);
        both
    }

    #[test]
    fn policies_of_several_kinds_are_read_as_they_were_written() {
        let read = Checkpoint::from_bytes(&of_two().to_bytes()).unwrap();
        assert_eq!(read, of_two());
        assert_eq!(read.of("Ball").unwrap().state.iteration, 50);
        assert_eq!(read.score(), None, "what is good for one kind may be bad for another");
        let file = TensorFile::from_bytes(&read.to_bytes()).unwrap();
        assert!(file.tensors.keys().all(|name| name.starts_with("Plate/") || name.starts_with("Ball/")));
        assert!(PolicyFile::from_tensor_file(&file).is_err(), "it is no policy of one kind");
    }

    #[test]
    fn names_of_policies_that_are_not_their_own_are_refused() {
        let check = |from: &str, to: &str, expected: &str| {
            let mut file = TensorFile::from_bytes(&of_two().to_bytes()).unwrap();
            let text = file.texts.get_mut(TEXT).unwrap();
            assert!(text.contains(from), "{text}");
            *text = text.replace(from, to);
            let error = Checkpoint::from_bytes(&hashed(file)).unwrap_err();
            assert!(error.contains(expected), "{error}");
        };
        check("\"kind\":\"Ball\"", "\"kind\":\"Plate\"", "no names of their own");
        check("\"kind\":\"Ball\"", "\"kind\":\"Plate/x\"", "no names of their own");
        check("\"kind\":\"Ball\"", "\"kind\":\"Bat\"", "its policy of `Bat`");
    }

    #[test]
    fn what_is_written_is_read() {
        let read = Checkpoint::from_bytes(&bytes()).unwrap();
        assert_eq!(read, checkpoint(100));
        assert_eq!(read.to_bytes(), bytes());
    }

    #[test]
    fn no_bit_can_be_altered() {
        let bytes = bytes();
        for bit in 0..bytes.len() * 8 {
            let mut altered = bytes.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert!(Checkpoint::from_bytes(&altered).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn no_part_is_taken_for_the_whole() {
        let bytes = bytes();
        for length in 0..bytes.len() {
            assert!(Checkpoint::from_bytes(&bytes[..length]).is_err(), "the first {length} bytes");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let check = |change: &dyn Fn(&mut TensorFile), expected: &str| {
            let mut file = TensorFile::from_bytes(&checkpoint(1).to_bytes()).unwrap();
            change(&mut file);
            let error = Checkpoint::from_bytes(&file.to_bytes()).unwrap_err();
            assert!(error.contains(expected), "{error}");
        };
        let rewrite = |from: &'static str, to: &'static str| {
            move |file: &mut TensorFile| {
                let text = file.texts.get_mut(TEXT).unwrap();
                assert!(text.contains(from), "{text}");
                *text = text.replace(from, to);
            }
        };
        check(&rewrite("\"format\":4,", "\"format\":5,"), "format is 5, this version of the library goes on from 4");
        check(&rewrite("\"format\":4,", ""), "format is 1, this version");
        check(&rewrite("\"iteration\":5", "\"iteration\":6"), "it was altered");
        check(&|file| drop(file.texts.remove(HASH)), "it was altered");
        check(&|file| drop(file.texts.remove(TEXT)), "a policy without a learner's state");
    }

    /// The record as earlier versions wrote it, which had one kind of agents.
    const ONE_KIND_RECORD: &str = r#"{"episodes":3,"recent":[{"reward":0.1,"steps":9,"terms":[0.1]}],"seconds":1.5}"#;

    /// A checkpoint of an earlier version, with this text and its tensors renamed.
    fn read_earlier(text: String, rename: impl Fn(&str) -> Option<String>) -> Checkpoint {
        let mut file = TensorFile::from_bytes(&checkpoint(9).to_bytes()).unwrap();
        let named = |(name, tensor): (String, TensorData)| Some((rename(&name)?, tensor));
        file.tensors = file.tensors.into_iter().filter_map(named).collect();
        file.texts.insert(TEXT.to_owned(), text);
        Checkpoint::from_bytes(&hashed(file)).unwrap()
    }

    fn without_world_steps() -> Checkpoint {
        let new = checkpoint(9);
        Checkpoint { record: RunRecord { world_steps: None, ..new.record.clone() }, ..new }
    }

    #[test]
    fn a_checkpoint_of_one_kind_is_read() {
        let seed = serde_json::to_string(&Seed::new(4)).unwrap();
        let text = format!(
            r#"{{"format":3,"seed":{seed},"iteration":5,"counters":{{"optimizer_steps":7}},"record":{ONE_KIND_RECORD}}}"#
        );
        assert_eq!(read_earlier(text, |name| Some(name.to_owned())), without_world_steps());
    }

    #[test]
    fn a_checkpoint_of_ppo_alone_is_read() {
        let seed = serde_json::to_string(&Seed::new(4)).unwrap();
        let text = format!(
            r#"{{"format":2,"seed":{seed},"iteration":5,"optimizer_steps":7,"rewards":{{"count":0.0,"mean":0.1,"variance":0.0}},"record":{ONE_KIND_RECORD}}}"#
        );
        let rename = |name: &str| (name != "state.rewards").then(|| name.replace("state.adam", "adam"));
        assert_eq!(read_earlier(text, rename), without_world_steps());
    }
}
