//! A network that is trained on a device: the part that learners on libtorch have in common.

use ludus_learn::{LearnError, LearnedPolicy, LearnerState, Observed, Rollout};
use ludus_libtorch::DeviceConfig;
use ludus_net::{Layout, Normalizer, ValueMap};
use tch::{Device, Kind, Tensor};

use crate::TorchError;
use crate::attempt::{attempt, attempt_anything};
use crate::behavior::BehaviorPolicy;
use crate::decider::RolloutPolicy;
use crate::graphs::Recorder;
use crate::heap::keep_freed_memory;
use crate::inputs::Inputs;
use crate::link::Link;
use crate::loss_accumulator::LossNames;
use crate::network::{RecurrentForward, TorchNetwork};
use crate::packing::Packing;
use crate::parameters::{Leaves, ParameterLayout};
use crate::recurrence::MemoryColumns;
use crate::settings::TorchSettings;
use crate::shim::Shim;
use crate::threads::keep_to_this_thread;
use crate::update::Update;

/// Rows of the trial forward pass.
const TRIED_ROWS: usize = 2;

/// A network, its optimiser and the normaliser of its observations, on a device.
pub(crate) struct TrainedNetwork {
    pub network: Box<dyn TorchNetwork>,
    pub normalizer: Option<Normalizer>,
    pub inputs: Inputs,
    pub places: ParameterLayout,
    pub packing: Packing,
    pub leaves: Leaves,
    pub update: Update,
    /// Gradient steps so far. Includes pending steps that were not taken because a loss was not finite.
    steps: u64,
    /// Gradient steps since the losses were last read: they may turn out not to have been taken.
    pending: u64,
    pub recorder: Recorder,
    observed: Observed,
    good: Option<Mark>,
    /// libtorch's message when it failed. From then on every call fails until [`rewind`](Self::rewind) or
    /// [`restore`](Self::restore).
    failure: Option<String>,
    pub link: Link,
    pub settings: TorchSettings,
}

/// The marked state: copies on the device.
struct Mark {
    parameters: Tensor,
    mean: Tensor,
    variance: Tensor,
    steps: u64,
    normalizer: Option<Normalizer>,
}

impl TrainedNetwork {
    /// Starts from the network's initial parameters. Details 1 and 2.
    ///
    /// # Errors
    ///
    /// If the device or the network can't compute, if the network's outputs don't fit its heads, or if the normaliser
    /// is not as wide as its input.
    pub fn new(
        network: Box<dyn TorchNetwork>,
        normalizer: Option<Normalizer>,
        settings: TorchSettings,
        losses: LossNames,
    ) -> Result<Self, TorchError> {
        keep_to_this_thread();
        if settings.device == Device::Cpu {
            keep_freed_memory();
        }
        let width = network.inputs();
        normalizer.as_ref().map_or(Ok(()), |normalizer| normalizer.check_width(width)).map_err(LearnError::from)?;
        open(settings.device)?;
        let (link, kind) = (Link::new(settings.device), kind(&settings.config));
        let (places, values) = ParameterLayout::new(&*network);
        let update = Update::new(places.clone(), &values, losses, &link, kind);
        let trained = Self {
            leaves: Leaves::new(&places, &update.parameters),
            inputs: Inputs::new(normalizer.as_ref(), &link),
            packing: Packing::new(network.layout(), &places),
            places,
            network,
            normalizer,
            update,
            steps: 0,
            pending: 0,
            recorder: recorder(&settings),
            observed: Observed::default(),
            good: None,
            failure: None,
            link,
            settings,
        };
        trained.try_out()?;
        Ok(trained)
    }

    /// Checks with a forward pass that the network's outputs have the shapes that its heads need. tch panics if shapes
    /// inside the network don't fit; this becomes an error.
    fn try_out(&self) -> Result<(), TorchError> {
        let kind = self.update.kind;
        let size = [TRIED_ROWS as i64, self.network.inputs() as i64];
        let observations = Tensor::zeros(size, (kind, self.settings.device));
        let compute = || {
            let _guard = tch::no_grad_guard();
            let memory = MemoryColumns::zeros(self.network.memory_width(), &observations);
            self.network.step(&self.leaves.of_network(kind), &observations, &memory)
        };
        let RecurrentForward { forward, memory } = attempt_anything(compute).map_err(TorchError::Network)?;
        let rows = TRIED_ROWS as i64;
        let output_width: usize = self.network.heads().iter().map(|head| head.output_width()).sum();
        check_size("outputs", &forward.outputs, &[rows, output_width as i64])?;
        match self.network.layout().map_or(1, Layout::value_heads) {
            1 => check_size("values", &forward.values, &[rows])?,
            heads => check_size("values", &forward.values, &[rows, heads as i64])?,
        }
        check_size("memory", &memory, &[rows, self.network.memory_width() as i64])
    }

    /// Calls `work`, unless libtorch has failed before.
    pub fn on_device<R>(&mut self, work: impl FnOnce(&mut Self) -> R) -> Result<R, LearnError> {
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

    /// Returns the current policy, which acts as `behavior` says.
    pub fn rollout_policy<'a>(&'a self, behavior: &'a dyn BehaviorPolicy) -> RolloutPolicy<'a> {
        let Self { network, leaves, inputs, update, recorder, .. } = self;
        RolloutPolicy { network: &**network, behavior, leaves, inputs, kind: update.kind, recorder }
    }

    /// Forgets the losses of an update that has failed.
    pub fn begin_update(&mut self) {
        self.update.loss_accumulator.clear();
        if let Some(extra) = &mut self.update.extra {
            extra.clear();
        }
        self.pending = 0;
    }

    /// Counts a gradient step. Returns its number, from 1.
    pub const fn count_step(&mut self) -> u64 {
        self.steps += 1;
        self.pending += 1;
        self.steps
    }

    /// Counts a gradient step that was checked before. Returns its number, from 1.
    pub const fn count_taken_step(&mut self) -> u64 {
        self.steps += 1;
        self.steps
    }

    /// Returns the sums of the losses since the last call, then the gradient's length times samples. Waits for the
    /// device. `others` are parameters that were learned beside the network's.
    ///
    /// # Errors
    ///
    /// If a loss, the gradient or a parameter was not finite, and if the device fails.
    pub fn take_losses(&mut self, others: &[&Tensor]) -> Result<Vec<f32>, LearnError> {
        self.on_device(|trained| {
            let pending = std::mem::take(&mut trained.pending);
            let parameters = [&[&trained.update.parameters], others].concat();
            match trained.update.loss_accumulator.take(&parameters) {
                Ok(accumulated) => Ok(accumulated.sums),
                Err((error, taken)) => {
                    trained.steps -= pending.saturating_sub(taken);
                    Err(error)
                }
            }
        })?
    }

    /// Merges the observations of the rollout's experience into the normaliser, if there is one. Detail 14.
    pub fn update_normalizer(&mut self, rollout: &Rollout) -> Result<(), LearnError> {
        self.on_device(|trained| {
            let Some(normalizer) = &mut trained.normalizer else { return };
            trained.observed.merge(rollout, normalizer, &trained.settings.machine.pool);
            trained.inputs.refresh(Some(normalizer), &trained.link);
        })
    }

    /// Marks the current state as good. The copy stays on the device.
    pub fn mark(&mut self) -> Result<(), LearnError> {
        self.on_device(Self::copy_what_is_good)
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

    /// Restores the marked state, if there is one, then calls `also`.
    pub fn rewind(&mut self, also: impl FnOnce()) {
        let Some(mark) = self.good.take() else { return };
        self.failure = None;
        let Mark { parameters, mean, variance, steps, normalizer } = &mark;
        // If this fails, the next rollout returns the error.
        let _ = self.on_device(|trained| {
            trained.take_over([parameters, mean, variance], *steps, normalizer.as_ref());
            also();
        });
        self.good = Some(mark);
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

    /// Shifts and scales the outputs of a layer, one map for each, by its weight and its bias.
    pub fn map_outputs(&mut self, layer: &str, maps: &[ValueMap]) -> Result<(), LearnError> {
        self.on_device(|trained| {
            let _guard = tch::no_grad_guard();
            let range = |part: &str| {
                let name = format!("{layer}.{part}");
                let place = trained.places.iter().find(|place| place.name == name);
                place.expect("a network with a layout has all its tensors").range.clone()
            };
            let (weight, bias) = (range("weight"), range("bias"));
            let inputs = weight.len() / maps.len();
            let part = |first: usize, count: usize| trained.update.parameters.narrow(0, first as i64, count as i64);
            for (output, map) in maps.iter().enumerate() {
                let _ = part(weight.start + output * inputs, inputs).g_mul_scalar_(f64::from(map.scale));
                let mut bias = part(bias.start + output, 1);
                let _ = bias.g_mul_scalar_(f64::from(map.scale)).g_add_scalar_(f64::from(map.shift));
            }
        })
    }

    /// Copies a tensor with a number for each parameter to the host, in the order of a saved state.
    pub fn packed(&self, tensor: &Tensor) -> Vec<f32> {
        self.packing.pack(&self.link.fetch(tensor))
    }

    /// Copies saved numbers to the device, in the order of the parameters: the inverse of [`packed`](Self::packed).
    pub fn unpacked(&self, saved: &[f32]) -> Tensor {
        self.link.send(&self.packing.unpack(saved))
    }

    /// The policy as it is now.
    pub fn policy(&self) -> LearnedPolicy {
        LearnedPolicy { parameters: self.packed(&self.update.parameters), normalizer: self.normalizer.clone() }
    }

    /// Returns the whole state, to save.
    pub fn state(&self) -> LearnerState {
        LearnerState {
            parameters: self.packed(&self.update.parameters),
            first_moments: self.packed(&self.update.adam.mean),
            second_moments: self.packed(&self.update.adam.variance),
            optimizer_steps: self.steps,
            normalizer: self.normalizer.clone(),
        }
    }

    /// Restores a state that was checked.
    pub fn restore(&mut self, state: &LearnerState) -> Result<(), LearnError> {
        self.failure = None;
        self.on_device(|trained| {
            let saved = [&state.parameters, &state.first_moments, &state.second_moments];
            let tensors = saved.map(|saved| trained.unpacked(saved));
            trained.take_over(tensors.each_ref(), state.optimizer_steps, state.normalizer.as_ref());
        })
    }
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
