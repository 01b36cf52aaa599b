//! A teacher beside a rollout: its distributions in what the policy has observed, as a loss in PPO's gradient steps.

use super::Ppo;
use crate::teacher::LOSS;
use crate::{LearnError, Learner, Metric, Minibatch, PolicyDistillation, Rollout};

/// The teacher of PPO, and its outputs in the last rollout.
#[derive(Debug)]
pub(super) struct DistilledRollout {
    distillation: PolicyDistillation,
    /// `[samples, output width]`.
    outputs: Vec<f32>,
    /// The weight of the divergence in this update.
    weight: f32,
    /// The divergences of this update's minibatches, weighted by their sample counts, and these counts.
    loss: f32,
    samples: usize,
}

impl DistilledRollout {
    pub const fn new(distillation: PolicyDistillation) -> Self {
        Self { distillation, outputs: Vec::new(), weight: 0.0, loss: 0.0, samples: 0 }
    }

    /// Adds the gradient of the divergence in a minibatch to the next step. Detail 53.
    pub fn add_to_next_step<L: Learner>(&mut self, learner: &mut L, rollout: &Rollout, minibatch: Minibatch<'_>) {
        let Some(cloning) = learner.cloning().filter(|_| self.weight != 0.0) else { return };
        let taught = self.distillation.teacher.taught(&self.outputs);
        let loss = cloning.add_divergence_to_next_step(rollout, minibatch, taught, self.weight);
        self.loss += loss * minibatch.samples.len() as f32;
        self.samples += minibatch.samples.len();
    }

    /// Returns the mean divergence from the teacher in the last update; 0 if it was no part of it.
    pub fn metric(&self) -> Metric {
        Metric { info: LOSS, value: self.loss / self.samples.max(1) as f32 }
    }
}

impl<L: Learner> Ppo<L> {
    /// Adds a teacher whose distributions the policy learns: in the first updates, and beside what it learns from
    /// rewards. Detail 53.
    ///
    /// # Errors
    ///
    /// [`LearnError::Config`] with every setting that is out of range, [`LearnError::OtherTeacher`] if the teacher reads
    /// or decides something else, and [`LearnError::NoCloning`] if the learner can't imitate.
    pub fn with_teacher(mut self, distillation: PolicyDistillation) -> Result<Self, LearnError> {
        let problems = distillation.config.problems();
        if !problems.is_empty() {
            return Err(LearnError::Config(problems));
        }
        self.learner.cloning().ok_or(LearnError::NoCloning)?;
        distillation.teacher.check(self.learner.layout().ok_or(LearnError::NoCloning)?)?;
        self.metrics.push(LOSS);
        self.distilled = Some(DistilledRollout::new(distillation));
        Ok(self)
    }

    /// Returns the mean divergence from the teacher in the last update \[nats\]; `None` without a teacher.
    pub fn distillation_loss(&self) -> Option<f32> {
        self.distilled.as_ref().map(|distilled| distilled.metric().value)
    }

    /// Computes the distributions of the teacher for an update.
    pub(super) fn begin_distillation(&mut self, progress: f32) {
        let Self { distilled: Some(distilled), rollout, learner, iteration, .. } = self else { return };
        let config = &distilled.distillation.config;
        distilled.weight = if config.is_taught(*iteration) { 1.0 } else { config.weight.at(progress) };
        (distilled.loss, distilled.samples) = (0.0, 0);
        if distilled.weight != 0.0 {
            distilled.distillation.teacher.label(rollout, &learner.machine().pool, &mut distilled.outputs);
        }
    }

    /// Returns the step size of an update in which the policy learns from the teacher alone; `None` in all others.
    pub(super) fn taught_rate(&self) -> Option<f32> {
        let config = &self.distilled.as_ref()?.distillation.config;
        config.is_taught(self.iteration).then(|| config.rate(self.iteration))
    }
}
