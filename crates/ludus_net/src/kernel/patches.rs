//! Products with patches of maps: the sums of convolutions, without a copy of the numbers under the kernel.

use super::Rows;
use super::outer::TileTarget;
use super::product::{Finish, Start, finish_at, vectors_at};
use super::tile::{Columns, multiply};
use crate::panels::Panels;
use crate::simd::{Kernel, Lanes, Vector};

/// Numbers of a patch that are side by side in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    /// The distance of the first number from the start of the patch.
    pub offset: usize,
    pub len: usize,
    /// The row of the weight matrix for the first number.
    pub row: usize,
}

/// Rows of a matrix that are not in memory as such: each consists of segments at some distances from its start.
#[derive(Clone, Copy)]
pub(crate) struct Patches<'a> {
    pub data: &'a [f32],
    pub starts: &'a [u32],
    pub segments: &'a [Segment],
}

/// `out[start of p] = finish(start + patches[p]·b)`, patch by patch, in the order of the segments.
///
/// # Shapes
///
/// `b` is a `[depth, width]` matrix in panels; `out` has a padded row at each of `out_starts`.
pub(crate) struct PatchProduct<'a> {
    pub patches: Patches<'a>,
    pub b: &'a [f32],
    pub panels: Panels,
    pub start: Start<'a>,
    pub finish: Finish<'a>,
    pub out: &'a mut [f32],
    pub out_starts: &'a [u32],
}

/// `sum += Σₚ patches[p]ᵀ·b[start of p]`, in the order of the patches `p`.
///
/// # Shapes
///
/// `b` has a padded row at each of `b_starts`, `sum` is a `[depth, width]` matrix in panels.
pub(crate) struct PatchOuterSum<'a> {
    pub patches: Patches<'a>,
    pub b: &'a [f32],
    pub b_starts: &'a [u32],
    pub panels: Panels,
    pub sum: &'a mut [f32],
}

/// `sum += Σₚ rows[start of p]`, in the order of the starts.
pub(crate) struct RowSum<'a> {
    pub rows: &'a [f32],
    pub starts: &'a [u32],
    pub sum: &'a mut [f32],
}

impl Kernel for PatchProduct<'_> {
    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        for first in self.panels.firsts() {
            let b = lanes.vectors(&self.b[self.panels.panel(first)]);
            let per_row = self.panels.panel_width(first) / L::COUNT;
            let mut vector = 0;
            while vector < per_row {
                let columns = Columns { vectors: b, per_row, first: vector };
                let column = first + vector * L::COUNT;
                vector += match (per_row - vector).min(L::TILE) {
                    4.. => self.all_patches::<L, 4>(lanes, columns, column),
                    3 => self.all_patches::<L, 3>(lanes, columns, column),
                    2 => self.all_patches::<L, 2>(lanes, columns, column),
                    _ => self.all_patches::<L, 1>(lanes, columns, column),
                };
            }
        }
    }
}

impl PatchProduct<'_> {
    /// Computes `COLUMNS` vectors from `column` on, for all patches. Returns `COLUMNS`.
    #[inline(always)]
    fn all_patches<L: Lanes, const COLUMNS: usize>(
        &mut self,
        lanes: L,
        b: Columns<'_, Vector<L>>,
        column: usize,
    ) -> usize {
        let mut patch = 0;
        while patch < self.patches.starts.len() {
            patch += match self.patches.starts.len() - patch {
                // A single column needs more rows, or each sum waits for itself.
                12.. if COLUMNS == 1 => self.tile::<L, 12, COLUMNS>(lanes, b, patch, column),
                6.. => self.tile::<L, 6, COLUMNS>(lanes, b, patch, column),
                3..=5 => self.tile::<L, 3, COLUMNS>(lanes, b, patch, column),
                _ => self.tile::<L, 1, COLUMNS>(lanes, b, patch, column),
            };
        }
        COLUMNS
    }

    /// Computes `ROWS` patches from `patch` on. Returns `ROWS`.
    #[inline(always)]
    fn tile<L: Lanes, const ROWS: usize, const COLUMNS: usize>(
        &mut self,
        lanes: L,
        b: Columns<'_, Vector<L>>,
        patch: usize,
        column: usize,
    ) -> usize {
        let mut sums = [[lanes.splat(0.0); COLUMNS]; ROWS];
        if let Start::Bias(bias) = self.start {
            for sums in &mut sums {
                sums.copy_from_slice(vectors_at::<L, COLUMNS>(lanes, Rows { data: bias, stride: 0 }, 0, column));
            }
        }
        for segment in self.patches.segments {
            let mut a = [&self.patches.data[..segment.len]; ROWS];
            for (r, a) in a.iter_mut().enumerate() {
                let first = self.patches.starts[patch + r] as usize + segment.offset;
                *a = &self.patches.data[first..][..segment.len];
            }
            multiply(lanes, &mut sums, a, Columns { vectors: &b.vectors[segment.row * b.per_row..], ..b });
        }
        for (r, sums) in sums.iter().enumerate() {
            let start = self.out_starts[patch + r] as usize + column;
            lanes.vectors_mut(&mut self.out[start..][..COLUMNS * L::COUNT]).copy_from_slice(sums);
        }
        for r in 0..ROWS {
            let start = self.out_starts[patch + r] as usize + column;
            finish_at(lanes, self.finish, self.out, start..start + COLUMNS * L::COUNT);
        }
        ROWS
    }
}

impl Kernel for PatchOuterSum<'_> {
    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        let b = lanes.vectors(self.b);
        for first in self.panels.firsts() {
            let per_row = self.panels.panel_width(first) / L::COUNT;
            let mut vector = 0;
            while vector < per_row {
                let columns = Columns { vectors: b, per_row: 0, first: first / L::COUNT + vector };
                let place = TileTarget { panel: first, per_row, vector };
                vector += match (per_row - vector).min(L::TILE) {
                    4.. => self.all_segments::<L, 4>(lanes, columns, place),
                    3 => self.all_segments::<L, 3>(lanes, columns, place),
                    2 => self.all_segments::<L, 2>(lanes, columns, place),
                    _ => self.all_segments::<L, 1>(lanes, columns, place),
                };
            }
        }
    }
}

impl PatchOuterSum<'_> {
    /// Adds to `COLUMNS` vectors of all rows of `sum`. Returns `COLUMNS`.
    #[inline(always)]
    fn all_segments<L: Lanes, const COLUMNS: usize>(
        &mut self,
        lanes: L,
        b: Columns<'_, Vector<L>>,
        place: TileTarget,
    ) -> usize {
        for index in 0..self.patches.segments.len() {
            let segment = self.patches.segments[index];
            let mut row = 0;
            while row < segment.len {
                let part = Segment { offset: segment.offset + row, len: 0, row: segment.row + row };
                row += match segment.len - row {
                    12.. if COLUMNS == 1 => self.tile::<L, 12, COLUMNS>(lanes, b, place, part),
                    9..=11 if COLUMNS == 1 => self.tile::<L, 9, COLUMNS>(lanes, b, place, part),
                    6.. => self.tile::<L, 6, COLUMNS>(lanes, b, place, part),
                    4..=5 => self.tile::<L, 4, COLUMNS>(lanes, b, place, part),
                    2..=3 => self.tile::<L, 2, COLUMNS>(lanes, b, place, part),
                    _ => self.tile::<L, 1, COLUMNS>(lanes, b, place, part),
                };
            }
        }
        COLUMNS
    }

    #[inline(always)]
    fn tile<L: Lanes, const ROWS: usize, const COLUMNS: usize>(
        &mut self,
        lanes: L,
        b: Columns<'_, Vector<L>>,
        place: TileTarget,
        part: Segment,
    ) -> usize {
        let panel = lanes.vectors_mut(&mut self.sum[self.panels.panel(place.panel)]);
        let mut sums = [[lanes.splat(0.0); COLUMNS]; ROWS];
        for (r, sums) in sums.iter_mut().enumerate() {
            sums.copy_from_slice(&panel[(part.row + r) * place.per_row + place.vector..][..COLUMNS]);
        }
        for (&start, &b_start) in self.patches.starts.iter().zip(self.b_starts) {
            let b_row = Columns { vectors: &b.vectors[b_start as usize / L::COUNT..], ..b }.row::<COLUMNS>(0);
            let factors = &self.patches.data[start as usize + part.offset..][..ROWS];
            for (sums, &factor) in sums.iter_mut().zip(factors) {
                let factor = lanes.splat(factor);
                for (sum, &b) in sums.iter_mut().zip(&b_row) {
                    *sum = lanes.mul_add(factor, b, *sum);
                }
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            panel[(part.row + r) * place.per_row + place.vector..][..COLUMNS].copy_from_slice(sums);
        }
        ROWS
    }
}

impl Kernel for RowSum<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let rows = lanes.vectors(self.rows);
        for (vector, sum) in lanes.vectors_mut(self.sum).iter_mut().enumerate() {
            let mut total = *sum;
            for &start in self.starts {
                total = lanes.add(total, rows[start as usize / L::COUNT + vector]);
            }
            *sum = total;
        }
    }
}
