//! The learner of action values on libtorch.

use std::ops::Range;

use ludus_learn::{
    BatchDecider, Decider, Exchange, LearnError, LearnedPolicy, Machine, Rollout, RolloutShape, ValueBatch,
    ValueLearner, ValueLosses, ValueSamples, ValueSetup, ValueState, ValueStep,
};
use ludus_net::Normalizer;
use tch::{Device, Kind, Tensor};

use crate::TorchError;
use crate::action_values::{ActionValues, EpsilonGreedy};
use crate::decider::{PolicyWidths, RolloutPolicy, RowExchange};
use crate::exchanges::Exchanges;
use crate::link::Transfers;
use crate::network::TorchNetwork;
use crate::parameters::Leaves;
use crate::settings::TorchSettings;
use crate::step_recordings::{RecordedStep, StepRecordings, padded};
use crate::threads::keep_to_this_thread;
use crate::trained::TrainedNetwork;
use crate::value_minibatch::ValueWidths;
use crate::value_update::{LOSSES, ValueContext, step_settings};

/// The learner of action values for GPUs, and for networks that are no plain perceptrons.
///
/// Draws and formulas are those of [`NativeValueLearner`](ludus_learn::NativeValueLearner): the two differ by rounding.
/// Samples come from the host: each minibatch is copied to the device at once.
pub struct TorchValueLearner {
    trained: TrainedNetwork,
    behavior: EpsilonGreedy,
    target: Option<Target>,
    exchanges: Exchanges,
    step_recordings: StepRecordings,
    batch: ValueBatch,
    /// The samples of a gradient step, as they are copied.
    numbers: Vec<f32>,
    /// The errors of the last gradient step, `[samples]` and padding.
    errors: Tensor,
    /// Samples of the last gradient step.
    samples: usize,
}

/// The target network: weights that follow those that are learned.
struct Target {
    parameters: Tensor,
    leaves: Leaves,
    good: Option<Tensor>,
}

impl TorchValueLearner {
    /// Makes a learner that starts from the network's initial parameters.
    ///
    /// With a `normalizer`, observations are normalised. Its statistics are the start; experience is merged into them.
    ///
    /// # Errors
    ///
    /// [`LearnError::Continuous`] if an action is continuous, [`LearnError::Memory`] if the network has a memory; and as
    /// for [`TorchLearner::new`](crate::TorchLearner::new).
    pub fn new(
        network: Box<dyn TorchNetwork>,
        normalizer: Option<Normalizer>,
        settings: TorchSettings,
    ) -> Result<Self, TorchError> {
        if network.memory_width() > 0 {
            return Err(LearnError::Memory.into());
        }
        let values = ActionValues::new(network.heads())?;
        let trained = TrainedNetwork::new(network, normalizer, settings, LOSSES)?;
        let zeros = |size: &[i64]| Tensor::zeros(size, (Kind::Float, trained.settings.device));
        Ok(Self {
            behavior: EpsilonGreedy::new(values, zeros(&[])),
            errors: zeros(&[0]),
            trained,
            target: None,
            exchanges: Exchanges::default(),
            step_recordings: StepRecordings::default(),
            batch: ValueBatch::default(),
            numbers: Vec::new(),
            samples: 0,
        })
    }

    /// Returns the network that is trained.
    pub fn network(&self) -> &dyn TorchNetwork {
        &*self.trained.network
    }

    /// Returns the number of copies between the host and the device so far.
    pub fn transfers(&self) -> Transfers {
        self.trained.link.transfers()
    }

    /// Returns the device of the learner.
    pub const fn device(&self) -> Device {
        self.trained.settings.device
    }

    /// Calls `work` with a part and the current policy, unless libtorch has failed before.
    fn with_part(
        &mut self,
        exchange: &mut dyn Exchange,
        work: impl FnOnce(&mut RowExchange, RolloutPolicy<'_>),
    ) -> Result<(), LearnError> {
        let Self { trained, behavior, .. } = self;
        trained.on_device(|trained| work(RowExchange::own(exchange), trained.rollout_policy(behavior)))
    }

    /// Makes room for the errors of this many samples.
    fn make_room(&mut self, size: usize) {
        if self.errors.numel() < size {
            self.errors = Tensor::zeros([size as i64], (Kind::Float, self.device()));
            // Existing recordings write to the old memory.
            self.step_recordings = StepRecordings::default();
        }
    }
}

impl ValueLearner for TorchValueLearner {
    fn machine(&self) -> &Machine {
        &self.trained.settings.machine
    }

    fn keeps_to_a_thread(&self) -> bool {
        self.device().is_cuda()
    }

    fn obstacle(&self) -> Option<&str> {
        self.trained.recorder.obstacle()
    }

    fn set_up(&mut self, ValueSetup { is_dueling, has_target }: ValueSetup) {
        let Self { trained, behavior, target, .. } = self;
        behavior.values.is_dueling = is_dueling;
        // If this fails, the first rollout returns the error.
        let _ = trained.on_device(|trained| {
            *target = has_target.then(|| {
                let parameters = trained.update.parameters.copy();
                Target { leaves: Leaves::new(&trained.places, &parameters), parameters, good: None }
            });
        });
    }

    fn decider(&mut self, epsilon: f32) -> Decider<'_> {
        let Self { trained, behavior, .. } = self;
        // If this fails, the rollout returns the error.
        let _ = trained.on_device(|_| behavior.epsilon.fill_(f64::from(epsilon)));
        Decider::Together(self)
    }

    fn begin_update(&mut self) {
        // If this fails, the first gradient step returns the error.
        let _ = self.trained.on_device(TrainedNetwork::begin_update);
    }

    fn learn(&mut self, samples: &dyn ValueSamples, step: &ValueStep) -> Result<(), LearnError> {
        keep_to_this_thread();
        let count = samples.count();
        if count == 0 {
            return Ok(());
        }
        samples.gather(0..count, &mut self.batch);
        let size = if self.trained.recorder.records() { padded(count) } else { count };
        ValueWidths::pack(&self.batch, size, &mut self.numbers);
        self.make_room(size);
        self.samples = count;
        let Self { trained, behavior, target, step_recordings, batch, numbers, errors, .. } = self;
        trained.on_device(|trained| {
            let number = trained.count_step();
            let TrainedNetwork { network, inputs, leaves, update, recorder, link, settings, .. } = trained;
            let (values, target) = (&behavior.values, target.as_ref().map(|target| &target.leaves));
            let pool = &settings.machine.pool;
            let context = ValueContext { network: &**network, values, inputs, leaves, target, step, pool };
            let widths = ValueWidths::of(batch);
            let step_settings = link.send(&step_settings(step, count, number));
            let RecordedStep { recording, samples, step_settings } =
                step_recordings.of(size, link.send(numbers), step_settings, recorder);
            recording.run(recorder, &mut || {
                let found = update.step_values(context, widths.unpack(samples), step_settings);
                errors.narrow(0, 0, size as i64).copy_(&found);
            });
        })
    }

    fn read_errors(&mut self, errors: &mut Vec<f32>) -> Result<(), LearnError> {
        let Self { trained, errors: found, samples, .. } = self;
        *errors = trained.on_device(|trained| trained.link.fetch(&found.narrow(0, 0, *samples as i64)))?;
        Ok(())
    }

    fn follow(&mut self, rate: f32) -> Result<(), LearnError> {
        let Self { trained, target, .. } = self;
        let Some(Target { parameters, .. }) = target else { return Ok(()) };
        trained.on_device(|trained| {
            let _guard = tch::no_grad_guard();
            let learned = &trained.update.parameters;
            if rate == 1.0 {
                parameters.copy_(learned);
            } else {
                *parameters += (learned - &*parameters) * f64::from(rate);
            }
        })
    }

    fn take_losses(&mut self) -> Result<ValueLosses, LearnError> {
        let sums = self.trained.take_losses(&[])?;
        let &[loss, value, grad_norm] = &sums[..] else { return Ok(ValueLosses::default()) };
        Ok(ValueLosses { loss, value, grad_norm })
    }

    fn update_normalizer(&mut self, rollout: &Rollout) -> Result<(), LearnError> {
        self.trained.update_normalizer(rollout)
    }

    fn mark(&mut self) -> Result<(), LearnError> {
        let Self { trained, target, .. } = self;
        trained.mark()?;
        trained.on_device(|_| {
            if let Some(Target { parameters, good, .. }) = target {
                good.get_or_insert_with(|| parameters.zeros_like()).copy_(parameters);
            }
        })
    }

    fn rewind(&mut self) {
        let Self { trained, target, .. } = self;
        trained.rewind(|| {
            if let Some(Target { parameters, good: Some(good), .. }) = target {
                parameters.copy_(good);
            }
        });
    }

    fn policy(&self) -> LearnedPolicy {
        self.trained.policy()
    }

    fn state(&self) -> ValueState {
        let target = self.target.as_ref().map(|target| self.trained.packed(&target.parameters));
        ValueState { learner: self.trained.state(), target }
    }

    fn restore(&mut self, state: &ValueState) -> Result<(), LearnError> {
        let Self { trained, target, .. } = self;
        let count = trained.packing.packed_count();
        state.check(count, if target.is_some() { count } else { 0 }, trained.normalizer.as_ref())?;
        trained.restore(&state.learner)?;
        trained.on_device(|trained| {
            if let Some((target, saved)) = target.as_mut().zip(state.target.as_ref()) {
                target.parameters.copy_(&trained.unpacked(saved));
            }
        })
    }
}

impl BatchDecider for TorchValueLearner {
    fn splits(&self) -> usize {
        self.trained.settings.config.splits.get()
    }

    fn lend_exchanges(
        &mut self,
        shape: &RolloutShape,
        parts: &[Range<usize>],
    ) -> Result<Vec<Box<dyn Exchange>>, LearnError> {
        let Self { trained, behavior, exchanges, .. } = self;
        exchanges.lend(trained, PolicyWidths { behavior, memory: 0 }, shape, parts)
    }

    fn return_exchanges(&mut self, exchanges: Vec<Box<dyn Exchange>>) {
        self.exchanges.take_back(exchanges);
    }

    fn decide(&mut self, exchange: &mut dyn Exchange, step: usize) -> Result<(), LearnError> {
        self.with_part(exchange, |part, policy| part.decide(policy, step, None))
    }

    fn evaluate(&mut self, exchange: &mut dyn Exchange) -> Result<(), LearnError> {
        self.with_part(exchange, |part, policy| part.evaluate(policy))
    }
}
