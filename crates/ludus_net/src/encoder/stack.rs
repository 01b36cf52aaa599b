//! The last steps of a field, side by side.

use std::ops::Range;

use crate::ValuesBlock;
use crate::cursor::Cursor;
use crate::kernel::Rows;

/// A field of which the network reads the last steps. It has no parameters.
///
/// Earlier steps stand in the rows' memory, the latest first, as the network read them: normalised, and finite.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StackEncoder {
    /// The name of the field.
    pub field: String,
    pub block: ValuesBlock,
    /// The columns of the earlier steps in a row of memory.
    pub columns: Range<usize>,
}

impl StackEncoder {
    /// Lays out a stack of this many steps, the present one included.
    pub fn new(field: &str, block: ValuesBlock, steps: usize, cursor: &mut Cursor) -> Self {
        let earlier = block.width.saturating_mul(steps.saturating_sub(1));
        Self { field: field.to_owned(), block, columns: cursor.take_memory(earlier) }
    }

    /// Returns the count of features: the field's values in all steps.
    pub fn features(&self) -> usize {
        self.block.width.saturating_add(self.columns.len())
    }

    /// Writes the present step, then the earlier ones. `history` has the memory of each row.
    pub fn encode<'f>(&self, input: Rows<'_>, history: Rows<'_>, features: impl Iterator<Item = &'f mut [f32]>) {
        let width = self.block.width;
        for (row, features) in features.enumerate() {
            features[..width].copy_from_slice(self.present(&input.data[row * input.stride..]));
            let earlier = &history.data[row * history.stride..][self.columns.clone()];
            features[width..width + earlier.len()].copy_from_slice(earlier);
        }
    }

    /// Replaces the earlier steps in a row of memory: the present one becomes the latest, and the oldest is forgotten.
    pub fn remember(&self, input: &[f32], memory: &mut [f32]) {
        let (earlier, width) = (&mut memory[self.columns.clone()], self.block.width);
        earlier.copy_within(..earlier.len() - width, width);
        earlier[..width].copy_from_slice(self.present(input));
    }

    fn present<'a>(&self, input: &'a [f32]) -> &'a [f32] {
        &input[self.block.first..][..self.block.width]
    }
}
