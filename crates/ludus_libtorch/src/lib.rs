//! Detects a machine's libtorch and GPUs without linking to libtorch or CUDA.
//!
//! So it works on machines that have neither, in programs that were built for neither: it reports the missing parts,
//! and the remedy.
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
//! | check a libtorch | [`Libtorch`] |
//! | configure a learner on a device | [`DeviceConfig`] |
//! | list the GPUs | [`Driver`], [`Gpu`] |
//! | open CUDA in a program that uses libtorch | [`open_cuda_libraries`] |
//! | report everything that was found | [`examine`], [`Finding`] |
#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "tests make and read whatever files they like"))]

mod device;
mod doctor;
mod driver;
mod folder;
mod loaded;

pub use device::DeviceConfig;
pub use doctor::{Finding, examine};
pub use driver::{CudaVersion, Driver, DriverError, Gpu};
pub use folder::{FolderError, Libtorch, VERSION};
pub use loaded::{CudaError, loaded_libtorch, open_cuda_libraries};
