//! One gradient step, on the device.

use ludus_learn::{UpdateSettings, sum_along_tree};
use rayon::ThreadPool;
use rayon::iter::{IndexedParallelIterator, IntoParallelRefMutIterator, ParallelIterator};
use tch::{Device, Kind, Tensor};

use crate::adam::{Adam, Rates, unbiased};
use crate::heads::{Heads, Outputs};
use crate::ledger::Ledger;
use crate::link::Link;
use crate::network::TorchNetwork;
use crate::parameters::{Leaves, Places};
use crate::storage::Batch;
use crate::threads::keep_to_this_thread;

/// Samples of a shard on the CPU: enough that libtorch's cost per operation is small beside the arithmetic.
const SHARD: usize = 1024;

/// Larger minibatches get larger shards instead of more.
const MOST_SHARDS: usize = 16;

/// What gradient steps change: the parameters, and what the optimiser remembers of their gradients.
#[derive(Debug)]
pub(crate) struct Update {
    pub parameters: Tensor,
    pub adam: Adam,
    pub ledger: Ledger,
    students: Vec<Student>,
    places: Places,
    device: Device,
    /// What the network computes with.
    kind: Kind,
}

/// What is learned from, and how.
#[derive(Clone, Copy)]
pub(crate) struct Lesson<'a> {
    pub network: &'a dyn TorchNetwork,
    pub heads: &'a Heads,
    pub settings: &'a UpdateSettings,
    pub pool: &'a ThreadPool,
    /// Whether the batch may be longer than its samples are many: what comes after them counts for nothing.
    pub is_padded: bool,
}

/// A shard of the minibatch and what it says. Each has leaves of its own, so that threads share no tensor.
#[derive(Debug)]
struct Student {
    leaves: Leaves,
    found: Option<Found>,
}

#[derive(Debug)]
struct Found {
    gradient: Tensor,
    /// See [`crate::ledger::SUMS`].
    sums: Tensor,
}

/// The config's numbers on the device, as they are for one step. All without dimensions.
#[derive(Debug)]
struct Knobs {
    /// By which policy loss, value loss and entropy count in the loss: `[3]`.
    weights: Tensor,
    clip: Tensor,
    value_clip: Option<Tensor>,
    learning_rate: Tensor,
    unbias_2: Tensor,
    max_grad_norm: Tensor,
    samples: Tensor,
}

/// How many numbers [`Knobs`] has.
pub(crate) const KNOBS: usize = 9;

/// The config's numbers for a minibatch of this many samples, at this step of the optimiser from 1.
pub(crate) fn knobs(settings: &UpdateSettings, samples: usize, step: u64) -> [f32; KNOBS] {
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
    ]
}

impl Knobs {
    fn new(numbers: &Tensor, settings: &UpdateSettings) -> Self {
        let [clip, value_clip, learning_rate, unbias_2, max_grad_norm, samples] =
            [3, 4, 5, 6, 7, 8].map(|index| numbers.get(index));
        Self {
            weights: numbers.narrow(0, 0, 3),
            clip,
            value_clip: settings.value_clip.map(|_| value_clip),
            learning_rate,
            unbias_2,
            max_grad_norm,
            samples,
        }
    }
}

impl Update {
    pub fn new(places: Places, values: &[f32], link: &Link, kind: Kind) -> Self {
        let (parameters, device) = (link.send(values), link.device());
        Self {
            adam: Adam::new(places.count(), device),
            ledger: Ledger::new(link),
            students: Vec::new(),
            parameters,
            places,
            device,
            kind,
        }
    }

    /// Takes a step on a minibatch. `knobs` are those of [`knobs`], on the device.
    pub fn step(&mut self, lesson: Lesson<'_>, mut batch: Batch, knobs: &Tensor) {
        let knobs = Knobs::new(knobs, lesson.settings);
        if lesson.is_padded {
            batch.count_first(&knobs.samples);
        }
        // With padding it is a single sample all the same: one needs none.
        let samples = batch.played.size()[0] as usize;
        if lesson.settings.normalize_advantages && samples > 1 {
            standardize(&mut batch, &knobs.samples);
        }
        let shards = if self.device.is_cuda() { 1 } else { samples.div_ceil(SHARD).clamp(1, MOST_SHARDS) };
        self.hire(shards);
        let batches = (0..shards).map(|shard| {
            let (first, end) = (shard * samples / shards, (shard + 1) * samples / shards);
            batch.part(first, end - first)
        });
        self.study(lesson, batches.collect(), &knobs);
        let found = self.sum_up(shards);
        let norm = found.gradient.dot(&found.gradient).sqrt();
        let rates = Rates {
            is_taken: self.ledger.enter(&found.sums, &norm, &knobs.samples),
            learning_rate: knobs.learning_rate,
            unbias_2: knobs.unbias_2,
            max_grad_norm: knobs.max_grad_norm,
        };
        self.adam.step(&mut self.parameters, &found.gradient, &norm, &rates);
    }

    fn hire(&mut self, shards: usize) {
        while self.students.len() < shards {
            self.students.push(Student { leaves: Leaves::new(&self.places, &self.parameters), found: None });
        }
    }

    fn study(&mut self, lesson: Lesson<'_>, batches: Vec<Batch>, knobs: &Knobs) {
        let kind = self.kind;
        let students = &mut self.students[..batches.len()];
        if batches.len() == 1 || lesson.pool.current_num_threads() == 1 {
            for (student, batch) in students.iter_mut().zip(&batches) {
                student.found = Some(student.study(lesson, batch, knobs, kind));
            }
            return;
        }
        let mut shards: Vec<Shard<'_>> = students
            .iter_mut()
            .zip(batches)
            .map(|(student, batch)| Shard { student, batch, knobs: knobs.shallow_clone() })
            .collect();
        lesson.pool.install(|| {
            shards.par_iter_mut().with_max_len(1).for_each(|Shard { student, batch, knobs }| {
                student.found = Some(student.study(lesson, batch, knobs, kind));
            });
        });
    }

    /// Adds the shards up along a fixed tree.
    fn sum_up(&mut self, shards: usize) -> Found {
        let mut found = |shard: usize| self.students[shard].found.take().expect("each shard was worked out");
        let mut add =
            |one: Found, other: Found| Found { gradient: one.gradient + other.gradient, sums: one.sums + other.sums };
        sum_along_tree(0..shards, &mut found, &mut add)
    }
}

/// What one thread needs for one shard: tensors can be sent to a thread, but not shared.
struct Shard<'a> {
    student: &'a mut Student,
    batch: Batch,
    knobs: Knobs,
}

impl Knobs {
    fn shallow_clone(&self) -> Self {
        Self {
            weights: self.weights.shallow_clone(),
            clip: self.clip.shallow_clone(),
            value_clip: self.value_clip.as_ref().map(Tensor::shallow_clone),
            learning_rate: self.learning_rate.shallow_clone(),
            unbias_2: self.unbias_2.shallow_clone(),
            max_grad_norm: self.max_grad_norm.shallow_clone(),
            samples: self.samples.shallow_clone(),
        }
    }
}

/// Brings the advantages of two samples or more to mean 0 and deviation 1. Detail 9.
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

impl Student {
    /// Works out a shard's gradient and losses.
    fn study(&self, lesson: Lesson<'_>, batch: &Batch, knobs: &Knobs, kind: Kind) -> Found {
        keep_to_this_thread();
        let forward = lesson.network.forward(&self.leaves.of_network(kind), &batch.observations.to_kind(kind));
        let outputs = forward.outputs.to_kind(Kind::Float);
        let values = forward.values.to_kind(Kind::Float).unsqueeze(1);
        let actions = batch.played.narrow(1, 0, lesson.heads.action_width() as i64);
        let outputs = Outputs { numbers: &outputs, log_std: self.leaves.log_std(), masks: batch.masks.as_ref() };
        let (log_probs, entropies) = lesson.heads.evaluate(outputs, &actions);
        let sums = Self::sums(lesson, batch, knobs, &[log_probs, entropies, values]);
        let loss = sums.narrow(0, 0, 3).dot(&knobs.weights);
        Found { gradient: self.leaves.gradient(&loss), sums: sums.detach() }
    }

    /// What the shard's samples cost together. Details 10 to 12 and 17.
    fn sums(lesson: Lesson<'_>, batch: &Batch, knobs: &Knobs, [log_probs, entropies, values]: &[Tensor; 3]) -> Tensor {
        let actions = lesson.heads.action_width() as i64;
        let (old_log_probs, old_values) = (batch.played.narrow(1, actions, 1), batch.played.narrow(1, actions + 1, 1));
        let (advantages, returns) = (batch.targets.get(0).unsqueeze(1), batch.targets.get(1).unsqueeze(1));
        let log_ratios = log_probs - old_log_probs;
        let ratios = log_ratios.exp();
        let policy = surrogate(&ratios, &advantages, &knobs.clip);
        let value = value_error(values, &old_values, &returns, knobs.value_clip.as_ref());
        let (log_ratios, ratios) = (log_ratios.detach(), ratios.detach());
        let moved = &ratios - 1.0;
        let clipped = moved.abs().gt_tensor(&knobs.clip).to_kind(Kind::Float);
        let columns = [policy, value, entropies.shallow_clone(), -&log_ratios, moved - &log_ratios, clipped];
        let columns = Tensor::cat(&columns, 1);
        let columns = batch.counted.as_ref().map_or_else(|| columns.shallow_clone(), |counted| &columns * counted);
        columns.sum_dim_intlist(0, false, Kind::Float)
    }
}

/// The clipped surrogate: as [`ludus_learn::surrogate`].
fn surrogate(ratios: &Tensor, advantages: &Tensor, clip: &Tensor) -> Tensor {
    let gains = ratios * advantages;
    let clipped_gains = ratios.detach().clamp_tensor(Some(&(1.0 - clip)), Some(&(clip + 1.0))) * advantages;
    -gains.where_self(&gains.le_tensor(&clipped_gains), &clipped_gains)
}

/// Half the squared error of the critic: as [`ludus_learn::value_error`].
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

    /// Numbers that differ from one another, in no order.
    fn noise(rows: i64, columns: i64) -> Tensor {
        Tensor::arange(rows * columns, (Kind::Float, Device::Cpu)).square().sin().view([rows, columns])
    }

    /// What a step on the first samples makes of the parameters, if there are as many more behind them.
    fn stepped(extra: i64) -> Vec<f32> {
        let heads = [Head::Categorical { choices: 2 }];
        let layout = Layout::new(INPUTS as usize, &heads, &NetworkConfig::default()).unwrap();
        let network = Mlp::new(Network::new(layout, Seed::new(1)));
        let (places, values) = Places::new(&network);
        let link = Link::new(Device::Cpu);
        let mut update = Update::new(places, &values, &link, Kind::Float);
        let all = SAMPLES + extra;
        let actions = noise(all, 1).gt(0.0).to_kind(Kind::Float);
        let batch = Batch {
            observations: noise(all, INPUTS),
            played: Tensor::cat(&[actions, noise(all, 2) * 0.1 - 0.6], 1),
            targets: noise(all, 2).transpose(0, 1).contiguous(),
            masks: None,
            counted: None,
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let heads = Heads::new(&heads);
        let lesson =
            Lesson { network: &network, heads: &heads, settings: &SETTINGS, pool: &pool, is_padded: extra > 0 };
        update.step(lesson, batch, &link.send(&knobs(&SETTINGS, SAMPLES as usize, 1)));
        assert_eq!(update.ledger.take(&update.parameters).unwrap().taken, 1);
        link.fetch(&update.parameters)
    }

    #[test]
    fn what_fills_a_minibatch_up_counts_for_nothing() {
        let (exact, filled) = (stepped(0), stepped(7));
        let error = exact.iter().zip(&filled).fold(0.0_f32, |error, (a, b)| error.max((a - b).abs()));
        assert!(error < 1e-6, "{error:e}");
    }
}
