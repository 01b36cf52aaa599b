//! Up to 16 neighbouring rows, seen column by column.

use crate::lanewise::Lane;
use crate::panels::LANES;

/// Up to [`LANES`] rows of equal width.
#[derive(Clone, Copy)]
pub(super) struct Group<'a> {
    pub rows: &'a [f32],
    pub width: usize,
}

impl Group<'_> {
    /// A column; zero for rows that are not there.
    #[inline(always)]
    pub fn column(self, column: usize) -> Lane {
        let mut lane = [0.0; LANES];
        for (number, row) in lane.iter_mut().zip(self.rows.chunks_exact(self.width)) {
            *number = row[column];
        }
        lane
    }
}

/// As [`Group`], to be written.
pub(super) struct GroupMut<'a> {
    pub rows: &'a mut [f32],
    pub width: usize,
}

impl GroupMut<'_> {
    #[inline(always)]
    pub fn set(&mut self, column: usize, lane: Lane) {
        for (row, number) in self.rows.chunks_exact_mut(self.width).zip(lane) {
            row[column] = number;
        }
    }

    #[inline(always)]
    pub fn add(&mut self, column: usize, lane: Lane) {
        for (row, number) in self.rows.chunks_exact_mut(self.width).zip(lane) {
            row[column] += number;
        }
    }
}

/// Up to [`LANES`] rows of flags: which choices are allowed. Without rows, all are.
#[derive(Clone, Copy)]
pub(super) struct MaskGroup<'a> {
    pub rows: &'a [bool],
    pub width: usize,
}

impl MaskGroup<'_> {
    /// Whether every choice is allowed in every row.
    #[inline(always)]
    pub fn is_empty(self) -> bool {
        self.rows.is_empty()
    }

    /// What a column's flags add to a logit: nothing, or −∞ where the choice is not allowed.
    #[inline(always)]
    pub fn penalty(self, column: usize) -> Lane {
        let mut lane = [0.0; LANES];
        if !self.is_empty() {
            for (number, row) in lane.iter_mut().zip(self.rows.chunks_exact(self.width)) {
                *number = if row[column] { 0.0 } else { f32::NEG_INFINITY };
            }
        }
        lane
    }
}

/// The start of an array of one number per row, as a lane; zero for rows that are not there.
#[inline(always)]
pub(super) fn lane(numbers: &[f32]) -> Lane {
    let mut lane = [0.0; LANES];
    lane[..numbers.len()].copy_from_slice(numbers);
    lane
}
