//! Passes over single blocks without the critic: a loss may depend on several networks at once, and its gradient may be
//! wanted with respect to inputs.

use std::ops::Range;

use super::{Loss, head_delta};
use crate::Network;
use crate::backward::ChainBack;
use crate::encoder::Encoded;
use crate::kernel::{Finish, InputDelta, Rows, RowsMut, Start};
use crate::memory::Timeline;
use crate::pass::Pass;
use crate::scratch::{ChainScratch, Chains, Scratch};

impl Network {
    /// Returns the greatest number of rows of a block.
    pub fn most_block_rows(&self) -> usize {
        self.block_rows()
    }

    /// Computes the outputs of a block of rows, and keeps what their backward passes need in `scratch`. For a network
    /// without memory.
    ///
    /// # Shapes
    ///
    /// `inputs` is `[rows, inputs]`, of [`most_block_rows`](Self::most_block_rows) at most, `outputs`
    /// `[rows, output_width]`.
    ///
    /// # Panics
    ///
    /// If there are more rows, if the slices' lengths don't match, if `scratch` was made for another layout, or if the
    /// network has a memory. The same holds for the backward pass.
    pub fn outputs_of_block(&self, inputs: &[f32], scratch: &mut Scratch, outputs: &mut [f32]) {
        let rows = self.check_block(inputs, outputs);
        let (pass, time) = (self.pass(inputs), Timeline::step(rows));
        let Chains { encoder, trunk, actor, .. } = &mut scratch.chains;
        let encoded = self.layout.encoders.encode(pass, self.rows(inputs), Encoded::OfAll, encoder);
        let features = pass.features(&self.layout.trunk, time, encoded, &mut trunk.hidden, &mut trunk.memory);
        pass.chain(&self.layout.actor, time, features, actor, outputs);
    }

    /// Adds the gradient of a loss with respect to the parameters to `gradient`. `scratch` is as
    /// [`outputs_of_block`](Self::outputs_of_block) of the same rows has left it.
    ///
    /// # Shapes
    ///
    /// `d_outputs` is `[rows, output_width]`: the derivatives of the loss with respect to the outputs.
    pub fn gradient_of_block(&self, inputs: &[f32], scratch: &mut Scratch, d_outputs: &[f32], gradient: &mut [f32]) {
        let rows = self.check_block(inputs, d_outputs);
        assert_eq!(gradient.len(), self.parameters.len(), "one derivative per parameter");
        scratch.heads.first_rows(rows).d_outputs.copy_from_slice(d_outputs);
        self.backward_block(self.pass(inputs), inputs, Timeline::step(rows), (scratch, Loss::OfOutputs), gradient);
    }

    /// Writes the gradient of a loss, on which some rows of a block have an influence, with respect to some columns of
    /// their inputs, which no encoder reads.
    ///
    /// `scratch` is as [`outputs_of_block`](Self::outputs_of_block) of the block has left it, and can't be used for
    /// another backward pass afterwards. `rows` are the indices of the rows, in ascending order.
    ///
    /// # Shapes
    ///
    /// `d_outputs` is `[rows, output_width]`, the derivatives of the loss with respect to the outputs of these rows,
    /// `d_inputs` `[rows, columns]`.
    ///
    /// # Panics
    ///
    /// If the slices' lengths don't match, if the network has a memory, if an encoder reads one of the columns, or if
    /// they are not neighbours among the columns without an encoder.
    pub fn input_gradient_of_rows(
        &self,
        rows: &[usize],
        scratch: &mut Scratch,
        d_outputs: &[f32],
        columns: Range<usize>,
        d_inputs: &mut [f32],
    ) {
        let layout = &self.layout;
        assert_eq!(d_outputs.len(), rows.len() * layout.output_width(), "one row of derivatives per row");
        assert_eq!(d_inputs.len(), rows.len() * columns.len(), "one derivative per row and column");
        assert_eq!(layout.memory_width(), 0, "a network with memory has no single blocks");
        let (pass, time) = (Pass { row_count: rows.len(), ..self.pass(&[]) }, Timeline::step(rows.len()));
        let wanted = InputDelta::Columns { columns: self.dense_columns(columns), out: d_inputs };
        let Scratch { chains: Chains { trunk, actor, .. }, deltas, trunk_delta, .. } = scratch;
        let ChainScratch { hidden, memory, head } = actor;
        trunk.hidden.iter_mut().chain(&mut *hidden).for_each(|block| block.keep_rows(rows));
        // Only gradients of weights read the input of a chain.
        let input = Rows { data: &[], stride: 0 };
        let last = Some(head_delta(&layout.actor, d_outputs, head));
        let of_actor = ChainBack { chain: &layout.actor, time, input, hidden, last };
        let Some(features) = trunk.hidden.last() else {
            return pass.backward(of_actor, memory, None, deltas, Some(wanted));
        };
        let out = RowsMut { data: trunk_delta, stride: features.out.stride };
        let finish = Finish::Slope(pass.activation, &features.out.data);
        let above = InputDelta::Whole { start: Start::Zero, finish, out };
        pass.backward(of_actor, memory, None, deltas, Some(above));
        let last = Some(Rows { data: trunk_delta, stride: features.out.stride });
        let of_trunk = ChainBack { chain: &layout.trunk, time, input, hidden: &trunk.hidden, last };
        pass.backward(of_trunk, &mut trunk.memory, None, deltas, Some(wanted));
    }

    /// Returns what the head of the policy reads in a row, the outputs of its last hidden layer, as
    /// [`outputs_of_block`](Self::outputs_of_block) has left it in `scratch`. `None` if there is no hidden layer.
    pub fn features_of_row<'a>(&self, scratch: &'a Scratch, row: usize) -> Option<&'a [f32]> {
        let Chains { trunk, actor, .. } = &scratch.chains;
        let block = actor.hidden.last().or(trunk.hidden.last())?;
        let layer = self.layout.actor.hidden.last().or(self.layout.trunk.hidden.last())?;
        Some(&block.out.data[row * block.out.stride..][..layer.dense.outputs])
    }

    /// Returns the places of columns of the inputs among the inputs of the first dense layers.
    fn dense_columns(&self, columns: Range<usize>) -> Range<usize> {
        if self.layout.encoders.is_empty() {
            return columns;
        }
        let mut before = 0;
        for rest in self.layout.columns_without_encoder() {
            if rest.contains(&columns.start) && columns.end <= rest.end {
                let first = before + columns.start - rest.start;
                return first..first + columns.len();
            }
            before += rest.len();
        }
        panic!("an encoder reads some of the columns {columns:?}");
    }

    fn check_block(&self, inputs: &[f32], outputs: &[f32]) -> usize {
        let rows = self.row_count(inputs);
        assert!(rows <= self.block_rows(), "a block has {} rows at most", self.block_rows());
        assert_eq!(outputs.len(), rows * self.layout.output_width(), "one output row per input row");
        assert_eq!(self.layout.memory_width(), 0, "a network with memory has no single blocks");
        rows
    }
}
