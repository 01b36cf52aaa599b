//! The header of a file: the kind of agents, and the time between their decisions.

use std::num::NonZeroU32;

use ludus_spec::{AgentSpec, LONGEST_STEP};
use serde::{Deserialize, Serialize};

use crate::crc::crc32;
use crate::read::Reader;

/// The first bytes of a file, with the version of its format.
const MAGIC: &[u8; 8] = b"ludusde1";

/// Most columns of a row. A file with more has been damaged or made to do harm.
const MOST_COLUMNS: usize = 1 << 24;

/// The kind of agents of a file's episodes, and the time between their decisions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DemonstrationHeader {
    /// The name of the game.
    pub game: String,
    /// The version of the library that recorded.
    pub library: String,
    /// The layout of the agents' rows, and the names of the terms of their reward.
    pub agent: AgentSpec,
    /// Ticks from one decision to the next.
    pub decision_interval: NonZeroU32,
    /// Ticks per second of the game's time \[Hz\].
    pub tick_rate_hz: f64,
}

impl DemonstrationHeader {
    /// Returns the bytes at the start of a file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let text = serde_json::to_vec(self).expect("names and finite numbers are JSON");
        let length = u32::try_from(text.len()).expect("a layout is short");
        [MAGIC, &length.to_le_bytes()[..], &crc32(&text).to_le_bytes(), &text].concat()
    }

    /// Reads a header from the start of `reader`.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, String> {
        if reader.take(MAGIC.len()) != Some(MAGIC) {
            return Err("it does not start as demonstrations of a version that is known do".to_owned());
        }
        let cut = || "its header is cut off".to_owned();
        let (length, crc) = reader.u32().zip(reader.u32()).ok_or_else(cut)?;
        let text = reader.take(length as usize).ok_or_else(cut)?;
        if crc32(text) != crc {
            return Err("its header is not what its checksum says: it was altered".to_owned());
        }
        let header: Self = serde_json::from_slice(text).map_err(|error| format!("its header: {error}"))?;
        header.check()?;
        Ok(header)
    }

    /// Checks that rows of this layout can be read.
    fn check(&self) -> Result<(), String> {
        let AgentSpec { observation, action, reward, .. } = &self.agent;
        let columns = self.agent.observation_width();
        let parts = action.iter().fold(0_usize, |sum, field| sum.saturating_add(field.parts.len()));
        if columns.max(parts).max(reward.len()) > MOST_COLUMNS {
            return Err(format!("its rows have {columns} columns, there may be {MOST_COLUMNS}"));
        }
        if observation.iter().any(|field| field.width() == 0) || action.iter().any(|field| field.parts.is_empty()) {
            return Err("its agents have a field without columns".to_owned());
        }
        if action.is_empty() {
            return Err("it has agents that do nothing".to_owned());
        }
        if self.decision_interval.get() > LONGEST_STEP {
            return Err(format!("its steps have {} ticks, there may be {LONGEST_STEP}", self.decision_interval));
        }
        if !(self.tick_rate_hz.is_finite() && self.tick_rate_hz > 0.0) {
            return Err(format!("its tick rate is {} Hz", self.tick_rate_hz));
        }
        Ok(())
    }
}
