//! Small networks on the CPU in plain Rust: forward, backward, Adam.

mod adam;
mod aligned;
mod backward;
mod config;
mod distribution;
mod error;
mod forward;
mod init;
mod kernel;
mod lanewise;
mod layout;
mod named;
mod network;
mod normalizer;
mod panels;
mod scratch;
mod simd;
mod statistics;
mod transpose;

pub use adam::Adam;
pub use config::{Activation, NetworkConfig};
pub use distribution::{Distribution, Upstream};
pub use error::NetError;
pub use layout::{Layout, Tensor};
pub use named::NamedTensor;
pub use network::{Block, Network};
pub use normalizer::Normalizer;
pub use scratch::Scratch;
pub use simd::{SimdLevel, simd_level};
pub use statistics::Statistics;
