//! Demonstrations beside a rollout: the loss of cloning in PPO's gradient steps, and the warm-up of the critic.

use ludus_spec::Seed;

use super::{DEMONSTRATIONS, Ppo};
use crate::cloning::LOSS;
use crate::experience::minibatch_count;
use crate::{Imitation, LearnError, Learner, Metric};

/// The demonstrations of PPO, and the progress through them in an update.
#[derive(Debug)]
pub(super) struct ImitatedRollout {
    pub imitation: Imitation,
    /// The weight of cloning's loss in this update.
    weight: f32,
    /// Minibatches of demonstrations that this update has used.
    used: usize,
    /// The sum of their losses.
    loss: f32,
}

impl ImitatedRollout {
    pub const fn new(imitation: Imitation) -> Self {
        Self { imitation, weight: 0.0, used: 0, loss: 0.0 }
    }

    /// Prepares an update: demonstrations are shuffled anew, whatever was used of them before.
    fn begin<L: Learner>(&mut self, learner: &mut L, weight: f32, seed: Seed) -> Result<(), LearnError> {
        (self.weight, self.used, self.loss) = (weight, 0, 0.0);
        if weight == 0.0 {
            return Ok(());
        }
        let learned = &mut self.imitation.demonstrations.learned;
        learner.cloning().ok_or(LearnError::NoCloning)?.stage(&mut learned.rollout);
        learned.in_order();
        learned.experience.shuffle(seed);
        Ok(())
    }

    /// Adds the gradient of the next minibatch of demonstrations to the next step. Detail 48.
    pub fn add_to_next_step<L: Learner>(&mut self, learner: &mut L) {
        let Some(cloning) = learner.cloning().filter(|_| self.weight != 0.0) else { return };
        let Imitation { demonstrations, config } = &self.imitation;
        let learned = &demonstrations.learned;
        let count = minibatch_count(learned.experience.samples().len(), config.minibatch);
        let mut minibatches = learned.experience.minibatches(count);
        let next = self.used % minibatches.size_hint().0.max(1);
        let Some(minibatch) = minibatches.nth(next) else { return };
        self.loss += cloning.add_to_next_step(&learned.rollout, minibatch, self.weight);
        self.used += 1;
    }

    /// Returns the mean loss of cloning in the last update; `None` if it is never a part of one.
    pub fn metric(&self) -> Option<Metric> {
        let is_auxiliary = self.imitation.is_auxiliary();
        is_auxiliary.then(|| Metric { info: LOSS, value: self.loss / self.used.max(1) as f32 })
    }
}

impl<L: Learner> Ppo<L> {
    /// Prepares an update for what is imitated in it, demonstrations or a teacher. Details 48 and 53.
    pub(super) fn begin_imitation(&mut self, progress: f32) -> Result<(), LearnError> {
        if self.imitation.is_some() || self.distilled.is_some() {
            let is_frozen = self.is_warming_up() || self.taught_rate().is_some();
            self.learner.cloning().ok_or(LearnError::NoCloning)?.freeze_policy(is_frozen);
        }
        self.begin_distillation(progress);
        let Some(imitated) = &mut self.imitation else { return Ok(()) };
        let is_warming_up = imitated.imitation.is_warming_up(self.iteration);
        if self.iteration > 0 && self.iteration == imitated.imitation.config.critic_warm_up as u64 {
            // The policy's moments are those of no gradient at all, with which Adam would overshoot.
            let mut state = self.learner.state();
            state.forget_moments();
            self.learner.restore(&state)?;
        }
        let weight = if is_warming_up { 0.0 } else { imitated.imitation.weight(progress) };
        let seed = self.seed.derive(DEMONSTRATIONS).derive(self.iteration);
        imitated.begin(&mut self.learner, weight, seed)
    }

    /// Returns the mean loss of cloning in the last update \[nats\]; `None` if it is never a part of one.
    pub fn cloning_loss(&self) -> Option<f32> {
        self.imitation.as_ref()?.metric().map(|metric| metric.value)
    }

    /// True if the statistics of observations stay as they are in this update.
    ///
    /// A policy that was cloned has learned with those of the demonstrations: with others it would be another one. Detail 47.
    pub(super) fn keeps_statistics(&self) -> bool {
        self.is_warming_up() || self.imitation.as_ref().is_some_and(|imitated| imitated.imitation.is_pretrained())
    }

    /// True if only the critic learns in this update.
    pub(super) fn is_warming_up(&self) -> bool {
        self.imitation.as_ref().is_some_and(|imitated| imitated.imitation.is_warming_up(self.iteration))
    }
}
