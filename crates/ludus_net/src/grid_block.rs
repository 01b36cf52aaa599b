//! A grid among the columns of an observation.

/// Columns of an observation that are a grid or an image: row by row, a cell's channels together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GridBlock {
    /// The grid's first column.
    pub first: usize,
    /// Cells from top to bottom.
    pub height: usize,
    /// Cells from left to right.
    pub width: usize,
    /// Numbers per cell.
    pub channels: usize,
}

impl GridBlock {
    /// The height and width of a kernel.
    pub const KERNEL: usize = 3;
    /// The step of the kernel in cells: every convolution halves the grid.
    pub const STRIDE: usize = 2;
    /// The width of the border of zeros in cells.
    pub const PADDING: usize = 1;

    /// Returns the count of numbers of all cells together. Saturates at `usize::MAX`.
    pub const fn count(self) -> usize {
        self.height.saturating_mul(self.width).saturating_mul(self.channels)
    }
}
