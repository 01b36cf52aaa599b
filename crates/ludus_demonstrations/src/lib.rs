//! Demonstrations: recorded episodes that policies imitate, as plain data and files. No Bevy.
//!
//! A [`Demonstration`] is an episode of one agent: observations, masks, actions, the source of each decision, and the
//! unweighted terms of the reward. A [`DemonstrationFile`] has the episodes of one kind of agents. An
//! [`EpisodeRecorder`] collects an episode step by step.
//!
//! # The format of a file
//!
//! All numbers are little-endian. A file is a header and any number of records, one behind the other. New episodes are
//! appended, so a crash loses no more than the record that was being written.
//!
//! | bytes | of the header |
//! |---|---|
//! | 8 | `ludusde1`: the format and its version |
//! | 4 | the length of the text, `u32` |
//! | 4 | the CRC-32 of the text, `u32` (that of zlib, PNG and Python's `zlib.crc32`) |
//! | length | a [`DemonstrationHeader`] as JSON |
//!
//! | bytes | of a record |
//! |---|---|
//! | 4 | `EPIS` |
//! | 4 | the length of the content, `u32` |
//! | 4 | the CRC-32 of the content, `u32` |
//! | length | the content |
//!
//! The content of a record, where `steps`, the widths and the terms follow from the two texts:
//!
//! | type | of the content |
//! |---|---|
//! | `u32` | the length of the text |
//! | JSON | an [`EpisodeInfo`] |
//! | `u8 [steps]` | the source of each decision: 0 a policy, 1 a person, 2 a script |
//! | `u8 [steps, mask width]` | 1 for each choice that was allowed, else 0; nothing for agents without masks |
//! | `f32 [steps + 1, observation width]` | the observation before each step, then the one after the last |
//! | `f32 [steps, action width]` | the actions: −1..=1 for the range of a number, or the index of a choice |
//! | `f32 [steps, terms]` | the terms of the reward, unweighted, summed up from the decision to the next |
//!
//! A policy imitates all steps of an episode that has one source. If a person or a script decided a part of a policy's
//! episode, it imitates that part alone ([`Demonstration::imitated`]).
//!
//! The observation width is the sum over the fields of the header's `agent.observation`: `Values` have a column for each
//! of their parts, a `Grid` has height × width × channels, and a `Set` has capacity × the columns of an element, and then
//! one for its count. The action has a column for each dimension of a `Continuous` field, and one for a `Discrete` one.
//! The mask has a column for each choice of the discrete fields if `agent.masked` is true.
//!
//! ```
//! # use std::num::NonZeroU32;
//! # use ludus_spec::*;
//! use ludus_demonstrations::{DecidedBy, DecidedStep, DemonstrationFile, DemonstrationHeader, EpisodeRecorder};
//!
//! # let field = ActionField { name: "jump".into(), doc: String::new(), parts: vec!["No".into(), "Yes".into()], kind: ActionKind::Discrete };
//! # let spec = AgentSpec { name: "Frog".into(), action: vec![field], ..AgentSpec::default() };
//! let header = DemonstrationHeader {
//!     game: "frogs".to_owned(),
//!     library: "0.1.0".to_owned(),
//!     agent: spec,
//!     decision_interval: NonZeroU32::MIN,
//!     tick_rate_hz: 64.0,
//! };
//! let mut recorder = EpisodeRecorder::new(&header.agent);
//! recorder.decide(DecidedStep { observation: &[], mask: &[], action: &[1.0], by: DecidedBy::Person });
//! let episode = recorder.finish(&[], Outcome::Terminated).expect("it has a step");
//!
//! let mut bytes = header.to_bytes();
//! bytes.extend(episode.to_bytes());
//! let file = DemonstrationFile::from_bytes(&bytes)?;
//! assert_eq!(file.episodes, [episode]);
//! # Ok::<(), String>(())
//! ```

mod crc;
mod episode;
mod error;
mod file;
mod header;
mod matching;
mod read;
mod recorder;

pub use episode::{DecidedBy, Demonstration, EpisodeInfo, EpisodeOrigin};
pub use error::DemonstrationError;
pub use file::{DemonstrationFile, append};
pub use header::DemonstrationHeader;
pub use matching::RowMatching;
pub use recorder::{DecidedStep, EpisodeRecorder};
