//! Imitation on libtorch: demonstrations, and the distributions of a teacher.

use ludus_learn::{CloningLearner, CloningStep, LearnError, Minibatch, Rollout, TaughtSamples};
use tch::Tensor;

use crate::imitated_batch::ImitatedBatch;
use crate::learner::TorchLearner;
use crate::step_recordings::StepRecordings;
use crate::threads::keep_to_this_thread;
use crate::trained::TrainedNetwork;

/// The samples of a minibatch of demonstrations go to the device in one copy, and are normalised there. The loss comes
/// back in one copy, and the call waits for it.
impl CloningLearner for TorchLearner {
    /// Does nothing: each minibatch is normalised on the device.
    fn stage(&self, _: &mut Rollout) {}

    fn clone_minibatch(
        &mut self,
        demonstrations: &Rollout,
        minibatch: Minibatch<'_>,
        step: CloningStep,
    ) -> Result<f32, LearnError> {
        let Self { trained, heads, .. } = self;
        trained.on_device(|trained| {
            keep_to_this_thread();
            let batch = ImitatedBatch::demonstrated(trained, demonstrations, minibatch);
            let found = trained.policy_gradient(heads, batch);
            let norm = found.gradient.dot(&found.gradient).sqrt();
            let read = trained.link.fetch(&Tensor::stack(&[&found.loss, &norm], 0));
            check("loss of cloning", read[0])?;
            check("gradient's length", read[1])?;
            trained.take_checked_step(&found.gradient, &norm, step);
            Ok(read[0])
        })?
    }

    fn cloning_loss(&mut self, demonstrations: &Rollout, minibatch: Minibatch<'_>) -> f32 {
        let Self { trained, heads, .. } = self;
        let loss = trained.on_device(|trained| {
            keep_to_this_thread();
            let batch = ImitatedBatch::demonstrated(trained, demonstrations, minibatch);
            let loss = trained.policy_loss(heads, batch);
            trained.link.fetch(&loss.unsqueeze(0))[0]
        });
        loss.unwrap_or(f32::NAN)
    }

    fn add_to_next_step(&mut self, demonstrations: &Rollout, minibatch: Minibatch<'_>, weight: f32) -> f32 {
        let Self { trained, heads, .. } = self;
        let loss = trained.on_device(|trained| {
            keep_to_this_thread();
            let batch = ImitatedBatch::demonstrated(trained, demonstrations, minibatch);
            trained.add_policy_gradient(heads, batch, weight)
        });
        loss.unwrap_or(f32::NAN)
    }

    fn add_divergence_to_next_step(
        &mut self,
        rollout: &Rollout,
        minibatch: Minibatch<'_>,
        taught: TaughtSamples<'_>,
        weight: f32,
    ) -> f32 {
        let Self { trained, heads, storage, places, .. } = self;
        let loss = trained.on_device(|trained| {
            let Some(storage) = storage else { return 0.0 };
            keep_to_this_thread();
            storage.locate(minibatch, places);
            let batch = storage.gather(&trained.link.send(places));
            let batch = ImitatedBatch::taught(trained, batch, rollout, minibatch, taught);
            trained.add_policy_gradient(heads, batch, weight)
        });
        loss.unwrap_or(f32::NAN)
    }

    fn freeze_policy(&mut self, is_frozen: bool) {
        let Self { trained, step_recordings, .. } = self;
        // If this fails, the first minibatch returns the error.
        let _ = trained.on_device(|TrainedNetwork { update, places, .. }| {
            if update.extra.is_none() {
                // Existing recordings know nothing of changes to their gradients.
                *step_recordings = StepRecordings::default();
            }
            update.extra_gradient().freeze(is_frozen.then_some(places));
        });
    }
}

fn check(what: &'static str, value: f32) -> Result<(), LearnError> {
    if value.is_finite() { Ok(()) } else { Err(LearnError::NotFinite { what, value }) }
}
