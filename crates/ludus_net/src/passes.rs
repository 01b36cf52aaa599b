//! Forward and backward passes over any number of rows, block by block.

mod outputs;

use crate::backward::ChainBack;
use crate::dense::Form;
use crate::encoder::Encoded;
use crate::hidden::HiddenScratch;
use crate::kernel::{Finish, InputDelta, Rows, RowsMut, Start};
use crate::layout::Chain;
use crate::memory::{Sequences, Timeline};
use crate::padded_block::Padded;
use crate::pass::{Gradients, Pass};
use crate::scratch::{ChainScratch, Chains, Scratch};
use crate::{Layout, Network};

/// A block of rows between the forward and the backward pass: the results, and the derivatives for the loss to write.
///
/// The gradient is that of the sum over all rows of the call: a loss that is a mean must divide by their number.
#[derive(Debug)]
pub struct Block<'a> {
    /// Index of the block's first row among all rows of the call.
    pub first_row: usize,
    /// The network's outputs, `[rows, output_width]`.
    pub outputs: &'a [f32],
    /// The critic's values, `[rows, value_heads]`.
    pub values: &'a [f32],
    /// `∂L/∂outputs`, `[rows, output_width]`; zeros on entry.
    pub d_outputs: &'a mut [f32],
    /// `∂L/∂values`, `[rows, value_heads]`; zeros on entry.
    pub d_values: &'a mut [f32],
    /// `∂L/∂log_std`, `[dimensions]`: the loss adds to it.
    pub d_log_std: &'a mut [f32],
}

/// The results that a loss depends on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Loss {
    /// Outputs and values.
    OfAll,
    /// Outputs alone: the critic takes no part.
    OfOutputs,
}

impl Network {
    /// Computes action distributions and values of some rows, for a network without memory.
    ///
    /// # Shapes
    ///
    /// `inputs` is `[rows, inputs]`, `outputs` `[rows, output_width]`, `values`
    /// `[rows, value_heads]`.
    ///
    /// # Panics
    ///
    /// If the slices' lengths don't match, or `scratch` was made for another layout. The same holds for all other
    /// passes.
    pub fn forward(&self, inputs: &[f32], scratch: &mut Scratch, outputs: &mut [f32], values: &mut [f32]) {
        self.step(inputs, &mut [], scratch, outputs, values);
    }

    /// Computes action distributions and values of some rows, and takes one step of their memory.
    ///
    /// # Shapes
    ///
    /// `inputs` is `[rows, inputs]`, `memory` `[rows, memory_width]`, `outputs` `[rows, output_width]`, `values`
    /// `[rows, value_heads]`.
    pub fn step(
        &self,
        inputs: &[f32],
        memory: &mut [f32],
        scratch: &mut Scratch,
        outputs: &mut [f32],
        values: &mut [f32],
    ) {
        let (width, value_width) = (self.layout.output_width(), self.layout.value_heads());
        let (row_count, block_rows) = (self.row_count(inputs), self.block_rows());
        assert_eq!(outputs.len(), row_count * width, "one output row per input row");
        assert_eq!(values.len(), row_count * value_width, "one row of values per input row");
        let mut memory = MemoryRows::new(memory, self.layout.memory_width(), row_count);
        let results = outputs.chunks_mut(block_rows * width).zip(values.chunks_mut(block_rows * value_width));
        for (input, (outputs, values)) in self.blocks(inputs).zip(results) {
            let time = Timeline::step(self.row_count(input));
            memory.load(&self.layout, &mut scratch.chains);
            self.forward_block(input, time, &mut scratch.chains, outputs, values);
            memory.store(&self.layout, &mut scratch.chains, self.rows(input), time.rows);
        }
    }

    /// Computes action distributions only, as a finished policy needs, for a network without memory.
    ///
    /// # Shapes
    ///
    /// `inputs` is `[rows, inputs]`, `outputs` `[rows, output_width]`.
    pub fn forward_policy(&self, inputs: &[f32], scratch: &mut Scratch, outputs: &mut [f32]) {
        self.step_policy(inputs, &mut [], scratch, outputs);
    }

    /// Computes action distributions only, and takes one step of the policy's memory.
    ///
    /// # Shapes
    ///
    /// `inputs` is `[rows, inputs]`, `memory` `[rows, policy_memory_width]`, `outputs` `[rows, output_width]`.
    pub fn step_policy(&self, inputs: &[f32], memory: &mut [f32], scratch: &mut Scratch, outputs: &mut [f32]) {
        let width = self.layout.output_width();
        let row_count = self.row_count(inputs);
        assert_eq!(outputs.len(), row_count * width, "one output row per input row");
        let mut memory = MemoryRows::new(memory, self.layout.policy_memory_width(), row_count);
        for (input, outputs) in self.blocks(inputs).zip(outputs.chunks_mut(self.block_rows() * width)) {
            let (pass, time) = (self.pass(input), Timeline::step(self.row_count(input)));
            memory.load(&self.layout, &mut scratch.chains);
            let Chains { encoder, trunk, actor, .. } = &mut scratch.chains;
            let encoded = self.layout.encoders.encode(pass, self.rows(input), Encoded::OfPolicy, encoder);
            let features = pass.features(&self.layout.trunk, time, encoded, &mut trunk.hidden, &mut trunk.memory);
            pass.chain(&self.layout.actor, time, features, actor, outputs);
            memory.store(&self.layout, &mut scratch.chains, self.rows(input), time.rows);
        }
    }

    /// Computes values only, as a bootstrap needs, for a network without memory.
    ///
    /// # Shapes
    ///
    /// `inputs` is `[rows, inputs]`, `values` `[rows, value_heads]`.
    pub fn forward_values(&self, inputs: &[f32], scratch: &mut Scratch, values: &mut [f32]) {
        self.values_from(inputs, &[], scratch, values);
    }

    /// Computes the values of some rows whose memory is given, and takes no step: the memory stays as it is.
    ///
    /// # Shapes
    ///
    /// `inputs` is `[rows, inputs]`, `memory` `[rows, memory_width]`, `values` `[rows, value_heads]`.
    pub fn values_from(&self, inputs: &[f32], memory: &[f32], scratch: &mut Scratch, values: &mut [f32]) {
        let row_count = self.row_count(inputs);
        let (width, value_width) = (self.layout.memory_width(), self.layout.value_heads());
        assert_eq!(values.len(), row_count * value_width, "one row of values per input row");
        assert_eq!(memory.len(), row_count * width, "one row of memory per input row");
        let values = values.chunks_mut(self.block_rows() * value_width);
        for (index, (input, values)) in self.blocks(inputs).zip(values).enumerate() {
            let (pass, time) = (self.pass(input), Timeline::step(self.row_count(input)));
            let memory = &memory[index * self.block_rows() * width..];
            for (layer, state) in scratch.chains.memories(&self.layout) {
                state.load(layer, memory, width);
            }
            scratch.chains.encoder.load_history(memory, width);
            let Chains { encoder, trunk, critic, .. } = &mut scratch.chains;
            let encoded = self.layout.encoders.encode(pass, self.rows(input), Encoded::OfAll, encoder);
            let features = pass.features(&self.layout.trunk, time, encoded, &mut trunk.hidden, &mut trunk.memory);
            pass.chain(&self.layout.critic, time, features, critic, values);
        }
    }

    /// Writes the gradient of a loss over some rows to `gradient`, for a network without memory.
    ///
    /// `loss` is called for one block of rows after another, while their activations are in the cache.
    ///
    /// # Shapes
    ///
    /// `inputs` is `[rows, inputs]`, `gradient` as [`Network::parameters`].
    ///
    /// # Panics
    ///
    /// As [`forward`](Self::forward).
    pub fn gradient(
        &self,
        inputs: &[f32],
        scratch: &mut Scratch,
        gradient: &mut [f32],
        mut loss: impl FnMut(Block<'_>),
    ) {
        assert_eq!(gradient.len(), self.parameters.len(), "one derivative per parameter");
        self.clear(gradient, inputs.is_empty());
        self.gradient_by_blocks(inputs, scratch, (gradient, Gradients::Write), &mut loss);
    }

    /// Adds the gradient of a loss over some rows to `gradient`, for a network without memory. All else is as for
    /// [`gradient`](Self::gradient).
    pub fn add_gradient(
        &self,
        inputs: &[f32],
        scratch: &mut Scratch,
        gradient: &mut [f32],
        mut loss: impl FnMut(Block<'_>),
    ) {
        self.gradient_by_blocks(inputs, scratch, (gradient, Gradients::Add), &mut loss);
    }

    fn gradient_by_blocks(
        &self,
        inputs: &[f32],
        scratch: &mut Scratch,
        (gradient, of_first): (&mut [f32], Gradients),
        loss: &mut impl FnMut(Block<'_>),
    ) {
        assert_eq!(self.layout.memory_width(), 0, "a network with memory learns from sequences");
        for (index, input) in self.blocks(inputs).enumerate() {
            let time = Timeline::step(self.row_count(input));
            let gradients = if index == 0 { of_first } else { Gradients::Add };
            let pass = Pass { gradients, ..self.pass(input) };
            self.block_gradient(pass, input, (time, index * self.block_rows()), scratch, gradient, loss);
        }
    }

    /// Writes the gradient of a loss over consecutive steps of some rows to `gradient`, through the memory of the rows.
    ///
    /// `loss` is called once, for all steps of all rows.
    ///
    /// # Shapes
    ///
    /// `inputs` is `[steps, rows, inputs]`, `gradient` as [`Network::parameters`].
    ///
    /// # Panics
    ///
    /// As [`gradient`](Self::gradient), and if the sequences have another number of rows or steps.
    pub fn gradient_of_sequences(
        &self,
        inputs: &[f32],
        sequences: Sequences<'_>,
        scratch: &mut Scratch,
        gradient: &mut [f32],
        mut loss: impl FnMut(Block<'_>),
    ) {
        let memory_width = self.layout.memory_width();
        let rows = sequences.first_memory.len() / memory_width.max(1);
        assert_eq!(sequences.after.len(), self.row_count(inputs), "what happens after each step of each row is known");
        scratch.reserve(&self.layout, self.row_count(inputs));
        for (layer, state) in scratch.chains.memories(&self.layout) {
            state.load(layer, sequences.first_memory, memory_width);
        }
        let encoder = &mut scratch.chains.encoder;
        encoder.load_history(sequences.first_memory, memory_width);
        encoder.replay_history(&self.layout.encoders, self.rows(inputs), sequences, rows);
        let time = Timeline { rows, after: sequences.after };
        gradient.fill(0.0);
        self.block_gradient(self.pass(inputs), inputs, (time, 0), scratch, gradient, &mut loss);
    }

    /// Sets to 0 what the first block of a gradient adds to. It overwrites the derivatives of dense layers, which are most
    /// of those of a perceptron: to clear and to read them first would take 1 % of an update.
    fn clear(&self, gradient: &mut [f32], is_all: bool) {
        if is_all || self.layout.encoders.has_layers() || self.layout.norms().next().is_some() {
            gradient.fill(0.0);
        } else {
            gradient[self.layout.log_std()].fill(0.0);
        }
    }

    fn block_gradient(
        &self,
        pass: Pass<'_>,
        input: &[f32],
        (time, first_row): (Timeline<'_>, usize),
        scratch: &mut Scratch,
        gradient: &mut [f32],
        loss: &mut impl FnMut(Block<'_>),
    ) {
        assert_eq!(gradient.len(), self.parameters.len(), "one derivative per parameter");
        let heads = scratch.heads.first_rows(self.row_count(input));
        self.forward_block(input, time, &mut scratch.chains, heads.outputs, heads.values);
        heads.d_outputs.fill(0.0);
        heads.d_values.fill(0.0);
        loss(Block {
            first_row,
            outputs: heads.outputs,
            values: heads.values,
            d_outputs: heads.d_outputs,
            d_values: heads.d_values,
            d_log_std: &mut gradient[self.layout.log_std()],
        });
        self.backward_block(pass, input, time, (scratch, Loss::OfAll), gradient);
    }

    fn forward_block(
        &self,
        input: &[f32],
        time: Timeline<'_>,
        chains: &mut Chains,
        outputs: &mut [f32],
        values: &mut [f32],
    ) {
        let Chains { encoder, trunk, actor, critic } = chains;
        let pass = self.pass(input);
        let encoded = self.layout.encoders.encode(pass, self.rows(input), Encoded::OfAll, encoder);
        let features = pass.features(&self.layout.trunk, time, encoded, &mut trunk.hidden, &mut trunk.memory);
        pass.chain(&self.layout.actor, time, features, actor, outputs);
        pass.chain(&self.layout.critic, time, features, critic, values);
    }

    fn backward_block(
        &self,
        pass: Pass<'_>,
        input: &[f32],
        time: Timeline<'_>,
        (scratch, loss): (&mut Scratch, Loss),
        gradient: &mut [f32],
    ) {
        let Scratch { chains: Chains { encoder, trunk, actor, critic }, heads, deltas, trunk_delta, .. } = scratch;
        let layout = &self.layout;
        let (encoded, mut d_encoded) = encoder.rows_and_gradients();
        let has_layers = layout.encoders.has_layers();
        if has_layers && layout.has_critic_columns() {
            // The actor writes the gradients of what it reads. To those of what only the critic reads, it adds nothing.
            d_encoded.data[..pass.row_count * d_encoded.stride].fill(0.0);
        }
        let observed = self.rows(input);
        let input = if layout.encoders.is_empty() { observed } else { encoded };
        let ChainScratch { hidden: trunk_hidden, memory: trunk_memory, .. } = trunk;
        // The gradient with respect to what actor and critic read: after the trunk's activation, or of its sums.
        let mut features_delta = |start, is_last: bool, chain: ChainBack<'_>, memory: &mut _, gradient: &mut [f32]| {
            let (above, finish, out) = match (&mut *trunk_memory, trunk_hidden.last()) {
                (Some(memory), _) => {
                    let (result, slope, out) = memory.result_delta(pass.activation);
                    (result, if is_last { slope } else { Finish::Store }, Some(out))
                }
                (None, Some(HiddenScratch { out: features, .. })) => {
                    let slope = Finish::Slope(pass.activation, &features.data);
                    let out = RowsMut { data: trunk_delta, stride: features.stride };
                    (features.rows(), if is_last { slope } else { Finish::Store }, Some(out))
                }
                (None, None) if has_layers => {
                    let RowsMut { data, stride } = &mut d_encoded;
                    (input, Finish::Store, Some(RowsMut { data, stride: *stride }))
                }
                (None, None) => (input, Finish::Store, None),
            };
            let input_delta = out.map(|out| InputDelta::Whole { start, finish, out });
            pass.backward(ChainBack { input: above, ..chain }, memory, Some(gradient), deltas, input_delta);
        };

        let ChainScratch { hidden, memory, head } = actor;
        let last = Some(head_delta(&layout.actor, &heads.d_outputs, head));
        let chain = ChainBack { chain: &layout.actor, time, input, hidden, last };
        features_delta(Start::Zero, loss == Loss::OfOutputs, chain, memory, gradient);
        if loss == Loss::OfAll {
            let ChainScratch { hidden, memory, head } = critic;
            let last = Some(head_delta(&layout.critic, &heads.d_values, head));
            let chain = ChainBack { chain: &layout.critic, time, input, hidden, last };
            features_delta(Start::Out, true, chain, memory, gradient);
        }

        let last = match (&*trunk_memory, trunk_hidden.last()) {
            (None, Some(features)) => Some(Rows { data: trunk_delta, stride: features.out.stride }),
            _ => None,
        };
        let chain = ChainBack { chain: &layout.trunk, time, input, hidden: trunk_hidden, last };
        let has_trunk = trunk_memory.is_some() || !trunk_hidden.is_empty();
        let input_delta = (has_layers && has_trunk).then_some(InputDelta::Whole {
            start: Start::Zero,
            finish: Finish::Store,
            out: d_encoded,
        });
        pass.backward(chain, trunk_memory, Some(&mut *gradient), deltas, input_delta);
        layout.encoders.backward(pass, observed, encoder, gradient);
    }

    fn pass(&self, input: &[f32]) -> Pass<'_> {
        Pass {
            level: self.level,
            parameters: &self.parameters,
            transposed: &self.transposed,
            activation: self.layout.config().activation,
            row_count: self.row_count(input),
            gradients: Gradients::Add,
        }
    }

    fn row_count(&self, inputs: &[f32]) -> usize {
        assert!(inputs.len().is_multiple_of(self.layout.inputs()), "input rows must be whole");
        inputs.len() / self.layout.inputs()
    }

    fn blocks<'i>(&self, inputs: &'i [f32]) -> std::slice::Chunks<'i, f32> {
        inputs.chunks(self.block_rows() * self.layout.inputs())
    }

    /// Returns the rows of a block.
    fn block_rows(&self) -> usize {
        self.layout.encoders.block_rows()
    }

    fn rows<'i>(&self, input: &'i [f32]) -> Rows<'i> {
        Rows { data: input, stride: self.layout.inputs() }
    }
}

/// Returns the gradient with respect to a head's outputs, padded if the head is wide.
fn head_delta<'a>(chain: &Chain, d_outputs: &'a [f32], padded: &'a mut Padded) -> Rows<'a> {
    let head = chain.head.as_ref().expect("actor and critic end in a head");
    match head.form {
        Form::Narrow => Rows { data: d_outputs, stride: head.outputs },
        Form::Wide => {
            padded.copy_from(head.outputs, d_outputs);
            padded.rows()
        }
    }
}

/// The memory of the rows that are still to come, block after block.
struct MemoryRows<'a> {
    rest: &'a mut [f32],
    width: usize,
}

impl<'a> MemoryRows<'a> {
    fn new(memory: &'a mut [f32], width: usize, row_count: usize) -> Self {
        assert_eq!(memory.len(), row_count * width, "one row of memory per input row");
        Self { rest: memory, width }
    }

    /// Copies the state of the coming rows into the working memory.
    fn load(&self, layout: &Layout, chains: &mut Chains) {
        for (layer, state) in chains.memories(layout).filter(|(layer, _)| layer.columns.end <= self.width) {
            state.load(layer, self.rest, self.width);
        }
        chains.encoder.load_history(self.rest, self.width);
    }

    /// Copies the new state of this many rows back, and moves on behind them.
    fn store(&mut self, layout: &Layout, chains: &mut Chains, input: Rows<'_>, row_count: usize) {
        for (layer, state) in chains.memories(layout).filter(|(layer, _)| layer.columns.end <= self.width) {
            state.store(layer, &mut self.rest[..row_count * self.width], self.width);
        }
        layout.encoders.remember(input, &mut self.rest[..row_count * self.width], self.width);
        self.skip(row_count);
    }

    fn skip(&mut self, row_count: usize) {
        self.rest.split_off_mut(..row_count * self.width).expect("there are as many rows as inputs");
    }
}
