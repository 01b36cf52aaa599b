//! The backward pass of one block of rows, derived by hand.
//!
//! ```text
//! z = W·x + b,  h = f(z)        δ = ∂L/∂z
//! ∂L/∂W += δ·xᵀ    ∂L/∂b += δ    δ of the layer before = (Wᵀ·δ) ∘ f′(z), with f′ taken from h
//! ```

use std::mem;

use crate::aligned::Aligned;
use crate::dense::{Dense, Form};
use crate::hidden::{Hidden, HiddenScratch};
use crate::kernel::{Dots, Finish, InputDelta, OuterSum, Product, Rows, RowsMut, Start};
use crate::layout::{Chain, NARROW};
use crate::memory::{MemoryScratch, Timeline};
use crate::padded_block::Padded;
use crate::panels::{Panels, row_stride};
use crate::pass::{Gradients, Pass};

/// A chain on its way back.
#[derive(Clone, Copy)]
pub(crate) struct ChainBack<'a> {
    pub chain: &'a Chain,
    pub time: Timeline<'a>,
    /// The input of the first layer.
    pub input: Rows<'a>,
    /// The hidden layers.
    pub hidden: &'a [HiddenScratch],
    /// The gradient with respect to the outputs of the head, or without a head to what the activation of the last hidden
    /// layer is applied to.
    /// `None` if the chain ends in a memory, whose working memory has it.
    pub last: Option<Rows<'a>>,
}

/// The gradient with respect to what the activation of some layer is applied to: given by the caller, or in a buffer.
#[derive(Clone, Copy)]
enum Delta<'a> {
    Given(Rows<'a>),
    Buffer,
}

impl Pass<'_> {
    /// Adds the gradients of a chain's parameters to `gradient`, if they are needed, and writes the gradient with respect
    /// to its input if that is needed.
    ///
    /// # Panics
    ///
    /// If the chain has a memory and no `gradient` is given.
    pub fn backward(
        self,
        back: ChainBack<'_>,
        memory: &mut Option<MemoryScratch>,
        mut gradient: Option<&mut [f32]>,
        buffers: &mut [Aligned; 2],
        mut input_delta: Option<InputDelta<'_>>,
    ) {
        let ChainBack { chain, time, input, hidden, last } = back;
        let [read, write] = buffers;
        let (mut read, mut write) = (read, write);
        let features = hidden.last().map(|layer| &layer.out);
        let mut delta = last.map_or(Delta::Buffer, Delta::Given);
        if let (Some(head), Some(last)) = (&chain.head, last) {
            match memory {
                Some(scratch) => {
                    let (result, finish, out) = scratch.result_delta(self.activation);
                    self.add_gradient_if(head, result, last, &mut gradient);
                    self.pass_back(head, last, Start::Zero, finish, out);
                }
                None => {
                    self.add_gradient_if(head, features.map_or(input, Padded::rows), last, &mut gradient);
                    if let Some(below) = self.below(features, write, &mut input_delta) {
                        self.pass_below(head, last, below);
                    }
                    mem::swap(&mut read, &mut write);
                }
            }
            delta = Delta::Buffer;
        }
        if let (Some(layer), Some(scratch)) = (&chain.memory, memory) {
            let gradient = gradient.as_deref_mut().expect("a memory learns whenever a gradient flows through it");
            self.learn_to_remember(layer, time, features.map_or(input, Padded::rows), scratch, gradient);
            if let Some(below) = self.below(features, write, &mut input_delta) {
                self.pass_back_from_memory(layer, scratch, below);
            }
            mem::swap(&mut read, &mut write);
        }
        for (index, layer) in chain.hidden.iter().enumerate().rev() {
            let Hidden { dense: layer, norm } = layer;
            let stride = row_stride(layer.outputs);
            if let (Some(norm), Some(scratch)) = (norm, &hidden[index].norm) {
                if let Delta::Given(rows) = delta {
                    let len = self.row_count * stride;
                    read[..len].copy_from_slice(&rows.data[..len]);
                    delta = Delta::Buffer;
                }
                self.normalize_backward(
                    layer.outputs,
                    norm,
                    scratch,
                    RowsMut { data: read, stride },
                    gradient.as_deref_mut(),
                );
            }
            let sums = match delta {
                Delta::Given(rows) => rows,
                Delta::Buffer => Rows { data: read, stride },
            };
            let (before, rows) = match index.checked_sub(1) {
                Some(before) => (Some(&hidden[before].out), hidden[before].out.rows()),
                None => (None, input),
            };
            self.add_gradient_if(layer, rows, sums, &mut gradient);
            if let Some(below) = self.below(before, write, &mut input_delta) {
                self.pass_below(layer, sums, below);
            }
            mem::swap(&mut read, &mut write);
            delta = Delta::Buffer;
        }
    }

    /// Returns the destination of the gradient with respect to the outputs of the hidden layer `before`, or to the
    /// chain's input if there is none.
    fn below<'b>(
        self,
        before: Option<&'b Padded>,
        write: &'b mut Aligned,
        input_delta: &'b mut Option<InputDelta<'_>>,
    ) -> Option<InputDelta<'b>> {
        let Some(before) = before else {
            return Some(match input_delta.as_mut()? {
                InputDelta::Whole { start, finish, out } => {
                    let out = RowsMut { data: out.data, stride: out.stride };
                    InputDelta::Whole { start: *start, finish: *finish, out }
                }
                InputDelta::Columns { columns, out } => InputDelta::Columns { columns: columns.clone(), out },
            });
        };
        let finish = Finish::Slope(self.activation, &before.data);
        let out = RowsMut { data: write, stride: before.stride };
        Some(InputDelta::Whole { start: Start::Zero, finish, out })
    }

    /// Writes the gradient with respect to the layer's input.
    fn pass_below(self, layer: &Dense, delta: Rows<'_>, below: InputDelta<'_>) {
        match below {
            InputDelta::Whole { start, finish, out } => self.pass_back(layer, delta, start, finish, out),
            // The weights of an input, one for each output, are side by side: the gradient is their dot product.
            InputDelta::Columns { columns, out } => self.level.run(Dots {
                row_count: self.row_count,
                a: delta,
                b: &self.parameters[layer.weight.clone()],
                panels: layer.panels(),
                bias: None,
                out: RowsMut { data: out, stride: columns.len() },
                outputs: columns,
            }),
        }
    }

    fn add_gradient_if(self, layer: &Dense, input: Rows<'_>, delta: Rows<'_>, gradient: &mut Option<&mut [f32]>) {
        if let Some(gradient) = gradient {
            self.add_gradient(layer, input, delta, gradient);
        }
    }

    /// Writes `out = finish(start + delta·W)`: the gradient with respect to the layer's input.
    pub fn pass_back(self, layer: &Dense, delta: Rows<'_>, start: Start<'_>, finish: Finish<'_>, out: RowsMut<'_>) {
        let b = match layer.form {
            Form::Narrow => &self.parameters[layer.weight.clone()],
            Form::Wide => &self.transposed[layer.transposed.clone()],
        };
        let panels = layer.transposed_panels();
        self.level.run(Product { row_count: self.row_count, a: delta, b, panels, start, finish, out });
    }

    pub(crate) fn add_gradient(self, layer: &Dense, input: Rows<'_>, delta: Rows<'_>, gradient: &mut [f32]) {
        let (a, b) = match layer.form {
            Form::Narrow => (delta, input),
            Form::Wide => (input, delta),
        };
        let weight = &mut gradient[layer.weight.clone()];
        self.level.run(OuterSum {
            row_count: self.row_count,
            a,
            b,
            panels: layer.panels(),
            gradients: self.gradients,
            sum: weight,
        });
        self.add_bias_gradient(layer, delta, &mut gradient[layer.bias.clone()]);
    }

    fn add_bias_gradient(self, layer: &Dense, delta: Rows<'_>, sum: &mut [f32]) {
        match layer.form {
            Form::Narrow => {
                if self.gradients == Gradients::Write {
                    sum.fill(0.0);
                }
                let deltas = &delta.data[..self.row_count * layer.outputs];
                match layer.outputs {
                    1 => add_rows::<1>(deltas, sum),
                    2 => add_rows::<2>(deltas, sum),
                    3 => add_rows::<3>(deltas, sum),
                    4 => add_rows::<4>(deltas, sum),
                    5 => add_rows::<5>(deltas, sum),
                    6 => add_rows::<6>(deltas, sum),
                    7 => add_rows::<7>(deltas, sum),
                    NARROW => add_rows::<NARROW>(deltas, sum),
                    _ => unreachable!("a narrow head has {NARROW} outputs at most"),
                }
            }
            // A bias is the weight of an input that is always 1.
            Form::Wide => self.level.run(OuterSum {
                row_count: self.row_count,
                a: Rows { data: &[1.0], stride: 0 },
                b: delta,
                panels: Panels { depth: 1, width: layer.outputs },
                gradients: self.gradients,
                sum,
            }),
        }
    }
}

/// Adds rows of `WIDTH` numbers to the first numbers of `sum`, in the order of the rows. The sums stay in registers: in
/// memory, each addition would wait for the one before it to be written and read.
fn add_rows<const WIDTH: usize>(rows: &[f32], sum: &mut [f32]) {
    let sum = sum.first_chunk_mut::<WIDTH>().expect("a bias has as many numbers as outputs");
    let mut sums = *sum;
    for row in rows.as_chunks::<WIDTH>().0 {
        sums.iter_mut().zip(row).for_each(|(sum, number)| *sum += number);
    }
    *sum = sums;
}
