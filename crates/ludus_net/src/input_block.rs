//! Fields of an observation that encoders can read.

use std::ops::Range;

use crate::{Encoder, GridBlock};

/// The columns of a field that an encoder can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputBlock {
    /// The field's name.
    pub field: String,
    /// The field's columns.
    pub columns: BlockColumns,
}

/// The kinds of blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockColumns {
    /// A grid or an image.
    Grid(GridBlock),
}

/// A field of an observation, and the encoder that reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodedBlock<'a> {
    /// The field's name. The names of the encoder's tensors start with `encoder.` and this name.
    pub field: &'a str,
    /// The field's columns.
    pub columns: BlockColumns,
    /// The encoder.
    pub encoder: &'a Encoder,
}

impl InputBlock {
    /// Makes the block of a grid.
    pub fn grid(field: &str, grid: GridBlock) -> Self {
        Self { field: field.to_owned(), columns: BlockColumns::Grid(grid) }
    }
}

impl BlockColumns {
    /// Returns the block's columns. Saturates at `usize::MAX`.
    pub const fn range(self) -> Range<usize> {
        let Self::Grid(grid) = self;
        grid.first..grid.first.saturating_add(grid.count())
    }
}
