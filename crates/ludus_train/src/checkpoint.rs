//! Checkpoints: everything that a run needs to go on, in one file each.

use std::collections::BTreeMap;
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

use crate::record::RunRecord;

/// The name of the text that holds a checkpoint's numbers.
const TEXT: &str = "checkpoint";
/// The version of that text.
const FORMAT: u32 = 3;
/// The version before it, which knew PPO alone.
const PPO_FORMAT: u32 = 2;
/// The name of the text that holds the hash of everything else.
const HASH: &str = "hash";
/// What stands there while the hash is worked out.
const UNHASHED: &str = "0000000000000000";
/// Prefix of the names of the algorithm's arrays.
const STATE: &str = "state.";
/// Arrays that an algorithm has a number in for each parameter.
const MOST_ARRAYS: usize = 16;

/// A policy, what its learner needs to go on as if it had never stopped, and how far the run has come.
///
/// Its file is a policy file too, with more in it: among that a hash (XXH3, 64 bits) of all its bytes, so that no file
/// that was cut off or altered is taken for a checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// The policy.
    pub policy: PolicyFile,
    /// The algorithm's state besides its policy.
    pub state: AlgorithmState,
    /// What the run has come to.
    pub record: RunRecord,
}

/// What a checkpoint says besides tensors.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Counters {
    format: u32,
    seed: Seed,
    iteration: u64,
    counters: BTreeMap<String, u64>,
    record: RunRecord,
}

/// The text of a checkpoint of [`PPO_FORMAT`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PpoCounters {
    #[serde(rename = "format")]
    _format: u32,
    seed: Seed,
    iteration: u64,
    optimizer_steps: u64,
    rewards: Moments,
    record: RunRecord,
}

/// The part of [`Counters`] that all versions have.
#[derive(Deserialize)]
struct Version {
    /// The first version did not say so.
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

    /// Reads a checkpoint whose name may be a link, or may not.
    pub(crate) fn read_through(path: &Path, links: Links) -> Result<Self, PolicyError> {
        let unreadable = |source| PolicyError::Unreadable { path: path.to_owned(), source };
        let bytes = files::read(path, links, LONGEST_FILE).map_err(unreadable)?;
        Self::from_bytes(&bytes).map_err(|problem| PolicyError::Damaged { path: path.to_owned(), problem })
    }

    /// What the bytes of a file say.
    ///
    /// # Errors
    ///
    /// A sentence about what is wrong with them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let file = TensorFile::from_bytes(bytes)?;
        let format = known_format(&file)?;
        check_hash(bytes)?;
        Self::from_tensor_file(&file, format)
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut file = self.policy.to_tensor_file();
        let AlgorithmState { seed, iteration, counters, tensors } = &self.state;
        for (name, tensor) in tensors {
            match tensor {
                StateTensor::PerParameter(numbers) => self.add_per_parameter(&mut file, name, numbers),
                StateTensor::Statistics(numbers) => {
                    file.tensors.insert(format!("{STATE}{name}"), TensorData::double_row(numbers.clone()));
                }
            }
        }
        let (counters, record) = (counters.clone(), self.record.clone());
        let counters = Counters { format: FORMAT, seed: *seed, iteration: *iteration, counters, record };
        let text = serde_json::to_string(&counters).expect("numbers are JSON");
        file.texts.insert(TEXT.to_owned(), text);
        hashed(file)
    }

    /// Adds a tensor for each of the policy's own, of the same shape.
    fn add_per_parameter(&self, file: &mut TensorFile, name: &str, numbers: &[f32]) {
        for (parameter, shape, values) in self.policy.named(numbers) {
            let tensor = TensorData { shape, values: Values::F32(values) };
            file.tensors.insert(format!("{STATE}{name}.{parameter}"), tensor);
        }
    }

    fn from_tensor_file(file: &TensorFile, format: u32) -> Result<Self, String> {
        let policy = PolicyFile::from_tensor_file(file)?;
        let (mut state, record) = if format == PPO_FORMAT {
            let PpoCounters { seed, iteration, optimizer_steps, rewards, record, .. } = parsed(file)?;
            let counters = BTreeMap::from([("optimizer_steps".to_owned(), optimizer_steps)]);
            let Moments { count, mean, variance } = rewards;
            let rewards = StateTensor::Statistics(vec![count, mean, variance]);
            let tensors = BTreeMap::from([("rewards".to_owned(), rewards)]);
            (AlgorithmState { seed, iteration, counters, tensors }, record)
        } else {
            let Counters { seed, iteration, counters, record, .. } = parsed(file)?;
            (AlgorithmState { seed, iteration, counters, tensors: BTreeMap::new() }, record)
        };
        state.tensors.extend(statistics(file));
        let before = if format == PPO_FORMAT { "" } else { STATE };
        for name in per_parameter_names(file, &policy, before)? {
            let numbers = per_parameter(file, &policy, &format!("{before}{name}."))?;
            state.tensors.insert(name, StateTensor::PerParameter(numbers));
        }
        Ok(Self { policy, state, record })
    }
}

/// The file's bytes with their hash.
fn hashed(mut file: TensorFile) -> Vec<u8> {
    file.texts.insert(HASH.to_owned(), UNHASHED.to_owned());
    let mut bytes = file.to_bytes();
    let place = hash_place(&bytes).expect("it was just written");
    let hash = format!("{:016x}", XxHash3_64::oneshot(&bytes));
    bytes[place].copy_from_slice(hash.as_bytes());
    bytes
}

/// Makes sure that not a bit of the file differs from what it was when it was hashed.
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
        format @ (FORMAT | PPO_FORMAT) => Ok(format),
        format => {
            Err(format!("its checkpoint's format is {format}, this version of the library goes on from {FORMAT}"))
        }
    }
}

/// The checkpoint's text, as far as `T` asks for it.
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

/// The names of arrays that have a tensor for each of the policy's: what stands before a parameter's name.
///
/// `before` stands before all of them.
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
    use crate::record::PastEpisode;

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
        let record = RunRecord {
            episodes: 3,
            recent: vec![PastEpisode { reward: 0.1, steps: 9, terms: vec![0.1] }],
            seconds: 1.5,
            run: String::new(),
        };
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
        Checkpoint { policy, state, record }
    }

    fn bytes() -> Vec<u8> {
        checkpoint(100).to_bytes()
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
        check(&rewrite("\"format\":3,", "\"format\":4,"), "format is 4, this version of the library goes on from 3");
        check(&rewrite("\"format\":3,", ""), "format is 1, this version");
        check(&rewrite("\"iteration\":5", "\"iteration\":6"), "it was altered");
        check(&|file| drop(file.texts.remove(HASH)), "it was altered");
        check(&|file| drop(file.texts.remove(TEXT)), "a policy without a learner's state");
    }

    /// As the version before wrote it.
    #[test]
    fn a_checkpoint_of_ppo_alone_is_read() {
        let new = checkpoint(9);
        let mut file = TensorFile::from_bytes(&new.to_bytes()).unwrap();
        file.tensors.remove("state.rewards");
        let renamed = |(name, tensor): (String, TensorData)| (name.replace("state.adam", "adam"), tensor);
        file.tensors = file.tensors.into_iter().map(renamed).collect();
        let [record, seed] =
            [serde_json::to_string(&new.record), serde_json::to_string(&new.state.seed)].map(Result::unwrap);
        let text = format!(
            r#"{{"format":2,"seed":{seed},"iteration":5,"optimizer_steps":7,"rewards":{{"count":0.0,"mean":0.1,"variance":0.0}},"record":{record}}}"#
        );
        file.texts.insert(TEXT.to_owned(), text);
        assert_eq!(Checkpoint::from_bytes(&hashed(file)), Ok(new));
    }
}
