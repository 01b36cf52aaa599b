//! The learner of action values in plain Rust.

use ludus_net::{Adam, Network, Normalizer, Scratch, TargetNetwork};

use super::action_values::ActionValues;
use super::context::ValueContext;
use super::learner::{ValueLearner, ValueSamples, ValueSetup, ValueState, ValueStep};
use super::metrics::ValueLosses;
use super::worker::ValueWorker;
use crate::gradient::{ShardedGradient, StepSize, Units, check_loss, check_parameters, take_step};
use crate::{Decider, LearnError, LearnedPolicy, LearnerState, Machine, Observed, Rollout};

/// The learner of action values for small networks on the CPU.
///
/// It decides for each simulation in that one's thread, so no step waits for another thread. A minibatch is cut into
/// shards whose targets and gradients are worked out in parallel; the gradients are added up along a fixed tree. The
/// result is the same, bit for bit, with any number of threads.
#[derive(Debug)]
pub struct NativeValueLearner {
    network: Network,
    /// The network whose values are in the targets, if the algorithm has one.
    target: Option<TargetNetwork>,
    pub(super) normalizer: Option<Normalizer>,
    pub(super) values: ActionValues,
    machine: Machine,
    /// The probability of a random action.
    pub(super) epsilon: f32,
    pub(super) scratch: Scratch,
    optimizer: Adam,
    gradient: ShardedGradient<ValueWorker, ValueLosses>,
    observed: Observed,
    /// The marked state.
    good: Option<ValueState>,
    /// Losses of the gradient steps since the last [`take_losses`](ValueLearner::take_losses): sums over samples.
    losses: ValueLosses,
}

impl NativeValueLearner {
    /// Makes a learner that starts from this network.
    ///
    /// With a `normalizer`, observations are normalised. Its statistics are the start; experience is merged into them.
    ///
    /// # Errors
    ///
    /// [`LearnError::Continuous`] if an action is continuous, [`LearnError::Memory`] if the network has a memory, and if
    /// the normaliser is not as wide as the network's input.
    pub fn new(network: Network, normalizer: Option<Normalizer>, machine: Machine) -> Result<Self, LearnError> {
        let layout = network.layout();
        normalizer.as_ref().map_or(Ok(()), |normalizer| normalizer.check_width(layout.inputs()))?;
        if layout.memory_width() > 0 {
            return Err(LearnError::Memory);
        }
        let values = ActionValues::new(layout.heads(), false)?;
        let scratch = Scratch::new(layout);
        let parameters = layout.parameter_count();
        let gradient = ShardedGradient::new(parameters, &machine.pool, || ValueWorker::new(scratch.clone()));
        Ok(Self {
            optimizer: Adam::new(parameters),
            observed: Observed::default(),
            good: None,
            losses: ValueLosses::default(),
            epsilon: 0.0,
            target: None,
            network,
            normalizer,
            values,
            machine,
            scratch,
            gradient,
        })
    }

    /// Returns the network that learns.
    pub const fn network(&self) -> &Network {
        &self.network
    }
}

impl ValueLearner for NativeValueLearner {
    fn machine(&self) -> &Machine {
        &self.machine
    }

    fn set_up(&mut self, ValueSetup { is_dueling, has_target }: ValueSetup) {
        self.values.is_dueling = is_dueling;
        self.target = has_target.then(|| TargetNetwork::new(&self.network));
    }

    fn decider(&mut self, epsilon: f32) -> Decider<'_> {
        self.epsilon = epsilon;
        Decider::PerGroup(self)
    }

    fn keeps_inputs(&self) -> bool {
        self.normalizer.is_some()
    }

    fn begin_update(&mut self) {
        self.losses = ValueLosses::default();
    }

    fn learn(&mut self, samples: &dyn ValueSamples, step: &ValueStep) -> Result<(), LearnError> {
        let Self { network, target, normalizer, values, machine, scratch, gradient, optimizer, .. } = self;
        let count = samples.count() as f32;
        let weight = 1.0 / count;
        let (normalizer, target) = (normalizer.as_ref(), target.as_ref());
        let context = ValueContext { network, target, normalizer, values, step, weight };
        let make = || ValueWorker::new(scratch.clone());
        let sums = gradient.compute(&machine.pool, Units::Samples(samples.count()), make, |worker, shard| {
            worker.compute_gradient(context, samples, shard);
        });
        let mut losses = ValueLosses::default();
        losses.add(&sums, weight);
        check_loss("TD loss", losses.loss)?;
        let size = StepSize { learning_rate: step.learning_rate, max_grad_norm: step.max_grad_norm };
        losses.grad_norm = take_step(network, optimizer, &gradient.sum, size)?;
        self.losses.add(&losses, count);
        Ok(())
    }

    fn read_errors(&mut self, errors: &mut Vec<f32>) -> Result<(), LearnError> {
        errors.clear();
        errors.extend(self.gradient.last_shards().iter().flat_map(|shard| &shard.errors));
        Ok(())
    }

    fn follow(&mut self, rate: f32) -> Result<(), LearnError> {
        if let Some(target) = &mut self.target {
            target.follow(&self.network, rate);
        }
        Ok(())
    }

    fn take_losses(&mut self) -> Result<ValueLosses, LearnError> {
        let losses = std::mem::take(&mut self.losses);
        check_parameters(&self.network)?;
        Ok(losses)
    }

    fn update_normalizer(&mut self, rollout: &Rollout) -> Result<(), LearnError> {
        if let Some(normalizer) = &mut self.normalizer {
            self.observed.merge(rollout, normalizer, &self.machine.pool);
        }
        Ok(())
    }

    fn mark(&mut self) -> Result<(), LearnError> {
        let mut good = self.good.take().unwrap_or_default();
        self.network.parameters().clone_into(&mut good.learner.parameters);
        self.optimizer.mean().clone_into(&mut good.learner.first_moments);
        self.optimizer.variance().clone_into(&mut good.learner.second_moments);
        good.learner.optimizer_steps = self.optimizer.step_count();
        good.learner.normalizer.clone_from(&self.normalizer);
        if let Some(target) = &self.target {
            target.parameters().clone_into(good.target.get_or_insert_default());
        }
        self.good = Some(good);
        Ok(())
    }

    fn rewind(&mut self) {
        if let Some(good) = self.good.take() {
            self.restore(&good).expect("what was marked is of this network, and was learned from");
            self.good = Some(good);
        }
    }

    fn policy(&self) -> LearnedPolicy {
        LearnedPolicy { parameters: self.network.parameters().to_vec(), normalizer: self.normalizer.clone() }
    }

    fn state(&self) -> ValueState {
        let learner = LearnerState {
            parameters: self.network.parameters().to_vec(),
            first_moments: self.optimizer.mean().to_vec(),
            second_moments: self.optimizer.variance().to_vec(),
            optimizer_steps: self.optimizer.step_count(),
            normalizer: self.normalizer.clone(),
        };
        ValueState { learner, target: self.target.as_ref().map(|target| target.parameters().to_vec()) }
    }

    fn restore(&mut self, state: &ValueState) -> Result<(), LearnError> {
        let target_weights = self.target.as_ref().map_or(0, |target| target.parameters().len());
        state.check(self.network.parameters().len(), target_weights, self.normalizer.as_ref())?;
        let LearnerState { parameters, first_moments, second_moments, optimizer_steps, normalizer } = &state.learner;
        let optimizer = Adam::from_state(first_moments.clone(), second_moments.clone(), *optimizer_steps)?;
        self.network.set_parameters(parameters)?;
        self.optimizer = optimizer;
        if let Some((target, saved)) = self.target.as_mut().zip(state.target.as_ref()) {
            target.set_parameters(saved)?;
        }
        if let Some((normalizer, saved)) = self.normalizer.as_mut().zip(normalizer.as_ref()) {
            normalizer.go_on_from(saved);
        }
        Ok(())
    }
}
