//! Networks, their gradients and their distributions, in one binary: to link many takes longer than to run them.

mod blocks;
mod convolutions;
mod critic;
mod distribution;
mod gradients;
mod history;
mod layout;
mod memory;
mod rows;
mod sets;
mod value_heads;
