//! The kernels: the loops that take most of the time, each compiled for several sets of vector instructions.
//!
//! A row's results never depend on the rows beside it: in every tile, its sums are added up in the same order with the
//! same instructions.

mod activate;
mod attend;
mod dots;
mod normalize;
mod outer;
mod patches;
mod pool;
mod product;
mod tile;

pub(crate) use activate::{TANH_DENOMINATOR, TANH_LIMIT, TANH_NUMERATOR};
pub(crate) use activate::{positive_candidate, positive_candidate_slope, sigmoid, sigmoid_slope, tanh, tanh_slope};
pub(crate) use attend::{AddOuter, RowDots, Softmax, SoftmaxBackward, WeightedSum};
pub(crate) use dots::Dots;
pub(crate) use normalize::{Normalize, NormalizeBackward};
pub(crate) use outer::OuterSum;
pub(crate) use patches::{PatchOuterSum, PatchProduct, Patches, RowSum, Segment};
pub(crate) use pool::{Elements, Pool, PoolBackward};
pub(crate) use product::{Finish, Product, Start};

/// Rows of equal length in one array; the distance between their starts may be greater than their length.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    pub data: &'a [f32],
    pub stride: usize,
}

impl<'a> Rows<'a> {
    /// Returns the first `width` numbers of row `index`.
    #[inline(always)]
    fn row(self, index: usize, width: usize) -> &'a [f32] {
        &self.data[index * self.stride..][..width]
    }
}

/// As [`Rows`], to be written.
pub(crate) struct RowsMut<'a> {
    pub data: &'a mut [f32],
    pub stride: usize,
}

/// The destination of the gradient with respect to a layer's input.
pub(crate) enum InputDelta<'a> {
    /// `out = finish(start + gradient)`, with respect to all columns.
    Whole { start: Start<'a>, finish: Finish<'a>, out: RowsMut<'a> },
    /// The gradient with respect to these columns of a layer without a transposed copy, side by side and without padding.
    Columns { columns: std::ops::Range<usize>, out: &'a mut [f32] },
}

impl RowsMut<'_> {
    #[inline(always)]
    fn row(&mut self, index: usize, columns: std::ops::Range<usize>) -> &mut [f32] {
        &mut self.data[index * self.stride..][columns]
    }
}
