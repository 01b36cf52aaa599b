//! Checkpoints: everything that a run needs to go on, in one file each.

use std::fs;
use std::path::{Path, PathBuf};

use ludus_learn::{LearnerState, Moments, PpoState};
use ludus_net::Layout;
use ludus_policy::{PolicyError, PolicyFile, TensorData, TensorFile, Values};
use ludus_spec::Seed;
use serde::{Deserialize, Serialize};

use crate::config::CheckpointConfig;
use crate::error::{TrainError, at};

/// The name of the text that holds a checkpoint's numbers.
const TEXT: &str = "checkpoint";
const FIRST_MOMENTS: &str = "adam.mean.";
const SECOND_MOMENTS: &str = "adam.variance.";

/// A policy, and what its learner needs to go on as if it had never stopped.
///
/// Its file is a policy file too, with more in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// The policy.
    pub policy: PolicyFile,
    /// The learner's state.
    pub state: PpoState,
}

/// What a checkpoint says besides tensors.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Counters {
    seed: Seed,
    iteration: u64,
    optimizer_steps: u64,
    rewards: Moments,
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
    /// If the file can't be read, is damaged, or is a policy file without a learner's state.
    pub fn read(path: &Path) -> Result<Self, PolicyError> {
        let file = TensorFile::read(path)?;
        Self::from_tensor_file(&file).map_err(|problem| PolicyError::Damaged { path: path.to_owned(), problem })
    }

    fn to_tensor_file(&self) -> TensorFile {
        let mut file = self.policy.to_tensor_file();
        let layout = self.policy.layout().expect("the policy's network was built before");
        let learner = &self.state.learner;
        for (prefix, moments) in [(FIRST_MOMENTS, &learner.first_moments), (SECOND_MOMENTS, &learner.second_moments)] {
            for (name, shape, values) in layout.export(moments) {
                let tensor = TensorData { shape, values: Values::F32(values) };
                file.tensors.insert(format!("{prefix}{name}"), tensor);
            }
        }
        let counters = Counters {
            seed: self.state.seed,
            iteration: self.state.iteration,
            optimizer_steps: learner.optimizer_steps,
            rewards: self.state.rewards,
        };
        let text = serde_json::to_string(&counters).expect("numbers are JSON");
        file.texts.insert(TEXT.to_owned(), text);
        file
    }

    fn from_tensor_file(file: &TensorFile) -> Result<Self, String> {
        let policy = PolicyFile::from_tensor_file(file)?;
        let text = file.texts.get(TEXT).ok_or("it is a policy without a learner's state")?;
        let counters = serde_json::from_str::<Counters>(text).map_err(|error| format!("its `{TEXT}`: {error}"))?;
        let layout = policy.layout().map_err(|error| error.to_string())?;
        let learner = LearnerState {
            parameters: policy.parameters.clone(),
            first_moments: moments(file, &layout, FIRST_MOMENTS)?,
            second_moments: moments(file, &layout, SECOND_MOMENTS)?,
            optimizer_steps: counters.optimizer_steps,
            normalizer: policy.normalizer.clone(),
        };
        let Counters { seed, iteration, rewards, .. } = counters;
        Ok(Self { policy, state: PpoState { seed, iteration, rewards, learner } })
    }
}

fn moments(file: &TensorFile, layout: &Layout, prefix: &str) -> Result<Vec<f32>, String> {
    let stored = file.tensors.iter().filter_map(|(name, tensor)| Some((name.strip_prefix(prefix)?, tensor)));
    let named = stored.map(|(name, tensor)| match &tensor.values {
        Values::F32(values) => Ok((name.to_owned(), tensor.shape.clone(), values.clone())),
        Values::F64(_) => Err(format!("tensor `{prefix}{name}` is of type F64, it must be F32")),
    });
    let named = named.collect::<Result<Vec<_>, _>>()?;
    layout.import(&named).map_err(|error| error.to_string())
}

/// The checkpoints of a run: the last few, and the best.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    folder: PathBuf,
    config: CheckpointConfig,
    next: u64,
    kept: Vec<PathBuf>,
    best: f64,
}

impl Checkpoints {
    pub fn new(folder: PathBuf, config: CheckpointConfig) -> Self {
        let next = config.every.get();
        Self { folder, config, next, kept: Vec::new(), best: f64::NEG_INFINITY }
    }

    /// Whether it is time for another one after `steps` steps.
    pub fn is_due(&self, steps: u64) -> bool {
        steps >= self.next
    }

    /// The newest, if there is one.
    pub fn last(&self) -> Option<&Path> {
        self.kept.last().map(PathBuf::as_path)
    }

    /// Saves a checkpoint; as the best too, if no mean return was better. Removes those that are older than wanted.
    pub fn save(&mut self, checkpoint: &Checkpoint, mean_return: f64) -> Result<(), TrainError> {
        let steps = checkpoint.policy.origin.steps;
        let path = self.folder.join(format!("step-{steps:012}.safetensors"));
        checkpoint.write(&path)?;
        if mean_return > self.best {
            self.best = mean_return;
            checkpoint.write(&self.folder.join("best.safetensors"))?;
        }
        self.next = steps.saturating_add(self.config.every.get());
        if self.last() != Some(&path) {
            self.kept.push(path);
        }
        self.forget_old()
    }

    fn forget_old(&mut self) -> Result<(), TrainError> {
        while self.kept.len() > self.config.keep.get() as usize {
            let oldest = self.kept.remove(0);
            fs::remove_file(&oldest).map_err(at(&oldest))?;
        }
        Ok(())
    }
}
