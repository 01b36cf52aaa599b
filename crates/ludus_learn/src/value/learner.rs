//! The network of value learning, in plain Rust: it decides and learns.

use ludus_net::{Adam, Network, Normalizer, Scratch};

use super::action_values::ActionValues;
use super::metrics::ValueLosses;
use super::worker::{Online, ValueContext, ValueSamples, ValueWorker};
use crate::gradient::{ShardedGradient, StepSize, Units, check_loss, check_parameters, take_step};
use crate::{LearnError, LearnedPolicy, LearnerState, Machine, Observed, Rollout};

/// A network whose outputs are the values of actions, its optimiser and the normaliser of its observations.
///
/// Its rows decide greedily, but for a random action with the probability `epsilon`.
#[derive(Debug)]
pub(crate) struct ValueLearner {
    pub network: Network,
    pub normalizer: Option<Normalizer>,
    pub values: ActionValues,
    pub machine: Machine,
    /// The probability of a random action.
    pub epsilon: f32,
    pub(super) scratch: Scratch,
    optimizer: Adam,
    gradient: ShardedGradient<ValueWorker, ValueLosses>,
    observed: Observed,
    good: Option<LearnerState>,
}

/// The settings of a gradient step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ValueStep {
    pub size: StepSize,
    /// The error from which on the loss is a line; `None` for a square throughout.
    pub huber: Option<f32>,
}

impl ValueLearner {
    /// Makes a learner that starts from this network.
    ///
    /// # Errors
    ///
    /// [`LearnError::Continuous`] if an action is continuous, [`LearnError::Memory`] if the network has a memory, and if
    /// the normaliser is not as wide as the network's input.
    pub fn new(
        network: Network,
        normalizer: Option<Normalizer>,
        machine: Machine,
        is_dueling: bool,
    ) -> Result<Self, LearnError> {
        let layout = network.layout();
        normalizer.as_ref().map_or(Ok(()), |normalizer| normalizer.check_width(layout.inputs()))?;
        if layout.memory_width() > 0 {
            return Err(LearnError::Memory);
        }
        let values = ActionValues::new(layout.heads(), is_dueling)?;
        let scratch = Scratch::new(layout);
        let parameters = layout.parameter_count();
        let gradient = ShardedGradient::new(parameters, &machine.pool, || ValueWorker::new(scratch.clone()));
        Ok(Self {
            optimizer: Adam::new(parameters),
            observed: Observed::default(),
            good: None,
            epsilon: 0.0,
            network,
            normalizer,
            values,
            machine,
            scratch,
            gradient,
        })
    }

    /// Takes a gradient step on these samples. Returns the means of their losses.
    ///
    /// # Errors
    ///
    /// [`LearnError::NotFinite`] or [`LearnError::Gradient`], with all parameters as they were before.
    pub fn learn(&mut self, samples: &impl ValueSamples, step: ValueStep) -> Result<ValueLosses, LearnError> {
        let Self { network, normalizer, values, machine, scratch, gradient, optimizer, .. } = self;
        let weight = 1.0 / samples.count() as f32;
        let online = Online { network, normalizer: normalizer.as_ref(), values };
        let context = ValueContext { online, huber: step.huber, weight };
        let make = || ValueWorker::new(scratch.clone());
        let sums = gradient.compute(&machine.pool, Units::Samples(samples.count()), make, |worker, shard| {
            worker.compute_gradient(context, samples, shard);
        });
        let mut losses = ValueLosses::default();
        losses.add(&sums, weight);
        check_loss("TD loss", losses.loss)?;
        losses.grad_norm = take_step(network, optimizer, &gradient.sum, step.size)?;
        Ok(losses)
    }

    /// Returns the greatest error of the heads of each sample of the last gradient step, in their order.
    pub fn errors(&self) -> impl Iterator<Item = f32> {
        self.gradient.last_shards().iter().flat_map(|shard| shard.errors.iter().copied())
    }

    /// Returns an error if the last gradient step has left a parameter that is not finite.
    pub fn check(&self) -> Result<(), LearnError> {
        check_parameters(&self.network)
    }

    /// Merges the observations of the rollout's experience into the normaliser, if there is one. Detail 14 of PPO.
    pub fn update_normalizer(&mut self, rollout: &Rollout) {
        if let Some(normalizer) = &mut self.normalizer {
            self.observed.merge(rollout, normalizer, &self.machine.pool);
        }
    }

    pub fn mark(&mut self) {
        let mut good = self.good.take().unwrap_or_default();
        self.network.parameters().clone_into(&mut good.parameters);
        self.optimizer.mean().clone_into(&mut good.first_moments);
        self.optimizer.variance().clone_into(&mut good.second_moments);
        good.optimizer_steps = self.optimizer.step_count();
        good.normalizer.clone_from(&self.normalizer);
        self.good = Some(good);
    }

    pub fn rewind(&mut self) {
        if let Some(good) = self.good.take() {
            self.restore(&good).expect("what was marked is of this network, and was learned from");
            self.good = Some(good);
        }
    }

    pub fn policy(&self) -> LearnedPolicy {
        LearnedPolicy { parameters: self.network.parameters().to_vec(), normalizer: self.normalizer.clone() }
    }

    pub fn state(&self) -> LearnerState {
        LearnerState {
            parameters: self.network.parameters().to_vec(),
            first_moments: self.optimizer.mean().to_vec(),
            second_moments: self.optimizer.variance().to_vec(),
            optimizer_steps: self.optimizer.step_count(),
            normalizer: self.normalizer.clone(),
        }
    }

    /// Restores a saved state.
    ///
    /// # Errors
    ///
    /// If the state belongs to another network, or holds invalid numbers; then everything is as it was.
    pub fn restore(&mut self, state: &LearnerState) -> Result<(), LearnError> {
        state.check(self.network.parameters().len(), self.normalizer.as_ref())?;
        let LearnerState { first_moments, second_moments, optimizer_steps, .. } = state.clone();
        let optimizer = Adam::from_state(first_moments, second_moments, optimizer_steps)?;
        self.network.set_parameters(&state.parameters)?;
        self.optimizer = optimizer;
        if let Some((normalizer, saved)) = self.normalizer.as_mut().zip(state.normalizer.as_ref()) {
            normalizer.go_on_from(saved);
        }
        Ok(())
    }
}
