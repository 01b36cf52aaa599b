//! One gradient step, on the device.

use ludus_learn::UpdateSettings;
use rayon::ThreadPool;
use tch::{Kind, Tensor};

use crate::adam::{Adam, Rates, unbiased};
use crate::behavior::BehaviorPolicy;
use crate::extra_gradient::ExtraGradient;
use crate::gradient::{ShardGradient, Shards};
use crate::heads::{Heads, Outputs};
use crate::link::Link;
use crate::loss_accumulator::{LossAccumulator, LossNames};
use crate::network::{Forward, TensorSequences, TorchNetwork};
use crate::parameters::{Leaves, ParameterLayout};
use crate::storage::{Batch, BatchMemory};

/// The losses of PPO that are added up: policy, value, entropy, both divergences, clipped.
pub(crate) const LOSSES: LossNames = LossNames { critical: &["policy loss", "value loss", "entropy"], count: 6 };

/// The state that gradient steps change: parameters, the optimiser's moments and the sums of losses.
#[derive(Debug)]
pub(crate) struct Update {
    pub parameters: Tensor,
    pub adam: Adam,
    pub loss_accumulator: LossAccumulator,
    pub shards: Shards,
    /// The changes to PPO's gradients, if anything is imitated.
    pub extra: Option<ExtraGradient>,
    /// The number format of the network's computation.
    pub kind: Kind,
}

/// The sizes of a gradient step, each a tensor without dimensions.
pub(crate) struct StepRates<'a> {
    pub samples: &'a Tensor,
    /// See [`Rates`].
    pub learning_rate: Tensor,
    pub unbias_2: Tensor,
    pub max_grad_norm: Tensor,
}

/// The inputs of a gradient step besides its batch.
#[derive(Clone, Copy)]
pub(crate) struct StepContext<'a> {
    pub network: &'a dyn TorchNetwork,
    pub heads: &'a Heads,
    pub settings: &'a UpdateSettings,
    pub pool: &'a ThreadPool,
    /// Samples of the minibatch: of those in the batch, only these count.
    pub samples: usize,
    /// True if the batch may have padding after its units.
    pub is_padded: bool,
}

/// The settings of one step, on the device. All but `weights` are without dimensions.
#[derive(Debug)]
struct StepSettings {
    /// The weights of policy loss, value loss and entropy in the loss: `[3]`.
    weights: Tensor,
    clip: Tensor,
    value_clip: Option<Tensor>,
    learning_rate: Tensor,
    unbias_2: Tensor,
    max_grad_norm: Tensor,
    samples: Tensor,
    /// The units of the minibatch, see [`Batch::units`].
    units: Tensor,
}

/// The count of numbers in [`StepSettings`].
pub(crate) const STEP_SETTINGS: usize = 10;

/// The sizes of a minibatch, and the step that it is for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StepSize {
    pub samples: usize,
    /// See [`Batch::units`].
    pub units: usize,
    /// The optimiser's step, from 1.
    pub step: u64,
}

/// Returns the numbers of [`StepSettings`].
pub(crate) fn step_settings(settings: &UpdateSettings, size: StepSize) -> [f32; STEP_SETTINGS] {
    let StepSize { samples, units, step } = size;
    let weight = 1.0 / samples as f32;
    let [learning_rate, unbias_2] = unbiased(settings.learning_rate, step);
    [
        weight,
        weight * settings.value_coefficient,
        -weight * settings.entropy,
        settings.clip,
        settings.value_clip.unwrap_or(f32::MAX),
        learning_rate,
        unbias_2,
        settings.max_grad_norm,
        samples as f32,
        units as f32,
    ]
}

impl StepSettings {
    fn new(numbers: &Tensor, settings: &UpdateSettings) -> Self {
        let [clip, value_clip, learning_rate, unbias_2, max_grad_norm, samples, units] =
            [3, 4, 5, 6, 7, 8, 9].map(|index| numbers.get(index));
        Self {
            weights: numbers.narrow(0, 0, 3),
            clip,
            value_clip: settings.value_clip.map(|_| value_clip),
            learning_rate,
            unbias_2,
            max_grad_norm,
            samples,
            units,
        }
    }
}

impl Update {
    pub fn new(places: ParameterLayout, values: &[f32], losses: LossNames, link: &Link, kind: Kind) -> Self {
        Self {
            adam: Adam::new(places.count(), link.device()),
            loss_accumulator: LossAccumulator::new(losses, link),
            parameters: link.send(values),
            shards: Shards::new(places, link.device()),
            extra: None,
            kind,
        }
    }

    /// Returns the changes to PPO's gradients; at first there are none.
    pub fn extra_gradient(&mut self) -> &mut ExtraGradient {
        self.extra.get_or_insert_with(|| ExtraGradient::new(&self.parameters))
    }

    /// Takes a step along a gradient, unless it or a loss is not finite, or was not in a step before.
    pub fn take(&mut self, found: &ShardGradient, rates: StepRates<'_>) {
        let norm = found.gradient.dot(&found.gradient).sqrt();
        let StepRates { samples, learning_rate, unbias_2, max_grad_norm } = rates;
        let is_taken = self.loss_accumulator.enter(&found.sums, &norm, samples);
        let rates = Rates { is_taken, learning_rate, unbias_2, max_grad_norm };
        self.adam.step(&mut self.parameters, &found.gradient, &norm, &rates);
    }

    /// Takes a step of PPO on a minibatch. `step_settings` are those of [`step_settings`], on the device.
    pub fn step(&mut self, context: StepContext<'_>, mut batch: Batch, step_settings: &Tensor) {
        let step_settings = StepSettings::new(step_settings, context.settings);
        if context.is_padded {
            batch.count_first(&step_settings.units);
        }
        if context.settings.normalize_advantages && context.samples > 1 {
            standardize(&mut batch, &step_settings.samples);
        }
        let (all, units) = (batch.played.size()[0] as usize, batch.units());
        let shards = self.shards.count(all, units);
        let owned = |batch| Shard { batch, step_settings: step_settings.shallow_clone() };
        let batches = batch.cut(shards).into_iter().map(owned).collect();
        let kind = self.kind;
        let found = self.shards.work(&self.parameters, context.pool, batches, |leaves, shard: &Shard| {
            shard.gradient(context, leaves, kind)
        });
        let StepSettings { samples, learning_rate, unbias_2, max_grad_norm, .. } = step_settings;
        let rates = StepRates { samples: &samples, learning_rate, unbias_2, max_grad_norm };
        let mut found = ShardGradient::sum(found);
        if let Some(extra) = &mut self.extra {
            found.gradient = extra.apply(&found.gradient);
        }
        self.take(&found, rates);
    }
}

/// The data of one shard, owned by one thread: tensors can be sent to a thread, but not shared.
struct Shard {
    batch: Batch,
    step_settings: StepSettings,
}

impl StepSettings {
    fn shallow_clone(&self) -> Self {
        Self {
            weights: self.weights.shallow_clone(),
            clip: self.clip.shallow_clone(),
            value_clip: self.value_clip.as_ref().map(Tensor::shallow_clone),
            learning_rate: self.learning_rate.shallow_clone(),
            unbias_2: self.unbias_2.shallow_clone(),
            max_grad_norm: self.max_grad_norm.shallow_clone(),
            samples: self.samples.shallow_clone(),
            units: self.units.shallow_clone(),
        }
    }
}

/// Shifts and scales the advantages of two samples or more to mean 0 and deviation 1. Detail 9.
fn standardize(batch: &mut Batch, samples: &Tensor) {
    let mut advantages = batch.targets.get(0);
    let (distances, variance) = if let Some(counted) = &batch.counted {
        let counted = counted.squeeze_dim(1);
        let distances = (&advantages - advantages.dot(&counted) / samples) * counted;
        let variance = distances.dot(&distances) / samples;
        (distances, variance)
    } else {
        let (variance, mean) = advantages.var_mean(false);
        (&advantages - mean, variance)
    };
    advantages.copy_(&(distances / (variance.sqrt() + 1e-8)));
}

impl Shard {
    /// Computes the shard's gradient and losses.
    fn gradient(&self, context: StepContext<'_>, leaves: &Leaves, kind: Kind) -> ShardGradient {
        let Self { batch, step_settings } = self;
        let forward = forward(context.network, leaves, batch, kind);
        let outputs = forward.outputs.to_kind(Kind::Float);
        let values = forward.value_columns();
        let actions = batch.played.narrow(1, 0, context.heads.action_width() as i64);
        let outputs = Outputs { numbers: &outputs, log_std: leaves.log_std(), masks: batch.masks.as_ref() };
        let (log_probs, entropies) = context.heads.evaluate(outputs, &actions);
        let sums = self.sums(context, &[log_probs, entropies, values]);
        let loss = sums.narrow(0, 0, 3).dot(&step_settings.weights);
        ShardGradient { gradient: leaves.gradient(&loss), sums: sums.detach() }
    }

    /// Returns the shard's sums of losses and statistics. Details 10 to 12 and 17.
    fn sums(&self, context: StepContext<'_>, [log_probs, entropies, values]: &[Tensor; 3]) -> Tensor {
        let Self { batch, step_settings } = self;
        let actions = context.heads.action_width() as i64;
        let heads = values.size()[1];
        let old_log_probs = batch.played.narrow(1, actions, 1);
        let old_values = batch.played.narrow(1, actions + 1, heads);
        let (advantages, returns) =
            (batch.targets.get(0).unsqueeze(1), batch.targets.narrow(0, 1, heads).transpose(0, 1));
        let mut log_ratios = log_probs - old_log_probs;
        if let (Some(counted), Some(_)) = (&batch.counted, &batch.memory) {
            // The ratio of a step that is no experience might not be finite.
            log_ratios = log_ratios.masked_fill(&counted.le(0.5), 0.0);
        }
        let ratios = log_ratios.exp();
        let policy = surrogate(&ratios, &advantages, &step_settings.clip);
        let value = value_error(values, &old_values, &returns, step_settings.value_clip.as_ref());
        // The loss of a sample is the mean over its values.
        let value = if heads == 1 { value } else { value.mean_dim(1, true, Kind::Float) };
        let (log_ratios, ratios) = (log_ratios.detach(), ratios.detach());
        let moved = &ratios - 1.0;
        let clipped = moved.abs().gt_tensor(&step_settings.clip).to_kind(Kind::Float);
        let columns = [policy, value, entropies.shallow_clone(), -&log_ratios, moved - &log_ratios, clipped];
        let columns = Tensor::cat(&columns, 1);
        let columns = batch.counted.as_ref().map_or_else(|| columns.shallow_clone(), |counted| &columns * counted);
        columns.sum_dim_intlist(0, false, Kind::Float)
    }
}

/// Computes outputs and values of all samples.
pub(crate) fn forward(network: &dyn TorchNetwork, leaves: &Leaves, batch: &Batch, kind: Kind) -> Forward {
    let (parameters, observations) = (leaves.of_network(kind), batch.observations.to_kind(kind));
    let Some(BatchMemory { first, after, actions }) = &batch.memory else {
        return network.forward(&parameters, &observations);
    };
    let size = after.size();
    let observations = observations.view([size[0], size[1], -1]);
    let sequences = TensorSequences { first_memory: first, after, actions };
    let Forward { outputs, values } = network.forward_sequences(&parameters, &observations, sequences);
    Forward { outputs: outputs.flatten(0, 1), values: values.flatten(0, 1) }
}

/// Returns the clipped surrogate, as [`ludus_learn::surrogate`].
fn surrogate(ratios: &Tensor, advantages: &Tensor, clip: &Tensor) -> Tensor {
    let gains = ratios * advantages;
    let clipped_gains = ratios.detach().clamp_tensor(Some(&(1.0 - clip)), Some(&(clip + 1.0))) * advantages;
    -gains.where_self(&gains.le_tensor(&clipped_gains), &clipped_gains)
}

/// Returns half the squared error of the critic, as [`ludus_learn::value_error`].
fn value_error(values: &Tensor, old_values: &Tensor, returns: &Tensor, clip: Option<&Tensor>) -> Tensor {
    let plain = (values - returns).square() * 0.5;
    let Some(clip) = clip else { return plain };
    let moved = values.detach() - old_values;
    let limited = moved.clamp_tensor(Some(&-clip), Some(clip));
    let clipped = (old_values + &limited - returns).square() * 0.5;
    let decides = clipped.gt_tensor(&plain).logical_and(&limited.ne_tensor(&moved));
    clipped.where_self(&decides, &plain)
}

#[cfg(test)]
mod tests {
    use ludus_net::{Layout, Network, NetworkConfig};
    use ludus_spec::{Head, Seed};
    use tch::Device;

    use super::*;
    use crate::mlp::Mlp;

    const INPUTS: i64 = 3;
    const SAMPLES: i64 = 20;

    const SETTINGS: UpdateSettings = UpdateSettings {
        learning_rate: 1e-2,
        clip: 0.2,
        value_clip: None,
        entropy: 0.01,
        value_coefficient: 0.5,
        max_grad_norm: 0.5,
        normalize_advantages: true,
    };

    /// Returns numbers without order or repetition.
    fn noise(rows: i64, columns: i64) -> Tensor {
        Tensor::arange(rows * columns, (Kind::Float, Device::Cpu)).square().sin().view([rows, columns])
    }

    /// Returns the parameters after a step on the first samples, with `extra` samples of padding after them.
    fn stepped(extra: i64) -> Vec<f32> {
        let heads = [Head::Categorical { choices: 2 }];
        let layout = Layout::new(INPUTS as usize, &heads, &NetworkConfig::default()).unwrap();
        let network = Mlp::new(Network::new(layout, Seed::new(1)));
        let (places, values) = ParameterLayout::new(&network);
        let link = Link::new(Device::Cpu);
        let mut update = Update::new(places, &values, LOSSES, &link, Kind::Float);
        let all = SAMPLES + extra;
        let actions = noise(all, 1).gt(0.0).to_kind(Kind::Float);
        let batch = Batch {
            observations: noise(all, INPUTS),
            played: Tensor::cat(&[actions, noise(all, 2) * 0.1 - 0.6], 1),
            targets: noise(all, 2).transpose(0, 1).contiguous(),
            masks: None,
            counted: None,
            memory: None,
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let heads = Heads::new(&heads).unwrap();
        let samples = SAMPLES as usize;
        let context = StepContext {
            network: &network,
            heads: &heads,
            settings: &SETTINGS,
            pool: &pool,
            samples,
            is_padded: extra > 0,
        };
        let size = StepSize { samples, units: samples, step: 1 };
        update.step(context, batch, &link.send(&step_settings(&SETTINGS, size)));
        assert_eq!(update.loss_accumulator.take(&[&update.parameters]).unwrap().taken, 1);
        link.fetch(&update.parameters)
    }

    #[test]
    fn what_fills_a_minibatch_up_counts_for_nothing() {
        let (exact, filled) = (stepped(0), stepped(7));
        let error = exact.iter().zip(&filled).fold(0.0_f32, |error, (a, b)| error.max((a - b).abs()));
        assert!(error < 1e-6, "{error:e}");
    }
}
