//! The counterfactual baseline of agents in teams.

mod rows;
mod state;

use ludus_net::{Network, NetworkConfig, Normalizer, Scratch, ValueMap, stage};
use ludus_spec::{AgentSpec, Seed};

use crate::gradient::{Shard, ShardedGradient, StepSize, Units, check_loss};
use crate::learned_network::LearnedNetwork;
use crate::threads::for_each_chunk_in;
use crate::worker_pool::WorkerPool;
use crate::{LearnError, LearnerState, Machine, Metric, MetricInfo, Rollout};
use rows::CounterfactualRows;

/// Rows whose baselines one task on one thread computes.
const CHUNK: usize = 384;

/// The greatest absolute value of a normalised observation. Huang et al. 2022, continuous detail 5.
const CLIP: f32 = 10.0;

pub(crate) const LOSS: MetricInfo =
    MetricInfo { name: "losses/baseline_loss", title: "Loss of the baseline", unit: "" };

/// The value of a step without the agent's own action: a network that reads what the agent observes, and what the other
/// members of its team observe and do. Detail 55.
///
/// ```text
/// A[i] = G[i] − Q(o[i]; (o[j], a[j]) of all other members j)
/// ```
///
/// G is the λ-return, the target of the critic. The members are elements of a set that is pooled, so a team may have any
/// number of them.
///
/// # Source
///
/// Cohen et al. 2022, arXiv:2111.05992, §4.2; Foerster et al. 2018, arXiv:1705.08926, §3.2, for the idea.
#[derive(Debug)]
pub(crate) struct CounterfactualBaseline {
    rows: CounterfactualRows,
    learned: LearnedNetwork,
    scratch: Scratch,
    gradient: ShardedGradient<BaselineWorker, f32>,
    workers: WorkerPool<BaselineWorker>,
    /// The baselines of the last rollout `[samples, value heads]`.
    values: Vec<f32>,
    /// The losses of this update's minibatches, weighted by their sample counts, and these counts.
    loss: f32,
    samples: usize,
    good: Option<LearnerState>,
}

/// The description of a baseline's network.
pub(crate) struct BaselineSetup<'a> {
    /// The spec of the rows of a critic that sees its team.
    pub spec: &'a AgentSpec,
    /// The policy's network.
    pub network: &'a NetworkConfig,
    /// The critic's values.
    pub value_heads: usize,
    /// True if observations are normalised.
    pub normalize: bool,
    /// The seed of the first weights.
    pub seed: Seed,
}

/// The inputs of a minibatch's loss.
#[derive(Clone, Copy)]
struct BaselineSamples<'a> {
    rows: &'a CounterfactualRows,
    learned: &'a LearnedNetwork,
    /// `[samples, value heads]`.
    targets: &'a [f32],
    samples: &'a [u32],
}

/// The working memory of one thread.
#[derive(Debug)]
struct BaselineWorker {
    scratch: Scratch,
    gathered: Vec<f32>,
    inputs: Vec<f32>,
}

impl CounterfactualBaseline {
    /// Makes a baseline that has not learned yet.
    ///
    /// # Errors
    ///
    /// [`LearnError::NoTeamView`] if the rows have no view of the team, and [`LearnError::Network`] if the network is too
    /// large.
    pub fn new(setup: &BaselineSetup<'_>, machine: &Machine) -> Result<Self, LearnError> {
        let spec = rows::counterfactual_spec(setup.spec).ok_or(LearnError::NoTeamView)?;
        let layout = rows::layout(&spec, setup.network)?.with_value_heads(setup.value_heads)?;
        let scratch = Scratch::new(&layout);
        let make = || BaselineWorker::new(scratch.clone());
        let threads = machine.pool.current_num_threads();
        let normalizer = setup.normalize.then(|| Normalizer::of_agent(&spec, CLIP));
        Ok(Self {
            rows: CounterfactualRows::new(setup.spec, &spec),
            gradient: ShardedGradient::new(layout.parameter_count(), &machine.pool, make),
            workers: WorkerPool::new((0..threads).map(|_| make())),
            learned: LearnedNetwork::new(Network::new(layout, setup.seed), normalizer)?,
            scratch,
            values: Vec::new(),
            loss: 0.0,
            samples: 0,
            good: None,
        })
    }

    /// Replaces the advantages of a rollout by those over the baseline. The returns stay as they are.
    pub fn estimate(&mut self, rollout: &mut Rollout, machine: &Machine) {
        self.rows.gather(rollout);
        let Self { rows, learned, scratch, workers, values, .. } = self;
        let heads = learned.network.layout().value_heads();
        values.resize(rollout.samples().outcomes.len() * heads, 0.0);
        for_each_chunk_in(&machine.pool, values, CHUNK * heads, |start, values| {
            let make = || BaselineWorker::new(scratch.clone());
            workers.with(make, |worker| {
                for (index, values) in values.chunks_mut(CHUNK * heads).enumerate() {
                    let first = start / heads + index * CHUNK;
                    worker.evaluate(learned, rows.range(first..first + values.len() / heads), values);
                }
            });
        });
        rollout.subtract_baseline(values);
    }

    /// Begins an update: its losses are counted anew.
    pub fn begin_update(&mut self) {
        (self.loss, self.samples) = (0.0, 0);
    }

    /// Takes one gradient step towards the returns of these samples.
    ///
    /// # Errors
    ///
    /// [`LearnError::NotFinite`] or [`LearnError::Gradient`], with all parameters as they were before.
    pub fn learn_minibatch(
        &mut self,
        rollout: &Rollout,
        samples: &[u32],
        machine: &Machine,
        size: StepSize,
    ) -> Result<(), LearnError> {
        let Self { rows, learned, scratch, gradient, .. } = self;
        let batch = BaselineSamples { rows, learned, targets: rollout.samples().returns, samples };
        let make = || BaselineWorker::new(scratch.clone());
        let loss = gradient.compute(&machine.pool, Units::Samples(samples.len()), make, |worker, shard| {
            worker.compute_gradient(batch, shard);
        });
        check_loss("loss of the baseline", loss)?;
        learned.take_step(&gradient.sum, size)?;
        self.loss += loss;
        self.samples += samples.len();
        Ok(())
    }

    /// Returns an error if a gradient step has left a parameter that is not finite.
    pub fn check(&self) -> Result<(), LearnError> {
        self.learned.check()
    }

    /// Shifts and scales what the network returns, one map for each value head.
    pub fn map_values(&mut self, maps: &[ValueMap]) {
        self.learned.network.map_values(maps);
    }

    /// Merges what was observed in the rollout's experience into the statistics, slab by slab. Detail 14.
    pub fn update_normalizer(&mut self, rollout: &Rollout) {
        let Self { rows, learned, .. } = self;
        let Some(normalizer) = learned.normalizer.as_mut().filter(|normalizer| normalizer.is_following()) else {
            return;
        };
        let outcomes = rollout.samples().outcomes;
        let mut statistics = normalizer.empty_statistics();
        for place in rollout.slab_places() {
            statistics.clear();
            let outcomes = &outcomes[place.clone()];
            statistics.observe(rows.range(place), |row| outcomes[row].is_experience());
            normalizer.merge(&statistics);
        }
    }

    /// Returns the mean loss of the last update: half the squared error.
    pub fn metric(&self) -> Metric {
        Metric { info: LOSS, value: self.loss / self.samples.max(1) as f32 }
    }

    /// Marks the current state as good.
    pub fn mark(&mut self) {
        self.learned.copy_state(self.good.get_or_insert_default());
    }

    /// Restores the marked state, if there is one.
    pub fn rewind(&mut self) {
        if let Some(good) = &self.good {
            self.learned.restore(good).expect("what was marked is of this network, and was learned from");
        }
    }
}

impl BaselineWorker {
    const fn new(scratch: Scratch) -> Self {
        Self { scratch, gathered: Vec::new(), inputs: Vec::new() }
    }

    /// Writes the baselines of some rows `[rows, value heads]`.
    fn evaluate(&mut self, learned: &LearnedNetwork, rows: &[f32], values: &mut [f32]) {
        self.inputs.resize(rows.len(), 0.0);
        stage(learned.normalizer.as_ref(), rows, &mut self.inputs);
        learned.network.forward_values(&self.inputs, &mut self.scratch, values);
    }

    /// Writes the gradient of a shard's share of the mean loss, and the sum of its losses. The loss of a sample is the mean
    /// over its values, half the squared error each.
    fn compute_gradient(&mut self, batch: BaselineSamples<'_>, shard: &mut Shard<f32>) {
        let BaselineSamples { rows, learned, targets, samples } = batch;
        let weight = 1.0 / samples.len() as f32;
        let samples = &samples[shard.units.clone()];
        self.gathered.clear();
        samples.iter().for_each(|&sample| self.gathered.extend_from_slice(rows.row(sample as usize)));
        self.inputs.resize(self.gathered.len(), 0.0);
        stage(learned.normalizer.as_ref(), &self.gathered, &mut self.inputs);
        let heads = learned.network.layout().value_heads();
        let part = 1.0 / heads as f32;
        learned.network.gradient(&self.inputs, &mut self.scratch, &mut shard.gradient, |block| {
            let values = block.values.chunks_exact(heads).zip(block.d_values.chunks_exact_mut(heads));
            for ((values, slopes), &sample) in values.zip(&samples[block.first_row..]) {
                let targets = &targets[sample as usize * heads..][..heads];
                for ((value, slope), target) in values.iter().zip(slopes).zip(targets) {
                    let error = value - target;
                    shard.losses += part * 0.5 * error * error;
                    *slope = part * weight * error;
                }
            }
        });
    }
}

#[cfg(test)]
mod tests;
