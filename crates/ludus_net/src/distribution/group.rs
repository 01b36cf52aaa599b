//! Groups of up to 16 neighbouring rows, read and written column by column.

use crate::lanewise::Lane;
use crate::panels::LANES;

/// Up to [`LANES`] rows of equal width.
#[derive(Clone, Copy)]
pub(super) struct Group<'a> {
    pub rows: &'a [f32],
    pub width: usize,
}

impl Group<'_> {
    /// Returns a column; 0 for missing rows.
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

/// Up to [`LANES`] rows of flags, true for each allowed choice. Without rows, all choices are allowed.
#[derive(Clone, Copy)]
pub(super) struct MaskGroup<'a> {
    pub rows: &'a [bool],
    pub width: usize,
}

impl MaskGroup<'_> {
    /// True if there are no flags: every choice is allowed in every row.
    #[inline(always)]
    pub fn is_empty(self) -> bool {
        self.rows.is_empty()
    }

    /// Returns the numbers that a column's flags add to a logit: 0, or −∞ where the choice is not allowed.
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

/// Converts an array of one number per row to a lane; 0 for missing rows.
#[inline(always)]
pub(super) fn lane(numbers: &[f32]) -> Lane {
    let mut lane = [0.0; LANES];
    lane[..numbers.len()].copy_from_slice(numbers);
    lane
}
