//! Pretraining: epochs of cloning before the first step of a run.

use ludus_spec::Seed;

use super::{CloningConfig, CloningEpoch, CloningReport, CloningStep, Demonstrations, Imitation};
use crate::cloning::demonstrations::DemonstratedSamples;
use crate::experience::minibatch_count;
use crate::{CloningLearner, LearnError, Learner, LearnerState};

/// Pretrains the policy of a learner. Details 46 and 47.
///
/// The statistics of observations become those of the demonstrations, for the whole run. The policy of the best epoch is
/// kept, and the optimiser starts anew after it. `goes_on` is called after each epoch; if it returns false, that epoch is
/// the last.
///
/// # Errors
///
/// [`LearnError::NoCloning`] if the learner can't clone, and as [`CloningLearner::clone_minibatch`].
pub(crate) fn pretrain<L: Learner>(
    learner: &mut L,
    imitation: &mut Imitation,
    seed: Seed,
    goes_on: &mut dyn FnMut(&CloningEpoch) -> bool,
) -> Result<Option<CloningReport>, LearnError> {
    let Imitation { demonstrations: Demonstrations { learned, held_out }, config } = imitation;
    if config.epochs == 0 {
        return Ok(None);
    }
    learner.cloning().ok_or(LearnError::NoCloning)?;
    learner.update_normalizer(&learned.rollout)?;
    let mut state = learner.state();
    if let Some(normalizer) = &mut state.normalizer {
        normalizer.unscale_constants();
        learner.restore(&state)?;
    }
    let cloning = learner.cloning().ok_or(LearnError::NoCloning)?;
    cloning.stage(&mut learned.rollout);
    if let Some(held_out) = held_out {
        cloning.stage(&mut held_out.rollout);
    }
    let mut best: Option<(CloningEpoch, LearnerState)> = None;
    let (mut epochs, mut is_going_on) = (0, true);
    while epochs < config.epochs && is_going_on {
        let cloning = learner.cloning().ok_or(LearnError::NoCloning)?;
        let part = epochs as f32 / config.epochs as f32;
        let loss = clone_epoch(cloning, learned, config, part, seed.derive(epochs as u64))?;
        let held_out_loss = held_out.as_ref().map(|held_out| mean_loss(cloning, held_out, config));
        epochs += 1;
        let epoch = CloningEpoch { epoch: epochs, loss, held_out_loss };
        // Reports an error if the last gradient step has left a parameter that is not finite.
        learner.take_losses()?;
        if best.as_ref().is_none_or(|(best, _)| is_better(&epoch, best)) {
            best = Some((epoch, learner.state()));
        }
        is_going_on = goes_on(&epoch);
    }
    let Some((kept, mut state)) = best else { return Ok(None) };
    state.forget_moments();
    let log_std = learner.layout().map_or(0..0, ludus_net::Layout::log_std);
    let least = config.least_deviation.ln();
    state.parameters[log_std].iter_mut().for_each(|log_std| *log_std = log_std.max(least));
    learner.restore(&state)?;
    Ok(Some(CloningReport { kept, epochs, samples: learned.experience.samples().len() }))
}

/// True if a policy of this epoch is kept in place of `best`. Without samples that were held out, the last one is.
fn is_better(epoch: &CloningEpoch, best: &CloningEpoch) -> bool {
    match (epoch.held_out_loss, best.held_out_loss) {
        (Some(loss), Some(best)) => loss < best,
        _ => true,
    }
}

/// Learns from all samples once. Returns their mean loss.
fn clone_epoch(
    cloning: &mut dyn CloningLearner,
    learned: &mut DemonstratedSamples,
    config: &CloningConfig,
    part: f32,
    seed: Seed,
) -> Result<f32, LearnError> {
    let step = CloningStep { learning_rate: config.learning_rate.at(part), max_grad_norm: config.max_grad_norm };
    learned.experience.shuffle(seed);
    let DemonstratedSamples { rollout, experience } = learned;
    let count = minibatch_count(experience.samples().len(), config.minibatch);
    let mut sum = 0.0;
    for minibatch in experience.minibatches(count) {
        sum += cloning.clone_minibatch(rollout, minibatch, step)? * minibatch.samples.len() as f32;
    }
    Ok(sum / experience.samples().len() as f32)
}

/// Returns the mean loss of all samples.
fn mean_loss(cloning: &mut dyn CloningLearner, judged: &DemonstratedSamples, config: &CloningConfig) -> f32 {
    let DemonstratedSamples { rollout, experience } = judged;
    let count = minibatch_count(experience.samples().len(), config.minibatch);
    let loss =
        |minibatch: crate::Minibatch<'_>| cloning.cloning_loss(rollout, minibatch) * minibatch.samples.len() as f32;
    experience.minibatches(count).map(loss).sum::<f32>() / experience.samples().len() as f32
}
