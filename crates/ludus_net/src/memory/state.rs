//! The working memory of a recurrent layer, and its state from step to step.

use super::{AfterStep, Recurrence, Timeline, of_step};
use crate::kernel::{Finish, Rows, RowsMut};
use crate::padded_block::Padded;
use crate::{Activation, Memory};

/// The numbers of a recurrent layer in all steps of a block, `[steps, rows, width]` each.
#[derive(Clone, Debug)]
pub(crate) struct MemoryScratch {
    /// For each gate: its sums from the input, then its activations, then the gradient with respect to its sums.
    pub gates: Vec<Padded>,
    /// The candidate's sums from the state, then the gradient with respect to them. Empty without `of_state`.
    pub candidate_of_state: Padded,
    /// Sums from the state of the other gates in one step `[rows, width]`. Empty without `of_state`.
    pub of_state: Vec<Padded>,
    /// The state before each step.
    pub before: Padded,
    /// The state after each step, which the next layer reads.
    pub out: Padded,
    /// The gradient with respect to `out`.
    pub d_out: Padded,
    /// The outputs of the layer behind the state. Empty without one.
    pub activated: Padded,
    /// The gradient with respect to the sums of that layer. Empty without one.
    pub d_activated: Padded,
    /// The gradient with respect to the state before a step `[rows, width]`.
    pub carry: Padded,
}

impl MemoryScratch {
    pub fn new(layer: &Recurrence, rows: usize) -> Self {
        let width = layer.memory.width();
        let block = || Padded::new(rows, width);
        let (of_state, candidate_of_state) = match layer.memory {
            Memory::MinGru(_) => (Vec::new(), Padded::new(0, width)),
            Memory::Gru(_) => (vec![block(); 3], block()),
        };
        let output = || Padded::new(if layer.output.is_some() { rows } else { 0 }, width);
        Self {
            gates: layer.of_input.iter().map(|_| block()).collect(),
            candidate_of_state,
            of_state,
            before: block(),
            out: block(),
            d_out: block(),
            activated: output(),
            d_activated: output(),
            carry: block(),
        }
    }

    /// Returns the outputs of the layer, which the next one reads.
    pub fn result(&self) -> &Padded {
        if self.activated.data.is_empty() { &self.out } else { &self.activated }
    }

    /// Returns the outputs of the layer, the place of the gradient with respect to them, and the operation on the sums
    /// that are written there.
    pub fn result_delta(&mut self, activation: Activation) -> (Rows<'_>, Finish<'_>, RowsMut<'_>) {
        let Self { out, d_out, activated, d_activated, .. } = self;
        if activated.data.is_empty() {
            (out.rows(), Finish::Store, d_out.rows_mut())
        } else {
            (activated.rows(), Finish::Slope(activation, &activated.data), d_activated.rows_mut())
        }
    }

    /// Takes the state of each row from rows of memory, whose columns the layer shares with others.
    pub fn load(&mut self, layer: &Recurrence, memory: &[f32], memory_width: usize) {
        let rows = memory.chunks_exact(memory_width);
        for (state, memory) in self.before.data.chunks_exact_mut(self.before.stride).zip(rows) {
            state[..layer.columns.len()].copy_from_slice(&memory[layer.columns.clone()]);
        }
    }

    /// Writes the state after the first step into rows of memory.
    pub fn store(&self, layer: &Recurrence, memory: &mut [f32], memory_width: usize) {
        let rows = memory.chunks_exact_mut(memory_width);
        for (state, memory) in self.out.data.chunks_exact(self.out.stride).zip(rows) {
            memory[layer.columns.clone()].copy_from_slice(&state[..layer.columns.len()]);
        }
    }

    /// Writes the state before the step after `step`.
    pub fn settle(&mut self, time: Timeline<'_>, step: usize) {
        let stride = self.before.stride;
        for (row, after) in time.after(step).iter().enumerate() {
            let (now, next) = ((step * time.rows + row) * stride, ((step + 1) * time.rows + row) * stride);
            let before = &mut self.before.data;
            if next + stride > before.len() {
                return;
            }
            match after {
                AfterStep::Keep => before[next..next + stride].copy_from_slice(&self.out.data[now..now + stride]),
                AfterStep::Reset => before[next..next + stride].fill(0.0),
                AfterStep::Restore => before.copy_within(now..now + stride, next),
            }
        }
    }

    /// Adds the gradient with respect to the state before the next step to that of the step's output, where the state
    /// was kept. What is left in `carry` passes the step by.
    pub fn receive(&mut self, time: Timeline<'_>, step: usize) {
        let Self { d_out, carry, .. } = self;
        let stride = d_out.stride;
        let rows = of_step(d_out, time.rows, step).chunks_exact_mut(stride).zip(carry.data.chunks_exact_mut(stride));
        for ((d_out, carry), after) in rows.zip(time.after(step)) {
            match after {
                AfterStep::Keep => {
                    d_out.iter_mut().zip(&*carry).for_each(|(d_out, carry)| *d_out += carry);
                    carry.fill(0.0);
                }
                AfterStep::Reset => carry.fill(0.0),
                AfterStep::Restore => {}
            }
        }
    }
}
