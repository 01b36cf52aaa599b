//! The last action as an input.

use std::ops::Range;

use ludus_spec::Head;

use crate::cursor::Cursor;

/// The last action of a row, as the network reads it: a number in -1..=1 for each dimension of a Gaussian head, and for
/// each choice of a categorical head 1 if it was made, else 0. All are 0 where an episode starts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LastAction {
    /// The columns in a row of memory.
    pub columns: Range<usize>,
    heads: Vec<Head>,
}

impl LastAction {
    pub fn new(heads: &[Head], cursor: &mut Cursor) -> Self {
        let width = heads.iter().fold(0, |sum: usize, head| sum.saturating_add(head.output_width()));
        Self { columns: cursor.take_memory(width), heads: heads.to_vec() }
    }

    /// Returns the columns of an action row.
    pub fn action_width(&self) -> usize {
        self.heads.iter().map(|head| head.action_width()).sum()
    }

    /// Writes an action into a row of memory.
    pub fn remember(&self, action: &[f32], memory: &mut [f32]) {
        let (mut action, mut memory) = (action, &mut memory[self.columns.clone()]);
        for head in &self.heads {
            let (own, taken);
            (own, memory) = std::mem::take(&mut memory).split_at_mut(head.output_width());
            (taken, action) = action.split_at(head.action_width());
            match head {
                // An action outside the range is clamped before it reaches the game.
                Head::Gaussian { .. } | Head::SquashedGaussian { .. } => {
                    own.iter_mut().zip(taken).for_each(|(own, &one)| *own = one.clamp(-1.0, 1.0));
                }
                Head::Categorical { .. } => {
                    own.fill(0.0);
                    own[taken[0] as usize] = 1.0;
                }
            }
        }
    }
}
