//! Layer normalisation, row by row.

use super::activate::activate;
use super::{Rows, RowsMut};
use crate::Activation;
use crate::simd::{Kernel, Lanes};

/// Added to a variance, so that equal numbers have a finite inverse.
const EPSILON: f32 = 1e-5;

/// `n = (z − mean(z))·inverse`, `out = activation(gain·n + bias)`, `inverse = 1/√(var(z) + ε)` over the first `width`
/// numbers of each row.
///
/// # Shapes
///
/// `numbers` and `out` are `[rows, padded width]`, `inverses` `[rows]`, `gain` and `bias` `[padded width]`. Padding
/// becomes 0.
pub(crate) struct Normalize<'a> {
    pub row_count: usize,
    pub width: usize,
    pub activation: Activation,
    pub gain: &'a [f32],
    pub bias: &'a [f32],
    /// `z`, then `n`.
    pub numbers: RowsMut<'a>,
    pub inverses: &'a mut [f32],
    pub out: RowsMut<'a>,
}

/// The gradient with respect to `z`, in place of that with respect to `gain·n + bias`:
///
/// ```text
/// d = δ·gain    δ of z = inverse·(d − mean(d) − n·mean(d·n))    ∂L/∂gain += δ·n    ∂L/∂bias += δ
/// ```
///
/// # Shapes
///
/// As [`Normalize`]. The padding of `deltas` is 0 and stays so.
pub(crate) struct NormalizeBackward<'a> {
    pub row_count: usize,
    pub width: usize,
    pub gain: &'a [f32],
    pub normalized: Rows<'a>,
    pub inverses: &'a [f32],
    pub deltas: RowsMut<'a>,
    /// The gradients of gain and bias, if they are wanted.
    pub sums: Option<[&'a mut [f32]; 2]>,
}

impl Kernel for Normalize<'_> {
    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        let (padded, share) = (self.gain.len(), 1.0 / self.width as f32);
        let (gain, bias) = (lanes.vectors(self.gain), lanes.vectors(self.bias));
        for row in 0..self.row_count {
            let numbers = self.numbers.row(row, 0..padded);
            let mut sum = lanes.splat(0.0);
            for &number in lanes.vectors(numbers) {
                sum = lanes.add(sum, number);
            }
            let mean = lanes.splat(lanes.sum(sum) * share);
            for number in lanes.vectors_mut(numbers) {
                *number = lanes.sub(*number, mean);
            }
            numbers[self.width..].fill(0.0);
            let mut squares = lanes.splat(0.0);
            for &number in lanes.vectors(numbers) {
                squares = lanes.mul_add(number, number, squares);
            }
            let inverse = 1.0 / (lanes.sum(squares) * share + EPSILON).sqrt();
            self.inverses[row] = inverse;
            let inverse = lanes.splat(inverse);
            let numbers = lanes.vectors_mut(numbers).iter_mut().zip(lanes.vectors_mut(self.out.row(row, 0..padded)));
            for ((number, out), (&gain, &bias)) in numbers.zip(gain.iter().zip(bias)) {
                *number = lanes.mul(*number, inverse);
                *out = activate(lanes, self.activation, lanes.mul_add(gain, *number, bias));
            }
        }
    }
}

impl Kernel for NormalizeBackward<'_> {
    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        let (padded, share) = (self.gain.len(), 1.0 / self.width as f32);
        let gain = lanes.vectors(self.gain);
        let mut learned = self.sums.map(|[d_gain, d_bias]| (lanes.vectors_mut(d_gain), lanes.vectors_mut(d_bias)));
        for row in 0..self.row_count {
            let normalized = lanes.vectors(self.normalized.row(row, padded));
            let deltas = self.deltas.row(row, 0..padded);
            let (mut sum, mut product) = (lanes.splat(0.0), lanes.splat(0.0));
            if let Some((d_gain, d_bias)) = &mut learned {
                let numbers = lanes.vectors(deltas).iter().zip(normalized);
                for ((&delta, &normalized), (d_gain, d_bias)) in numbers.zip(d_gain.iter_mut().zip(d_bias.iter_mut())) {
                    *d_gain = lanes.mul_add(delta, normalized, *d_gain);
                    *d_bias = lanes.add(*d_bias, delta);
                }
            }
            let numbers = lanes.vectors_mut(deltas).iter_mut().zip(normalized);
            for ((delta, &normalized), &gain) in numbers.zip(gain) {
                *delta = lanes.mul(*delta, gain);
                sum = lanes.add(sum, *delta);
                product = lanes.mul_add(*delta, normalized, product);
            }
            let (mean, product) = (lanes.splat(lanes.sum(sum) * share), lanes.splat(lanes.sum(product) * share));
            let inverse = lanes.splat(self.inverses[row]);
            for (delta, &normalized) in lanes.vectors_mut(deltas).iter_mut().zip(normalized) {
                let rest = lanes.negative_mul_add(normalized, product, lanes.sub(*delta, mean));
                *delta = lanes.mul(rest, inverse);
            }
            deltas[self.width..].fill(0.0);
        }
    }
}
