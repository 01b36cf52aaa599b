//! Narrow heads: a dot product per row and output.

use std::ops::Range;

use super::{Rows, RowsMut};
use crate::panels::Panels;
use crate::simd::{Kernel, Lanes, Vector};

/// `out[r][o] = bias[o] + a[r]·b[o]`, for some of the rows `o` of `b`.
///
/// # Shapes
///
/// `a` is `[rows, padded width]`, `b` a `[depth, width]` matrix in panels, `out` `[rows, outputs]`.
pub(crate) struct Dots<'a> {
    pub row_count: usize,
    pub a: Rows<'a>,
    pub b: &'a [f32],
    pub panels: Panels,
    /// The rows of `b` that are outputs.
    pub outputs: Range<usize>,
    /// `None` for no bias.
    pub bias: Option<&'a [f32]>,
    pub out: RowsMut<'a>,
}

impl Kernel for Dots<'_> {
    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        let mut output = self.outputs.start;
        while output < self.outputs.end {
            output += match self.outputs.end - output {
                4.. => self.all_rows::<L, 4>(lanes, output),
                2..=3 => self.all_rows::<L, 2>(lanes, output),
                _ => self.all_rows::<L, 1>(lanes, output),
            };
        }
    }
}

impl Dots<'_> {
    /// Computes `OUTPUTS` outputs of all rows. Returns `OUTPUTS`.
    #[inline(always)]
    fn all_rows<L: Lanes, const OUTPUTS: usize>(&mut self, lanes: L, output: usize) -> usize {
        for row in 0..self.row_count {
            let sums = self.row::<L, OUTPUTS>(lanes, row, output);
            let first = output - self.outputs.start;
            let out = self.out.row(row, first..first + OUTPUTS);
            for (index, (out, sum)) in out.iter_mut().zip(sums).enumerate() {
                let sum = lanes.sum(sum);
                *out = if let Some(bias) = self.bias { sum + bias[output + index] } else { sum };
            }
        }
        OUTPUTS
    }

    #[inline(always)]
    fn row<L: Lanes, const OUTPUTS: usize>(&self, lanes: L, row: usize, output: usize) -> [Vector<L>; OUTPUTS] {
        let mut sums = [lanes.splat(0.0); OUTPUTS];
        let a = self.a.row(row, self.panels.padded_width());
        for first in self.panels.firsts() {
            let width = self.panels.panel_width(first);
            let a = lanes.vectors(&a[first..][..width]);
            let panel = &self.b[self.panels.panel(first)];
            for (index, sum) in sums.iter_mut().enumerate() {
                let b = lanes.vectors(&panel[(output + index) * width..][..width]);
                for (&a, &b) in a.iter().zip(b) {
                    *sum = lanes.mul_add(a, b, *sum);
                }
            }
        }
        sums
    }
}
