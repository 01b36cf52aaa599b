//! The decisions of a policy that learns the values of actions.

use std::any::Any;

use ludus_net::{Scratch, stage};

use super::action_values::OutputRow;
use super::native::NativeValueLearner;
use crate::{DecisionRows, GroupDecider, PhaseTimer};

/// Indices of the children of a row's seed.
const EXPLORES: u64 = 0;
const FIRST_CHOICE: u64 = 1;

/// The working memory of one thread.
struct ValueScratch {
    network: Scratch,
    /// Inputs of the network, if the rollout does not keep them.
    inputs: Vec<f32>,
    outputs: Vec<f32>,
    values: Vec<f32>,
}

impl GroupDecider for NativeValueLearner {
    fn scratch(&self) -> Box<dyn Any + Send> {
        let (inputs, outputs, values) = (Vec::new(), Vec::new(), Vec::new());
        Box::new(ValueScratch { network: self.scratch.clone(), inputs, outputs, values })
    }

    /// Chooses the greedy action, or with the probability ε one of those that are allowed. The value of a row is that of
    /// its greedy action.
    fn decide(&self, scratch: &mut dyn Any, rows: DecisionRows<'_>, timer: &mut PhaseTimer) {
        let scratch = own(scratch);
        self.forward(scratch, rows.observations, rows.inputs, timer);
        let (width, heads) = (self.values.width(), self.values.head_count());
        for (row, action) in rows.actions.chunks_exact_mut(heads).enumerate() {
            let mask = rows.masks.get(row * width..(row + 1) * width).unwrap_or_default();
            let output = scratch.row(row, width, mask);
            rows.values[row] = self.values.greatest(output);
            let seed = rows.seeds.of(row);
            if seed.derive(EXPLORES).uniform() < self.epsilon {
                for (head, choice) in action.iter_mut().enumerate() {
                    let draw = seed.derive(FIRST_CHOICE + head as u64).uniform();
                    *choice = self.values.drawn(mask, head, draw) as f32;
                }
            } else {
                self.values.greedy(output, action);
            }
        }
        rows.log_probs.fill(0.0);
        timer.forwarded();
    }

    fn evaluate(&self, scratch: &mut dyn Any, rows: DecisionRows<'_>, timer: &mut PhaseTimer) {
        let scratch = own(scratch);
        self.forward(scratch, rows.observations, rows.inputs, timer);
        let width = self.values.width();
        for (row, value) in rows.values.iter_mut().enumerate() {
            let mask = rows.masks.get(row * width..(row + 1) * width).unwrap_or_default();
            *value = self.values.greatest(scratch.row(row, width, mask));
        }
        timer.forwarded();
    }
}

impl NativeValueLearner {
    /// Computes the network's outputs and values for all rows.
    fn forward(&self, scratch: &mut ValueScratch, observations: &[f32], kept: &mut [f32], timer: &mut PhaseTimer) {
        let ValueScratch { network, inputs: unkept, outputs, values } = scratch;
        let inputs = if kept.is_empty() {
            unkept.resize(observations.len(), 0.0);
            &mut unkept[..]
        } else {
            kept
        };
        stage(self.learned.normalizer.as_ref(), observations, inputs);
        timer.copied();
        let rows = inputs.len() / self.network().layout().inputs();
        outputs.resize(rows * self.values.width(), 0.0);
        values.resize(rows, 0.0);
        self.network().forward(inputs, network, outputs, values);
    }
}

impl ValueScratch {
    fn row<'a>(&'a self, row: usize, width: usize, mask: &'a [bool]) -> OutputRow<'a> {
        OutputRow { outputs: &self.outputs[row * width..(row + 1) * width], value: self.values[row], mask }
    }
}

fn own(scratch: &mut dyn Any) -> &mut ValueScratch {
    scratch.downcast_mut().expect("a policy gets the working memory that it has made")
}
