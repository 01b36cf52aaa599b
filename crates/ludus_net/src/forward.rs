//! The forward pass of one block of rows.

use crate::kernel::{Dots, Finish, Product, Rows, RowsMut, Start};
use crate::layout::{Dense, Form};
use crate::pass::Pass;
use crate::scratch::{ChainScratch, Padded};

impl Pass<'_> {
    /// Computes hidden layers. Returns the input of the next layer.
    pub fn hidden<'s>(self, layers: &[Dense], input: Rows<'s>, blocks: &'s mut [Padded]) -> Rows<'s> {
        let mut input = input;
        for (layer, block) in layers.iter().zip(blocks) {
            self.wide(layer, input, Finish::Activate(self.activation), block.rows_mut());
            input = block.rows();
        }
        input
    }

    /// Computes hidden layers and the head behind them. Writes `[rows, outputs]` without padding.
    pub fn chain(self, layers: &[Dense], input: Rows<'_>, scratch: &mut ChainScratch, out: &mut [f32]) {
        let Some((head, hidden)) = layers.split_last() else { return };
        let input = self.hidden(hidden, input, &mut scratch.hidden);
        match head.form {
            Form::Narrow => self.narrow(head, input, out),
            Form::Wide => {
                self.wide(head, input, Finish::Store, scratch.head.rows_mut());
                scratch.head.copy_to(head.outputs, out);
            }
        }
    }

    fn wide(self, layer: &Dense, input: Rows<'_>, finish: Finish<'_>, out: RowsMut<'_>) {
        self.level.run(Product {
            row_count: self.row_count,
            a: input,
            b: &self.parameters[layer.weight.clone()],
            panels: layer.panels(),
            start: Start::Bias(&self.parameters[layer.bias.clone()]),
            finish,
            out,
        });
    }

    fn narrow(self, layer: &Dense, input: Rows<'_>, out: &mut [f32]) {
        self.level.run(Dots {
            row_count: self.row_count,
            a: input,
            b: &self.parameters[layer.weight.clone()],
            panels: layer.panels(),
            bias: &self.parameters[layer.bias.clone()],
            out: RowsMut { data: out, stride: layer.outputs },
        });
    }
}
