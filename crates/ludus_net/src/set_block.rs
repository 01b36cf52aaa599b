//! A set among the columns of an observation.

use std::ops::Range;

use ludus_spec::{AgentSpec, ObservationField};

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
    /// Returns the sets of an agent's observation, in the order of their columns.
    pub fn of_agent(spec: &AgentSpec) -> Vec<Self> {
        let set = |(field, columns): (&ObservationField, Range<usize>)| {
            let shape = field.block.set()?;
            Some(Self { first: columns.start, capacity: shape.capacity, parts: shape.element_width() })
        };
        spec.fields_with_columns().filter_map(set).collect()
    }

    /// Returns the column of the count.
    pub const fn count_column(self) -> usize {
        self.first + self.capacity * self.parts
    }

    /// Returns the columns of all elements.
    pub const fn elements(self) -> Range<usize> {
        self.first..self.count_column()
    }

    /// Returns the columns of an element.
    pub const fn element_columns(self, element: usize) -> Range<usize> {
        let first = self.first + element * self.parts;
        first..first + self.parts
    }

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
        (row[self.count_column()].round() as usize).min(self.capacity)
    }
}
