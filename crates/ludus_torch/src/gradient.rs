//! The gradient of a minibatch: threads work on its shards, and their gradients are added up along a fixed tree.

use ludus_learn::sum_along_tree;
use rayon::ThreadPool;
use rayon::iter::{IndexedParallelIterator, IntoParallelRefMutIterator, ParallelIterator};
use tch::{Device, Tensor};

use crate::parameters::{Leaves, ParameterLayout};
use crate::threads::keep_to_this_thread;

/// Samples of a shard on the CPU: enough that libtorch's cost per operation is small beside the arithmetic.
const SHARD: usize = 1024;

/// The maximum number of shards. Larger minibatches get larger shards instead.
const MOST_SHARDS: usize = 16;

/// The shards of minibatches on a device. Each shard has leaves of its own, so that threads share no tensor.
#[derive(Debug)]
pub(crate) struct Shards {
    leaves: Vec<Leaves>,
    places: ParameterLayout,
    device: Device,
}

/// The gradient of a shard, and its sums of losses.
#[derive(Debug)]
pub(crate) struct ShardGradient {
    pub gradient: Tensor,
    /// See [`LossAccumulator`](crate::loss_accumulator::LossAccumulator).
    pub sums: Tensor,
}

impl Shards {
    pub const fn new(places: ParameterLayout, device: Device) -> Self {
        Self { leaves: Vec::new(), places, device }
    }

    /// Returns the shards of a minibatch of this many samples in so many units, which can't be cut. The count depends on
    /// the sizes alone.
    pub fn count(&self, samples: usize, units: usize) -> usize {
        if self.device.is_cuda() { 1 } else { samples.div_ceil(SHARD).min(units).clamp(1, MOST_SHARDS) }
    }

    /// Calls `work` for each shard, on the threads of the pool, with leaves of these parameters. Returns the results in
    /// the order of the shards.
    pub fn work<S: Send, R: Send>(
        &mut self,
        parameters: &Tensor,
        pool: &ThreadPool,
        shards: Vec<S>,
        work: impl Fn(&Leaves, &S) -> R + Send + Sync,
    ) -> Vec<R> {
        while self.leaves.len() < shards.len() {
            self.leaves.push(Leaves::new(&self.places, parameters));
        }
        if shards.len() == 1 || pool.current_num_threads() == 1 {
            return self.leaves.iter().zip(&shards).map(|(leaves, shard)| work(leaves, shard)).collect();
        }
        let mut shards: Vec<(&mut Leaves, S)> = self.leaves.iter_mut().zip(shards).collect();
        pool.install(|| {
            let work = |(leaves, shard): &mut (&mut Leaves, S)| {
                keep_to_this_thread();
                work(leaves, shard)
            };
            shards.par_iter_mut().with_max_len(1).map(work).collect()
        })
    }
}

impl ShardGradient {
    /// Adds up gradients and sums along a fixed tree.
    pub fn sum(shards: Vec<Self>) -> Self {
        let count = shards.len();
        let mut shards: Vec<Option<Self>> = shards.into_iter().map(Some).collect();
        let mut found = |shard: usize| shards[shard].take().expect("each shard is added once");
        let mut add =
            |one: Self, other: Self| Self { gradient: one.gradient + other.gradient, sums: one.sums + other.sums };
        sum_along_tree(0..count, &mut found, &mut add)
    }
}
