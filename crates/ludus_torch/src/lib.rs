//! The learners on libtorch: GPUs, networks of your own.
//!
//! [`TorchLearner`] is the second implementation of [`Learner`](ludus_learn::Learner), for PPO, [`TorchValueLearner`] that
//! of [`ValueLearner`](ludus_learn::ValueLearner), for PQN and DQN, and [`TorchSacLearner`] that of
//! [`SacLearner`](ludus_learn::SacLearner), for SAC. They have the draws and the formulas of those in plain Rust, on any
//! device of libtorch. Their gradients agree, and each can restore a saved state of its counterpart.
//!
//! ```
//! # #[cfg(feature = "libtorch")] {
//! use std::sync::Arc;
//! use ludus_learn::Machine;
//! use ludus_net::{Layout, Network, NetworkConfig};
//! use ludus_spec::{Head, Seed, stopped_clock};
//! use ludus_torch::{DeviceConfig, Mlp, TorchLearner, TorchNetwork, TorchSettings, tch};
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
//! # Performance
//!
//! - **The rollout of PPO is stored on the device.** In each step, observations and uniform draws are copied to the device
//!   together, from pinned memory. Actions, values and log-probabilities are copied back together. That copy is the
//!   only wait of a step.
//! - **An update has one wait.** Minibatches of PPO are gathered on the device from the stored rollout; advantages are
//!   normalised, gradients clipped and Adam's steps taken there, over one flat array. Losses are added up there and
//!   copied back once per iteration. After a minibatch whose loss or gradient is not finite, all later steps change
//!   nothing, without a wait.
//! - **The samples of Q-learning and SAC stay on the host**: the rollout of PQN, and the replays of DQN and SAC. A
//!   minibatch goes to the device in one copy, and nothing comes back but the losses of an update; with priorities, the
//!   errors of each gradient step too, because they decide on the next samples. So a replay may be larger than the memory
//!   of a GPU.
//! - **Demonstrations stay on the host.** A minibatch of them goes to the device in one copy, and its loss comes back in
//!   one, for which the step waits. A teacher's outputs go up, one copy per minibatch of PPO.
//! - **What agents remember stays on the device.** What happens to it after a step goes up with the next observations. An
//!   update of a network with memory recomputes all steps of some rows, in one pass.
//! - **On the CPU, libtorch has no threads of its own.** Each thread of the pool computes alone. A minibatch is cut
//!   into shards by its size alone, and they are added up along a fixed tree, so that the result is the same with any
//!   number of threads.
//!
//! # Contents by task
//!
//! | to | use |
//! |---|---|
//! | learn | [`TorchLearner`], [`TorchValueLearner`], [`TorchSacLearner`], [`TorchSettings`], [`DeviceConfig`] |
//! | count copies to and from the device | [`Transfers`] |
//! | use a network of your own | [`TorchNetwork`], [`Parameter`], [`Forward`] |
//! | give it a memory | [`TorchNetwork::step`], [`RecurrentForward`], [`TensorSequences`] |
//! | learn from grids and images | [`EncodedMlp`], [`described`] |
//! | act with a trained network | [`TorchPolicy`], [`PolicyRows`] |
//! | choose a device | [`open_cuda`], [`cuda_device`] |
//!
//! Without the feature `libtorch` the crate is empty, so that a workspace builds where there is no libtorch.
#![cfg(feature = "libtorch")]

mod action_values;
mod activation;
mod adam;
mod attempt;
mod behavior;
mod blocks;
mod buffer;
mod cuda;
mod decider;
mod encoded;
mod error;
mod exchanges;
mod extra_gradient;
mod gradient;
mod graphs;
mod heads;
mod heap;
mod history;
mod imitated_batch;
mod imitation;
mod inputs;
mod learner;
mod link;
mod loss_accumulator;
mod memory;
mod mlp;
mod network;
mod packing;
mod parameters;
mod policy;
mod policy_loss;
mod recurrence;
mod sac;
mod settings;
mod shim;
mod step_recordings;
mod storage;
mod threads;
mod trained;
mod update;
mod value_learner;
mod value_minibatch;
mod value_update;

pub use cuda::{cuda_device, open_cuda};
pub use encoded::{EncodedMlp, described};
pub use error::TorchError;
pub use learner::TorchLearner;
pub use link::Transfers;
pub use ludus_libtorch::DeviceConfig;
pub use memory::Demand;
pub use mlp::Mlp;
pub use network::{Forward, Parameter, RecurrentForward, TensorSequences, TorchNetwork};
pub use parameters::listed_parameters;
pub use policy::{PolicyRows, TorchPolicy};
pub use sac::TorchSacLearner;
pub use settings::TorchSettings;
pub use tch;
pub use value_learner::TorchValueLearner;
