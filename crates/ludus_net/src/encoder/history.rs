//! What a network reads of earlier steps: the first columns of a row's memory.

use std::ops::Range;

use super::{BlockEncoder, EncoderScratch, Encoders, StackEncoder};
use crate::kernel::Rows;
use crate::{AfterStep, Sequences};

impl Encoders {
    /// Returns the count of numbers of a row's memory that encoders read. They come before those of recurrent layers.
    pub fn history_width(&self) -> usize {
        let last_action = self.last_action.iter().map(|action| action.columns.len());
        self.stacks().map(|stack| stack.columns.len()).chain(last_action).sum()
    }

    /// Returns the columns of the last action in a row of memory; empty if the network does not read it.
    pub fn last_action_columns(&self) -> Range<usize> {
        self.last_action.as_ref().map_or(0..0, |action| action.columns.clone())
    }

    /// Writes the actions of a step into rows of memory, if the network reads them.
    pub fn remember_actions(&self, actions: &[f32], memory: &mut [f32]) {
        let Some(last_action) = &self.last_action else { return };
        let action_width = last_action.action_width();
        let memory_width = memory.len() * action_width / actions.len().max(1);
        for (action, memory) in actions.chunks_exact(action_width).zip(memory.chunks_exact_mut(memory_width.max(1))) {
            last_action.remember(action, memory);
        }
    }

    fn stacks(&self) -> impl Iterator<Item = &StackEncoder> {
        self.blocks.iter().filter_map(|block| match block {
            BlockEncoder::Stack(stack) => Some(stack),
            BlockEncoder::Grid(_) | BlockEncoder::Set(_) => None,
        })
    }

    /// Writes what is remembered of the inputs after a step into rows of memory, which recurrent layers share.
    pub fn remember(&self, input: Rows<'_>, memory: &mut [f32], memory_width: usize) {
        if self.history_width() == 0 {
            return;
        }
        for (row, memory) in memory.chunks_exact_mut(memory_width).enumerate() {
            self.remember_row(&input.data[row * input.stride..], memory);
        }
    }

    fn remember_row(&self, input: &[f32], memory: &mut [f32]) {
        self.stacks().for_each(|stack| stack.remember(input, memory));
    }
}

impl EncoderScratch {
    /// Takes what is remembered before a step from rows of memory, which recurrent layers share.
    pub fn load_history(&mut self, memory: &[f32], memory_width: usize) {
        let width = self.history_width;
        if width == 0 {
            return;
        }
        for (own, memory) in self.history.chunks_exact_mut(width).zip(memory.chunks_exact(memory_width)) {
            own.copy_from_slice(&memory[..width]);
        }
    }

    /// Computes what is remembered before each step of sequences, `[steps, rows]`. What is remembered before the first
    /// one is there.
    pub fn replay_history(&mut self, encoders: &Encoders, input: Rows<'_>, sequences: Sequences<'_>, rows: usize) {
        let width = self.history_width;
        if width == 0 {
            return;
        }
        let last = sequences.after.len().saturating_sub(rows);
        for (now, after) in sequences.after[..last].iter().enumerate() {
            let (before, next) = self.history.split_at_mut((now + rows) * width);
            let (before, next) = (&before[now * width..][..width], &mut next[..width]);
            match after {
                AfterStep::Reset => next.fill(0.0),
                AfterStep::Restore => next.copy_from_slice(before),
                AfterStep::Keep => {
                    next.copy_from_slice(before);
                    encoders.remember_row(&input.data[now * input.stride..], next);
                    if let Some(last_action) = &encoders.last_action {
                        let action_width = last_action.action_width();
                        last_action.remember(&sequences.actions[now * action_width..][..action_width], next);
                    }
                }
            }
        }
    }

    /// Returns what is remembered before the steps from this row on.
    pub(super) fn history_from(history: &[f32], width: usize, row: usize) -> Rows<'_> {
        Rows { data: &history[row * width..], stride: width }
    }
}
