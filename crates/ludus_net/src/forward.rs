//! The forward pass of one block of rows.

use crate::dense::{Dense, Form};
use crate::hidden::HiddenScratch;
use crate::kernel::{Dots, Finish, Product, Rows, RowsMut, Start};
use crate::layout::Chain;
use crate::memory::{MemoryScratch, Timeline};
use crate::pass::Pass;
use crate::scratch::ChainScratch;

impl Pass<'_> {
    /// Computes hidden layers, and the memory behind them from the state in `scratch` on. Returns the input of the next
    /// layer.
    pub fn features<'s>(
        self,
        chain: &Chain,
        time: Timeline<'_>,
        input: Rows<'s>,
        hidden: &'s mut [HiddenScratch],
        memory: &'s mut Option<MemoryScratch>,
    ) -> Rows<'s> {
        let features = self.hidden(&chain.hidden, input, hidden);
        match (&chain.memory, memory) {
            (Some(layer), Some(scratch)) => self.remember(layer, time, features, scratch),
            _ => features,
        }
    }

    /// Computes a chain's layers, the head included. Writes `[rows, outputs]` without padding.
    pub fn chain(
        self,
        chain: &Chain,
        time: Timeline<'_>,
        input: Rows<'_>,
        scratch: &mut ChainScratch,
        out: &mut [f32],
    ) {
        let ChainScratch { hidden, memory, head: padded } = scratch;
        let features = self.features(chain, time, input, hidden, memory);
        let Some(head) = &chain.head else { return };
        match head.form {
            Form::Narrow => self.narrow(head, features, out),
            Form::Wide => {
                self.wide(head, features, Finish::Store, padded.rows_mut());
                padded.copy_to(head.outputs, out);
            }
        }
    }

    pub(crate) fn wide(self, layer: &Dense, input: Rows<'_>, finish: Finish<'_>, out: RowsMut<'_>) {
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
            outputs: 0..layer.outputs,
            bias: Some(&self.parameters[layer.bias.clone()]),
            out: RowsMut { data: out, stride: layer.outputs },
        });
    }
}
