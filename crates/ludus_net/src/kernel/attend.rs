//! The parts of attention that are no product of matrices.

use super::{Rows, RowsMut};
use crate::lanewise::exp;
use crate::panels::LANES;
use crate::simd::{Kernel, Lanes};

/// `rows[i] = softmax(scale·rows[i])` over the first `width` numbers, and the mean of all rows to `mean`.
///
/// # Shapes
///
/// `rows` is `[row_count, padded width]`, without a distance between them; `mean` `[padded width]`. Padding becomes 0.
pub(crate) struct Softmax<'a> {
    pub rows: &'a mut [f32],
    pub width: usize,
    pub padded: usize,
    pub scale: f32,
    pub mean: &'a mut [f32],
}

/// The gradient with respect to scores, from that with respect to the mean of their softmax:
/// `dS[i][j] = scale/rows·P[i][j]·(u[j] − Σₖ P[i][k]·u[k])`, in place of `P`.
pub(crate) struct SoftmaxBackward<'a> {
    /// `[row_count, padded]`.
    pub rows: &'a mut [f32],
    pub padded: usize,
    pub scale: f32,
    /// The gradient with respect to the mean, `[padded]`; its padding is 0.
    pub d_mean: &'a [f32],
}

/// `out = Σₑ weights[e]·rows[e]`.
pub(crate) struct WeightedSum<'a> {
    pub weights: &'a [f32],
    pub rows: Rows<'a>,
    pub out: &'a mut [f32],
}

/// `out[e] = rows[e]·vector`.
pub(crate) struct RowDots<'a> {
    pub rows: Rows<'a>,
    pub vector: &'a [f32],
    pub out: &'a mut [f32],
}

/// `out[e] += weights[e]·vector`.
pub(crate) struct AddOuter<'a> {
    pub weights: &'a [f32],
    pub vector: &'a [f32],
    pub out: RowsMut<'a>,
}

impl Kernel for Softmax<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        self.mean.fill(0.0);
        let share = self.padded as f32 / self.rows.len() as f32;
        for row in self.rows.chunks_exact_mut(self.padded) {
            row[self.width..].fill(f32::NEG_INFINITY);
            let most = folded(row, f32::NEG_INFINITY, |most, score| if score > most { score } else { most });
            for score in row.iter_mut() {
                *score = exp(self.scale * (*score - most));
            }
            let factor = 1.0 / folded(row, 0.0, |sum, weight| sum + weight);
            for (weight, mean) in row.iter_mut().zip(self.mean.iter_mut()) {
                *weight *= factor;
                *mean += share * *weight;
            }
        }
    }
}

/// Folds numbers, a multiple of [`LANES`], in a fixed order that vector instructions can follow.
#[inline(always)]
fn folded(numbers: &[f32], start: f32, fold: impl Fn(f32, f32) -> f32 + Copy) -> f32 {
    let mut lane = [start; LANES];
    for numbers in numbers.chunks_exact(LANES) {
        for (own, &number) in lane.iter_mut().zip(numbers) {
            *own = fold(*own, number);
        }
    }
    let mut len = LANES;
    while len > 1 {
        len /= 2;
        for index in 0..len {
            lane[index] = fold(lane[index], lane[index + len]);
        }
    }
    lane[0]
}

impl Kernel for SoftmaxBackward<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let factor = lanes.splat(self.scale * self.padded as f32 / self.rows.len() as f32);
        let d_mean = lanes.vectors(self.d_mean);
        for row in self.rows.chunks_exact_mut(self.padded) {
            let row = lanes.vectors_mut(row);
            let mut sum = lanes.splat(0.0);
            for (&weight, &d_mean) in row.iter().zip(d_mean) {
                sum = lanes.mul_add(weight, d_mean, sum);
            }
            let sum = lanes.splat(lanes.sum(sum));
            for (weight, &d_mean) in row.iter_mut().zip(d_mean) {
                let offset = lanes.sub(d_mean, sum);
                *weight = lanes.mul(lanes.mul(*weight, factor), offset);
            }
        }
    }
}

impl Kernel for WeightedSum<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let width = self.out.len();
        for (vector, out) in lanes.vectors_mut(self.out).iter_mut().enumerate() {
            let mut sum = lanes.splat(0.0);
            for (element, &weight) in self.weights.iter().enumerate() {
                let numbers = lanes.vectors(self.rows.row(element, width))[vector];
                sum = lanes.mul_add(lanes.splat(weight), numbers, sum);
            }
            *out = sum;
        }
    }
}

impl Kernel for RowDots<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let vector = lanes.vectors(self.vector);
        for (element, out) in self.out.iter_mut().enumerate() {
            let mut sum = lanes.splat(0.0);
            for (&a, &b) in lanes.vectors(self.rows.row(element, self.vector.len())).iter().zip(vector) {
                sum = lanes.mul_add(a, b, sum);
            }
            *out = lanes.sum(sum);
        }
    }
}

impl Kernel for AddOuter<'_> {
    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        let width = self.vector.len();
        let vector = lanes.vectors(self.vector);
        for (element, &weight) in self.weights.iter().enumerate() {
            let weight = lanes.splat(weight);
            for (out, &number) in lanes.vectors_mut(self.out.row(element, 0..width)).iter_mut().zip(vector) {
                *out = lanes.mul_add(weight, number, *out);
            }
        }
    }
}
