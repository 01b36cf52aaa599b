//! Forward and backward passes over any number of rows, block by block.

use crate::Network;
use crate::backward::Chain;
use crate::kernel::{Finish, Rows, RowsMut, Start};
use crate::layout::{Dense, Form};
use crate::pass::{BLOCK_ROWS, Pass};
use crate::scratch::{Chains, Padded, Scratch};

/// A block of rows between the forward and the backward pass: the results, and the derivatives for the loss to write.
///
/// The gradient is that of the sum over all rows of the call: a loss that is a mean must divide by their number.
#[derive(Debug)]
pub struct Block<'a> {
    /// Index of the block's first row among all rows of the call.
    pub first_row: usize,
    /// The network's outputs, `[rows, output_width]`.
    pub outputs: &'a [f32],
    /// The critic's values, `[rows]`.
    pub values: &'a [f32],
    /// `∂L/∂outputs`, `[rows, output_width]`; zeros on entry.
    pub d_outputs: &'a mut [f32],
    /// `∂L/∂values`, `[rows]`; zeros on entry.
    pub d_values: &'a mut [f32],
    /// `∂L/∂log_std`, `[dimensions]`: the loss adds to it.
    pub d_log_std: &'a mut [f32],
}

impl Network {
    /// Computes action distributions and values of some rows.
    ///
    /// # Shapes
    ///
    /// `inputs` is `[rows, inputs]`, `outputs` `[rows, output_width]`, `values` `[rows]`.
    ///
    /// # Panics
    ///
    /// If the slices' lengths don't match, or `scratch` was made for another layout. The same holds for all other
    /// passes.
    pub fn forward(&self, inputs: &[f32], scratch: &mut Scratch, outputs: &mut [f32], values: &mut [f32]) {
        let width = self.layout.output_width();
        let row_count = self.row_count(inputs);
        assert_eq!(outputs.len(), row_count * width, "one output row per input row");
        assert_eq!(values.len(), row_count, "one value per input row");
        let results = outputs.chunks_mut(BLOCK_ROWS * width).zip(values.chunks_mut(BLOCK_ROWS));
        for (input, (outputs, values)) in self.blocks(inputs).zip(results) {
            self.forward_block(input, &mut scratch.chains, outputs, values);
        }
    }

    /// Computes action distributions only, as a finished policy needs.
    ///
    /// # Shapes
    ///
    /// `inputs` is `[rows, inputs]`, `outputs` `[rows, output_width]`.
    pub fn forward_policy(&self, inputs: &[f32], scratch: &mut Scratch, outputs: &mut [f32]) {
        let width = self.layout.output_width();
        assert_eq!(outputs.len(), self.row_count(inputs) * width, "one output row per input row");
        let Chains { encoder, trunk, actor, .. } = &mut scratch.chains;
        for (input, outputs) in self.blocks(inputs).zip(outputs.chunks_mut(BLOCK_ROWS * width)) {
            let pass = self.pass(input);
            let encoded = self.layout.encoders.encode(pass, self.rows(input), encoder);
            let features = pass.hidden(&self.layout.trunk, encoded, &mut trunk.hidden);
            pass.chain(&self.layout.actor, features, actor, outputs);
        }
    }

    /// Computes values only, as a bootstrap needs.
    ///
    /// # Shapes
    ///
    /// `inputs` is `[rows, inputs]`, `values` `[rows]`.
    pub fn forward_values(&self, inputs: &[f32], scratch: &mut Scratch, values: &mut [f32]) {
        assert_eq!(values.len(), self.row_count(inputs), "one value per input row");
        let Chains { encoder, trunk, critic, .. } = &mut scratch.chains;
        for (input, values) in self.blocks(inputs).zip(values.chunks_mut(BLOCK_ROWS)) {
            let pass = self.pass(input);
            let encoded = self.layout.encoders.encode(pass, self.rows(input), encoder);
            let features = pass.hidden(&self.layout.trunk, encoded, &mut trunk.hidden);
            pass.chain(&self.layout.critic, features, critic, values);
        }
    }

    /// Adds the gradient of a loss over some rows to `gradient`.
    ///
    /// `loss` is called for one block of rows after another, while their activations are in the cache.
    ///
    /// # Shapes
    ///
    /// `inputs` is `[rows, inputs]`, `gradient` as [`Network::parameters`].
    ///
    /// # Panics
    ///
    /// As [`forward`](Self::forward), and if the network has convolutions: they are learned on libtorch.
    pub fn gradient(
        &self,
        inputs: &[f32],
        scratch: &mut Scratch,
        gradient: &mut [f32],
        mut loss: impl FnMut(Block<'_>),
    ) {
        assert_eq!(gradient.len(), self.parameters.len(), "one derivative per parameter");
        assert!(self.layout.encoders.grids.is_empty(), "convolutions have no gradient here");
        for (index, input) in self.blocks(inputs).enumerate() {
            let heads = scratch.heads.first_rows(self.row_count(input));
            self.forward_block(input, &mut scratch.chains, heads.outputs, heads.values);
            heads.d_outputs.fill(0.0);
            heads.d_values.fill(0.0);
            loss(Block {
                first_row: index * BLOCK_ROWS,
                outputs: heads.outputs,
                values: heads.values,
                d_outputs: heads.d_outputs,
                d_values: heads.d_values,
                d_log_std: &mut gradient[self.layout.log_std()],
            });
            self.backward_block(input, scratch, gradient);
        }
    }

    fn forward_block(&self, input: &[f32], chains: &mut Chains, outputs: &mut [f32], values: &mut [f32]) {
        let Chains { encoder, trunk, actor, critic } = chains;
        let pass = self.pass(input);
        let encoded = self.layout.encoders.encode(pass, self.rows(input), encoder);
        let features = pass.hidden(&self.layout.trunk, encoded, &mut trunk.hidden);
        pass.chain(&self.layout.actor, features, actor, outputs);
        pass.chain(&self.layout.critic, features, critic, values);
    }

    fn backward_block(&self, input: &[f32], scratch: &mut Scratch, gradient: &mut [f32]) {
        let Scratch { chains: Chains { trunk, actor, critic, .. }, heads, deltas, trunk_delta } = scratch;
        let (pass, features) = (self.pass(input), trunk.hidden.last());
        let input = self.rows(input);
        let above = features.map_or(input, Padded::rows);

        let last = head_delta(&self.layout.actor, &heads.d_outputs, &mut actor.head);
        let chain = Chain { layers: &self.layout.actor, input: above, hidden: &actor.hidden };
        let actor_delta = pass.backward(chain, last, gradient, deltas);
        if let Some(features) = features {
            let out = RowsMut { data: trunk_delta, stride: features.stride };
            pass.pass_back(&self.layout.actor[0], actor_delta, (Start::Zero, Finish::Store), out);
        }

        let last = head_delta(&self.layout.critic, &heads.d_values, &mut critic.head);
        let chain = Chain { layers: &self.layout.critic, input: above, hidden: &critic.hidden };
        let critic_delta = pass.backward(chain, last, gradient, deltas);
        if let Some(features) = features {
            let out = RowsMut { data: trunk_delta, stride: features.stride };
            let finish = Finish::Slope(pass.activation, &features.data);
            pass.pass_back(&self.layout.critic[0], critic_delta, (Start::Out, finish), out);

            let last = Rows { data: trunk_delta, stride: features.stride };
            let chain = Chain { layers: &self.layout.trunk, input, hidden: &trunk.hidden };
            pass.backward(chain, last, gradient, deltas);
        }
    }

    fn pass(&self, input: &[f32]) -> Pass<'_> {
        Pass {
            level: self.level,
            parameters: &self.parameters,
            transposed: &self.transposed,
            activation: self.layout.config().activation,
            row_count: self.row_count(input),
        }
    }

    fn row_count(&self, inputs: &[f32]) -> usize {
        assert!(inputs.len().is_multiple_of(self.layout.inputs()), "input rows must be whole");
        inputs.len() / self.layout.inputs()
    }

    fn blocks<'i>(&self, inputs: &'i [f32]) -> std::slice::Chunks<'i, f32> {
        inputs.chunks(BLOCK_ROWS * self.layout.inputs())
    }

    fn rows<'i>(&self, input: &'i [f32]) -> Rows<'i> {
        Rows { data: input, stride: self.layout.inputs() }
    }
}

/// Returns the gradient with respect to a head's outputs, padded if the head is wide.
fn head_delta<'a>(layers: &[Dense], d_outputs: &'a [f32], padded: &'a mut Padded) -> Rows<'a> {
    let head = layers.last().expect("actor and critic end in a head");
    match head.form {
        Form::Narrow => Rows { data: d_outputs, stride: head.outputs },
        Form::Wide => {
            padded.copy_from(head.outputs, d_outputs);
            padded.rows()
        }
    }
}
