//! The learner in plain Rust.

mod decide;
mod shard;

use std::ops::Range;

use ludus_net::{Adam, Layout, Network, Normalizer, Scratch};

use super::{Learner, LearnerState, Losses, Minibatch, UpdateSettings};
use crate::threads::{for_each_chunk_in, for_each_in};
use crate::worker_pool::WorkerPool;
use crate::{Decider, LearnError, LearnedPolicy, Machine, Observed, Rollout, Standardization, sum_along_tree};
use shard::{GradientWorker, LossContext, Shard};

/// Samples of a shard while a minibatch has up to [`FEW_SHARDS`] shards. Small shards let more threads work on a small
/// minibatch.
const SMALL_SHARD: usize = 128;

/// Samples of a shard beyond that. Large shards are fewer: each needs a gradient of its own, which has to stay in the
/// cache.
const LARGE_SHARD: usize = 256;

const FEW_SHARDS: usize = 16;

/// The maximum number of shards. Larger minibatches get larger shards instead.
const MOST_SHARDS: usize = 32;

/// Rows of a shard where the policy has a memory: as many as a register tile takes, so that a step of them is no slower
/// than it must be.
const SHARD_ROWS: usize = 6;

/// Parameters whose gradients one task on one thread adds up.
const SUM_CHUNK: usize = 4096;

/// Parameters whose partial sums along the tree fit into registers and the first-level cache.
const SUM_BLOCK: usize = 64;

/// The learner for small networks on the CPU.
///
/// It decides for each simulation in that one's thread, so no step waits for another thread. A minibatch is cut into
/// shards whose gradients are worked out in parallel and added up along a fixed tree. The result is the same, bit for
/// bit, with any number of threads.
#[derive(Debug)]
pub struct NativeLearner {
    network: Network,
    normalizer: Option<Normalizer>,
    optimizer: Adam,
    machine: Machine,
    scratch: Scratch,
    workers: WorkerPool<GradientWorker>,
    shards: Vec<Shard>,
    /// The sum of the shards' gradients in the last minibatch `[parameters]`.
    gradient: Vec<f32>,
    observed: Observed,
    /// The marked state.
    good: Option<LearnerState>,
    /// Losses of the minibatches since the last [`take_losses`](Learner::take_losses): sums over samples.
    losses: Losses,
}

impl NativeLearner {
    /// Makes a learner that starts from this network. Details 1 and 2.
    ///
    /// With a `normalizer`, observations are normalised. Its statistics are the start; experience is merged into them.
    ///
    /// # Errors
    ///
    /// If the normaliser is not as wide as the network's input.
    pub fn new(network: Network, normalizer: Option<Normalizer>, machine: Machine) -> Result<Self, LearnError> {
        let width = network.layout().inputs();
        normalizer.as_ref().map_or(Ok(()), |normalizer| normalizer.check_width(width))?;
        let scratch = Scratch::new(network.layout());
        let threads = machine.pool.current_num_threads();
        Ok(Self {
            optimizer: Adam::new(network.parameters().len()),
            normalizer,
            workers: WorkerPool::new((0..threads).map(|_| GradientWorker::new(scratch.clone()))),
            shards: Vec::new(),
            gradient: vec![0.0; network.parameters().len()],
            observed: Observed::default(),
            good: None,
            losses: Losses::default(),
            network,
            machine,
            scratch,
        })
    }

    /// Returns the network: policy and critic.
    pub const fn network(&self) -> &Network {
        &self.network
    }

    /// Returns the normaliser of observations; `None` if they are not normalised.
    pub const fn normalizer(&self) -> Option<&Normalizer> {
        self.normalizer.as_ref()
    }
}

impl Learner for NativeLearner {
    fn machine(&self) -> &Machine {
        &self.machine
    }

    fn decider(&mut self) -> Decider<'_> {
        Decider::PerGroup(self)
    }

    fn keeps_inputs(&self) -> bool {
        self.normalizer.is_some()
    }

    fn memory_width(&self) -> usize {
        self.network.layout().memory_width()
    }

    fn begin_update(&mut self, _: &Rollout) {
        self.losses = Losses::default();
    }

    fn learn_minibatch(
        &mut self,
        rollout: &Rollout,
        minibatch: Minibatch<'_>,
        settings: &UpdateSettings,
    ) -> Result<(), LearnError> {
        let is_kept = self.normalizer.is_none() || rollout.shape().has_inputs;
        assert!(is_kept, "a rollout keeps what a network with normalised observations read");
        let advantages = standardization(rollout, minibatch.samples, settings);
        let steps = rollout.shape().steps;
        let context =
            LossContext { network: &self.network, rollout: rollout.samples(), steps, minibatch, advantages, settings };
        let shards = cut(&mut self.shards, minibatch, self.network.parameters().len());
        let count = shards.len();
        for_each_in(&self.machine.pool, shards, |shard| {
            self.workers
                .with(|| GradientWorker::new(self.scratch.clone()), |worker| worker.compute_gradient(context, shard));
        });
        let samples = minibatch.samples.len();
        let losses = self.sum_up(count, samples);
        let losses = self.step(losses, settings)?;
        self.losses.add(&losses, samples as f32);
        Ok(())
    }

    fn take_losses(&mut self) -> Result<Losses, LearnError> {
        let losses = std::mem::take(&mut self.losses);
        match self.network.parameters().iter().find(|parameter| !parameter.is_finite()) {
            Some(&value) => Err(LearnError::Parameter { value }),
            None => Ok(losses),
        }
    }

    fn update_normalizer(&mut self, rollout: &Rollout) -> Result<(), LearnError> {
        if let Some(normalizer) = &mut self.normalizer {
            self.observed.merge(rollout, normalizer, &self.machine.pool);
        }
        Ok(())
    }

    fn mark(&mut self) -> Result<(), LearnError> {
        let Self { network, optimizer, normalizer, good, .. } = self;
        let good = good.get_or_insert_with(LearnerState::default);
        network.parameters().clone_into(&mut good.parameters);
        optimizer.mean().clone_into(&mut good.first_moments);
        optimizer.variance().clone_into(&mut good.second_moments);
        good.optimizer_steps = optimizer.step_count();
        good.normalizer.clone_from(normalizer);
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

    fn state(&self) -> LearnerState {
        LearnerState {
            parameters: self.network.parameters().to_vec(),
            first_moments: self.optimizer.mean().to_vec(),
            second_moments: self.optimizer.variance().to_vec(),
            optimizer_steps: self.optimizer.step_count(),
            normalizer: self.normalizer.clone(),
        }
    }

    fn restore(&mut self, state: &LearnerState) -> Result<(), LearnError> {
        state.check(self.network.parameters().len(), self.normalizer.as_ref())?;
        let LearnerState { first_moments, second_moments, optimizer_steps, .. } = state.clone();
        let optimizer = Adam::from_state(first_moments, second_moments, optimizer_steps)?;
        self.network.set_parameters(&state.parameters)?;
        self.optimizer = optimizer;
        if let Some((normalizer, saved)) = self.normalizer.as_mut().zip(state.normalizer.as_ref()) {
            normalizer.go_on_from(saved);
        }
        Ok(())
    }
}

impl NativeLearner {
    /// Sums the gradients of the first `count` shards into `gradient`, and returns the means of their losses.
    fn sum_up(&mut self, count: usize, samples: usize) -> Losses {
        let Self { shards, gradient, machine, .. } = self;
        for_each_chunk_in(&machine.pool, gradient, SUM_CHUNK, |start, chunk| {
            for (index, sum) in chunk.chunks_mut(SUM_BLOCK).enumerate() {
                let first = start + index * SUM_BLOCK;
                let block = sum_of_block(&shards[..count], first..first + sum.len());
                sum.copy_from_slice(&block[..sum.len()]);
            }
        });
        let mut losses = Losses::default();
        losses.add(&sum_along_tree(0..count, &mut |shard| shards[shard].losses, &mut plus), 1.0 / samples as f32);
        losses
    }

    /// Takes a gradient step, unless a loss or the gradient is not finite. Details 2 and 13.
    fn step(&mut self, losses: Losses, settings: &UpdateSettings) -> Result<Losses, LearnError> {
        check_loss("policy loss", losses.policy)?;
        check_loss("value loss", losses.value)?;
        check_loss("entropy", losses.entropy)?;
        let Self { network, optimizer, gradient, .. } = self;
        let UpdateSettings { learning_rate, max_grad_norm, .. } = *settings;
        let grad_norm = network.update(|parameters| optimizer.step(parameters, gradient, learning_rate, max_grad_norm));
        if !grad_norm.is_finite() {
            check_gradient(network.layout(), gradient)?;
        }
        check_loss("gradient's length", grad_norm)?;
        Ok(Losses { grad_norm, ..losses })
    }
}

/// Returns the sum of the shards' gradients with respect to these parameters, [`SUM_BLOCK`] at most, padded with 0.
fn sum_of_block(shards: &[Shard], parameters: Range<usize>) -> [f32; SUM_BLOCK] {
    let mut of_shard = |shard: usize| {
        let mut block = [0.0; SUM_BLOCK];
        block[..parameters.len()].copy_from_slice(&shards[shard].gradient[parameters.clone()]);
        block
    };
    let mut add = |mut sum: [f32; SUM_BLOCK], other: [f32; SUM_BLOCK]| {
        sum.iter_mut().zip(&other).for_each(|(sum, derivative)| *sum += derivative);
        sum
    };
    sum_along_tree(0..shards.len(), &mut of_shard, &mut add)
}

fn plus(mut sum: Losses, other: Losses) -> Losses {
    sum.add(&other, 1.0);
    sum
}

/// Returns the standardisation of the minibatch's advantages. Detail 9.
fn standardization(rollout: &Rollout, samples: &[u32], settings: &UpdateSettings) -> Standardization {
    if settings.normalize_advantages {
        Standardization::of(rollout.samples().advantages, samples)
    } else {
        Standardization::NONE
    }
}

/// Returns the number of shards of a minibatch of this size. It depends on the size alone.
fn shard_count(samples: usize) -> usize {
    let few = samples.div_ceil(SMALL_SHARD).min(FEW_SHARDS);
    samples.div_ceil(LARGE_SHARD).clamp(few, MOST_SHARDS)
}

/// Returns the number of shards of a minibatch of this many rows with memory. It depends on the number alone.
fn row_shard_count(rows: usize) -> usize {
    let few = rows.div_ceil(SHARD_ROWS).min(FEW_SHARDS);
    rows.div_ceil(2 * SHARD_ROWS).clamp(few, MOST_SHARDS)
}

/// Cuts a minibatch into shards whose units differ by one at most. Allocates shards that don't exist yet.
fn cut<'a>(shards: &'a mut Vec<Shard>, minibatch: Minibatch<'_>, parameters: usize) -> &'a mut [Shard] {
    let Minibatch { samples, rows } = minibatch;
    let (units, count) = match rows.len() {
        0 => (samples.len(), shard_count(samples.len())),
        rows => (rows, row_shard_count(rows)),
    };
    while shards.len() < count {
        shards.push(Shard { gradient: vec![0.0; parameters], losses: Losses::default(), units: 0..0 });
    }
    for (index, shard) in shards[..count].iter_mut().enumerate() {
        shard.units = index * units / count..(index + 1) * units / count;
    }
    &mut shards[..count]
}

/// Checks that a loss, or the gradient's length, is finite.
fn check_loss(what: &'static str, value: f32) -> Result<(), LearnError> {
    if value.is_finite() { Ok(()) } else { Err(LearnError::NotFinite { what, value }) }
}

/// Returns an error that names the first tensor of the network with a derivative that is not finite.
fn check_gradient(layout: &Layout, gradient: &[f32]) -> Result<(), LearnError> {
    for tensor in layout.tensors() {
        let derivatives = (0..tensor.element_count()).map(|element| gradient[tensor.position(element)]);
        if let Some(value) = derivatives.into_iter().find(|value| !value.is_finite()) {
            return Err(LearnError::Gradient { tensor: tensor.name, value });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_derivative_that_is_not_finite_is_named_by_its_tensor() {
        let shape = ludus_net::NetworkConfig { hidden: vec![3], ..ludus_net::NetworkConfig::default() };
        let layout = Layout::new(2, &[ludus_spec::Head::Categorical { choices: 2 }], &shape).unwrap();
        let mut gradient = vec![0.0; layout.parameter_count()];
        assert_eq!(check_gradient(&layout, &gradient), Ok(()));
        let bias = layout.tensors().find(|tensor| tensor.name == "critic.1.bias").unwrap().position(0);
        gradient[bias] = f32::NEG_INFINITY;
        let expected = LearnError::Gradient { tensor: "critic.1.bias".to_owned(), value: f32::NEG_INFINITY };
        assert_eq!(check_gradient(&layout, &gradient), Err(expected));
    }

    #[test]
    fn a_minibatch_is_cut_by_its_size() {
        let check = |samples: usize, sizes: &[usize]| {
            let mut shards = Vec::new();
            let minibatch = Minibatch { samples: &vec![0; samples], rows: &[] };
            let found: Vec<usize> = cut(&mut shards, minibatch, 0).iter().map(|shard| shard.units.len()).collect();
            assert_eq!(found, sizes);
        };
        check(1, &[1]);
        check(129, &[64, 65]);
        check(256, &[128; 2]);
        check(2048, &[128; 16]);
        check(4096, &[256; 16]);
        check(8192, &[256; 32]);
        check(65_536, &[2048; 32]);
    }
}
