//! The allocation of ranges of a network's arrays.

use std::ops::Range;

use crate::panels::padded;

/// Allocates ranges of the parameter array, each starting on a multiple of [`LANES`](crate::panels::LANES), and ranges
/// of the array of transposed weights and of a row of memory.
#[derive(Default)]
pub(crate) struct Cursor {
    pub parameters: usize,
    pub transposed: usize,
    memory: usize,
}

impl Cursor {
    /// Makes a cursor that goes on at these places of the parameter array and of the array of transposed weights.
    pub fn behind(parameters: usize, transposed: usize) -> Self {
        Self { parameters, transposed, memory: 0 }
    }

    /// Allocates a range of the parameter array.
    pub fn take(&mut self, len: usize) -> Range<usize> {
        let start = self.parameters;
        self.parameters = start.saturating_add(padded(len));
        start..start.saturating_add(len)
    }

    /// Allocates columns of a row of memory.
    pub fn take_memory(&mut self, width: usize) -> Range<usize> {
        let start = self.memory;
        self.memory = start.saturating_add(width);
        start..self.memory
    }

    /// Allocates a range of the array of transposed weights. `len` is a multiple of
    /// [`LANES`](crate::panels::LANES).
    pub fn take_transposed(&mut self, len: usize) -> Range<usize> {
        let start = self.transposed;
        self.transposed = start.saturating_add(len);
        start..self.transposed
    }
}
