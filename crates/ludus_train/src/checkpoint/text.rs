//! The text of a checkpoint, in all its versions.

use std::collections::BTreeMap;

use ludus_learn::Moments;
use ludus_policy::TensorFile;
use ludus_spec::Seed;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::record::{OneKindRecord, RunRecord};

/// The name of the text that holds a checkpoint's numbers.
pub(super) const TEXT: &str = "checkpoint";
/// The version of that text.
pub(super) const FORMAT: u32 = 4;
/// The version before it, with one kind of agents.
pub(super) const ONE_KIND_FORMAT: u32 = 3;
/// The version before that, with PPO as the only algorithm.
const PPO_FORMAT: u32 = 2;
/// The text of a checkpoint: everything besides tensors.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CheckpointText {
    pub format: u32,
    pub policies: Vec<Counters>,
    pub record: RunRecord,
}

/// The counters of an algorithm.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Counters {
    /// The name of the policy's kind of agents.
    pub kind: String,
    pub seed: Seed,
    pub iteration: u64,
    pub counters: BTreeMap<String, u64>,
}

/// The text of a checkpoint of [`ONE_KIND_FORMAT`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OneKindText {
    #[serde(rename = "format")]
    _format: u32,
    pub seed: Seed,
    pub iteration: u64,
    pub counters: BTreeMap<String, u64>,
    pub record: OneKindRecord,
}

/// The text of a checkpoint of [`PPO_FORMAT`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PpoText {
    #[serde(rename = "format")]
    _format: u32,
    pub seed: Seed,
    pub iteration: u64,
    pub optimizer_steps: u64,
    pub rewards: Moments,
    pub record: OneKindRecord,
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

pub(super) fn known_format(file: &TensorFile) -> Result<u32, String> {
    match parsed::<Version>(file)?.format {
        format @ (FORMAT | ONE_KIND_FORMAT | PPO_FORMAT) => Ok(format),
        format => {
            Err(format!("its checkpoint's format is {format}, this version of the library goes on from {FORMAT}"))
        }
    }
}

/// Parses the checkpoint's text as a `T`.
pub(super) fn parsed<T: DeserializeOwned>(file: &TensorFile) -> Result<T, String> {
    let text = file.texts.get(TEXT).ok_or("it is a policy without a learner's state")?;
    serde_json::from_str(text).map_err(|error| format!("its `{TEXT}`: {error}"))
}
