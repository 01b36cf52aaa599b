//! Mean and maximum over the elements of each row, forward and backward.

use std::ops::Range;

use super::activate::backward;
use super::{Rows, RowsMut};
use crate::Activation;
use crate::simd::{Kernel, Lanes};

/// The elements of each row: those of row `r` are from `bounds[r]` to `bounds[r + 1]`.
#[derive(Clone, Copy)]
pub(crate) struct Elements<'a> {
    pub rows: Rows<'a>,
    pub bounds: &'a [u32],
}

/// Mean and maximum over the elements of each row; 0 for a row without elements.
///
/// # Shapes
///
/// `elements` are `[elements, width]`, `out` is `[rows, 2 × width]`: means, then maxima. `width` is padded.
pub(crate) struct Pool<'a> {
    pub elements: Elements<'a>,
    pub width: usize,
    pub out: RowsMut<'a>,
}

/// The gradient with respect to the sums of the layer whose outputs were pooled.
///
/// An element gets a share of the mean's gradient, and the first of the greatest gets the maximum's.
pub(crate) struct PoolBackward<'a> {
    pub elements: Elements<'a>,
    pub width: usize,
    pub activation: Activation,
    /// The results of [`Pool`].
    pub pooled: Rows<'a>,
    /// The gradients with respect to them.
    pub d_pooled: Rows<'a>,
    /// `[elements, width]`, with the stride of the elements.
    pub out: &'a mut [f32],
}

impl Elements<'_> {
    /// Returns the indices of a row's elements.
    #[inline(always)]
    pub fn of_row(&self, row: usize) -> Range<usize> {
        self.bounds[row] as usize..self.bounds[row + 1] as usize
    }

    #[inline(always)]
    fn row_count(&self) -> usize {
        self.bounds.len() - 1
    }
}

impl Kernel for Pool<'_> {
    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        for row in 0..self.elements.row_count() {
            let own = self.elements.of_row(row);
            let share = lanes.splat(if own.is_empty() { 0.0 } else { 1.0 / own.len() as f32 });
            let out = lanes.vectors_mut(self.out.row(row, 0..2 * self.width));
            let (means, maxima) = out.split_at_mut(self.width / L::COUNT);
            for (vector, (mean, maximum)) in means.iter_mut().zip(maxima).enumerate() {
                let mut sum = lanes.splat(0.0);
                let mut most = lanes.splat(if own.is_empty() { 0.0 } else { f32::NEG_INFINITY });
                for element in own.clone() {
                    let numbers = lanes.vectors(self.elements.rows.row(element, self.width))[vector];
                    sum = lanes.add(sum, numbers);
                    most = lanes.max(most, numbers);
                }
                *mean = lanes.mul(sum, share);
                *maximum = most;
            }
        }
    }
}

impl Kernel for PoolBackward<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let per_row = self.width / L::COUNT;
        let zero = lanes.splat(0.0);
        for row in 0..self.elements.row_count() {
            let own = self.elements.of_row(row);
            if own.is_empty() {
                continue;
            }
            let share = lanes.splat(1.0 / own.len() as f32);
            let maxima = &lanes.vectors(self.pooled.row(row, 2 * self.width))[per_row..];
            let (d_means, d_maxima) = lanes.vectors(self.d_pooled.row(row, 2 * self.width)).split_at(per_row);
            for (vector, ((&most, &d_mean), &d_most)) in maxima.iter().zip(d_means).zip(d_maxima).enumerate() {
                let d_mean = lanes.mul(d_mean, share);
                let mut left = d_most;
                for element in own.clone() {
                    let numbers = lanes.vectors(self.elements.rows.row(element, self.width))[vector];
                    let gradient = lanes.add(d_mean, lanes.select_equal(numbers, most, left, zero));
                    left = lanes.select_equal(numbers, most, zero, left);
                    let place = element * self.elements.rows.stride + vector * L::COUNT;
                    lanes.vectors_mut(&mut self.out[place..][..L::COUNT])[0] =
                        backward(lanes, self.activation, numbers, gradient);
                }
            }
        }
    }
}
