//! The network: parameters, and what can be done with them.

use ludus_spec::Seed;

use crate::aligned::Aligned;
use crate::backward::Chain;
use crate::forward::Pass;
use crate::init::initial_parameters;
use crate::kernel::{Finish, Rows, RowsMut, Start};
use crate::layout::{Dense, Form};
use crate::scratch::{BLOCK_ROWS, Scratch};
use crate::simd::SimdLevel;
use crate::transpose::transpose;
use crate::{Distribution, Layout, NetError};

/// An actor-critic network: maps observations to the parameters of action distributions, and to values.
///
/// Reading is `&self`, so several threads may share one network, each with its own [`Scratch`]. A row's results are the
/// same bits whatever rows are computed with it.
#[derive(Clone, Debug)]
pub struct Network {
    layout: Layout,
    parameters: Aligned,
    /// Copies of weights as the backward pass reads them, made anew with every change.
    transposed: Aligned,
    level: SimdLevel,
}

/// A block of rows between the forward and the backward pass, for a loss to fill in its gradients.
///
/// Gradients are those of the loss summed over all rows of the call; the loss divides by the number of rows itself.
#[derive(Debug)]
pub struct Block<'a> {
    /// Index of the block's first row among all rows of the call.
    pub first_row: usize,
    /// `[rows, output_width]`
    pub outputs: &'a [f32],
    /// `[rows]`
    pub values: &'a [f32],
    /// ∂L/∂outputs, `[rows, output_width]`; zeros on entry.
    pub d_outputs: &'a mut [f32],
    /// ∂L/∂values, `[rows]`; zeros on entry.
    pub d_values: &'a mut [f32],
    /// ∂L/∂log_std, `[dimensions]`: to be added to.
    pub d_log_std: &'a mut [f32],
}

impl Network {
    /// A new network with orthogonal weights, zero biases and standard deviations of 1.
    ///
    /// Gains are √2 for hidden layers, 0.01 for the policy head and 1 for the value head, as Andrychowicz et al. 2021
    /// (arXiv:2006.05990) found best.
    pub fn new(layout: Layout, seed: Seed) -> Self {
        let mut parameters = Aligned::zeros(layout.parameter_count());
        initial_parameters(&layout, seed, &mut parameters);
        let transposed = Aligned::zeros(layout.transposed_count);
        let mut network = Self { layout, parameters, transposed, level: SimdLevel::best() };
        network.refresh();
        network
    }

    /// The shape.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The flat parameter array; [`Layout::tensors`] says what is where.
    pub fn parameters(&self) -> &[f32] {
        &self.parameters
    }

    /// Changes the parameters, then brings everything derived from them up to date.
    ///
    /// It takes as long as a forward pass of some rows, so change all parameters in one call.
    pub fn update<R>(&mut self, change: impl FnOnce(&mut [f32]) -> R) -> R {
        let result = change(&mut self.parameters);
        self.refresh();
        result
    }

    /// Replaces all parameters.
    ///
    /// # Errors
    ///
    /// If there are not [`Layout::parameter_count`] of them.
    pub fn set_parameters(&mut self, parameters: &[f32]) -> Result<(), NetError> {
        let expected = self.parameters.len();
        if parameters.len() != expected {
            return Err(NetError::WrongLength { what: "parameters", expected, actual: parameters.len() });
        }
        self.update(|own| own.copy_from_slice(parameters));
        Ok(())
    }

    /// The action distributions, to be read off output rows.
    pub fn distribution(&self) -> Distribution<'_> {
        Distribution::new(self.layout.heads(), &self.parameters[self.layout.log_std()])
    }

    /// Uses other vector instructions than the best: for tests and comparisons.
    pub fn set_simd_level(&mut self, level: SimdLevel) {
        self.level = level;
    }

    /// Action distributions and values of some rows.
    ///
    /// # Shapes
    ///
    /// `inputs` is `[rows, inputs]`, `outputs` `[rows, output_width]`, `values` `[rows]`.
    ///
    /// # Panics
    ///
    /// If the slices' lengths don't fit together, as in all other passes.
    pub fn forward(&self, inputs: &[f32], scratch: &mut Scratch, outputs: &mut [f32], values: &mut [f32]) {
        let row_count = self.row_count(inputs);
        assert_eq!(values.len(), row_count, "one value per row");
        assert_eq!(outputs.len(), row_count * self.layout.output_width(), "one output row per row");
        let output_width = self.layout.output_width();
        let blocks = outputs.chunks_mut(BLOCK_ROWS * output_width).zip(values.chunks_mut(BLOCK_ROWS));
        for (input, (outputs, values)) in self.blocks(inputs).zip(blocks) {
            let pass = self.pass(values.len());
            let Scratch { trunk, actor, critic, .. } = scratch;
            let features = pass.hidden(&self.layout.trunk, self.rows(input), &mut trunk.hidden);
            pass.chain(&self.layout.actor, features, actor, outputs);
            pass.chain(&self.layout.critic, features, critic, values);
        }
    }

    /// Only the action distributions: what a finished policy needs.
    ///
    /// # Shapes
    ///
    /// `inputs` is `[rows, inputs]`, `outputs` `[rows, output_width]`.
    pub fn forward_policy(&self, inputs: &[f32], scratch: &mut Scratch, outputs: &mut [f32]) {
        let output_width = self.layout.output_width();
        assert_eq!(outputs.len(), self.row_count(inputs) * output_width, "one output row per row");
        for (input, outputs) in self.blocks(inputs).zip(outputs.chunks_mut(BLOCK_ROWS * output_width)) {
            let pass = self.pass(outputs.len() / output_width);
            let features = pass.hidden(&self.layout.trunk, self.rows(input), &mut scratch.trunk.hidden);
            pass.chain(&self.layout.actor, features, &mut scratch.actor, outputs);
        }
    }

    /// Only the values: what a bootstrap needs.
    ///
    /// # Shapes
    ///
    /// `inputs` is `[rows, inputs]`, `values` `[rows]`.
    pub fn forward_values(&self, inputs: &[f32], scratch: &mut Scratch, values: &mut [f32]) {
        assert_eq!(values.len(), self.row_count(inputs), "one value per row");
        for (input, values) in self.blocks(inputs).zip(values.chunks_mut(BLOCK_ROWS)) {
            let pass = self.pass(values.len());
            let features = pass.hidden(&self.layout.trunk, self.rows(input), &mut scratch.trunk.hidden);
            pass.chain(&self.layout.critic, features, &mut scratch.critic, values);
        }
    }

    /// Adds the gradient of a loss over some rows to `gradient`.
    ///
    /// `loss` is called for one block of rows after another, while their activations are in the cache.
    ///
    /// # Shapes
    ///
    /// `inputs` is `[rows, inputs]`, `gradient` as [`Network::parameters`].
    pub fn gradient(
        &self,
        inputs: &[f32],
        scratch: &mut Scratch,
        gradient: &mut [f32],
        mut loss: impl FnMut(Block<'_>),
    ) {
        assert_eq!(gradient.len(), self.parameters.len(), "one derivative per parameter");
        self.row_count(inputs);
        for (index, input) in self.blocks(inputs).enumerate() {
            let pass = self.pass(input.len() / self.layout.inputs());
            self.forward_block(pass, input, scratch);
            loss(self.loss_block(pass, index * BLOCK_ROWS, scratch, &mut gradient[self.layout.log_std()]));
            self.backward_block(pass, input, scratch, gradient);
        }
    }

    fn forward_block(&self, pass: Pass<'_>, input: &[f32], scratch: &mut Scratch) {
        let Scratch { trunk, actor, critic, outputs, values, .. } = scratch;
        let features = pass.hidden(&self.layout.trunk, self.rows(input), &mut trunk.hidden);
        pass.chain(&self.layout.actor, features, actor, outputs);
        pass.chain(&self.layout.critic, features, critic, values);
    }

    fn loss_block<'a>(
        &self,
        pass: Pass<'_>,
        first_row: usize,
        scratch: &'a mut Scratch,
        d_log_std: &'a mut [f32],
    ) -> Block<'a> {
        let numbers = pass.row_count * self.layout.output_width();
        let d_outputs = &mut scratch.d_outputs[..numbers];
        let d_values = &mut scratch.d_values[..pass.row_count];
        d_outputs.fill(0.0);
        d_values.fill(0.0);
        let (outputs, values) = (&scratch.outputs[..numbers], &scratch.values[..pass.row_count]);
        Block { first_row, outputs, values, d_outputs, d_values, d_log_std }
    }

    fn backward_block(&self, pass: Pass<'_>, input: &[f32], scratch: &mut Scratch, gradient: &mut [f32]) {
        let Scratch { trunk, actor, critic, gradients, trunk_gradient, d_outputs, d_values, .. } = scratch;
        let features = trunk.hidden.last();
        let chain_input = features.map_or(self.rows(input), |features| features.rows());
        let heads = [(&self.layout.actor, actor, &*d_outputs), (&self.layout.critic, critic, &*d_values)];
        for (index, (layers, own, d_head)) in heads.into_iter().enumerate() {
            let Some(head) = layers.last() else { continue };
            let last = match head.form {
                Form::Narrow => Rows { data: d_head, stride: head.outputs },
                Form::Wide => {
                    own.head.copy_from(head.outputs, &d_head[..pass.row_count * head.outputs]);
                    own.head.rows()
                }
            };
            let chain = Chain { layers, input: chain_input, hidden: &own.hidden };
            let first = pass.backward(chain, last, gradient, gradients);
            let Some(features) = features else { continue };
            let around = if index == 0 {
                (Start::Zero, Finish::Store)
            } else {
                (Start::Out, Finish::Slope(pass.activation, &features.data))
            };
            let out = RowsMut { data: trunk_gradient, stride: features.stride };
            pass.pass_back(&layers[0], first, around, out);
        }
        if let Some(features) = features {
            let chain = Chain { layers: &self.layout.trunk, input: self.rows(input), hidden: &trunk.hidden };
            pass.backward(chain, Rows { data: trunk_gradient, stride: features.stride }, gradient, gradients);
        }
    }

    fn pass(&self, row_count: usize) -> Pass<'_> {
        Pass {
            level: self.level,
            parameters: &self.parameters,
            transposed: &self.transposed,
            activation: self.layout.config().activation,
            row_count,
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

    /// Makes the copies anew and keeps the padding zero.
    fn refresh(&mut self) {
        for layer in self.layout.layers() {
            clear_padding(layer, &mut self.parameters);
            let copy = &mut self.transposed[layer.transposed.clone()];
            if !copy.is_empty() {
                transpose(&self.parameters[layer.weight.clone()], layer.panels(), copy);
            }
        }
    }
}

/// Columns past a layer's width must be zero, else they would leak into the next layer.
fn clear_padding(layer: &Dense, parameters: &mut [f32]) {
    let panels = layer.panels();
    for column in panels.width..panels.padded_width() {
        for row in 0..panels.depth {
            parameters[layer.weight.start + panels.index(row, column)] = 0.0;
        }
    }
    parameters[layer.bias.clone()][layer.outputs..].fill(0.0);
}
