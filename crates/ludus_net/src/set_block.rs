//! A set among the columns of an observation.

/// Columns of an observation that are a set: the parts of each element in turn, then the count of those present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetBlock {
    /// The set's first column.
    pub first: usize,
    /// The maximum count of elements.
    pub capacity: usize,
    /// Columns of an element.
    pub parts: usize,
}

impl SetBlock {
    /// Returns the count of columns. Saturates at `usize::MAX`.
    pub const fn count(self) -> usize {
        self.capacity.saturating_mul(self.parts).saturating_add(1)
    }

    /// Returns the count of elements that are present in a row.
    ///
    /// A count that is not in `0..=capacity` becomes the nearest that is; one that is no number becomes 0.
    ///
    /// # Panics
    ///
    /// If the row is too short.
    pub fn present(self, row: &[f32]) -> usize {
        // The cast saturates, and NaN becomes 0.
        (row[self.first + self.count() - 1].round() as usize).min(self.capacity)
    }
}
