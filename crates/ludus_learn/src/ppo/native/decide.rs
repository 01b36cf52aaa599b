//! The decisions of the native learner's policy.

use std::any::Any;

use ludus_net::{Scratch, stage};

use super::NativeLearner;
use crate::{DecisionRows, GroupDecider, PhaseTimer};

/// The working memory of one thread.
struct DecisionScratch {
    network: Scratch,
    /// Inputs of the network, if the rollout does not keep them.
    inputs: Vec<f32>,
    outputs: Vec<f32>,
    entropies: Vec<f32>,
}

impl GroupDecider for NativeLearner {
    fn scratch(&self) -> Box<dyn Any + Send> {
        let (inputs, outputs, entropies) = (Vec::new(), Vec::new(), Vec::new());
        Box::new(DecisionScratch { network: self.scratch.clone(), inputs, outputs, entropies })
    }

    /// Draws an action for each row. Details 7, 18 and 19.
    fn decide(&self, scratch: &mut dyn Any, rows: DecisionRows<'_>, timer: &mut PhaseTimer) {
        let DecisionScratch { network: scratch, inputs, outputs, entropies } = own(scratch);
        let inputs = self.read(rows.observations, rows.inputs, inputs);
        timer.copied();
        let layout = self.learned.network.layout();
        outputs.resize(rows.log_probs.len() * layout.output_width(), 0.0);
        self.learned.network.step(inputs, rows.memory, scratch, outputs, rows.values);
        let distribution = self.learned.network.distribution().masked(rows.masks);
        distribution.sample(outputs, |row| rows.seeds.of(row), rows.actions, rows.log_probs);
        if !rows.memory.is_empty() {
            // As an update computes them: of a Gaussian, the density of a draw has other last bits than that of the
            // action. Without memory, they stay as they have always been.
            entropies.resize(rows.log_probs.len(), 0.0);
            distribution.evaluate(outputs, rows.actions, rows.log_probs, entropies);
            layout.remember_actions(rows.actions, rows.memory);
        }
        timer.forwarded();
    }

    fn evaluate(&self, scratch: &mut dyn Any, rows: DecisionRows<'_>, timer: &mut PhaseTimer) {
        let DecisionScratch { network: scratch, inputs, .. } = own(scratch);
        let inputs = self.read(rows.observations, rows.inputs, inputs);
        timer.copied();
        self.learned.network.values_from(inputs, rows.memory, scratch, rows.values);
        timer.forwarded();
    }
}

impl NativeLearner {
    /// Converts observations to inputs of the network: normalised if there is a normaliser, and finite. Detail 14.
    fn read<'a>(&self, observations: &[f32], kept: &'a mut [f32], unkept: &'a mut Vec<f32>) -> &'a [f32] {
        let inputs = if kept.is_empty() {
            unkept.resize(observations.len(), 0.0);
            &mut unkept[..]
        } else {
            kept
        };
        stage(self.learned.normalizer.as_ref(), observations, inputs);
        inputs
    }
}

fn own(scratch: &mut dyn Any) -> &mut DecisionScratch {
    scratch.downcast_mut().expect("a policy gets the working memory that it has made")
}
