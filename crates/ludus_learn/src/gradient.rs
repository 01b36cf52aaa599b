//! The gradient of a minibatch: threads work on its shards, and the shards' gradients are added up along a fixed tree.

use std::ops::Range;

use ludus_net::{Adam, Layout, Network};
use rayon::ThreadPool;

use crate::threads::{for_each_chunk_in, for_each_in};
use crate::worker_pool::WorkerPool;
use crate::{LearnError, sum_along_tree};

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

/// Parameters whose partial sums along the tree fit into the first-level cache.
const SUM_BLOCK: usize = 256;

/// A part of a minibatch, its gradient and its share of the losses.
///
/// The cut of a minibatch depends on its size alone, and shards are added up along a fixed tree: so the sum has the
/// same bits for any assignment of shards to threads.
#[derive(Debug)]
pub(crate) struct Shard<L> {
    pub gradient: Vec<f32>,
    pub losses: L,
    /// The shard's part of the minibatch's samples, or of its rows if it has rows.
    pub units: Range<usize>,
    /// The error of each unit, where an algorithm asks for it; else empty.
    pub errors: Vec<f32>,
}

/// Sums of losses over samples.
pub(crate) trait LossSums: Copy + Default + Send + Sync {
    /// Returns the sum of both.
    fn plus(self, other: Self) -> Self;
}

impl LossSums for f32 {
    fn plus(self, other: Self) -> Self {
        self + other
    }
}

/// The gradient of a minibatch with respect to `parameters` numbers, and the working memory `W` of each thread.
#[derive(Debug)]
pub(crate) struct ShardedGradient<W, L> {
    workers: WorkerPool<W>,
    pub shards: Vec<Shard<L>>,
    /// Shards of the last minibatch.
    used: usize,
    /// The sum of the shards' gradients in the last minibatch `[parameters]`.
    pub sum: Vec<f32>,
}

impl<W: Send, L: LossSums> ShardedGradient<W, L> {
    /// Makes room for the gradient, with a worker for each thread of the pool.
    pub fn new(parameters: usize, pool: &ThreadPool, make: impl Fn() -> W) -> Self {
        let threads = pool.current_num_threads();
        let workers = WorkerPool::new((0..threads).map(|_| make()));
        Self { workers, shards: Vec::new(), used: 0, sum: vec![0.0; parameters] }
    }

    /// Calls `work` for each shard of a minibatch, which writes the shard's gradient and losses, and sums them up.
    /// Returns the sum of the losses.
    ///
    /// `make` makes another worker, in case that none is free.
    pub fn compute(
        &mut self,
        pool: &ThreadPool,
        units: Units,
        make: impl Fn() -> W + Sync,
        work: impl Fn(&mut W, &mut Shard<L>) + Sync + Send,
    ) -> L {
        let count = cut(&mut self.shards, units, self.sum.len()).len();
        self.used = count;
        let workers = &self.workers;
        for_each_in(pool, &mut self.shards[..count], |shard| {
            shard.losses = L::default();
            workers.with(&make, |worker| work(worker, shard));
        });
        self.sum_up(pool, count)
    }

    /// Returns the shards of the last minibatch, in the order of its samples.
    pub fn last_shards(&self) -> &[Shard<L>] {
        &self.shards[..self.used]
    }

    /// Sums the gradients of the first `count` shards into `sum`, and returns the sum of their losses.
    fn sum_up(&mut self, pool: &ThreadPool, count: usize) -> L {
        let Self { shards, sum, .. } = self;
        for_each_chunk_in(pool, sum, SUM_CHUNK, |start, chunk| {
            for (index, sum) in chunk.chunks_mut(SUM_BLOCK).enumerate() {
                let first = start + index * SUM_BLOCK;
                sum_block(&shards[..count], first..first + sum.len(), sum);
            }
        });
        sum_along_tree(0..count, &mut |shard| shards[shard].losses, &mut L::plus)
    }
}

/// The size of a minibatch.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Units {
    /// So many samples.
    Samples(usize),
    /// So many whole rows, where the policy has a memory.
    Rows(usize),
}

/// Writes the sum of the shards' gradients with respect to these parameters, [`SUM_BLOCK`] at most, to `sum`.
///
/// The order of additions is that of [`sum_along_tree`]. Sums are written in place, because copies of blocks took longer
/// than the additions.
fn sum_block<L>(shards: &[Shard<L>], parameters: Range<usize>, sum: &mut [f32]) {
    match shards {
        [] => unreachable!("a minibatch has a shard"),
        [one] => sum.copy_from_slice(&one.gradient[parameters]),
        [one, other] => {
            let pairs = one.gradient[parameters.clone()].iter().zip(&other.gradient[parameters]);
            sum.iter_mut().zip(pairs).for_each(|(sum, (one, other))| *sum = one + other);
        }
        // Four at once write no partial sums.
        [a, b, c, d] => {
            let [a, b, c, d] = [a, b, c, d].map(|shard| shard.gradient[parameters.clone()].iter());
            let fours = a.zip(b).zip(c.zip(d));
            sum.iter_mut().zip(fours).for_each(|(sum, ((a, b), (c, d)))| *sum = (a + b) + (c + d));
        }
        _ => {
            let (first, second) = shards.split_at(shards.len() / 2);
            let mut of_second = [0.0; SUM_BLOCK];
            let of_second = &mut of_second[..sum.len()];
            sum_block(first, parameters.clone(), sum);
            sum_block(second, parameters, of_second);
            sum.iter_mut().zip(of_second).for_each(|(sum, derivative)| *sum += *derivative);
        }
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
fn cut<L: Default>(shards: &mut Vec<Shard<L>>, units: Units, parameters: usize) -> &mut [Shard<L>] {
    let (units, count) = match units {
        Units::Samples(samples) => (samples, shard_count(samples)),
        Units::Rows(rows) => (rows, row_shard_count(rows)),
    };
    while shards.len() < count {
        shards.push(Shard { gradient: vec![0.0; parameters], losses: L::default(), units: 0..0, errors: Vec::new() });
    }
    for (index, shard) in shards[..count].iter_mut().enumerate() {
        shard.units = index * units / count..(index + 1) * units / count;
    }
    &mut shards[..count]
}

/// The size of a gradient step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StepSize {
    /// Adam's step size.
    pub learning_rate: f32,
    /// The maximum norm of the gradient, over all parameters together.
    pub max_grad_norm: f32,
}

/// Takes a gradient step, unless the gradient is not finite. Returns the gradient's norm before clipping. Details 2 and
/// 13.
pub(crate) fn take_step(
    network: &mut Network,
    optimizer: &mut Adam,
    gradient: &[f32],
    size: StepSize,
) -> Result<f32, LearnError> {
    let StepSize { learning_rate, max_grad_norm } = size;
    let grad_norm = network.update(|parameters| optimizer.step(parameters, gradient, learning_rate, max_grad_norm));
    if !grad_norm.is_finite() {
        check_gradient(network.layout(), gradient)?;
    }
    check_loss("gradient's length", grad_norm)?;
    Ok(grad_norm)
}

/// Checks that a loss, or the gradient's length, is finite.
pub(crate) fn check_loss(what: &'static str, value: f32) -> Result<(), LearnError> {
    if value.is_finite() { Ok(()) } else { Err(LearnError::NotFinite { what, value }) }
}

/// Returns an error if a parameter is not finite, which no later loss would show.
pub(crate) fn check_parameters(network: &Network) -> Result<(), LearnError> {
    match network.parameters().iter().find(|parameter| !parameter.is_finite()) {
        Some(&value) => Err(LearnError::Parameter { value }),
        None => Ok(()),
    }
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
    fn gradients_are_added_up_along_the_tree() {
        let derivative = |shard: usize, parameter: usize| 0.1 * ((7 * shard + parameter) as f32).sin().exp();
        for count in [1, 2, 3, 4, 5, 7, 16, 31] {
            let shard = |index: usize| Shard {
                gradient: (0..SUM_BLOCK + 3).map(|parameter| derivative(index, parameter)).collect(),
                losses: (),
                units: 0..0,
                errors: Vec::new(),
            };
            let shards = Vec::from_iter((0..count).map(shard));
            let mut sum = [0.0; SUM_BLOCK];
            sum_block(&shards, 3..SUM_BLOCK + 3, &mut sum);
            let along_tree = |parameter: usize| {
                sum_along_tree(0..count, &mut |shard| derivative(shard, parameter), &mut |one, other| one + other)
            };
            let expected = (3..SUM_BLOCK + 3).map(along_tree).collect::<Vec<f32>>();
            assert_eq!(sum.map(f32::to_bits).to_vec(), expected.into_iter().map(f32::to_bits).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_minibatch_is_cut_by_its_size() {
        let check = |samples: usize, sizes: &[usize]| {
            let mut shards: Vec<Shard<()>> = Vec::new();
            let units = Units::Samples(samples);
            let found: Vec<usize> = cut(&mut shards, units, 0).iter().map(|shard| shard.units.len()).collect();
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
