//! Small networks on the CPU in plain Rust: forward, backward, Adam.
//!
//! Actor-critic networks for reinforcement learning: any number of layers of any width, tanh or rectified, with or
//! without layer normalisation, actor and critic apart or on one trunk, Gaussian and categorical heads in any mix,
//! convolutions over grids in front of them, a memory behind them.
//! No Bevy, no libtorch, no `unsafe`, and no allocation once everything is made.
//!
//! ```
//! use ludus_net::{Adam, Layout, Network, NetworkConfig, Scratch, Upstream};
//! use ludus_spec::{Head, Seed};
//!
//! # fn main() -> Result<(), ludus_net::NetError> {
//! let layout = Layout::new(4, &[Head::Categorical { choices: 2 }], &NetworkConfig::default())?;
//! let mut network = Network::new(layout.clone(), Seed::new(1));
//! let mut scratch = Scratch::new(&layout);
//!
//! // Act: three rows of observations become actions.
//! let observations = [0.1; 3 * 4];
//! let (mut outputs, mut values) = ([0.0; 3 * 2], [0.0; 3]);
//! network.forward(&observations, &mut scratch, &mut outputs, &mut values);
//! let (mut actions, mut log_probs) = ([0.0; 3], [0.0; 3]);
//! let seed_of = |row| Seed::new(2).derive(row as u64);
//! network.distribution().sample(&outputs, seed_of, &mut actions, &mut log_probs);
//!
//! // Learn: make these actions more probable.
//! let mut gradient = vec![0.0; layout.parameter_count()];
//! network.gradient(&observations, &mut scratch, &mut gradient, |block| {
//!     let upstream = Upstream { d_log_probs: &[-1.0; 3], d_entropies: &[0.0; 3] };
//!     network.distribution().backward(block.outputs, &actions, upstream, block.d_outputs, block.d_log_std);
//! });
//! let mut adam = Adam::new(layout.parameter_count());
//! network.update(|parameters| adam.step(parameters, &gradient, 3e-4, 0.5));
//! # Ok(())
//! # }
//! ```
//!
//! # Contents by task
//!
//! | to | use |
//! |---|---|
//! | choose a shape | [`NetworkConfig`], [`Layout`] |
//! | convolve grids, read sets | [`Encoder`], [`Layout::of_agent`], [`Layout::with_blocks`] |
//! | learn from another policy's decisions | [`Distribution::divergences`], [`TeacherRows`] |
//! | compute actions and values | [`Network::forward`], [`Network::forward_policy`], [`Network::forward_values`] |
//! | draw actions, and learn from them | [`Distribution`] |
//! | remember, and learn from sequences | [`Memory`], [`Network::step`], [`Network::gradient_of_sequences`] |
//! | learn | [`Network::gradient`], [`Adam`], [`Network::update`] |
//! | learn from several networks at once | [`Network::outputs_of_block`], [`Network::gradient_of_block`], [`Network::input_gradient_of_rows`], [`TargetNetwork`] |
//! | start other networks | [`orthogonal`] |
//! | estimate several streams of rewards | [`Layout::with_value_heads`], [`Network::with_value_heads`], [`ValueHeadSplit`] |
//! | save and load | [`Layout::export`], [`Layout::import`], [`Adam::from_state`] |
//! | normalise observations | [`Normalizer`], [`Statistics`] |
//!
//! # Guarantees
//!
//! - A row's results have the same bits with any other rows in the call, and gradients add up in a fixed order. The
//!   vector instructions of another machine may change the last bits.
//! - The parameter array has the same layout on every machine; weights in it are padded and cut into panels, so look
//!   elements up with [`Layout::tensors`].
//! - One binary holds kernels for AVX-512, AVX2 with FMA, and plain machines, and selects them at run time:
//!   [`simd_level`].
//!   tanh, exp, ln and cos are approximations of our own, to a relative error of some 1e-7.
//!
//! # Performance
//!
//! Rows are computed in blocks whose activations stay in the cache, by register tiles of six rows and up to four
//! vectors. A block's gradient is taken right after its forward pass: that is why a loss is a closure over a [`Block`].
//! Narrow heads are dot products. Convolutions read the numbers under a kernel where they are, without a copy. The copies of weights that the backward pass needs are made once per change, which is
//! why parameters change only inside [`Network::update`]. To measure it:
//! `cargo run --release -p ludus_net --example speed`.

mod adam;
mod aligned;
mod backward;
mod config;
mod cursor;
mod dense;
mod distribution;
mod encoder;
mod error;
mod forward;
mod grid_block;
mod hidden;
mod init;
mod input_block;
mod kernel;
mod lanewise;
mod layout;
mod memory;
mod named;
mod network;
mod normalizer;
mod padded_block;
mod panels;
mod pass;
mod passes;
mod scratch;
mod set_block;
mod simd;
mod statistics;
mod target;
mod transpose;
mod value_heads;
mod values_block;

pub use adam::{Adam, check_finite};
pub use config::{Activation, Encoder, Memory, NetworkConfig, NetworkProblem};
pub use distribution::{Distribution, SquashedDraw, SquashedGaussian, TeacherRows, Upstream, normal_draw};
pub use error::NetError;
pub use grid_block::GridBlock;
pub use init::orthogonal;
pub use input_block::{BlockColumns, EncodedBlock, InputBlock};
pub use layout::{Layout, Tensor};
pub use memory::{AfterStep, Sequences};
pub use named::NamedTensor;
pub use network::Network;
pub use normalizer::{Normalizer, stage};
pub use passes::Block;
pub use scratch::Scratch;
pub use set_block::SetBlock;
pub use simd::{SimdLevel, simd_level};
pub use statistics::Statistics;
pub use target::TargetNetwork;
pub use value_heads::{ValueHeadSplit, ValueMap};
pub use values_block::ValuesBlock;
