//! The learner of action values in plain Rust.

use ludus_net::{Network, Normalizer, Scratch, TargetNetwork};

use super::action_values::ActionValues;
use super::context::ValueContext;
use super::learner::{ValueLearner, ValueSamples, ValueSetup, ValueState, ValueStep};
use super::metrics::ValueLosses;
use super::worker::ValueWorker;
use crate::gradient::{ShardedGradient, StepSize, Units, check_loss};
use crate::learned_network::LearnedNetwork;
use crate::{Decider, LearnError, LearnedPolicy, Machine, Rollout};

/// The learner of action values for small networks on the CPU.
///
/// It decides for each simulation in that one's thread, so no step waits for another thread. A minibatch is cut into
/// shards whose targets and gradients are worked out in parallel; the gradients are added up along a fixed tree. The
/// result is the same, bit for bit, with any number of threads.
#[derive(Debug)]
pub struct NativeValueLearner {
    pub(super) learned: LearnedNetwork,
    /// The network whose values are in the targets, if the algorithm has one.
    target: Option<TargetNetwork>,
    pub(super) values: ActionValues,
    machine: Machine,
    /// The probability of a random action.
    pub(super) epsilon: f32,
    pub(super) scratch: Scratch,
    gradient: ShardedGradient<ValueWorker, ValueLosses>,
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
        let learned = LearnedNetwork::new(network, normalizer)?;
        let layout = learned.network.layout();
        if layout.memory_width() > 0 {
            return Err(LearnError::Memory);
        }
        let values = ActionValues::new(layout.heads(), false)?;
        let scratch = Scratch::new(layout);
        let parameters = layout.parameter_count();
        let gradient = ShardedGradient::new(parameters, &machine.pool, || ValueWorker::new(scratch.clone()));
        Ok(Self {
            good: None,
            losses: ValueLosses::default(),
            epsilon: 0.0,
            target: None,
            learned,
            values,
            machine,
            scratch,
            gradient,
        })
    }

    /// Returns the network that learns.
    pub const fn network(&self) -> &Network {
        &self.learned.network
    }
}

impl ValueLearner for NativeValueLearner {
    fn machine(&self) -> &Machine {
        &self.machine
    }

    fn set_up(&mut self, ValueSetup { is_dueling, has_target }: ValueSetup) {
        self.values.is_dueling = is_dueling;
        self.target = has_target.then(|| TargetNetwork::new(&self.learned.network));
    }

    fn decider(&mut self, epsilon: f32) -> Decider<'_> {
        self.epsilon = epsilon;
        Decider::PerGroup(self)
    }

    fn keeps_inputs(&self) -> bool {
        self.learned.normalizer.is_some()
    }

    fn begin_update(&mut self) {
        self.losses = ValueLosses::default();
    }

    fn learn(&mut self, samples: &dyn ValueSamples, step: &ValueStep) -> Result<(), LearnError> {
        let Self { learned, target, values, machine, scratch, gradient, .. } = self;
        let count = samples.count() as f32;
        let weight = 1.0 / count;
        let (network, normalizer, target) = (&learned.network, learned.normalizer.as_ref(), target.as_ref());
        let context = ValueContext { network, target, normalizer, values, step, weight };
        let make = || ValueWorker::new(scratch.clone());
        let sums = gradient.compute(&machine.pool, Units::Samples(samples.count()), make, |worker, shard| {
            worker.compute_gradient(context, samples, shard);
        });
        let mut losses = ValueLosses::default();
        losses.add(&sums, weight);
        check_loss("TD loss", losses.loss)?;
        let size = StepSize { learning_rate: step.learning_rate, max_grad_norm: step.max_grad_norm };
        losses.grad_norm = learned.take_step(&gradient.sum, size)?;
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
            target.follow(&self.learned.network, rate);
        }
        Ok(())
    }

    fn take_losses(&mut self) -> Result<ValueLosses, LearnError> {
        let losses = std::mem::take(&mut self.losses);
        self.learned.check()?;
        Ok(losses)
    }

    fn update_normalizer(&mut self, rollout: &Rollout) -> Result<(), LearnError> {
        self.learned.update_normalizer(rollout, &self.machine.pool);
        Ok(())
    }

    fn mark(&mut self) -> Result<(), LearnError> {
        let mut good = self.good.take().unwrap_or_default();
        self.learned.copy_state(&mut good.learner);
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
        self.learned.policy()
    }

    fn state(&self) -> ValueState {
        ValueState {
            learner: self.learned.state(),
            target: self.target.as_ref().map(|target| target.parameters().to_vec()),
        }
    }

    fn restore(&mut self, state: &ValueState) -> Result<(), LearnError> {
        let target_weights = self.target.as_ref().map_or(0, |target| target.parameters().len());
        state.check(self.learned.network.parameters().len(), target_weights, self.learned.normalizer.as_ref())?;
        self.learned.restore(&state.learner)?;
        if let Some((target, saved)) = self.target.as_mut().zip(state.target.as_ref()) {
            target.set_parameters(saved)?;
        }
        Ok(())
    }
}
