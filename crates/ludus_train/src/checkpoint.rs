//! Checkpoints: everything that a run needs to go on, in one file each.

use std::path::Path;

use ludus_learn::{LearnerState, Moments, PpoState};
use ludus_policy::files::{self, LONGEST_FILE, Links};
use ludus_policy::{PolicyError, PolicyFile, TensorData, TensorFile, Values};
use ludus_spec::Seed;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;

use crate::record::RunRecord;

/// The name of the text that holds a checkpoint's numbers.
const TEXT: &str = "checkpoint";
/// The version of that text.
const FORMAT: u32 = 2;
/// The name of the text that holds the hash of everything else.
const HASH: &str = "hash";
/// What stands there while the hash is worked out.
const UNHASHED: &str = "0000000000000000";
const FIRST_MOMENTS: &str = "adam.mean.";
const SECOND_MOMENTS: &str = "adam.variance.";

/// A policy, what its learner needs to go on as if it had never stopped, and how far the run has come.
///
/// Its file is a policy file too, with more in it: among that a hash (XXH3, 64 bits) of all its bytes, so that no file
/// that was cut off or altered is taken for a checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// The policy.
    pub policy: PolicyFile,
    /// The learner's state.
    pub state: PpoState,
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
        self.to_tensor_file().write(path)
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
        check_version(&file)?;
        // What was read is written again, so that not even a bit that means nothing can differ.
        if hashed(file.clone()).to_bytes() != bytes {
            return Err("its content is not what its hash says, it was altered".to_owned());
        }
        Self::from_tensor_file(&file)
    }

    fn to_tensor_file(&self) -> TensorFile {
        let mut file = self.policy.to_tensor_file();
        let learner = &self.state.learner;
        for (prefix, moments) in [(FIRST_MOMENTS, &learner.first_moments), (SECOND_MOMENTS, &learner.second_moments)] {
            for (name, shape, values) in self.policy.named(moments) {
                let tensor = TensorData { shape, values: Values::F32(values) };
                file.tensors.insert(format!("{prefix}{name}"), tensor);
            }
        }
        let counters = Counters {
            format: FORMAT,
            seed: self.state.seed,
            iteration: self.state.iteration,
            optimizer_steps: learner.optimizer_steps,
            rewards: self.state.rewards,
            record: self.record.clone(),
        };
        let text = serde_json::to_string(&counters).expect("numbers are JSON");
        file.texts.insert(TEXT.to_owned(), text);
        hashed(file)
    }

    fn from_tensor_file(file: &TensorFile) -> Result<Self, String> {
        let policy = PolicyFile::from_tensor_file(file)?;
        let counters = parsed::<Counters>(file)?;
        let learner = LearnerState {
            parameters: policy.parameters.clone(),
            first_moments: moments(file, &policy, FIRST_MOMENTS)?,
            second_moments: moments(file, &policy, SECOND_MOMENTS)?,
            optimizer_steps: counters.optimizer_steps,
            normalizer: policy.normalizer.clone(),
        };
        let Counters { seed, iteration, rewards, record, .. } = counters;
        Ok(Self { policy, state: PpoState { seed, iteration, rewards, learner }, record })
    }
}

/// The file with its hash.
fn hashed(mut file: TensorFile) -> TensorFile {
    file.texts.insert(HASH.to_owned(), UNHASHED.to_owned());
    let hash = XxHash3_64::oneshot(&file.to_bytes());
    file.texts.insert(HASH.to_owned(), format!("{hash:016x}"));
    file
}

fn check_version(file: &TensorFile) -> Result<(), String> {
    let Version { format } = parsed(file)?;
    if format == FORMAT {
        return Ok(());
    }
    Err(format!("its checkpoint's format is {format}, this version of the library goes on from {FORMAT}"))
}

/// The checkpoint's text, as far as `T` asks for it.
fn parsed<T: DeserializeOwned>(file: &TensorFile) -> Result<T, String> {
    let text = file.texts.get(TEXT).ok_or("it is a policy without a learner's state")?;
    serde_json::from_str(text).map_err(|error| format!("its `{TEXT}`: {error}"))
}

fn moments(file: &TensorFile, policy: &PolicyFile, prefix: &str) -> Result<Vec<f32>, String> {
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
        let learner = LearnerState {
            first_moments: vec![0.0; parameters.len()],
            second_moments: vec![0.0; parameters.len()],
            parameters: parameters.clone(),
            optimizer_steps: 7,
            normalizer: None,
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
        let rewards = Moments { mean: 0.1, ..Moments::default() };
        Checkpoint { policy, state: PpoState { seed: Seed::new(4), iteration: 5, rewards, learner }, record }
    }

    fn bytes() -> Vec<u8> {
        checkpoint(100).to_tensor_file().to_bytes()
    }

    #[test]
    fn what_is_written_is_read() {
        let read = Checkpoint::from_bytes(&bytes()).unwrap();
        assert_eq!(read, checkpoint(100));
        assert_eq!(read.to_tensor_file().to_bytes(), bytes());
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
            let mut file = checkpoint(1).to_tensor_file();
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
        check(&rewrite("\"format\":2,", "\"format\":3,"), "format is 3, this version of the library goes on from 2");
        check(&rewrite("\"format\":2,", ""), "format is 1, this version");
        check(&rewrite("\"iteration\":5", "\"iteration\":6"), "it was altered");
        check(&|file| drop(file.texts.remove(HASH)), "it was altered");
        check(&|file| drop(file.texts.remove(TEXT)), "a policy without a learner's state");
    }
}
