//! The learner of PPO on libtorch.

use std::ops::Range;

use ludus_learn::{
    BatchDecider, CloningLearner, Decider, Exchange, LearnError, LearnedPolicy, Learner, LearnerState, Losses, Machine,
    Minibatch, Rollout, RolloutShape, UpdateSettings,
};
use ludus_net::{Layout, Normalizer, ValueMap};
use tch::Device;

use crate::TorchError;
use crate::decider::{PolicyWidths, RolloutPolicy, RowExchange};
use crate::exchanges::Exchanges;
use crate::heads::Heads;
use crate::link::Transfers;
use crate::network::TorchNetwork;
use crate::settings::TorchSettings;
use crate::step_recordings::{RecordedStep, StepRecordings, padded};
use crate::storage::Storage;
use crate::threads::keep_to_this_thread;
use crate::trained::TrainedNetwork;
use crate::update::{LOSSES, StepContext, StepSize, step_settings};

/// The learner of PPO for GPUs, and for networks that are no plain perceptrons.
///
/// Draws and formulas are those of [`NativeLearner`](ludus_learn::NativeLearner): the two differ by rounding. On the
/// same device, the same seed gives the same bits with any number of threads; on a GPU only if libtorch's kernels are
/// deterministic, see [`TorchNetwork::forward`].
pub struct TorchLearner {
    pub(crate) trained: TrainedNetwork,
    pub(crate) heads: Heads,
    /// The rollout on the device.
    pub(crate) storage: Option<Storage>,
    exchanges: Exchanges,
    pub(crate) places: Vec<i64>,
    pub(crate) step_recordings: StepRecordings,
}

impl TorchLearner {
    /// Makes a learner that starts from the network's initial parameters. Details 1 and 2.
    ///
    /// With a `normalizer`, observations are normalised. Its statistics are the start; experience is merged into them.
    ///
    /// On the CPU under Linux (glibc), the whole process keeps up to 256 MiB of freed memory from here on, since
    /// libtorch allocates the same sizes again in every operation.
    ///
    /// # Errors
    ///
    /// If the device or the network can't compute, if the network's outputs don't fit its heads, or if the normaliser
    /// is not as wide as its input.
    pub fn new(
        network: Box<dyn TorchNetwork>,
        normalizer: Option<Normalizer>,
        settings: TorchSettings,
    ) -> Result<Self, TorchError> {
        let heads = Heads::new(network.heads())?;
        Ok(Self {
            trained: TrainedNetwork::new(network, normalizer, settings, LOSSES)?,
            heads,
            storage: None,
            exchanges: Exchanges::default(),
            places: Vec::new(),
            step_recordings: StepRecordings::default(),
        })
    }

    /// Returns the network that is trained.
    pub fn network(&self) -> &dyn TorchNetwork {
        &*self.trained.network
    }

    /// Returns the normaliser of observations; `None` if they are not normalised.
    pub const fn normalizer(&self) -> Option<&Normalizer> {
        self.trained.normalizer.as_ref()
    }

    /// Copies all parameters to the host, in the order of a saved state.
    pub fn parameters(&self) -> Vec<f32> {
        self.trained.packed(&self.trained.update.parameters)
    }

    /// Returns the number of copies between the host and the device so far.
    pub fn transfers(&self) -> Transfers {
        self.trained.link.transfers()
    }

    /// Returns the device of the learner.
    pub const fn device(&self) -> Device {
        self.trained.settings.device
    }

    /// Makes storage for rollouts of this shape, unless that which there is fits.
    fn lay_out(&mut self, shape: &RolloutShape) -> Result<(), LearnError> {
        let Self { trained, storage, step_recordings, .. } = self;
        if storage.as_ref().is_some_and(|storage| storage.fits(shape)) {
            return Ok(());
        }
        trained.on_device(|trained| {
            *storage = Some(Storage::new(shape, trained.network.memory_width(), &trained.link));
            // Existing recordings read from the old storage.
            *step_recordings = StepRecordings::default();
        })
    }

    /// Calls `work` with a part and the current policy, unless libtorch has failed before.
    fn with_part(
        &mut self,
        exchange: &mut dyn Exchange,
        work: impl FnOnce(&mut RowExchange, RolloutPolicy<'_>, &mut Storage),
    ) -> Result<(), LearnError> {
        let Self { trained, heads, storage, .. } = self;
        trained.on_device(|trained| {
            let Some(storage) = storage else { return };
            work(RowExchange::own(exchange), trained.rollout_policy(heads), storage);
        })
    }
}

impl Learner for TorchLearner {
    fn machine(&self) -> &Machine {
        &self.trained.settings.machine
    }

    fn keeps_to_a_thread(&self) -> bool {
        self.device().is_cuda()
    }

    fn decider(&mut self) -> Decider<'_> {
        Decider::Together(self)
    }

    fn memory_width(&self) -> usize {
        self.network().memory_width()
    }

    fn layout(&self) -> Option<&Layout> {
        self.network().layout()
    }

    fn map_values(&mut self, maps: &[ValueMap]) -> Result<(), LearnError> {
        let Some(head) = self.layout().map(|layout| layout.value_head_name().to_owned()) else { return Ok(()) };
        self.trained.map_outputs(&head, maps)
    }

    /// A network of the game's own does not say which of its parameters are the critic's.
    fn cloning(&mut self) -> Option<&mut dyn CloningLearner> {
        if self.network().layout().is_some() { Some(self) } else { None }
    }

    fn begin_update(&mut self, rollout: &Rollout) {
        let Self { trained, storage, .. } = self;
        // If this fails, the first minibatch returns the error.
        let _ = trained.on_device(|trained| {
            trained.begin_update();
            if let Some(storage) = storage {
                storage.take_targets(rollout);
            }
        });
    }

    fn learn_minibatch(
        &mut self,
        _: &Rollout,
        minibatch: Minibatch<'_>,
        settings: &UpdateSettings,
    ) -> Result<(), LearnError> {
        let Self { trained, heads, storage, places, step_recordings, .. } = self;
        trained.on_device(|trained| {
            let Some(storage) = storage else { return };
            let samples = minibatch.samples.len();
            if samples == 0 {
                return;
            }
            keep_to_this_thread();
            storage.locate(minibatch, places);
            let units = places.len();
            let is_padded = trained.recorder.records();
            if is_padded {
                // The padding repeats the first unit: it is finite if the minibatch is.
                places.resize(padded(units), places[0]);
            }
            let step = trained.count_step();
            let TrainedNetwork { network, update, recorder, link, settings: own, .. } = trained;
            let pool = &own.machine.pool;
            let context = StepContext { network: &**network, heads, settings, pool, samples, is_padded };
            let step_settings = link.send(&step_settings(settings, StepSize { samples, units, step }));
            let RecordedStep { recording, samples, step_settings } =
                step_recordings.of(places.len(), link.send(places), step_settings, recorder);
            recording.run(recorder, &mut || update.step(context, storage.gather(samples), step_settings));
        })
    }

    fn take_losses(&mut self) -> Result<Losses, LearnError> {
        Ok(losses(&self.trained.take_losses(&[])?))
    }

    fn update_normalizer(&mut self, rollout: &Rollout) -> Result<(), LearnError> {
        self.trained.update_normalizer(rollout)
    }

    fn mark(&mut self) -> Result<(), LearnError> {
        self.trained.mark()
    }

    fn rewind(&mut self) {
        let Self { trained, exchanges, .. } = self;
        trained.rewind(|| exchanges.rows().for_each(RowExchange::forget_what_is_not_finite));
    }

    fn policy(&self) -> LearnedPolicy {
        self.trained.policy()
    }

    fn obstacle(&self) -> Option<&str> {
        self.trained.recorder.obstacle()
    }

    fn state(&self) -> LearnerState {
        self.trained.state()
    }

    fn restore(&mut self, state: &LearnerState) -> Result<(), LearnError> {
        state.check(self.trained.packing.packed_count(), self.normalizer())?;
        self.trained.restore(state)
    }
}

impl BatchDecider for TorchLearner {
    fn splits(&self) -> usize {
        self.trained.settings.config.splits.get()
    }

    fn lend_exchanges(
        &mut self,
        shape: &RolloutShape,
        parts: &[Range<usize>],
    ) -> Result<Vec<Box<dyn Exchange>>, LearnError> {
        keep_to_this_thread();
        self.lay_out(shape)?;
        let Self { trained, heads: behavior, exchanges, .. } = self;
        let memory = trained.network.memory_width();
        exchanges.lend(trained, PolicyWidths { behavior, memory }, shape, parts)
    }

    fn return_exchanges(&mut self, exchanges: Vec<Box<dyn Exchange>>) {
        self.exchanges.take_back(exchanges);
    }

    fn decide(&mut self, exchange: &mut dyn Exchange, step: usize) -> Result<(), LearnError> {
        self.with_part(exchange, |part, policy, storage| part.decide(policy, step, Some(storage)))
    }

    fn evaluate(&mut self, exchange: &mut dyn Exchange) -> Result<(), LearnError> {
        self.with_part(exchange, |part, policy, _| part.evaluate(policy))
    }
}

fn losses(sums: &[f32]) -> Losses {
    let &[policy, value, entropy, old_approx_kl, approx_kl, clip_fraction, grad_norm] = sums else {
        return Losses::default();
    };
    Losses { policy, value, entropy, old_approx_kl, approx_kl, clip_fraction, grad_norm }
}
