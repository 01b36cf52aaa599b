//! The policy's own decisions in a recorded episode.

use crate::{Policy, PolicyScratch, Sensed};

/// A policy's decision in a step of a recorded episode.
#[derive(Clone, Copy, Debug)]
pub struct JudgedStep<'a> {
    /// The index of the step.
    pub step: usize,
    /// The most probable action `[action width]`.
    pub most_probable: &'a [f32],
    /// The logarithm of the probability (density) of the recorded action.
    pub log_prob: f32,
}

impl Policy {
    /// Computes the policy's decisions in a recorded episode, step by step from its start: its memory is that of the
    /// recorded observations and actions. Calls `visit` for each step.
    ///
    /// # Shapes
    ///
    /// `sensed` has a row per step, `actions` is `[steps, action width]`.
    ///
    /// # Panics
    ///
    /// If the slices don't have the same number of whole rows.
    pub fn judge(
        &self,
        sensed: Sensed<'_>,
        actions: &[f32],
        scratch: &mut PolicyScratch,
        mut visit: impl FnMut(JudgedStep<'_>),
    ) {
        let (layout, distribution) = (self.network.layout(), self.network.distribution());
        let (width, action_width) = (layout.inputs(), layout.action_width());
        let steps = sensed.observations.len() / width;
        let mask_width = sensed.masks.len() / steps.max(1);
        let mut memory = vec![0.0; layout.policy_memory_width()];
        let mut most_probable = vec![0.0; action_width];
        let (mut log_prob, mut entropy) = ([0.0], [0.0]);
        for (step, action) in actions.chunks_exact(action_width).enumerate() {
            self.stage(&sensed.observations[step * width..][..width], scratch);
            let PolicyScratch { network, inputs, outputs, .. } = scratch;
            outputs.resize(layout.output_width(), 0.0);
            self.network.step_policy(inputs, &mut memory, network, outputs);
            let allowed = distribution.masked(&sensed.masks[step * mask_width..][..mask_width]);
            allowed.mode(outputs, &mut most_probable);
            allowed.evaluate(outputs, action, &mut log_prob, &mut entropy);
            layout.remember_actions(action, &mut memory);
            visit(JudgedStep { step, most_probable: &most_probable, log_prob: log_prob[0] });
        }
    }
}
