//! Fields of an observation that encoders can read.

use std::ops::Range;

use ludus_spec::{AgentSpec, Block, GridShape, ObservationField};

use crate::{Encoder, GridBlock, SetBlock, ValuesBlock};

/// The columns of a field that an encoder can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputBlock {
    /// The field's name.
    pub field: String,
    /// The field's columns.
    pub columns: BlockColumns,
    /// True if only the critic reads the field.
    pub is_critic: bool,
}

/// The kinds of blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockColumns {
    /// Values.
    Values(ValuesBlock),
    /// A grid or an image.
    Grid(GridBlock),
    /// A set.
    Set(SetBlock),
}

/// A field of an observation, and the encoder that reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedBlock<'a> {
    /// The field's name. The names of the encoder's tensors start with `encoder.` and this name.
    pub field: &'a str,
    /// The field's columns.
    pub columns: BlockColumns,
    /// The encoder.
    pub encoder: &'a Encoder,
    /// The count of numbers that the dense layers read of it.
    pub features: usize,
    /// The columns of a row's memory that the encoder reads; empty if it reads the present step alone.
    pub memory: Range<usize>,
    /// True if only the critic reads the field.
    pub is_critic: bool,
}

impl InputBlock {
    /// Returns the blocks of an agent's observation, in the order of their columns.
    pub fn of_agent(spec: &AgentSpec) -> Vec<Self> {
        let block = |(field, columns): (&ObservationField, Range<usize>)| {
            let first = columns.start;
            let block = match &field.block {
                Block::Values { parts } => Self::values(&field.name, ValuesBlock { first, width: parts.len() }),
                &Block::Grid(GridShape { height, width, channels }) => {
                    Self::grid(&field.name, GridBlock { first, height, width, channels })
                }
                Block::Set(shape) => {
                    let set = SetBlock { first, capacity: shape.capacity, parts: shape.element_width() };
                    Self::set(&field.name, set)
                }
            };
            if field.is_critic { block.for_critic() } else { block }
        };
        spec.fields_with_columns().map(block).collect()
    }

    /// Makes the block of a field of values.
    pub fn values(field: &str, values: ValuesBlock) -> Self {
        Self::new(field, BlockColumns::Values(values))
    }

    /// Makes the block of a grid.
    pub fn grid(field: &str, grid: GridBlock) -> Self {
        Self::new(field, BlockColumns::Grid(grid))
    }

    /// Makes the block of a set.
    pub fn set(field: &str, set: SetBlock) -> Self {
        Self::new(field, BlockColumns::Set(set))
    }

    /// As it is, but only the critic reads it.
    #[must_use]
    pub fn for_critic(self) -> Self {
        Self { is_critic: true, ..self }
    }

    fn new(field: &str, columns: BlockColumns) -> Self {
        Self { field: field.to_owned(), columns, is_critic: false }
    }
}

impl BlockColumns {
    /// True if this encoder can read the block.
    pub(crate) const fn fits(self, encoder: &Encoder) -> bool {
        matches!(
            (self, encoder),
            (Self::Values(_), Encoder::Stack(_))
                | (Self::Grid(_), Encoder::Convolve(_))
                | (Self::Set(_), Encoder::Pool(_) | Encoder::Attend { .. })
        )
    }

    /// Returns the block's columns. Saturates at `usize::MAX`.
    pub const fn range(self) -> Range<usize> {
        let (first, count) = match self {
            Self::Values(values) => (values.first, values.width),
            Self::Grid(grid) => (grid.first, grid.count()),
            Self::Set(set) => (set.first, set.count()),
        };
        first..first.saturating_add(count)
    }
}
