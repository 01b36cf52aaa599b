//! Memory between hidden layers and heads: recurrent layers, one step after another.

mod gru;
mod min_gru;
mod sequences;
mod state;

use std::ops::Range;

use crate::Memory;
use crate::dense::Dense;
use crate::kernel::{Finish, InputDelta, Rows, RowsMut, Start};
use crate::padded_block::Padded;
use crate::pass::Pass;

pub(crate) use sequences::Timeline;
pub use sequences::{AfterStep, Sequences};
pub(crate) use state::MemoryScratch;

/// A recurrent layer, with the places of its parameters.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Recurrence {
    pub memory: Memory,
    /// The layer's columns in a row of memory.
    pub columns: Range<usize>,
    /// The layers from the input to each gate: [`UPDATE`], [`CANDIDATE`] and, of a GRU, [`RESET`].
    pub of_input: Vec<Dense>,
    /// The layers from the state to each gate, of a GRU.
    pub of_state: Vec<Dense>,
    /// The layer behind the state, of a MinGRU.
    pub output: Option<Dense>,
}

/// The gate that decides how much of the state is replaced.
pub(crate) const UPDATE: usize = 0;
/// The state that would replace the present one.
pub(crate) const CANDIDATE: usize = 1;
/// The gate that decides how much of the state the candidate depends on.
pub(crate) const RESET: usize = 2;

/// The longest time in steps that a memory's update gate starts with.
const LONGEST_START: f64 = 50.0;

impl Recurrence {
    /// The names of the gates, by index.
    const NAMES: [&'static str; 3] = ["update", "candidate", "reset"];

    /// Lays out a memory over inputs of a chain. `dense` makes a layer of this name and input width.
    pub fn new(
        name: &str,
        memory: Memory,
        columns: Range<usize>,
        mut dense: impl FnMut(String, bool, usize) -> Dense,
    ) -> Self {
        let width = memory.width();
        let (gates, states) = match memory {
            Memory::MinGru(_) => (2, 0),
            Memory::Gru(_) => (3, 3),
        };
        let mut layers = |part: &str, is_of_input, count| {
            let names = Self::NAMES[..count].iter();
            names.map(|gate| dense(format!("{name}.memory.{gate}.{part}"), is_of_input, width)).collect()
        };
        let of_input = layers("input", true, gates);
        let of_state = layers("state", false, states);
        let has_output = matches!(memory, Memory::MinGru(_));
        let output = has_output.then(|| dense(format!("{name}.memory.output"), false, width));
        Self { memory, columns, of_input, of_state, output }
    }

    /// Returns all layers, in the order of their parameters.
    pub fn layers(&self) -> impl Iterator<Item = &Dense> {
        self.gates().chain(&self.output)
    }

    /// Returns the layers of the gates, in the order of their parameters.
    pub fn gates(&self) -> impl Iterator<Item = &Dense> {
        self.of_input.iter().chain(&self.of_state)
    }

    /// Returns the first bias of the unit with this index if the layer is an update gate, such that the units' memories
    /// last from one step to [`LONGEST_START`] steps, evenly on a logarithmic scale.
    ///
    /// # Source
    ///
    /// Tallec & Ollivier 2018, arXiv:1804.11188, §2, with even instead of random times.
    pub fn first_bias(&self, layer: &str, unit: usize) -> Option<f64> {
        // PyTorch's GRU keeps the state where the update gate is open, MinGRU where it is closed.
        let sign = match self.memory {
            Memory::MinGru(_) => -1.0,
            Memory::Gru(_) => 1.0,
        };
        let width = self.memory.width() as f64;
        let time = LONGEST_START.powf((unit as f64 + 0.5) / width);
        (self.of_input[UPDATE].name == layer).then(|| sign * time.ln())
    }
}

impl Pass<'_> {
    /// Computes the outputs of a memory in all steps, from the state in `scratch.before` before the first one.
    pub fn remember<'s>(
        self,
        layer: &Recurrence,
        time: Timeline<'_>,
        input: Rows<'_>,
        scratch: &'s mut MemoryScratch,
    ) -> Rows<'s> {
        for (gate, sums) in layer.of_input.iter().zip(&mut scratch.gates) {
            self.wide(gate, input, Finish::Store, sums.rows_mut());
        }
        for step in 0..self.row_count / time.rows.max(1) {
            match layer.memory {
                Memory::MinGru(_) => self.min_gru_step(layer, time.rows, step, scratch),
                Memory::Gru(_) => self.gru_step(layer, time.rows, step, scratch),
            }
            scratch.settle(time, step);
        }
        if let Some(output) = &layer.output {
            let finish = Finish::Activate(self.activation);
            self.wide(output, scratch.out.rows(), finish, scratch.activated.rows_mut());
        }
        scratch.result().rows()
    }

    /// Adds the gradients of a memory's parameters to `gradient`. The gradient with respect to the outputs is where
    /// [`MemoryScratch::result_delta`] says. Leaves the gradient with respect to the gates' sums in `scratch.gates`.
    pub fn learn_to_remember(
        self,
        layer: &Recurrence,
        time: Timeline<'_>,
        input: Rows<'_>,
        scratch: &mut MemoryScratch,
        gradient: &mut [f32],
    ) {
        if let Some(output) = &layer.output {
            let MemoryScratch { out, d_activated, d_out, .. } = &mut *scratch;
            self.add_gradient(output, out.rows(), d_activated.rows(), gradient);
            self.pass_back(output, d_activated.rows(), Start::Zero, Finish::Store, d_out.rows_mut());
        }
        scratch.carry.data.fill(0.0);
        for step in (0..self.row_count / time.rows.max(1)).rev() {
            scratch.receive(time, step);
            match layer.memory {
                Memory::MinGru(_) => self.min_gru_back(time.rows, step, scratch),
                Memory::Gru(_) => self.gru_back(layer, time.rows, step, scratch),
            }
        }
        for (gate, delta) in layer.of_input.iter().zip(&scratch.gates) {
            self.add_gradient(gate, input, delta.rows(), gradient);
        }
        for (index, gate) in layer.of_state.iter().enumerate() {
            let delta = if index == CANDIDATE { &scratch.candidate_of_state } else { &scratch.gates[index] };
            self.add_gradient(gate, scratch.before.rows(), delta.rows(), gradient);
        }
    }

    /// Writes `out = finish(start + Σ gradient of a gate's sums · W)`: the gradient with respect to a memory's input.
    pub fn pass_back_from_memory(self, layer: &Recurrence, scratch: &MemoryScratch, below: InputDelta<'_>) {
        let InputDelta::Whole { start, finish, out: RowsMut { data, stride } } = below else {
            unreachable!("single columns are wanted of networks without memory")
        };
        let count = layer.of_input.len();
        for (index, (gate, delta)) in layer.of_input.iter().zip(&scratch.gates).enumerate() {
            let start = if index == 0 { start } else { Start::Out };
            let finish = if index + 1 == count { finish } else { Finish::Store };
            self.pass_back(gate, delta.rows(), start, finish, RowsMut { data, stride });
        }
    }
}

/// The rows of one step among those of all steps.
fn of_step(block: &mut Padded, rows: usize, step: usize) -> &mut [f32] {
    let numbers = rows * block.stride;
    &mut block.data[step * numbers..][..numbers]
}
