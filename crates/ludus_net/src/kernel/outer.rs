//! The gradient of a weight matrix: a sum of outer products.

use super::Rows;
use super::tile::{Columns, RowBlock, multiply_transposed};
use crate::panels::Panels;
use crate::pass::Gradients;
use crate::simd::{Kernel, Lanes, Vector};

/// `sum += Σᵣ a[r]ᵀ·b[r]`, or `sum = Σᵣ a[r]ᵀ·b[r]`, in the order of the rows `r`.
///
/// # Shapes
///
/// `a` is `[rows, depth]`, `b` `[rows, padded width]`, `sum` a `[depth, width]` matrix in panels.
pub(crate) struct OuterSum<'a> {
    pub row_count: usize,
    pub a: Rows<'a>,
    pub b: Rows<'a>,
    pub panels: Panels,
    pub gradients: Gradients,
    pub sum: &'a mut [f32],
}

impl Kernel for OuterSum<'_> {
    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        let b = lanes.vectors(self.b.data);
        let b_per_row = self.b.stride / L::COUNT;
        for first in self.panels.firsts() {
            let per_row = self.panels.panel_width(first) / L::COUNT;
            let mut vector = 0;
            while vector < per_row {
                let b = Columns { vectors: b, per_row: b_per_row, first: first / L::COUNT + vector };
                let place = TileTarget { panel: first, per_row, vector };
                vector += match (per_row - vector).min(L::TILE) {
                    4.. => self.all_columns::<L, 4>(lanes, b, place),
                    3 => self.all_columns::<L, 3>(lanes, b, place),
                    2 => self.all_columns::<L, 2>(lanes, b, place),
                    _ => self.all_columns::<L, 1>(lanes, b, place),
                };
            }
        }
    }
}

/// The vectors of `sum` that a tile adds to.
#[derive(Clone, Copy)]
pub(super) struct TileTarget {
    /// First column of the panel.
    pub panel: usize,
    /// Vectors in a row of the panel.
    pub per_row: usize,
    /// First vector within the row.
    pub vector: usize,
}

impl OuterSum<'_> {
    /// Adds to `COLUMNS` vectors of all rows of `sum`, which are columns of `a`. Returns `COLUMNS`.
    #[inline(always)]
    fn all_columns<L: Lanes, const COLUMNS: usize>(
        &mut self,
        lanes: L,
        b: Columns<'_, Vector<L>>,
        place: TileTarget,
    ) -> usize {
        let mut row = 0;
        while row < self.panels.depth {
            row += match self.panels.depth - row {
                6.. => self.tile::<L, 6, COLUMNS>(lanes, b, place, row),
                4..=5 => self.tile::<L, 4, COLUMNS>(lanes, b, place, row),
                2..=3 => self.tile::<L, 2, COLUMNS>(lanes, b, place, row),
                _ => self.tile::<L, 1, COLUMNS>(lanes, b, place, row),
            };
        }
        COLUMNS
    }

    #[inline(always)]
    fn tile<L: Lanes, const ROWS: usize, const COLUMNS: usize>(
        &mut self,
        lanes: L,
        b: Columns<'_, Vector<L>>,
        place: TileTarget,
        row: usize,
    ) -> usize {
        let panel = lanes.vectors_mut(&mut self.sum[self.panels.panel(place.panel)]);
        let mut sums = [[lanes.splat(0.0); COLUMNS]; ROWS];
        if self.gradients == Gradients::Add {
            for (r, sums) in sums.iter_mut().enumerate() {
                sums.copy_from_slice(&panel[(row + r) * place.per_row + place.vector..][..COLUMNS]);
            }
        }
        let a = RowBlock { rows: self.a, row_count: self.row_count, first: row };
        multiply_transposed(lanes, &mut sums, a, b);
        for (r, sums) in sums.iter().enumerate() {
            panel[(row + r) * place.per_row + place.vector..][..COLUMNS].copy_from_slice(sums);
        }
        ROWS
    }
}
