//! The network that tells pairs of demonstrations from pairs of the policy.

use ludus_net::{Adam, Layout, Network, Normalizer, Scratch, check_finite, stage};
use ludus_spec::Seed;
use rayon::ThreadPool;

use crate::gradient::{LossSums, Shard, ShardedGradient, StepSize, Units, check_parameters, take_step};
use crate::threads::for_each_chunk_in;
use crate::worker_pool::WorkerPool;
use crate::{LearnError, Machine};

/// Pairs whose odds one task on one thread computes.
const ODDS_CHUNK: usize = 384;

/// The distance from a pair at which a difference of the odds is taken for their slope.
const DISTANCE: f32 = 1e-2;

/// A network whose output is the logarithmic odds that a pair was shown.
#[derive(Debug)]
pub(super) struct Discriminator {
    network: Network,
    optimizer: Adam,
    scratch: Scratch,
    gradient: ShardedGradient<PairWorker, DiscriminatorLosses>,
    workers: WorkerPool<PairWorker>,
    gradient_penalty: f32,
}

/// The numbers of the network and of the optimiser.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct DiscriminatorNumbers {
    pub parameters: Vec<f32>,
    pub first_moments: Vec<f32>,
    pub second_moments: Vec<f32>,
    pub optimizer_steps: u64,
}

/// The pairs of a gradient step.
#[derive(Clone, Copy)]
pub(super) struct PairBatch<'a> {
    /// Indices of the pairs that were shown.
    pub shown: &'a [u32],
    /// Indices of as many pairs that were played.
    pub played: &'a [u32],
    /// `[pairs, width]`.
    pub shown_pairs: &'a [f32],
    /// `[pairs, width]`.
    pub played_pairs: &'a [f32],
    pub normalizer: &'a Normalizer,
    /// The seed of the points at which the gradient is penalised.
    pub seed: Seed,
}

/// Sums of losses over pairs, or their means.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DiscriminatorLosses {
    /// Cross-entropy and penalty \[nats\].
    pub loss: f32,
    /// The part of the pairs that are told apart.
    pub accuracy: f32,
}

impl DiscriminatorLosses {
    pub fn plus_scaled(self, other: Self, factor: f32) -> Self {
        Self { loss: self.loss + factor * other.loss, accuracy: self.accuracy + factor * other.accuracy }
    }
}

impl LossSums for DiscriminatorLosses {
    fn plus(self, other: Self) -> Self {
        self.plus_scaled(other, 1.0)
    }
}

impl Discriminator {
    pub fn new(layout: Layout, gradient_penalty: f32, seed: Seed, machine: &Machine) -> Self {
        let scratch = Scratch::new(&layout);
        let make = || PairWorker::new(scratch.clone());
        let threads = machine.pool.current_num_threads();
        Self {
            optimizer: Adam::new(layout.parameter_count()),
            gradient: ShardedGradient::new(layout.parameter_count(), &machine.pool, make),
            workers: WorkerPool::new((0..threads).map(|_| make())),
            network: Network::new(layout, seed),
            scratch,
            gradient_penalty,
        }
    }

    /// Writes the logarithmic odds of each pair `[pairs]`.
    pub fn log_odds(&self, pairs: &[f32], normalizer: &Normalizer, pool: &ThreadPool, odds: &mut [f32]) {
        let (width, rows) = (self.network.layout().inputs(), self.network.most_block_rows());
        if odds.is_empty() {
            return;
        }
        for_each_chunk_in(pool, odds, ODDS_CHUNK, |start, odds| {
            let make = || PairWorker::new(self.scratch.clone());
            let pairs = &pairs[start * width..][..odds.len() * width];
            self.workers.with(make, |worker| {
                for (odds, pairs) in odds.chunks_mut(rows).zip(pairs.chunks(rows * width)) {
                    worker.inputs.resize(pairs.len(), 0.0);
                    stage(Some(normalizer), pairs, &mut worker.inputs);
                    self.network.outputs_of_block(&worker.inputs, &mut worker.scratch, odds);
                }
            });
        });
    }

    /// Computes the gradient of the mean loss of a batch. Returns the means of its losses.
    pub fn compute(&mut self, batch: PairBatch<'_>, pool: &ThreadPool) -> DiscriminatorLosses {
        let Self { network, scratch, gradient, gradient_penalty, .. } = self;
        let make = || PairWorker::new(scratch.clone());
        let pairs = batch.shown.len();
        let context = LossContext { network, batch, gradient_penalty: *gradient_penalty };
        let sums = gradient.compute(pool, Units::Samples(pairs), make, |worker, shard| {
            worker.compute_gradient(context, shard);
        });
        DiscriminatorLosses::default().plus_scaled(sums, 1.0 / pairs as f32)
    }

    /// Takes a step along the gradient that was computed.
    ///
    /// # Errors
    ///
    /// [`LearnError::NotFinite`] or [`LearnError::Gradient`], with all parameters as they were before.
    pub fn step(&mut self, learning_rate: f32) -> Result<(), LearnError> {
        let size = StepSize { learning_rate, max_grad_norm: f32::MAX };
        take_step(&mut self.network, &mut self.optimizer, &self.gradient.sum, size).map(drop)
    }

    /// Returns an error if a gradient step has left a parameter that is not finite.
    pub fn check(&self) -> Result<(), LearnError> {
        check_parameters(&self.network)
    }

    pub fn numbers(&self) -> DiscriminatorNumbers {
        DiscriminatorNumbers {
            parameters: self.network.parameters().to_vec(),
            first_moments: self.optimizer.mean().to_vec(),
            second_moments: self.optimizer.variance().to_vec(),
            optimizer_steps: self.optimizer.step_count(),
        }
    }

    /// Replaces all numbers.
    ///
    /// # Errors
    ///
    /// If they are not those of such a network; then everything is as it was.
    pub fn set_numbers(&mut self, numbers: &DiscriminatorNumbers) -> Result<(), LearnError> {
        let DiscriminatorNumbers { parameters, first_moments, second_moments, optimizer_steps } = numbers;
        let now = self.network.parameters().len();
        for (what, array) in
            [("weights of GAIL", parameters), ("moments of GAIL", first_moments), ("moments of GAIL", second_moments)]
        {
            if array.len() != now {
                return Err(LearnError::Checkpoint { what, was: array.len(), now });
            }
            check_finite(&format!("the checkpoint's array of {what}"), array)?;
        }
        self.optimizer = Adam::from_state(first_moments.clone(), second_moments.clone(), *optimizer_steps)?;
        self.network.set_parameters(parameters)?;
        Ok(())
    }
}

/// The inputs of a batch's loss.
#[derive(Clone, Copy)]
struct LossContext<'a> {
    network: &'a Network,
    batch: PairBatch<'a>,
    gradient_penalty: f32,
}

impl LossContext<'_> {
    /// The weight of a pair in a mean over the batch.
    fn weight(&self) -> f32 {
        1.0 / self.batch.shown.len() as f32
    }
}

/// The working memory of one thread.
#[derive(Debug)]
struct PairWorker {
    scratch: Scratch,
    /// Raw pairs, then the points between them.
    pairs: Vec<f32>,
    inputs: Vec<f32>,
    /// The inputs of as many pairs that were played.
    others: Vec<f32>,
    outputs: Vec<f32>,
    d_outputs: Vec<f32>,
    slopes: Vec<f32>,
    rows: Vec<usize>,
}

impl PairWorker {
    fn new(scratch: Scratch) -> Self {
        let [pairs, inputs, others, outputs, d_outputs, slopes] = [const { Vec::new() }; 6];
        Self { scratch, pairs, inputs, others, outputs, d_outputs, slopes, rows: Vec::new() }
    }

    /// Writes the gradient of a shard's share of the mean loss, and the sums of its losses. Detail 50.
    fn compute_gradient(&mut self, context: LossContext<'_>, shard: &mut Shard<DiscriminatorLosses>) {
        let most = context.network.most_block_rows();
        let units = shard.units.clone();
        shard.gradient.fill(0.0);
        for start in units.clone().step_by(most) {
            let block = start..units.end.min(start + most);
            let PairBatch { shown, played, shown_pairs, played_pairs, normalizer, .. } = context.batch;
            self.stage(&shown[block.clone()], shown_pairs, normalizer);
            std::mem::swap(&mut self.inputs, &mut self.others);
            self.stage(&played[block.clone()], played_pairs, normalizer);
            std::mem::swap(&mut self.inputs, &mut self.others);
            self.add_cross_entropy(context, 1.0, shard);
            std::mem::swap(&mut self.inputs, &mut self.others);
            self.add_cross_entropy(context, -1.0, shard);
            if context.gradient_penalty > 0.0 {
                self.mix(context.batch.seed, block.start);
                self.add_penalty(context, shard);
            }
        }
    }

    /// Writes the network's inputs for these pairs.
    fn stage(&mut self, indices: &[u32], pairs: &[f32], normalizer: &Normalizer) {
        let width = normalizer.width();
        self.pairs.clear();
        indices.iter().for_each(|&pair| self.pairs.extend_from_slice(&pairs[pair as usize * width..][..width]));
        self.inputs.resize(self.pairs.len(), 0.0);
        stage(Some(normalizer), &self.pairs, &mut self.inputs);
    }

    /// Computes the outputs for the inputs.
    fn predict(&mut self, network: &Network) {
        let rows = self.inputs.len() / network.layout().inputs();
        self.outputs.resize(rows, 0.0);
        network.outputs_of_block(&self.inputs, &mut self.scratch, &mut self.outputs);
    }

    /// Adds half of the cross-entropy of the inputs, whose label is shown (1) or played (−1).
    ///
    /// ```text
    /// L = ln(1 + exp(−label·f))      ∂L/∂f = −label·σ(−label·f)
    /// ```
    fn add_cross_entropy(&mut self, context: LossContext<'_>, label: f32, shard: &mut Shard<DiscriminatorLosses>) {
        self.predict(context.network);
        let weight = 0.5 * context.weight();
        let Self { outputs, d_outputs, .. } = self;
        d_outputs.clear();
        for &output in outputs.iter() {
            let margin = label * output;
            // ln(1 + exp(−m)), without an overflow.
            let loss = (-margin).max(0.0) + (-margin.abs()).exp().ln_1p();
            shard.losses.loss += 0.5 * loss;
            shard.losses.accuracy += 0.5 * f32::from(margin > 0.0);
            d_outputs.push(-weight * label / (1.0 + margin.exp()));
        }
        context.network.gradient_of_block(&self.inputs, &mut self.scratch, &self.d_outputs, &mut shard.gradient);
    }

    /// Replaces the inputs by points between them and the others, drawn from the seed and the index of the pair.
    fn mix(&mut self, seed: Seed, first: usize) {
        let width = self.inputs.len() / self.outputs.len().max(1);
        let rows = self.inputs.chunks_exact_mut(width).zip(self.others.chunks_exact(width));
        for (index, (row, other)) in rows.enumerate() {
            let part = seed.derive((first + index) as u64).uniform();
            row.iter_mut().zip(other).for_each(|(one, other)| *one += part * (other - *one));
        }
    }

    /// Adds the penalty of the inputs, `λ·(‖∇f‖ − 1)²`.
    ///
    /// The derivative of a norm is that of the slope along its own direction v: `∂‖∇f‖/∂θ = ∂(v·∇f)/∂θ`, which is taken
    /// from the difference of f at both sides of the input along v.
    fn add_penalty(&mut self, context: LossContext<'_>, shard: &mut Shard<DiscriminatorLosses>) {
        let (network, width) = (context.network, context.network.layout().inputs());
        self.predict(network);
        let count = self.outputs.len();
        self.rows.clear();
        self.rows.extend(0..count);
        self.d_outputs.clear();
        self.d_outputs.resize(count, 1.0);
        self.slopes.resize(count * width, 0.0);
        let Self { scratch, rows, d_outputs, slopes, .. } = self;
        network.input_gradient_of_rows(rows, scratch, d_outputs, 0..width, slopes);
        for (slope, d_output) in self.slopes.chunks_exact_mut(width).zip(&mut self.d_outputs) {
            let norm = slope.iter().map(|slope| slope * slope).sum::<f32>().sqrt();
            shard.losses.loss += context.gradient_penalty * (norm - 1.0) * (norm - 1.0);
            *d_output = 2.0 * context.gradient_penalty * (norm - 1.0) * context.weight() / (2.0 * DISTANCE);
            // Without a slope there is no direction.
            let scale = if norm > 0.0 { DISTANCE / norm } else { 0.0 };
            slope.iter_mut().for_each(|slope| *slope *= scale);
        }
        for (side, sign) in [(1.0, 1.0), (-2.0, -1.0)] {
            self.inputs.iter_mut().zip(&self.slopes).for_each(|(input, slope)| *input += side * slope);
            self.predict(network);
            self.outputs.iter_mut().zip(&self.d_outputs).for_each(|(output, slope)| *output = sign * slope);
            network.gradient_of_block(&self.inputs, &mut self.scratch, &self.outputs, &mut shard.gradient);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ludus_net::{Activation, NetworkConfig};
    use ludus_spec::{Head, stopped_clock};

    use super::*;

    const WIDTH: usize = 3;

    fn discriminator(gradient_penalty: f32, threads: usize) -> Discriminator {
        let config = NetworkConfig {
            hidden: vec![6, 5],
            activation: Activation::Tanh,
            shared: true,
            ..NetworkConfig::default()
        };
        let layout = Layout::new(WIDTH, &[Head::Gaussian { width: 1 }], &config).unwrap();
        let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap());
        let machine = Machine { pool, clock: stopped_clock };
        let mut made = Discriminator::new(layout, gradient_penalty, Seed::new(1), &machine);
        let scatter = |(index, p): (usize, &mut f32)| *p += Seed::new(2).derive(index as u64).uniform() - 0.5;
        made.network.update(|parameters| parameters.iter_mut().enumerate().for_each(scatter));
        made
    }

    fn pairs(seed: u64, count: usize) -> Vec<f32> {
        (0..count * WIDTH).map(|place| 2.0 * Seed::new(seed).derive(place as u64).uniform() - 1.0).collect()
    }

    /// Returns the losses and the gradient of a batch.
    fn computed(discriminator: &mut Discriminator) -> (DiscriminatorLosses, Vec<f32>) {
        let (shown_pairs, played_pairs) = (pairs(3, 7), pairs(4, 7));
        let batch = PairBatch {
            shown: &[0, 3, 5, 6],
            played: &[1, 2, 3, 4],
            shown_pairs: &shown_pairs,
            played_pairs: &played_pairs,
            normalizer: &Normalizer::identity(WIDTH),
            seed: Seed::new(5),
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let losses = discriminator.compute(batch, &pool);
        (losses, discriminator.gradient.sum.clone())
    }

    /// Compares every derivative, those of the penalty included, with a finite difference of the loss.
    #[test]
    fn the_gradient_is_that_of_cross_entropy_and_penalty() {
        for penalty in [0.0, 3.0] {
            let mut made = discriminator(penalty, 1);
            let gradient = computed(&mut made).1;
            let before = made.network.parameters().to_vec();
            let mut loss_at = |parameter: usize, change: f32| {
                made.network.set_parameters(&before).unwrap();
                made.network.update(|parameters| parameters[parameter] += change);
                computed(&mut made).0.loss
            };
            let layout = discriminator(penalty, 1).network.layout().clone();
            let mut compared = 0;
            for tensor in layout.tensors().filter(|tensor| !tensor.name.starts_with("critic")) {
                for parameter in (0..tensor.element_count()).map(|element| tensor.position(element)) {
                    let difference = (loss_at(parameter, 5e-3) - loss_at(parameter, -5e-3)) / 1e-2;
                    let error = (gradient[parameter] - difference).abs();
                    let most = 4e-3 * (1.0 + difference.abs());
                    assert!(error < most, "{}: {} against {difference}", tensor.name, gradient[parameter]);
                    compared += usize::from(difference.abs() > 1e-2);
                }
            }
            assert!(compared > 30, "{compared} derivatives that are not 0");
        }
    }

    #[test]
    fn pairs_are_told_apart() {
        let mut made = discriminator(0.1, 1);
        let before = computed(&mut made).0;
        for _ in 0..200 {
            computed(&mut made);
            made.step(1e-2).unwrap();
        }
        let after = computed(&mut made).0;
        assert!(after.loss < 0.7 * before.loss && after.accuracy == 1.0, "{before:?}, then {after:?}");
    }

    #[test]
    fn odds_are_the_same_in_any_number_of_threads() {
        let pairs = pairs(6, 1000);
        let odds = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut odds = vec![0.0; 1000];
            discriminator(0.0, threads).log_odds(&pairs, &Normalizer::identity(WIDTH), &pool, &mut odds);
            odds
        };
        assert_eq!(odds(1), odds(3));
    }
}
