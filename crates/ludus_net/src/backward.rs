//! The backward pass of one block of rows, derived by hand.
//!
//! ```text
//! z = W·x + b,  h = f(z)        δ = ∂L/∂z
//! ∂L/∂W += δ·xᵀ    ∂L/∂b += δ    δ of the layer before = (Wᵀ·δ) ∘ f′(z), with f′ taken from h
//! ```

use std::mem;

use crate::aligned::Aligned;
use crate::kernel::{Finish, OuterSum, Product, Rows, RowsMut, Start};
use crate::layout::{Dense, Form};
use crate::panels::{Panels, row_stride};
use crate::pass::Pass;
use crate::scratch::Padded;

/// Consecutive layers, the input of the first, and the outputs of all but the last.
#[derive(Clone, Copy)]
pub(crate) struct Chain<'a> {
    pub layers: &'a [Dense],
    pub input: Rows<'a>,
    pub hidden: &'a [Padded],
}

impl Pass<'_> {
    /// Adds the gradients of a chain's parameters to `gradient`. `last` is the gradient with respect to the sums of the
    /// last layer; returns the gradient with respect to the sums of the first.
    pub fn backward<'b>(
        self,
        chain: Chain<'_>,
        last: Rows<'b>,
        gradient: &mut [f32],
        buffers: &'b mut [Aligned; 2],
    ) -> Rows<'b> {
        let [read, write] = buffers;
        let (mut read, mut write) = (read, write);
        for (index, layer) in chain.layers.iter().enumerate().skip(1).rev() {
            let is_last = index + 1 == chain.layers.len();
            let delta = if is_last { last } else { Rows { data: read, stride: row_stride(layer.outputs) } };
            let activated = &chain.hidden[index - 1];
            self.add_gradient(layer, activated.rows(), delta, gradient);
            let out = RowsMut { data: write, stride: activated.stride };
            self.pass_back(layer, delta, (Start::Zero, Finish::Slope(self.activation, &activated.data)), out);
            mem::swap(&mut read, &mut write);
        }
        let first = match chain.layers {
            [] | [_] => last,
            [first, ..] => Rows { data: read, stride: row_stride(first.outputs) },
        };
        if let [layer, ..] = chain.layers {
            self.add_gradient(layer, chain.input, first, gradient);
        }
        first
    }

    /// Writes `out = finish(start + delta·W)`: the gradient with respect to the layer's input.
    pub fn pass_back(self, layer: &Dense, delta: Rows<'_>, (start, finish): (Start<'_>, Finish<'_>), out: RowsMut<'_>) {
        let b = match layer.form {
            Form::Narrow => &self.parameters[layer.weight.clone()],
            Form::Wide => &self.transposed[layer.transposed.clone()],
        };
        let panels = layer.transposed_panels();
        self.level.run(Product { row_count: self.row_count, a: delta, b, panels, start, finish, out });
    }

    fn add_gradient(self, layer: &Dense, input: Rows<'_>, delta: Rows<'_>, gradient: &mut [f32]) {
        let (a, b) = match layer.form {
            Form::Narrow => (delta, input),
            Form::Wide => (input, delta),
        };
        let weight = &mut gradient[layer.weight.clone()];
        self.level.run(OuterSum { row_count: self.row_count, a, b, panels: layer.panels(), sum: weight });
        self.add_bias_gradient(layer, delta, &mut gradient[layer.bias.clone()]);
    }

    fn add_bias_gradient(self, layer: &Dense, delta: Rows<'_>, sum: &mut [f32]) {
        match layer.form {
            Form::Narrow => {
                for row in delta.data.chunks_exact(layer.outputs).take(self.row_count) {
                    sum.iter_mut().zip(row).for_each(|(sum, delta)| *sum += delta);
                }
            }
            // A bias is the weight of an input that is always 1.
            Form::Wide => self.level.run(OuterSum {
                row_count: self.row_count,
                a: Rows { data: &[1.0], stride: 0 },
                b: delta,
                panels: Panels { depth: 1, width: layer.outputs },
                sum,
            }),
        }
    }
}
