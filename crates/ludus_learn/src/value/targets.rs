//! The values of what follows the samples, from which their targets are worked out.

use ludus_net::{Scratch, stage};

use super::action_values::OutputRow;
use super::context::ValueContext;
use super::learner::{ValueBatch, ValueStep};

/// The rows after the samples.
#[derive(Debug, Default)]
pub(super) struct NextRows {
    inputs: Vec<f32>,
    outputs: Vec<f32>,
    values: Vec<f32>,
    actions: Vec<f32>,
}

impl NextRows {
    /// Adds what follows to the rewards of the samples, which are their targets afterwards:
    ///
    /// ```text
    /// target = r + bootstrap·Q_target(s', a)      a = argmax Q(s', ·), by the learned network if double
    /// ```
    ///
    /// Leaves them as they are if nothing follows, or if there is no target network.
    pub fn add_values(&mut self, context: ValueContext<'_>, batch: &mut ValueBatch, scratch: &mut Scratch) {
        let ValueContext { network, target, normalizer, values: action_values, step, .. } = context;
        let Some(target) = target else { return };
        let Self { inputs, outputs, values, actions } = self;
        let ValueBatch { rewards, bootstraps, next_observations, next_masks, .. } = batch;
        let (width, heads, rows) = (action_values.width(), action_values.head_count(), bootstraps.len());
        inputs.resize(next_observations.len(), 0.0);
        stage(normalizer, next_observations, inputs);
        outputs.resize(rows * width, 0.0);
        values.resize(rows, 0.0);
        actions.resize(rows * heads, 0.0);
        let ValueStep { is_double, .. } = *step;
        if is_double {
            network.forward_policy(inputs, scratch, outputs);
            for (row, action) in actions.chunks_exact_mut(heads).enumerate() {
                action_values.greedy(output_row(outputs, 0.0, next_masks, row, width), action);
            }
        }
        target.forward(inputs, scratch, outputs, values);
        for (row, (reward, &bootstrap)) in rewards.iter_mut().zip(&*bootstraps).enumerate() {
            let output = output_row(outputs, values[row], next_masks, row, width);
            let value = if is_double {
                action_values.of_action(output, &actions[row * heads..(row + 1) * heads])
            } else {
                action_values.greatest(output)
            };
            // A terminated step has no successor, whose value might not even be a number.
            *reward += if bootstrap == 0.0 { 0.0 } else { bootstrap * value };
        }
    }
}

fn output_row<'a>(outputs: &'a [f32], value: f32, masks: &'a [bool], row: usize, width: usize) -> OutputRow<'a> {
    let range = row * width..(row + 1) * width;
    OutputRow { outputs: &outputs[range.clone()], value, mask: masks.get(range).unwrap_or_default() }
}
