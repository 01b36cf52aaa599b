//! The learner on libtorch.

use std::any::Any;
use std::ops::Range;

use ludus_learn::{
    BatchDecider, Decider, Exchange, LearnError, LearnedPolicy, Learner, LearnerState, Losses, Machine, Minibatch,
    Observed, Rollout, RolloutShape, UpdateSettings,
};
use ludus_libtorch::DeviceConfig;
use ludus_net::{Layout, Normalizer};
use tch::{Device, Kind, Tensor};

use crate::TorchError;
use crate::attempt::{attempt, attempt_anything};
use crate::decider::{PolicyWidths, RolloutPolicy, RowExchange, parts};
use crate::graphs::Recorder;
use crate::heads::Heads;
use crate::heap::keep_freed_memory;
use crate::inputs::Inputs;
use crate::link::{Link, Transfers};
use crate::network::{RecurrentForward, TorchNetwork};
use crate::packing::Packing;
use crate::parameters::{Leaves, ParameterLayout};
use crate::recurrence::MemoryColumns;
use crate::shim::Shim;
use crate::step_recordings::{RecordedStep, StepRecordings, padded};
use crate::storage::Storage;
use crate::threads::keep_to_this_thread;
use crate::update::{StepContext, StepSize, Update, step_settings};

/// Rows of the trial forward pass.
const TRIED_ROWS: usize = 2;

/// The device of a learner, and its settings.
#[derive(Clone, Debug)]
pub struct TorchSettings {
    /// The device; [`cuda_device`](crate::cuda_device) opens one.
    pub device: Device,
    /// Settings of the device.
    pub config: DeviceConfig,
    /// The threads and the clock.
    pub machine: Machine,
}

/// The learner for GPUs, and for networks that are no plain perceptrons.
///
/// Draws and formulas are those of [`NativeLearner`](ludus_learn::NativeLearner): the two differ by rounding. On the
/// same device, the same seed gives the same bits with any number of threads; on a GPU only if libtorch's kernels are
/// deterministic, see [`TorchNetwork::forward`].
pub struct TorchLearner {
    network: Box<dyn TorchNetwork>,
    heads: Heads,
    normalizer: Option<Normalizer>,
    inputs: Inputs,
    packing: Packing,
    leaves: Leaves,
    update: Update,
    /// Gradient steps so far. Includes pending steps that were not taken because a loss was not finite.
    steps: u64,
    /// Gradient steps since the losses were last read: they may turn out not to have been taken.
    pending: u64,
    /// The rollout on the device.
    storage: Option<Storage>,
    parts: Vec<Box<dyn Exchange>>,
    places: Vec<i64>,
    step_recordings: StepRecordings,
    recorder: Recorder,
    observed: Observed,
    good: Option<Mark>,
    /// libtorch's message when it failed. From then on every call fails until [`rewind`](Learner::rewind) or
    /// [`restore`](Learner::restore).
    failure: Option<String>,
    link: Link,
    settings: TorchSettings,
}

/// The marked state: copies on the device.
struct Mark {
    parameters: Tensor,
    mean: Tensor,
    variance: Tensor,
    steps: u64,
    normalizer: Option<Normalizer>,
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
        keep_to_this_thread();
        if settings.device == Device::Cpu {
            keep_freed_memory();
        }
        let width = network.inputs();
        normalizer.as_ref().map_or(Ok(()), |normalizer| normalizer.check_width(width)).map_err(LearnError::from)?;
        open(settings.device)?;
        let (link, kind) = (Link::new(settings.device), kind(&settings.config));
        let heads = Heads::new(network.heads())?;
        let (places, values) = ParameterLayout::new(&*network);
        let packing = Packing::new(network.layout(), &places);
        let update = Update::new(places.clone(), &values, &link, kind);
        let learner = Self {
            leaves: Leaves::new(&places, &update.parameters),
            inputs: Inputs::new(normalizer.as_ref(), &link),
            network,
            heads,
            normalizer,
            packing,
            update,
            steps: 0,
            pending: 0,
            storage: None,
            parts: Vec::new(),
            places: Vec::new(),
            step_recordings: StepRecordings::default(),
            recorder: recorder(&settings),
            observed: Observed::default(),
            good: None,
            failure: None,
            link,
            settings,
        };
        learner.try_out()?;
        Ok(learner)
    }

    /// Returns the network that is trained.
    pub fn network(&self) -> &dyn TorchNetwork {
        &*self.network
    }

    /// Returns the normaliser of observations; `None` if they are not normalised.
    pub const fn normalizer(&self) -> Option<&Normalizer> {
        self.normalizer.as_ref()
    }

    /// Copies all parameters to the host, in the order of a saved state.
    pub fn parameters(&self) -> Vec<f32> {
        self.packing.pack(&self.link.fetch(&self.update.parameters))
    }

    /// Returns the number of copies between the host and the device so far.
    pub fn transfers(&self) -> Transfers {
        self.link.transfers()
    }

    /// Returns the device of the learner.
    pub const fn device(&self) -> Device {
        self.settings.device
    }

    /// Checks with a forward pass that the network's outputs have the shapes that its heads need. tch panics if shapes
    /// inside the network don't fit; this becomes an error.
    fn try_out(&self) -> Result<(), TorchError> {
        let kind = kind(&self.settings.config);
        let size = [TRIED_ROWS as i64, self.network.inputs() as i64];
        let observations = Tensor::zeros(size, (kind, self.settings.device));
        let compute = || {
            let _guard = tch::no_grad_guard();
            let memory = MemoryColumns::zeros(self.network.memory_width(), &observations);
            self.network.step(&self.leaves.of_network(kind), &observations, &memory)
        };
        let RecurrentForward { forward, memory } = attempt_anything(compute).map_err(TorchError::Network)?;
        let rows = TRIED_ROWS as i64;
        check_size("outputs", &forward.outputs, &[rows, self.heads.output_width() as i64])?;
        match self.network.layout().map_or(1, Layout::value_heads) {
            1 => check_size("values", &forward.values, &[rows])?,
            heads => check_size("values", &forward.values, &[rows, heads as i64])?,
        }
        check_size("memory", &memory, &[rows, self.network.memory_width() as i64])
    }

    /// Calls `work`, unless libtorch has failed before.
    fn on_device<R>(&mut self, work: impl FnOnce(&mut Self) -> R) -> Result<R, LearnError> {
        let failure = match &self.failure {
            Some(failure) => failure.clone(),
            None => match attempt(|| work(self)) {
                Ok(done) => return Ok(done),
                Err(failure) => failure,
            },
        };
        self.failure = Some(failure.clone());
        Err(LearnError::Device(failure))
    }

    /// Copies parameters, first moments and second moments, in this order, into the learner.
    fn take_over(&mut self, tensors: [&Tensor; 3], steps: u64, normalizer: Option<&Normalizer>) {
        let Update { parameters, adam, loss_accumulator, .. } = &mut self.update;
        // Copied into the same memory, since the network's views refer to it.
        for (place, tensor) in [parameters, &mut adam.mean, &mut adam.variance].into_iter().zip(tensors) {
            let _guard = tch::no_grad_guard();
            place.copy_(tensor);
        }
        loss_accumulator.clear();
        (self.pending, self.steps) = (0, steps);
        if let Some((own, saved)) = self.normalizer.as_mut().zip(normalizer) {
            own.go_on_from(saved);
        }
        self.inputs.refresh(self.normalizer.as_ref(), &self.link);
    }

    fn lay_out(&mut self, shape: &RolloutShape, bounds: &[Range<usize>]) {
        if self.storage.as_ref().is_some_and(|storage| storage.fits(shape)) && self.parts.len() == bounds.len() {
            return;
        }
        let memory_width = self.network.memory_width();
        let parts = parts(shape, bounds, PolicyWidths { heads: &self.heads, memory: memory_width }, &self.link);
        self.parts = parts.into_iter().map(|part| Box::new(part) as Box<dyn Exchange>).collect();
        self.storage = Some(Storage::new(shape, memory_width, &self.link));
        // Existing recordings read from the old storage.
        self.step_recordings = StepRecordings::default();
    }

    /// Calls `work` with a part and the current policy, unless libtorch has failed before.
    fn with_part(
        &mut self,
        exchange: &mut dyn Exchange,
        work: impl FnOnce(&mut RowExchange, RolloutPolicy<'_>, &mut Storage),
    ) -> Result<(), LearnError> {
        let part = own(exchange);
        self.on_device(|learner| {
            let policy = RolloutPolicy {
                network: &*learner.network,
                heads: &learner.heads,
                leaves: &learner.leaves,
                inputs: &learner.inputs,
                kind: kind(&learner.settings.config),
                recorder: &learner.recorder,
            };
            let Some(storage) = &mut learner.storage else { return };
            work(part, policy, storage);
        })
    }

    fn learn(&mut self, minibatch: Minibatch<'_>, settings: &UpdateSettings) {
        let Some(storage) = &self.storage else { return };
        let samples = minibatch.samples.len();
        if samples == 0 {
            return;
        }
        keep_to_this_thread();
        storage.locate(minibatch, &mut self.places);
        let units = self.places.len();
        let is_padded = self.recorder.records();
        if is_padded {
            // The padding repeats the first unit: it is finite if the minibatch is.
            self.places.resize(padded(units), self.places[0]);
        }
        let pool = &self.settings.machine.pool;
        let context = StepContext { network: &*self.network, heads: &self.heads, settings, pool, samples, is_padded };
        self.steps += 1;
        self.pending += 1;
        let step_settings = self.link.send(&step_settings(settings, StepSize { samples, units, step: self.steps }));
        let places = self.link.send(&self.places);
        let RecordedStep { recording, places, step_settings } =
            self.step_recordings.of(self.places.len(), places, step_settings, &self.recorder);
        let update = &mut self.update;
        recording.run(&self.recorder, &mut || update.step(context, storage.gather(places), step_settings));
    }

    fn accumulated(&mut self) -> Result<Losses, LearnError> {
        let pending = std::mem::take(&mut self.pending);
        match self.update.loss_accumulator.take(&self.update.parameters) {
            Ok(accumulated) => Ok(accumulated.losses),
            Err((error, taken)) => {
                self.steps -= pending.saturating_sub(taken);
                Err(error)
            }
        }
    }

    fn copy_what_is_good(&mut self) {
        let Update { parameters, adam, .. } = &self.update;
        let mark = self.good.get_or_insert_with(|| Mark {
            parameters: parameters.zeros_like(),
            mean: adam.mean.zeros_like(),
            variance: adam.variance.zeros_like(),
            steps: 0,
            normalizer: None,
        });
        mark.parameters.copy_(parameters);
        mark.mean.copy_(&adam.mean);
        mark.variance.copy_(&adam.variance);
        mark.steps = self.steps;
        mark.normalizer.clone_from(&self.normalizer);
    }
}

impl Learner for TorchLearner {
    fn machine(&self) -> &Machine {
        &self.settings.machine
    }

    fn keeps_to_a_thread(&self) -> bool {
        self.settings.device.is_cuda()
    }

    fn decider(&mut self) -> Decider<'_> {
        Decider::Together(self)
    }

    fn memory_width(&self) -> usize {
        self.network.memory_width()
    }

    fn layout(&self) -> Option<&Layout> {
        self.network.layout()
    }

    fn begin_update(&mut self, rollout: &Rollout) {
        // If this fails, the first minibatch returns the error.
        let _ = self.on_device(|learner| {
            learner.update.loss_accumulator.clear();
            learner.pending = 0;
            if let Some(storage) = &mut learner.storage {
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
        self.on_device(|learner| learner.learn(minibatch, settings))
    }

    fn take_losses(&mut self) -> Result<Losses, LearnError> {
        self.on_device(Self::accumulated)?
    }

    fn update_normalizer(&mut self, rollout: &Rollout) -> Result<(), LearnError> {
        self.on_device(|learner| {
            let Some(normalizer) = &mut learner.normalizer else { return };
            learner.observed.merge(rollout, normalizer, &learner.settings.machine.pool);
            learner.inputs.refresh(Some(normalizer), &learner.link);
        })
    }

    fn mark(&mut self) -> Result<(), LearnError> {
        self.on_device(Self::copy_what_is_good)
    }

    fn rewind(&mut self) {
        let Some(mark) = self.good.take() else { return };
        self.failure = None;
        let Mark { parameters, mean, variance, steps, normalizer } = &mark;
        // If this fails, the next rollout returns the error.
        let _ = self.on_device(|learner| {
            learner.take_over([parameters, mean, variance], *steps, normalizer.as_ref());
            for part in &mut learner.parts {
                own(&mut **part).forget_what_is_not_finite();
            }
        });
        self.good = Some(mark);
    }

    fn policy(&self) -> LearnedPolicy {
        LearnedPolicy { parameters: self.parameters(), normalizer: self.normalizer.clone() }
    }

    fn obstacle(&self) -> Option<&str> {
        self.recorder.obstacle()
    }

    fn state(&self) -> LearnerState {
        let pack = |tensor: &Tensor| self.packing.pack(&self.link.fetch(tensor));
        LearnerState {
            parameters: pack(&self.update.parameters),
            first_moments: pack(&self.update.adam.mean),
            second_moments: pack(&self.update.adam.variance),
            optimizer_steps: self.steps,
            normalizer: self.normalizer.clone(),
        }
    }

    fn restore(&mut self, state: &LearnerState) -> Result<(), LearnError> {
        state.check(self.packing.packed_count(), self.normalizer.as_ref())?;
        self.failure = None;
        self.on_device(|learner| {
            let unpack = |packed: &Vec<f32>| learner.link.send(&learner.packing.unpack(packed));
            let unpacked = [&state.parameters, &state.first_moments, &state.second_moments].map(unpack);
            learner.take_over(unpacked.each_ref(), state.optimizer_steps, state.normalizer.as_ref());
        })
    }
}

impl BatchDecider for TorchLearner {
    fn splits(&self) -> usize {
        self.settings.config.splits.get()
    }

    fn lend_exchanges(
        &mut self,
        shape: &RolloutShape,
        parts: &[Range<usize>],
    ) -> Result<Vec<Box<dyn Exchange>>, LearnError> {
        keep_to_this_thread();
        self.on_device(|learner| learner.lay_out(shape, parts))?;
        Ok(std::mem::take(&mut self.parts))
    }

    fn return_exchanges(&mut self, exchanges: Vec<Box<dyn Exchange>>) {
        self.parts = exchanges;
    }

    fn decide(&mut self, exchange: &mut dyn Exchange, step: usize) -> Result<(), LearnError> {
        self.with_part(exchange, |part, policy, storage| part.decide(policy, step, storage))
    }

    fn evaluate(&mut self, exchange: &mut dyn Exchange) -> Result<(), LearnError> {
        self.with_part(exchange, |part, policy, _| part.evaluate(policy))
    }
}

fn own(exchange: &mut dyn Exchange) -> &mut RowExchange {
    let part: &mut dyn Any = exchange;
    part.downcast_mut().expect("a learner gets the exchanges that it has lent")
}

/// Opens a device by computing on it. The first allocation must not be pinned memory: that would open the first GPU
/// instead of the chosen one, and take half a gigabyte of it.
fn open(device: Device) -> Result<(), TorchError> {
    let opened = attempt(|| Tensor::zeros([1], (Kind::Float, device)));
    opened
        .map(drop)
        .map_err(|why| TorchError::Cuda(format!("{device:?} can't be used: {why}; train with `--device cpu`")))
}

/// Applies the settings of CUDA, and makes the recorder. Without the shim, all work runs eagerly.
fn recorder(settings: &TorchSettings) -> Recorder {
    let DeviceConfig { tf32, graphs, .. } = settings.config;
    let Device::Cuda(index) = settings.device else { return Recorder::default() };
    let what = match (tf32, graphs) {
        (true, true) => "`tf32` and `graphs`",
        (true, false) => "`tf32`",
        (false, true) => "`graphs`",
        (false, false) => "convolutions that repeat to the bit",
    };
    match Shim::open().and_then(|shim| shim.configure(&settings.config).map(|()| shim)) {
        Ok(shim) if graphs => Recorder::new(&shim, index),
        Ok(_) => Recorder::default(),
        Err(why) => Recorder::hindered(format!("{what} can't be had: {why}")),
    }
}

/// Returns the number format of the network's computation.
fn kind(config: &DeviceConfig) -> Kind {
    if config.bf16 { Kind::BFloat16 } else { Kind::Float }
}

fn check_size(what: &'static str, tensor: &Tensor, expected: &[i64]) -> Result<(), TorchError> {
    let actual = tensor.size();
    if actual == expected {
        return Ok(());
    }
    Err(TorchError::Output { what, rows: TRIED_ROWS, expected: expected.to_vec(), actual })
}
