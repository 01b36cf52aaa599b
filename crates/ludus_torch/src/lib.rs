//! The learner on libtorch: GPUs, convolutions, networks of your own.
//!
//! [`TorchLearner`] is the second implementation of [`Learner`](ludus_learn::Learner). It does what the one in plain
//! Rust does, draw for draw and formula for formula, on whatever device libtorch has; their gradients agree, and a
//! saved state of one goes on in the other.
//!
//! ```
//! # #[cfg(feature = "libtorch")] {
//! use std::sync::Arc;
//! use ludus_learn::{DeviceConfig, Machine};
//! use ludus_net::{Layout, Network, NetworkConfig};
//! use ludus_spec::{Head, Seed, stopped_clock};
//! use ludus_torch::{Mlp, TorchLearner, TorchNetwork, TorchSettings, tch};
//!
//! let heads = [Head::Categorical { choices: 2 }];
//! let network = Mlp::new(Network::new(Layout::new(4, &heads, &NetworkConfig::default())?, Seed::new(1)));
//! let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(1).build()?);
//! let settings = TorchSettings {
//!     device: tch::Device::Cpu,
//!     config: DeviceConfig::default(),
//!     machine: Machine { pool, clock: stopped_clock },
//! };
//! let learner = TorchLearner::new(Box::new(network), None, settings)?;
//! assert_eq!(learner.network().inputs(), 4);
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How it is fast
//!
//! - **The rollout lives on the device.** Of each step, what the agents observe and the numbers that decide their
//!   draws go up together, from pinned memory, and actions, values and log-probabilities come down together. That is
//!   the only moment of a step at which anybody waits.
//! - **An update doesn't wait at all.** Minibatches gather what is already there; advantages are brought to scale,
//!   gradients clipped and Adam's steps taken on the device, over one flat array; losses add up there and come down
//!   once per iteration. A minibatch that is not finite stops all that follow it, without anybody looking.
//! - **On the CPU, threads are ours.** libtorch gets one thread per thread of the pool; a minibatch is cut into shards
//!   by its size alone, and they are added up in order, so that the result is the same with any number of threads.
//!
//! # What is where
//!
//! | to | use |
//! |---|---|
//! | learn | [`TorchLearner`], [`TorchSettings`] |
//! | count what goes up and comes down | [`Transfers`] |
//! | use a network of your own | [`TorchNetwork`], [`Parameter`], [`Forward`] |
//! | learn from grids and images | [`Convolutional`], [`described`] |
//! | act with what was learned | [`TorchPolicy`] |
//! | choose a device | [`open_cuda`], [`cuda_device`] |
//!
//! Without the feature `libtorch` the crate is empty, so that a workspace builds where there is no libtorch.
#![cfg(feature = "libtorch")]

mod adam;
mod attempt;
mod buffer;
mod convolutional;
mod cuda;
mod decider;
mod error;
mod graphs;
mod heads;
mod heap;
mod inputs;
mod learner;
mod ledger;
mod lessons;
mod link;
mod memory;
mod mlp;
mod network;
mod packing;
mod parameters;

mod policy;
mod shim;
mod storage;
mod threads;
mod update;

pub use convolutional::{Convolutional, described};
pub use cuda::{cuda_device, open_cuda};
pub use error::TorchError;
pub use learner::{TorchLearner, TorchSettings};
pub use link::Transfers;
pub use memory::Demand;
pub use mlp::Mlp;
pub use network::{Forward, Parameter, TorchNetwork};
pub use parameters::listed_parameters;
pub use policy::TorchPolicy;
pub use tch;
