//! The learner on libtorch.

use std::any::Any;
use std::ops::Range;

use ludus_learn::{
    BatchDecider, Decider, DeviceConfig, Exchange, LearnError, LearnedPolicy, Learner, LearnerState, Losses, Machine,
    Observed, Rollout, RolloutShape, UpdateSettings,
};
use ludus_net::{NetError, Normalizer};
use tch::{Device, Kind, Tensor};

use crate::TorchError;
use crate::attempt::{attempt, attempt_anything};
use crate::decider::{Policy, RowExchange, parts};
use crate::graphs::Recorder;
use crate::heads::Heads;
use crate::heap::keep_freed_memory;
use crate::inputs::Inputs;
use crate::lessons::{Lessons, Recorded, padded};
use crate::link::{Link, Transfers};
use crate::network::TorchNetwork;
use crate::packing::Packing;
use crate::parameters::{Leaves, Places};
use crate::shim::Shim;
use crate::storage::Storage;
use crate::threads::keep_to_this_thread;
use crate::update::{Lesson, Update, knobs};

/// Rows that a network is tried with.
const TRIED_ROWS: usize = 2;

/// Where a learner computes, and how.
#[derive(Clone, Debug)]
pub struct TorchSettings {
    /// The device; [`cuda_device`](crate::cuda_device) opens one.
    pub device: Device,
    /// What else can be chosen.
    pub config: DeviceConfig,
    /// The threads and the timer.
    pub machine: Machine,
}

/// The learner for GPUs, and for networks that are no plain perceptrons.
///
/// Its draws are those of [`NativeLearner`](ludus_learn::NativeLearner), and so are its formulas: the two differ by
/// rounding. With the same device, the same seed gives the same bits, whatever the number of threads; on a GPU as long as
/// libtorch's kernels do, see [`TorchNetwork::forward`].
pub struct TorchLearner {
    network: Box<dyn TorchNetwork>,
    heads: Heads,
    normalizer: Option<Normalizer>,
    inputs: Inputs,
    packing: Packing,
    leaves: Leaves,
    update: Update,
    /// Gradient steps so far, those included that a loss that was not finite kept from being taken.
    steps: u64,
    /// Steps that were not yet accounted for.
    pending: u64,
    /// The rollout on the device, and what it exchanges with the simulations while nobody borrows it.
    storage: Option<Storage>,
    parts: Vec<Box<dyn Exchange>>,
    places: Vec<i64>,
    lessons: Lessons,
    recorder: Recorder,
    observed: Observed,
    good: Option<Mark>,
    /// What libtorch said when it failed. From there on nothing is done until somebody rewinds.
    failure: Option<String>,
    link: Link,
    settings: TorchSettings,
}

/// What was marked: copies on the device.
struct Mark {
    parameters: Tensor,
    mean: Tensor,
    variance: Tensor,
    steps: u64,
    normalizer: Option<Normalizer>,
}

impl TorchLearner {
    /// A learner that starts from what the network starts from. Details 1 and 2.
    ///
    /// With a `normalizer`, observations are normalised, from its statistics on; they follow the experience.
    ///
    /// On the CPU under Linux (glibc), the whole process keeps up to 256 MiB that it frees, from here on: libtorch wants
    /// the same memory again in every operation.
    ///
    /// # Errors
    ///
    /// If the device or the network can't compute, if the network's outputs don't fit its heads, or if the normaliser is not
    /// as wide as its input.
    pub fn new(
        network: Box<dyn TorchNetwork>,
        normalizer: Option<Normalizer>,
        settings: TorchSettings,
    ) -> Result<Self, TorchError> {
        keep_to_this_thread();
        if settings.device == Device::Cpu {
            keep_freed_memory();
        }
        check_width(normalizer.as_ref(), network.inputs())?;
        open(settings.device)?;
        let (link, kind) = (Link::new(settings.device), kind(&settings.config));
        let heads = Heads::new(network.heads());
        let (places, values) = Places::new(&*network);
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
            lessons: Lessons::default(),
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

    /// The network.
    pub fn network(&self) -> &dyn TorchNetwork {
        &*self.network
    }

    /// The statistics that observations are normalised with, if they are.
    pub const fn normalizer(&self) -> Option<&Normalizer> {
        self.normalizer.as_ref()
    }

    /// All parameters, as a saved state has them.
    pub fn parameters(&self) -> Vec<f32> {
        self.packing.pack(&self.link.fetch(&self.update.parameters))
    }

    /// Copies between the host and the device so far.
    pub fn transfers(&self) -> Transfers {
        self.link.transfers()
    }

    /// Where it computes.
    pub const fn device(&self) -> Device {
        self.settings.device
    }

    /// Makes sure that the network computes what its heads read. libtorch panics where shapes don't fit.
    fn try_out(&self) -> Result<(), TorchError> {
        let kind = kind(&self.settings.config);
        let size = [TRIED_ROWS as i64, self.network.inputs() as i64];
        let observations = Tensor::zeros(size, (kind, self.settings.device));
        let compute = || {
            let _guard = tch::no_grad_guard();
            self.network.forward(&self.leaves.of_network(kind), &observations)
        };
        let forward = attempt_anything(compute).map_err(TorchError::Network)?;
        let rows = TRIED_ROWS as i64;
        check_size("outputs", &forward.outputs, &[rows, self.heads.output_width() as i64])?;
        check_size("values", &forward.values, &[rows])
    }

    /// Does `work`, unless libtorch has failed before.
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

    /// Goes on from these parameters and moments, means before variances.
    fn take_over(&mut self, tensors: [&Tensor; 3], steps: u64, normalizer: Option<&Normalizer>) {
        let Update { parameters, adam, ledger, .. } = &mut self.update;
        // Into the same memory: that is what the network's views look at.
        for (place, tensor) in [parameters, &mut adam.mean, &mut adam.variance].into_iter().zip(tensors) {
            let _guard = tch::no_grad_guard();
            place.copy_(tensor);
        }
        ledger.clear();
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
        let parts = parts(shape, bounds, &self.heads, &self.link);
        self.parts = parts.into_iter().map(|part| Box::new(part) as Box<dyn Exchange>).collect();
        self.storage = Some(Storage::new(shape, &self.link));
        // They read from the storage that was.
        self.lessons = Lessons::default();
    }

    /// Does `work` on a part with the policy as it is now, unless libtorch has failed before.
    fn with_part(
        &mut self,
        exchange: &mut dyn Exchange,
        work: impl FnOnce(&mut RowExchange, Policy<'_>, &mut Storage),
    ) -> Result<(), LearnError> {
        let part: &mut dyn Any = exchange;
        let part: &mut RowExchange = part.downcast_mut().expect("a learner gets the exchanges that it has lent");
        self.on_device(|learner| {
            let policy = Policy {
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

    fn learn(&mut self, samples: &[u32], settings: &UpdateSettings) {
        let Some(storage) = &self.storage else { return };
        if samples.is_empty() {
            return;
        }
        keep_to_this_thread();
        storage.locate(samples, &mut self.places);
        let is_padded = self.recorder.records();
        if is_padded {
            // More of what is finite wherever the minibatch is.
            self.places.resize(padded(samples.len()), self.places[0]);
        }
        let pool = &self.settings.machine.pool;
        let lesson = Lesson { network: &*self.network, heads: &self.heads, settings, pool, is_padded };
        self.steps += 1;
        self.pending += 1;
        let knobs = self.link.send(&knobs(settings, samples.len(), self.steps));
        let places = self.link.send(&self.places);
        let Recorded { recording, places, knobs } = self.lessons.of(self.places.len(), places, knobs, &self.recorder);
        let update = &mut self.update;
        recording.run(&self.recorder, &mut || update.step(lesson, storage.gather(places), knobs));
    }

    fn account(&mut self) -> Result<Losses, LearnError> {
        let pending = std::mem::take(&mut self.pending);
        match self.update.ledger.take(&self.update.parameters) {
            Ok(account) => Ok(account.losses),
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

    fn begin_update(&mut self, rollout: &Rollout) {
        // If it fails, the first minibatch says so.
        let _ = self.on_device(|learner| {
            learner.update.ledger.clear();
            learner.pending = 0;
            if let Some(storage) = &mut learner.storage {
                storage.take_targets(rollout);
            }
        });
    }

    fn learn_minibatch(&mut self, _: &Rollout, samples: &[u32], settings: &UpdateSettings) -> Result<(), LearnError> {
        self.on_device(|learner| learner.learn(samples, settings))
    }

    fn take_losses(&mut self) -> Result<Losses, LearnError> {
        self.on_device(Self::account)?
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
        // If it fails, the next rollout says so.
        let _ = self.on_device(|learner| learner.take_over([parameters, mean, variance], *steps, normalizer.as_ref()));
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
        check_count("parameters", state.parameters.len(), self.packing.packed_count())?;
        check_count("moments", state.first_moments.len(), self.packing.packed_count())?;
        check_count("moments", state.second_moments.len(), self.packing.packed_count())?;
        let normalizers = [state.normalizer.is_some(), self.normalizer.is_some()].map(usize::from);
        check_count("observation normalisers", normalizers[0], normalizers[1])?;
        check_width(state.normalizer.as_ref(), self.network.inputs())?;
        for (what, numbers) in [
            ("checkpoint's parameter", &state.parameters),
            ("checkpoint's first moment", &state.first_moments),
            ("checkpoint's second moment", &state.second_moments),
        ] {
            check_finite(what, numbers)?;
        }
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

/// Computes something there. Pinned memory must not be the first thing that is asked for: that would open the first GPU,
/// whichever was chosen, and take half a gigabyte of it.
fn open(device: Device) -> Result<(), TorchError> {
    let opened = attempt(|| Tensor::zeros([1], (Kind::Float, device)));
    opened
        .map(drop)
        .map_err(|why| TorchError::Cuda(format!("{device:?} can't be used: {why}; train with `--device cpu`")))
}

/// Whether steps are recorded; makes the settings of CUDA that there are. Without the shim everything is done as it is.
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

/// What the network computes with.
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

fn check_width(normalizer: Option<&Normalizer>, expected: usize) -> Result<(), LearnError> {
    match normalizer.map(Normalizer::width).filter(|&actual| actual != expected) {
        Some(actual) => Err(NetError::WrongLength { what: "the observation normaliser", expected, actual }.into()),
        None => Ok(()),
    }
}

fn check_count(what: &'static str, was: usize, now: usize) -> Result<(), LearnError> {
    if was == now { Ok(()) } else { Err(LearnError::Checkpoint { what, was, now }) }
}

fn check_finite(what: &'static str, numbers: &[f32]) -> Result<(), LearnError> {
    match numbers.iter().find(|number| !number.is_finite()) {
        Some(&value) => Err(LearnError::NotFinite { what, value }),
        None => Ok(()),
    }
}
