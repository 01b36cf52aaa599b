//! Policy files: a trained network with everything needed to run it.
//!
//! ```no_run
//! # use std::path::Path;
//! # use ludus_policy::{ActionChoice, Policy, PolicyFile};
//! # fn main() -> Result<(), ludus_policy::PolicyError> {
//! let file = PolicyFile::read(Path::new("runs/balance-2026-11-23-1/policy.safetensors"))?;
//! let policy = Policy::new(&file)?;
//! let (observations, mut actions) = (vec![0.0; policy.spec().observation_width()], vec![0.0; policy.spec().action_width()]);
//! policy.act(&observations, ActionChoice::Greedy, &mut policy.scratch(), &mut actions);
//! # Ok(())
//! # }
//! ```
//!
//! - A file is read as untrusted input: reading it runs no code, never panics, and takes no more memory than a small
//!   multiple of the file's size.
//! - The file has the network's full description, convolutions included, so that nothing else is needed to run it.
//!   A network of a game's own is marked as such, and runs only in that game.
//! - A file is written atomically: as a whole or not at all.
//! - Only regular files are read and written: see [`files`].
#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "tests make and read whatever files they like"))]

mod atomic;
mod critic;
mod error;
mod file;
pub mod files;
mod insight;
mod judge;
mod network;
mod onnx;
mod policy;
mod tensors;
mod value_estimate;
mod values;

pub use atomic::{remove_parts, write_atomically};
pub use error::PolicyError;
pub use file::{Origin, PolicyFile, check_layout};
pub use insight::{HeadInsight, Insight};
pub use judge::JudgedStep;
pub use network::{OwnNetwork, PolicyNetwork};
pub use policy::{ActionChoice, Policy, PolicyScratch, Sensed};
pub use tensors::{TensorData, TensorFile, Values};
pub use value_estimate::{SoftCritics, ValueEstimate};
