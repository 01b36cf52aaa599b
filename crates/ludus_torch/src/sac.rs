//! Soft actor-critic on libtorch.

mod actions;
mod behavior;
mod critics;
mod learner;
mod minibatch;
mod temperatures;
mod update;

pub use learner::TorchSacLearner;
