//! Which libtorch and which GPUs a machine has, found out without either.
//!
//! Nothing here links to libtorch or to CUDA, so it works on machines that have neither, in programs that were built
//! for neither: it says what is missing, and the remedy.
//!
//! ```
//! // What `doctor` prints.
//! for finding in ludus_libtorch::examine(None) {
//!     println!("{finding}");
//! }
//! ```
//!
//! | to | use |
//! |---|---|
//! | look at a libtorch | [`Libtorch`] |
//! | look at the GPUs | [`Driver`], [`Gpu`] |
//! | open CUDA in a program that uses libtorch | [`open_cuda_libraries`] |
//! | say what there is | [`examine`], [`Finding`] |
#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "tests make and read whatever files they like"))]

mod doctor;
mod driver;
mod folder;
mod loaded;

pub use doctor::{Finding, examine};
pub use driver::{CudaVersion, Driver, DriverError, Gpu};
pub use folder::{FolderError, Libtorch, VERSION};
pub use loaded::{CudaError, loaded_libtorch, open_cuda_libraries};
