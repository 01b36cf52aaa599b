//! The shape of observations that are a grid or an image.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Height, width and channels of a block of numbers whose neighbourhood matters: a board, a map, an image.
///
/// Its numbers stand cell by cell, from left to right and from top to bottom, a cell's channels together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GridShape {
    /// The count of cells from top to bottom.
    pub height: usize,
    /// The count of cells from left to right.
    pub width: usize,
    /// The count of numbers per cell.
    pub channels: usize,
}

impl GridShape {
    /// Returns the count of numbers of all cells, `usize::MAX` at most.
    pub const fn count(self) -> usize {
        self.height.saturating_mul(self.width).saturating_mul(self.channels)
    }

    /// Returns the name of a number: the row and the column of its cell, and its channel, each from 0, as in `3.17.0`.
    pub fn part(self, index: usize) -> String {
        let (cell, channel) = (index / self.channels.max(1), index % self.channels.max(1));
        format!("{}.{}.{channel}", cell / self.width.max(1), cell % self.width.max(1))
    }
}

impl fmt::Display for GridShape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}×{}×{}", self.height, self.width, self.channels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_named_by_their_cell_and_channel() {
        let shape = GridShape { height: 2, width: 4, channels: 3 };
        assert_eq!(shape.count(), 24);
        assert_eq!([0, 1, 3, 12, 23].map(|index| shape.part(index)), ["0.0.0", "0.0.1", "0.1.0", "1.0.0", "1.3.2"]);
    }

    #[test]
    fn a_shape_that_no_memory_holds_is_as_large_as_can_be() {
        let shape = GridShape { height: usize::MAX, width: 2, channels: 3 };
        assert_eq!(shape.count(), usize::MAX);
        assert_eq!(GridShape { channels: 0, ..shape }.part(5), "2.1.0");
    }
}
