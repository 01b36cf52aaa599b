//! Register tiles: the innermost loops.

use super::Rows;
use crate::simd::{Lanes, Vector};

/// `ROWS` × `COLUMNS` vectors of sums, held in registers.
pub(super) type Tile<V, const ROWS: usize, const COLUMNS: usize> = [[V; COLUMNS]; ROWS];

/// A matrix of vectors, and the first of the columns that a tile reads.
#[derive(Clone, Copy)]
pub(super) struct Columns<'a, V> {
    pub vectors: &'a [V],
    pub per_row: usize,
    pub first: usize,
}

/// The first rows of a matrix, and the first of the columns that a tile reads.
#[derive(Clone, Copy)]
pub(super) struct RowBlock<'a> {
    pub rows: Rows<'a>,
    pub row_count: usize,
    pub first: usize,
}

impl<V: Copy> Columns<'_, V> {
    /// Returns `COUNT` vectors of a row, as a copy that stays in registers.
    #[inline(always)]
    pub fn row<const COUNT: usize>(&self, row: usize) -> [V; COUNT] {
        let vectors = &self.vectors[row * self.per_row + self.first..][..COUNT];
        let mut copy = [vectors[0]; COUNT];
        copy.copy_from_slice(vectors);
        copy
    }
}

/// `sums[r] += Σₖ a[r][k]·b[k]`, in the order of `k`.
#[inline(always)]
pub(super) fn multiply<L: Lanes, const ROWS: usize, const COLUMNS: usize>(
    lanes: L,
    sums: &mut Tile<Vector<L>, ROWS, COLUMNS>,
    a: [&[f32]; ROWS],
    b: Columns<'_, Vector<L>>,
) {
    let depth = a[0].len();
    for a_row in a {
        // Lets the compiler remove the bounds checks below.
        assert_eq!(a_row.len(), depth, "rows of equal length");
    }
    for k in 0..depth {
        let b_row = b.row::<COLUMNS>(k);
        for (sums, a_row) in sums.iter_mut().zip(a) {
            let factor = lanes.splat(a_row[k]);
            for (sum, &b) in sums.iter_mut().zip(&b_row) {
                *sum = lanes.mul_add(factor, b, *sum);
            }
        }
    }
}

/// `sums[c] += Σᵣ a[r][first + c]·b[r]`, in the order of the rows `r`.
#[inline(always)]
pub(super) fn multiply_transposed<L: Lanes, const ROWS: usize, const COLUMNS: usize>(
    lanes: L,
    sums: &mut Tile<Vector<L>, ROWS, COLUMNS>,
    a: RowBlock<'_>,
    b: Columns<'_, Vector<L>>,
) {
    for row in 0..a.row_count {
        let b_row = b.row::<COLUMNS>(row);
        let factors = &a.rows.data[row * a.rows.stride + a.first..][..ROWS];
        for (sums, &factor) in sums.iter_mut().zip(factors) {
            let factor = lanes.splat(factor);
            for (sum, &b) in sums.iter_mut().zip(&b_row) {
                *sum = lanes.mul_add(factor, b, *sum);
            }
        }
    }
}
