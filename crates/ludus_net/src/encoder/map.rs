//! The sizes of grids and of the outputs of convolutions, and their places in memory.

use crate::GridBlock;
use crate::panels::row_stride;

/// The step of a kernel in cells.
pub(crate) const STRIDE: usize = GridBlock::STRIDE;

/// The width of the border of zeros in cells.
const PADDING: usize = GridBlock::PADDING;

/// Height, width and channels of a grid, or of a convolution's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MapSize {
    pub height: usize,
    pub width: usize,
    pub channels: usize,
}

/// A map in memory with a border of zeros, so that a kernel at the edge reads zeros without a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bordered {
    pub size: MapSize,
    /// The distance between neighbouring cells, padding included.
    pub cell_stride: usize,
}

impl MapSize {
    /// The size of the grid that is read.
    pub const fn of(block: GridBlock) -> Self {
        Self { height: block.height, width: block.width, channels: block.channels }
    }

    pub const fn cells(self) -> usize {
        self.height.saturating_mul(self.width)
    }

    pub const fn count(self) -> usize {
        self.cells().saturating_mul(self.channels)
    }

    /// Returns the size of the output of a convolution with this many channels.
    pub const fn halved(self, channels: usize) -> Self {
        Self { height: self.height.div_ceil(STRIDE), width: self.width.div_ceil(STRIDE), channels }
    }

    /// Returns all cells, from left to right and from top to bottom.
    pub fn places(self) -> impl Iterator<Item = (usize, usize)> {
        (0..self.height).flat_map(move |top| (0..self.width).map(move |left| (top, left)))
    }
}

impl Bordered {
    /// The memory of a grid: its cells have no padding.
    pub const fn of_grid(size: MapSize) -> Self {
        Self { size, cell_stride: size.channels }
    }

    /// The memory of a convolution's output: its cells are padded.
    pub fn of_map(size: MapSize) -> Self {
        Self { size, cell_stride: row_stride(size.channels) }
    }

    /// Returns the distance between a cell and the one below it.
    pub const fn row_stride(self) -> usize {
        self.size.width.saturating_add(2 * PADDING).saturating_mul(self.cell_stride)
    }

    /// Returns the count of numbers in memory, border and padding included.
    pub const fn len(self) -> usize {
        self.size.height.saturating_add(2 * PADDING).saturating_mul(self.row_stride())
    }

    /// Returns the index of the first number of a cell.
    pub const fn cell(self, top: usize, left: usize) -> usize {
        (top + PADDING) * self.row_stride() + (left + PADDING) * self.cell_stride
    }

    /// Returns the index of the first number under a kernel that is centred on a cell.
    pub const fn patch(self, top: usize, left: usize) -> usize {
        top * self.row_stride() + left * self.cell_stride
    }
}
