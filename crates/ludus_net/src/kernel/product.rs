//! A matrix product, with the bias before it and the activation after it.

use std::ops::Range;

use super::activate::{activate, backward};
use super::tile::{Columns, Tile, multiply};
use super::{Rows, RowsMut};
use crate::Activation;
use crate::panels::Panels;
use crate::simd::{Kernel, Lanes, Vector};

/// `out = finish(start + a·b)`, row by row.
///
/// # Shapes
///
/// `a` is `[rows, depth]`, `b` a `[depth, width]` matrix in panels, `out` `[rows, padded width]`.
pub(crate) struct Product<'a> {
    pub row_count: usize,
    pub a: Rows<'a>,
    pub b: &'a [f32],
    pub panels: Panels,
    pub start: Start<'a>,
    pub finish: Finish<'a>,
    pub out: RowsMut<'a>,
}

/// The start values of a product's sums.
#[derive(Clone, Copy)]
pub(crate) enum Start<'a> {
    Zero,
    /// The same padded row for every row.
    Bias(&'a [f32]),
    /// The present numbers of `out`.
    Out,
}

/// The operations on the sums of a product.
#[derive(Clone, Copy)]
pub(crate) enum Finish<'a> {
    Store,
    Activate(Activation),
    /// Multiplies by the slope of the activation with these outputs, whose rows have the stride of `out`.
    Slope(Activation, &'a [f32]),
}

impl Kernel for Product<'_> {
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
                    4.. => self.all_rows::<L, 4>(lanes, columns, column),
                    3 => self.all_rows::<L, 3>(lanes, columns, column),
                    2 => self.all_rows::<L, 2>(lanes, columns, column),
                    _ => self.all_rows::<L, 1>(lanes, columns, column),
                };
            }
        }
    }
}

impl Product<'_> {
    /// Computes `COLUMNS` vectors from `column` on, for all rows. Returns `COLUMNS`.
    #[inline(always)]
    fn all_rows<L: Lanes, const COLUMNS: usize>(
        &mut self,
        lanes: L,
        b: Columns<'_, Vector<L>>,
        column: usize,
    ) -> usize {
        let mut row = 0;
        while row < self.row_count {
            row += match self.row_count - row {
                6.. => self.tile::<L, 6, COLUMNS>(lanes, b, row, column),
                3..=5 => self.tile::<L, 3, COLUMNS>(lanes, b, row, column),
                _ => self.tile::<L, 1, COLUMNS>(lanes, b, row, column),
            };
        }
        COLUMNS
    }

    /// Computes `ROWS` rows from `row` on. Returns `ROWS`.
    #[inline(always)]
    fn tile<L: Lanes, const ROWS: usize, const COLUMNS: usize>(
        &mut self,
        lanes: L,
        b: Columns<'_, Vector<L>>,
        row: usize,
        column: usize,
    ) -> usize {
        let mut sums = self.started::<L, ROWS, COLUMNS>(lanes, row, column);
        let mut a = [self.a.row(row, self.panels.depth); ROWS];
        for (r, a) in a.iter_mut().enumerate() {
            *a = self.a.row(row + r, self.panels.depth);
        }
        multiply(lanes, &mut sums, a, b);
        let columns = column..column + COLUMNS * L::COUNT;
        for (r, sums) in sums.iter().enumerate() {
            lanes.vectors_mut(self.out.row(row + r, columns.clone())).copy_from_slice(sums);
        }
        // Applied after the store, on memory: a loop over the sums would move them out of registers.
        for r in row..row + ROWS {
            self.finish_row(lanes, r, columns.clone());
        }
        ROWS
    }

    #[inline(always)]
    fn started<L: Lanes, const ROWS: usize, const COLUMNS: usize>(
        &self,
        lanes: L,
        row: usize,
        column: usize,
    ) -> Tile<Vector<L>, ROWS, COLUMNS> {
        let mut sums = [[lanes.splat(0.0); COLUMNS]; ROWS];
        let start = match self.start {
            Start::Zero => return sums,
            Start::Bias(bias) => Rows { data: bias, stride: 0 },
            Start::Out => Rows { data: self.out.data, stride: self.out.stride },
        };
        for (r, sums) in sums.iter_mut().enumerate() {
            sums.copy_from_slice(vectors_at::<L, COLUMNS>(lanes, start, row + r, column));
        }
        sums
    }

    #[inline(always)]
    fn finish_row<L: Lanes>(&mut self, lanes: L, row: usize, columns: Range<usize>) {
        let place = row * self.out.stride + columns.start..row * self.out.stride + columns.end;
        finish_at(lanes, self.finish, self.out.data, place);
    }
}

/// Applies the operation to the sums in this range of `data`.
#[inline(always)]
pub(super) fn finish_at<L: Lanes>(lanes: L, finish: Finish<'_>, data: &mut [f32], place: Range<usize>) {
    let sums = lanes.vectors_mut(&mut data[place.clone()]);
    match finish {
        Finish::Store => {}
        Finish::Activate(activation) => {
            for sum in sums {
                *sum = activate(lanes, activation, *sum);
            }
        }
        Finish::Slope(activation, activated) => {
            for (sum, &activated) in sums.iter_mut().zip(lanes.vectors(&activated[place])) {
                *sum = backward(lanes, activation, activated, *sum);
            }
        }
    }
}

/// Returns `COUNT` vectors of a row from `column` on.
#[inline(always)]
pub(super) fn vectors_at<L: Lanes, const COUNT: usize>(
    lanes: L,
    rows: Rows<'_>,
    row: usize,
    column: usize,
) -> &[Vector<L>] {
    let numbers = &rows.data[row * rows.stride + column..][..COUNT * L::COUNT];
    lanes.vectors(numbers)
}
