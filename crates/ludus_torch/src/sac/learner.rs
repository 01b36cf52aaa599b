//! The learner of SAC on libtorch.

use std::ops::Range;

use ludus_learn::{
    ActionParts, BatchDecider, Decider, Exchange, LearnError, LearnedPolicy, Machine, Rollout, RolloutShape,
    SacBehavior, SacLearner, SacLosses, SacNetworks, SacSamples, SacState, SacStep, TemperatureSettings, Temperatures,
};
use ludus_net::Normalizer;
use tch::{Device, Kind, Tensor};

use super::behavior::SacPolicy;
use super::critics::Critics;
use super::minibatch::SacBatch;
use super::temperatures::TensorTemperatures;
use super::update::{LOSSES, SacContext, SacUpdate, StepNumbers, step_settings};
use crate::TorchError;
use crate::decider::{PolicyWidths, RowExchange};
use crate::encoded::described;
use crate::exchanges::Exchanges;
use crate::link::Transfers;
use crate::network::TorchNetwork;
use crate::settings::TorchSettings;
use crate::step_recordings::{RecordedStep, StepRecordings, padded};
use crate::threads::keep_to_this_thread;
use crate::trained::TrainedNetwork;

/// The learner of SAC for GPUs.
///
/// Draws and formulas are those of [`NativeSacLearner`](ludus_learn::NativeSacLearner): the two differ by rounding.
/// Samples come from the host: each minibatch is copied to the device at once. It has no
/// [smooth noise](SacBehavior::Smooth).
pub struct TorchSacLearner {
    /// The policy. Its losses are those of the critics too.
    trained: TrainedNetwork,
    critics: Critics,
    temperatures: TensorTemperatures,
    ahead: StepsAhead,
    /// The steps ahead in the marked state.
    good_ahead: Option<StepsAhead>,
    behavior: SacPolicy,
    action_parts: ActionParts,
    exchanges: Exchanges,
    step_recordings: StepRecordings,
    batch: SacBatch,
    /// The samples of a gradient step, as they are copied.
    numbers: Vec<f32>,
    /// Samples of the gradient steps since the losses were last taken.
    samples: f32,
}

/// The steps of Adam that the critics and the temperatures are ahead of the policy, modulo 2⁶⁴. They differ only after a
/// checkpoint of a learner in plain Rust that had failed between them.
#[derive(Clone, Copy, Debug, Default)]
struct StepsAhead {
    critics: u64,
    temperatures: u64,
}

impl StepsAhead {
    const fn numbers(self, policy: u64) -> StepNumbers {
        let Self { critics, temperatures } = self;
        StepNumbers { critics: policy.wrapping_add(critics), policy, temperatures: policy.wrapping_add(temperatures) }
    }
}

impl TorchSacLearner {
    /// Makes a learner that starts from these networks.
    ///
    /// With a `normalizer`, observations are normalised. Its statistics are the start; experience is merged into them.
    ///
    /// # Errors
    ///
    /// As for [`TorchLearner::new`](crate::TorchLearner::new).
    pub fn new(
        networks: SacNetworks,
        normalizer: Option<Normalizer>,
        settings: TorchSettings,
    ) -> Result<Self, TorchError> {
        let policy = described(networks.policy().clone());
        let trained = TrainedNetwork::new(policy, normalizer, settings, LOSSES)?;
        let link = &trained.link;
        let is_random = Tensor::ones([], (Kind::Float, link.device()));
        Ok(Self {
            critics: Critics::new(&networks, link),
            temperatures: TensorTemperatures::new(TemperatureSettings::default(), link),
            ahead: StepsAhead::default(),
            good_ahead: None,
            behavior: SacPolicy::new(networks.parts(), is_random),
            action_parts: networks.parts().clone(),
            trained,
            exchanges: Exchanges::default(),
            step_recordings: StepRecordings::default(),
            batch: SacBatch::default(),
            numbers: Vec::new(),
            samples: 0.0,
        })
    }

    /// Returns the network of the policy.
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
}

impl SacLearner for TorchSacLearner {
    fn machine(&self) -> &Machine {
        &self.trained.settings.machine
    }

    fn keeps_to_a_thread(&self) -> bool {
        self.device().is_cuda()
    }

    fn obstacle(&self) -> Option<&str> {
        self.trained.recorder.obstacle()
    }

    fn parts(&self) -> &ActionParts {
        &self.action_parts
    }

    fn set_up(&mut self, settings: TemperatureSettings) {
        let Self { trained, temperatures, .. } = self;
        // If this fails, the first rollout returns the error.
        let _ = trained.on_device(|trained| *temperatures = TensorTemperatures::new(settings, &trained.link));
    }

    fn decider(&mut self, behavior: SacBehavior) -> Decider<'_> {
        let Self { trained, behavior: policy, .. } = self;
        let is_random = f64::from(u8::from(behavior == SacBehavior::Random));
        // If this fails, the rollout returns the error.
        let _ = trained.on_device(|_| policy.is_random.fill_(is_random));
        Decider::Together(self)
    }

    fn begin_update(&mut self, _: usize) {
        self.samples = 0.0;
        // If this fails, the first gradient step returns the error.
        let _ = self.trained.on_device(TrainedNetwork::begin_update);
    }

    fn learn(&mut self, samples: &dyn SacSamples, step: &SacStep) -> Result<(), LearnError> {
        keep_to_this_thread();
        let count = samples.count();
        if count == 0 {
            return Ok(());
        }
        let Self { trained, critics, temperatures, ahead, behavior, step_recordings, batch, numbers, .. } = self;
        batch.gather(samples, step, &self.action_parts);
        let size = if trained.recorder.records() { padded(count) } else { count };
        batch.pack(size, numbers);
        self.samples += count as f32;
        trained.on_device(|trained| {
            let step_numbers = ahead.numbers(trained.count_step());
            let TrainedNetwork { network, inputs, leaves, update, recorder, link, settings, .. } = trained;
            let (policy, columns, pool) = (&**network, &behavior.columns, &*settings.machine.pool);
            let context = SacContext { policy, columns, inputs, leaves, pool };
            let widths = batch.widths();
            let step_settings = link.send(&step_settings(step, count, step_numbers));
            let RecordedStep { recording, samples, step_settings } =
                step_recordings.of(size, link.send(numbers), step_settings, recorder);
            let mut update = SacUpdate { policy: update, critics, temperatures };
            recording.run(recorder, &mut || update.step(context, widths.unpack(samples), step_settings));
        })
    }

    fn take_losses(&mut self) -> Result<SacLosses, LearnError> {
        let Self { trained, critics, temperatures, .. } = self;
        let sums = trained.take_losses(&critics.parameters())?;
        trained.on_device(|trained| temperatures.read(&trained.link))?;
        let samples = std::mem::take(&mut self.samples).max(1.0);
        let means: Vec<f32> = sums.iter().map(|sum| sum / samples).collect();
        let &[critic_loss, critic_grad_norm, actor_loss, number_entropy, choice_entropy, value, greatest_entropy, norm] =
            &means[..]
        else {
            return Ok(SacLosses::default());
        };
        Ok(SacLosses {
            critic_loss,
            value,
            actor_loss,
            number_entropy,
            choice_entropy,
            greatest_entropy,
            critic_grad_norm,
            actor_grad_norm: norm,
        })
    }

    fn temperatures(&self) -> Temperatures {
        self.temperatures.read
    }

    fn update_normalizer(&mut self, rollout: &Rollout) -> Result<(), LearnError> {
        self.trained.update_normalizer(rollout)
    }

    fn mark(&mut self) -> Result<(), LearnError> {
        let Self { trained, critics, temperatures, ahead, good_ahead, .. } = self;
        trained.mark()?;
        *good_ahead = Some(*ahead);
        trained.on_device(|_| {
            critics.mark();
            temperatures.mark();
        })
    }

    fn rewind(&mut self) {
        let Self { trained, critics, temperatures, ahead, good_ahead, .. } = self;
        *ahead = good_ahead.unwrap_or(*ahead);
        trained.rewind(|| {
            critics.rewind();
            temperatures.rewind();
        });
    }

    fn policy(&self) -> LearnedPolicy {
        self.trained.policy()
    }

    fn critics(&self) -> Vec<f32> {
        self.critics.packed_parameters(&self.trained.link)
    }

    fn state(&self) -> SacState {
        let Self { trained, critics, temperatures, ahead, .. } = self;
        let policy = trained.state();
        let steps = ahead.numbers(policy.optimizer_steps);
        SacState {
            policy,
            critics: critics.state(steps.critics, &trained.link),
            temperatures: temperatures.state(steps.temperatures, &trained.link),
        }
    }

    fn restore(&mut self, state: &SacState) -> Result<(), LearnError> {
        let Self { trained, critics, temperatures, ahead, .. } = self;
        state.check(trained.packing.packed_count(), critics.packed_count(), trained.normalizer.as_ref())?;
        trained.restore(&state.policy)?;
        trained.on_device(|trained| {
            critics.restore(&state.critics, &trained.link);
            temperatures.restore(&state.temperatures, &trained.link);
        })?;
        let behind = state.policy.optimizer_steps;
        *ahead = StepsAhead {
            critics: state.critics.optimizer_steps.wrapping_sub(behind),
            temperatures: state.temperatures.optimizer_steps.wrapping_sub(behind),
        };
        Ok(())
    }
}

impl BatchDecider for TorchSacLearner {
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
        let Self { trained, behavior, .. } = self;
        trained.on_device(|trained| {
            RowExchange::own(exchange).decide(trained.rollout_policy(behavior), step, None);
        })
    }

    /// The policy has no critic of its own, so nothing is computed.
    fn evaluate(&mut self, exchange: &mut dyn Exchange) -> Result<(), LearnError> {
        RowExchange::own(exchange).clear_values();
        Ok(())
    }
}
