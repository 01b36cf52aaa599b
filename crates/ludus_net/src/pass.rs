//! One block of rows on its way through a network.

use crate::Activation;
use crate::simd::SimdLevel;

/// Rows that are computed together.
///
/// There are enough to amortise reading the weights, and so few that the activations of a small network stay in the
/// cache. It is a multiple of six, the rows of a register tile.
pub(crate) const BLOCK_ROWS: usize = 132;

/// The treatment of the numbers that stand where the gradients of dense layers are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gradients {
    /// They are overwritten.
    Write,
    /// They are added to.
    Add,
}

/// The inputs that all layers of a pass share.
#[derive(Clone, Copy)]
pub(crate) struct Pass<'a> {
    pub level: SimdLevel,
    pub parameters: &'a [f32],
    pub transposed: &'a [f32],
    pub activation: Activation,
    pub row_count: usize,
    pub gradients: Gradients,
}
