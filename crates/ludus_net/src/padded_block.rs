//! Blocks of rows whose columns are padded to whole vectors.

use crate::aligned::Aligned;
use crate::kernel::{Rows, RowsMut};
use crate::panels::row_stride;

/// A block of padded rows.
#[derive(Clone, Debug)]
pub(crate) struct Padded {
    pub data: Aligned,
    pub stride: usize,
}

impl Padded {
    pub fn new(rows: usize, width: usize) -> Self {
        let stride = row_stride(width);
        Self { data: Aligned::zeros(rows * stride), stride }
    }

    /// Copies the first `width` columns to rows without padding.
    pub fn copy_to(&self, width: usize, out: &mut [f32]) {
        for (out, row) in out.chunks_exact_mut(width).zip(self.data.chunks_exact(self.stride)) {
            out.copy_from_slice(&row[..width]);
        }
    }

    /// Copies rows without padding to the first `width` columns.
    pub fn copy_from(&mut self, width: usize, rows: &[f32]) {
        for (row, given) in self.data.chunks_exact_mut(self.stride).zip(rows.chunks_exact(width)) {
            row[..width].copy_from_slice(given);
        }
    }

    /// Moves these rows, in ascending order, to the front.
    pub fn keep_rows(&mut self, rows: &[usize]) {
        for (to, &from) in rows.iter().enumerate() {
            self.data.copy_within(from * self.stride..(from + 1) * self.stride, to * self.stride);
        }
    }

    pub fn rows(&self) -> Rows<'_> {
        Rows { data: &self.data, stride: self.stride }
    }

    pub fn rows_mut(&mut self) -> RowsMut<'_> {
        RowsMut { data: &mut self.data, stride: self.stride }
    }
}
