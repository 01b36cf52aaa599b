//! Samples of a replay, with the targets of their values.

use std::ops::Range;

use ludus_net::{Scratch, TargetNetwork, stage};

use crate::replay::{Replay, Transition};
use crate::value::{Batch, NextRows, Online, OutputRow, ValueSamples};

/// Transitions of a replay.
///
/// ```text
/// target = r[0] + γ·r[1] + … + γⁿ·Q_target(s[n], a)      a = argmax Q(s[n], ·), by the learned network if double
/// ```
#[derive(Clone, Copy, Debug)]
pub(super) struct ReplaySamples<'a> {
    pub replay: &'a Replay,
    pub transitions: &'a [Transition],
    /// The weight of each sample's loss, or empty if all are 1.
    pub weights: &'a [f32],
    pub target: &'a TargetNetwork,
    pub is_double: bool,
}

impl ValueSamples for ReplaySamples<'_> {
    fn count(&self) -> usize {
        self.transitions.len()
    }

    fn gather(&self, range: Range<usize>, batch: &mut Batch, scratch: &mut Scratch, online: Online<'_>) {
        batch.clear();
        batch.next.gather(self, &self.transitions[range.clone()], online);
        batch.next.evaluate(self, scratch, online);
        batch.weights.extend_from_slice(self.weights.get(range.clone()).unwrap_or_default());
        for (row, transition) in self.transitions[range].iter().enumerate() {
            batch.raw.extend_from_slice(self.replay.observation(transition.entry));
            batch.actions.extend_from_slice(self.replay.action(transition.entry));
            // A terminated step has no successor, whose value might not even be a number.
            let later = if transition.bootstrap == 0.0 { 0.0 } else { transition.bootstrap * batch.next.greatest[row] };
            batch.targets.push(transition.reward + later);
        }
        batch.inputs.resize(batch.raw.len(), 0.0);
        stage(online.normalizer, &batch.raw, &mut batch.inputs);
    }
}

impl NextRows {
    /// Copies what follows the transitions side by side.
    fn gather(&mut self, of: &ReplaySamples<'_>, transitions: &[Transition], online: Online<'_>) {
        let Self { observations, inputs, masks, .. } = self;
        observations.clear();
        masks.clear();
        for transition in transitions {
            observations.extend_from_slice(of.replay.observation(transition.next));
            masks.extend_from_slice(of.replay.mask(transition.next));
        }
        inputs.resize(observations.len(), 0.0);
        stage(online.normalizer, observations, inputs);
    }

    /// Writes the target network's value of the greedy action of each row.
    fn evaluate(&mut self, of: &ReplaySamples<'_>, scratch: &mut Scratch, online: Online<'_>) {
        let Self { inputs, masks, outputs, values, actions, greatest, .. } = self;
        let (width, heads) = (online.values.width(), online.values.head_count());
        let rows = inputs.len() / online.network.layout().inputs();
        outputs.resize(rows * width, 0.0);
        values.resize(rows, 0.0);
        actions.resize(rows * heads, 0.0);
        greatest.resize(rows, 0.0);
        if of.is_double {
            online.network.forward_policy(inputs, scratch, outputs);
            for (row, action) in actions.chunks_exact_mut(heads).enumerate() {
                online.values.greedy(output_row(outputs, 0.0, masks, row, width), action);
            }
        }
        of.target.forward(inputs, scratch, outputs, values);
        for (row, greatest) in greatest.iter_mut().enumerate() {
            let output = output_row(outputs, values[row], masks, row, width);
            *greatest = if of.is_double {
                online.values.of_action(output, &actions[row * heads..(row + 1) * heads])
            } else {
                online.values.greatest(output)
            };
        }
    }
}

fn output_row<'a>(outputs: &'a [f32], value: f32, masks: &'a [bool], row: usize, width: usize) -> OutputRow<'a> {
    let range = row * width..(row + 1) * width;
    OutputRow { outputs: &outputs[range.clone()], value, mask: masks.get(range).unwrap_or_default() }
}
