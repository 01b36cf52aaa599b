//! The learner in plain Rust.

mod cloning;
mod decide;
mod shard;

use ludus_net::{Layout, Network, Normalizer, Scratch, ValueMap};

use super::{Learner, Losses, UpdateSettings};
use crate::gradient::{LossSums, ShardedGradient, StepSize, Units, check_loss};
use crate::learned_network::LearnedNetwork;
use crate::{
    CloningLearner, Decider, LearnError, LearnedPolicy, LearnerState, Machine, Minibatch, Rollout, Standardization,
};
use cloning::ExtraGradient;
use shard::{GradientWorker, LossContext, Objective};

/// The learner for small networks on the CPU.
///
/// It decides for each simulation in that one's thread, so no step waits for another thread. A minibatch is cut into
/// shards whose gradients are worked out in parallel and added up along a fixed tree. The result is the same, bit for
/// bit, with any number of threads.
#[derive(Debug)]
pub struct NativeLearner {
    learned: LearnedNetwork,
    machine: Machine,
    scratch: Scratch,
    gradient: ShardedGradient<GradientWorker, Losses>,
    extra: ExtraGradient,
    /// The marked state.
    good: Option<LearnerState>,
    /// Losses of the minibatches since the last [`take_losses`](Learner::take_losses): sums over samples.
    losses: Losses,
}

impl NativeLearner {
    /// Makes a learner that starts from this network. Details 1 and 2.
    ///
    /// With a `normalizer`, observations are normalised. Its statistics are the start; experience is merged into them.
    ///
    /// # Errors
    ///
    /// If the normaliser is not as wide as the network's input.
    pub fn new(network: Network, normalizer: Option<Normalizer>, machine: Machine) -> Result<Self, LearnError> {
        let learned = LearnedNetwork::new(network, normalizer)?;
        let scratch = Scratch::new(learned.network.layout());
        let make = || GradientWorker::new(scratch.clone());
        let gradient = ShardedGradient::new(learned.network.parameters().len(), &machine.pool, make);
        Ok(Self {
            gradient,
            extra: ExtraGradient::default(),
            good: None,
            losses: Losses::default(),
            learned,
            machine,
            scratch,
        })
    }

    /// Returns the network: policy and critic.
    pub const fn network(&self) -> &Network {
        &self.learned.network
    }

    /// Returns the normaliser of observations; `None` if they are not normalised.
    pub const fn normalizer(&self) -> Option<&Normalizer> {
        self.learned.normalizer.as_ref()
    }
}

impl Learner for NativeLearner {
    fn machine(&self) -> &Machine {
        &self.machine
    }

    fn decider(&mut self) -> Decider<'_> {
        Decider::PerGroup(self)
    }

    fn keeps_inputs(&self) -> bool {
        // With memory, an update repeats all steps, also those whose observations are not finite.
        self.learned.normalizer.is_some() || self.memory_width() > 0
    }

    fn memory_width(&self) -> usize {
        self.learned.network.layout().memory_width()
    }

    fn layout(&self) -> Option<&Layout> {
        Some(self.learned.network.layout())
    }

    fn map_values(&mut self, maps: &[ValueMap]) -> Result<(), LearnError> {
        self.learned.network.map_values(maps);
        Ok(())
    }

    fn begin_update(&mut self, _: &Rollout) {
        self.losses = Losses::default();
        self.extra.clear();
    }

    fn cloning(&mut self) -> Option<&mut dyn CloningLearner> {
        Some(self)
    }

    fn learn_minibatch(
        &mut self,
        rollout: &Rollout,
        minibatch: Minibatch<'_>,
        settings: &UpdateSettings,
    ) -> Result<(), LearnError> {
        let is_kept = self.learned.normalizer.is_none() || rollout.shape().has_inputs;
        assert!(is_kept, "a rollout keeps what a network with normalised observations read");
        let advantages = standardization(rollout, minibatch.samples, settings);
        let objective = Objective::Ppo { advantages, settings };
        let losses = self.compute(rollout, minibatch, objective);
        let samples = minibatch.samples.len();
        let losses = self.step(losses, settings)?;
        self.losses.add(&losses, samples as f32);
        Ok(())
    }

    fn take_losses(&mut self) -> Result<Losses, LearnError> {
        let losses = std::mem::take(&mut self.losses);
        self.learned.check()?;
        Ok(losses)
    }

    fn update_normalizer(&mut self, rollout: &Rollout) -> Result<(), LearnError> {
        self.learned.update_normalizer(rollout, &self.machine.pool);
        Ok(())
    }

    fn mark(&mut self) -> Result<(), LearnError> {
        self.learned.copy_state(self.good.get_or_insert_default());
        Ok(())
    }

    fn rewind(&mut self) {
        if let Some(good) = self.good.take() {
            self.restore(&good).expect("what was marked is of this network, and was learned from");
            self.good = Some(good);
        }
    }

    fn policy(&self) -> LearnedPolicy {
        self.learned.policy()
    }

    fn state(&self) -> LearnerState {
        self.learned.state()
    }

    fn restore(&mut self, state: &LearnerState) -> Result<(), LearnError> {
        self.learned.restore(state)
    }
}

impl NativeLearner {
    /// Computes the gradient of a minibatch. Returns the means of its losses.
    fn compute(&mut self, rollout: &Rollout, minibatch: Minibatch<'_>, objective: Objective<'_>) -> Losses {
        let (network, steps) = (&self.learned.network, rollout.shape().steps);
        let context = LossContext { network, rollout: rollout.samples(), steps, minibatch, objective };
        let units = match minibatch.rows.len() {
            0 => Units::Samples(minibatch.samples.len()),
            rows => Units::Rows(rows),
        };
        let make = || GradientWorker::new(self.scratch.clone());
        let sums = self.gradient.compute(&self.machine.pool, units, make, |worker, shard| {
            worker.compute_gradient(context, shard);
        });
        let mut losses = Losses::default();
        losses.add(&sums, 1.0 / minibatch.samples.len() as f32);
        losses
    }

    /// Takes a gradient step, unless a loss or the gradient is not finite. Details 2 and 13.
    fn step(&mut self, losses: Losses, settings: &UpdateSettings) -> Result<Losses, LearnError> {
        check_loss("policy loss", losses.policy)?;
        check_loss("value loss", losses.value)?;
        check_loss("entropy", losses.entropy)?;
        self.extra.apply(&mut self.gradient.sum);
        let size = StepSize { learning_rate: settings.learning_rate, max_grad_norm: settings.max_grad_norm };
        let grad_norm = self.learned.take_step(&self.gradient.sum, size)?;
        Ok(Losses { grad_norm, ..losses })
    }
}

impl LossSums for Losses {
    fn plus(mut self, other: Self) -> Self {
        self.add(&other, 1.0);
        self
    }
}

/// Returns the standardisation of the minibatch's advantages. Detail 9.
fn standardization(rollout: &Rollout, samples: &[u32], settings: &UpdateSettings) -> Standardization {
    if settings.normalize_advantages {
        Standardization::of(rollout.samples().policy_advantages, samples)
    } else {
        Standardization::NONE
    }
}
