//! Cloning in plain Rust.

use ludus_net::{Layout, stage};

use super::NativeLearner;
use super::shard::Objective;
use crate::gradient::{StepSize, check_loss};
use crate::{CloningLearner, CloningStep, LearnError, Minibatch, Rollout, TaughtSamples};

/// The changes of the next gradient of PPO.
#[derive(Debug, Default)]
pub(super) struct ExtraGradient {
    /// The gradient to add `[parameters]`, if there is one.
    sum: Vec<f32>,
    is_pending: bool,
    /// True for each parameter that learns from rewards, if only the critic does; else empty.
    learns: Vec<bool>,
}

impl ExtraGradient {
    /// Forgets a gradient that was not applied.
    pub fn clear(&mut self) {
        self.is_pending = false;
    }

    /// Adds a gradient times `weight`.
    fn add(&mut self, gradient: &[f32], weight: f32) {
        if !self.is_pending {
            self.sum.clear();
            self.sum.resize(gradient.len(), 0.0);
            self.is_pending = true;
        }
        self.sum.iter_mut().zip(gradient).for_each(|(sum, derivative)| *sum += weight * derivative);
    }

    /// Changes the gradient of a step of PPO.
    pub fn apply(&mut self, gradient: &mut [f32]) {
        for (derivative, learns) in gradient.iter_mut().zip(&self.learns) {
            *derivative = if *learns { *derivative } else { 0.0 };
        }
        if self.is_pending {
            gradient.iter_mut().zip(&self.sum).for_each(|(sum, derivative)| *sum += derivative);
            self.is_pending = false;
        }
    }

    fn freeze_all_but_the_critic(&mut self, layout: &Layout) {
        self.learns.clear();
        self.learns.resize(layout.parameter_count(), false);
        for tensor in layout.tensors().filter(|tensor| tensor.name.starts_with("critic.")) {
            (0..tensor.element_count()).for_each(|element| self.learns[tensor.position(element)] = true);
        }
    }
}

impl CloningLearner for NativeLearner {
    fn stage(&self, demonstrations: &mut Rollout) {
        for slab in demonstrations.slabs_mut().filter(|slab| !slab.inputs.is_empty()) {
            stage(self.learned.normalizer.as_ref(), slab.observations, slab.inputs);
        }
    }

    fn clone_minibatch(
        &mut self,
        demonstrations: &Rollout,
        minibatch: Minibatch<'_>,
        step: CloningStep,
    ) -> Result<f32, LearnError> {
        let loss = self.cloning_loss(demonstrations, minibatch);
        check_loss("loss of cloning", loss)?;
        let size = StepSize { learning_rate: step.learning_rate, max_grad_norm: step.max_grad_norm };
        self.learned.take_step(&self.gradient.sum, size)?;
        Ok(loss)
    }

    fn cloning_loss(&mut self, demonstrations: &Rollout, minibatch: Minibatch<'_>) -> f32 {
        self.compute(demonstrations, minibatch, Objective::Likelihood).policy
    }

    fn add_to_next_step(&mut self, demonstrations: &Rollout, minibatch: Minibatch<'_>, weight: f32) -> f32 {
        let loss = self.cloning_loss(demonstrations, minibatch);
        self.extra.add(&self.gradient.sum, weight);
        loss
    }

    fn add_divergence_to_next_step(
        &mut self,
        rollout: &Rollout,
        minibatch: Minibatch<'_>,
        taught: TaughtSamples<'_>,
        weight: f32,
    ) -> f32 {
        let loss = self.compute(rollout, minibatch, Objective::Divergence(taught)).policy;
        self.extra.add(&self.gradient.sum, weight);
        loss
    }

    fn freeze_policy(&mut self, is_frozen: bool) {
        if is_frozen {
            self.extra.freeze_all_but_the_critic(self.learned.network.layout());
        } else {
            self.extra.learns.clear();
        }
    }
}
