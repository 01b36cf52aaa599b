//! The two networks of random network distillation.

use std::f32::consts::SQRT_2;

use ludus_net::{Adam, Layout, Network, Normalizer, Scratch, check_finite, stage};
use ludus_spec::Seed;
use rayon::ThreadPool;

use super::columns::ObservedColumns;
use crate::gradient::{Shard, ShardedGradient, StepSize, Units, check_parameters, take_step};
use crate::threads::for_each_chunk_in;
use crate::worker_pool::WorkerPool;
use crate::{LearnError, Machine};

/// Observations whose errors one task on one thread computes.
const ERROR_CHUNK: usize = 384;

/// The factor from the gain of a policy's head in a new network, 0.01, to that of other layers.
const HEAD_GAIN: f32 = SQRT_2 / 0.01;

/// A random network that stays as it is, and a network that learns to predict its outputs.
#[derive(Debug)]
pub(super) struct Distillation {
    target: Network,
    predictor: Network,
    optimizer: Adam,
    scratch: Scratch,
    gradient: ShardedGradient<DistillationWorker, f32>,
    workers: WorkerPool<DistillationWorker>,
}

/// The numbers of both networks and of the optimiser.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct DistillationNumbers {
    pub target: Vec<f32>,
    pub predictor: Vec<f32>,
    pub first_moments: Vec<f32>,
    pub second_moments: Vec<f32>,
    pub optimizer_steps: u64,
}

/// The samples of a gradient step.
#[derive(Clone, Copy)]
pub(super) struct ObservedSamples<'a> {
    pub columns: &'a ObservedColumns,
    pub normalizer: &'a Normalizer,
    pub samples: &'a [u32],
}

/// The working memory of one thread.
#[derive(Debug)]
struct DistillationWorker {
    scratch: Scratch,
    observations: Vec<f32>,
    inputs: Vec<f32>,
    targets: Vec<f32>,
    /// The predictor's outputs, then the derivatives with respect to them.
    outputs: Vec<f32>,
}

impl Distillation {
    /// Makes both networks of this layout, from the seeds of the target and of the predictor. Detail 43.
    pub fn new(layout: &Layout, seeds: [Seed; 2], machine: &Machine) -> Self {
        let [target, predictor] = seeds.map(|seed| network(layout, seed));
        let scratch = Scratch::new(layout);
        let make = || DistillationWorker::new(scratch.clone());
        let threads = machine.pool.current_num_threads();
        Self {
            optimizer: Adam::new(layout.parameter_count()),
            gradient: ShardedGradient::new(layout.parameter_count(), &machine.pool, make),
            workers: WorkerPool::new((0..threads).map(|_| make())),
            target,
            predictor,
            scratch,
        }
    }

    /// Writes the error of each observation, the mean square of its outputs' errors `[rows]`.
    pub fn errors(&self, observations: &[f32], normalizer: &Normalizer, pool: &ThreadPool, errors: &mut [f32]) {
        let (width, outputs) = (self.predictor.layout().inputs(), self.predictor.layout().output_width());
        let rows = self.predictor.most_block_rows();
        for_each_chunk_in(pool, errors, ERROR_CHUNK, |start, errors| {
            let make = || DistillationWorker::new(self.scratch.clone());
            let observations = &observations[start * width..][..errors.len() * width];
            self.workers.with(make, |worker| {
                for (errors, observations) in errors.chunks_mut(rows).zip(observations.chunks(rows * width)) {
                    worker.inputs.resize(observations.len(), 0.0);
                    stage(Some(normalizer), observations, &mut worker.inputs);
                    worker.predict(&self.target, &self.predictor, 0..errors.len());
                    let pairs = worker.outputs.chunks_exact(outputs).zip(worker.targets.chunks_exact(outputs));
                    for (error, (found, target)) in errors.iter_mut().zip(pairs) {
                        *error = mean_square(found, target);
                    }
                }
            });
        });
    }

    /// Computes the gradient of the mean error of some samples. Returns that error.
    pub fn compute(&mut self, observed: ObservedSamples<'_>, pool: &ThreadPool) -> f32 {
        let Self { target, predictor, scratch, gradient, .. } = self;
        let make = || DistillationWorker::new(scratch.clone());
        let units = Units::Samples(observed.samples.len());
        let sum = gradient.compute(pool, units, make, |worker, shard| {
            worker.compute_gradient(observed, (target, predictor), shard);
        });
        sum / observed.samples.len() as f32
    }

    /// Takes a step along the gradient that was computed.
    ///
    /// # Errors
    ///
    /// [`LearnError::NotFinite`] or [`LearnError::Gradient`], with all parameters as they were before.
    pub fn step(&mut self, learning_rate: f32) -> Result<(), LearnError> {
        let size = StepSize { learning_rate, max_grad_norm: f32::MAX };
        take_step(&mut self.predictor, &mut self.optimizer, &self.gradient.sum, size).map(drop)
    }

    /// Returns an error if a gradient step has left a parameter that is not finite.
    pub fn check(&self) -> Result<(), LearnError> {
        check_parameters(&self.predictor)
    }

    pub fn numbers(&self) -> DistillationNumbers {
        DistillationNumbers {
            target: self.target.parameters().to_vec(),
            predictor: self.predictor.parameters().to_vec(),
            first_moments: self.optimizer.mean().to_vec(),
            second_moments: self.optimizer.variance().to_vec(),
            optimizer_steps: self.optimizer.step_count(),
        }
    }

    /// Replaces all numbers.
    ///
    /// # Errors
    ///
    /// If they are not those of such networks; then everything is as it was.
    pub fn set_numbers(&mut self, numbers: &DistillationNumbers) -> Result<(), LearnError> {
        let DistillationNumbers { target, predictor, first_moments, second_moments, optimizer_steps } = numbers;
        let now = self.predictor.parameters().len();
        for (what, array) in [
            ("weights of curiosity's target", target),
            ("weights of curiosity's predictor", predictor),
            ("moments of curiosity", first_moments),
            ("moments of curiosity", second_moments),
        ] {
            if array.len() != now {
                return Err(LearnError::Checkpoint { what, was: array.len(), now });
            }
            check_finite(&format!("the checkpoint's array of {what}"), array)?;
        }
        self.optimizer = Adam::from_state(first_moments.clone(), second_moments.clone(), *optimizer_steps)?;
        self.target.set_parameters(target)?;
        self.predictor.set_parameters(predictor)?;
        Ok(())
    }
}

/// Makes a network whose head has the gain of its other layers.
fn network(layout: &Layout, seed: Seed) -> Network {
    let mut network = Network::new(layout.clone(), seed);
    let head = layout.tensors().filter(|tensor| tensor.name.starts_with("actor."));
    let places: Vec<usize> =
        head.flat_map(|tensor| (0..tensor.element_count()).map(move |element| tensor.position(element))).collect();
    network.update(|parameters| places.iter().for_each(|&place| parameters[place] *= HEAD_GAIN));
    network
}

impl DistillationWorker {
    fn new(scratch: Scratch) -> Self {
        let (observations, inputs, targets, outputs) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { scratch, observations, inputs, targets, outputs }
    }

    /// Computes the outputs of both networks for a block of the staged rows. The predictor's activations stay.
    fn predict(&mut self, target: &Network, predictor: &Network, rows: std::ops::Range<usize>) {
        let Self { scratch, inputs, targets, outputs, .. } = self;
        let (width, output_width) = (predictor.layout().inputs(), predictor.layout().output_width());
        let inputs = &inputs[rows.start * width..rows.end * width];
        targets.resize(rows.len() * output_width, 0.0);
        outputs.resize(rows.len() * output_width, 0.0);
        target.forward_policy(inputs, scratch, targets);
        predictor.outputs_of_block(inputs, scratch, outputs);
    }

    /// Writes the gradient of a shard's share of the mean error, and the sum of its errors.
    fn compute_gradient(
        &mut self,
        observed: ObservedSamples<'_>,
        (target, predictor): (&Network, &Network),
        shard: &mut Shard<f32>,
    ) {
        let ObservedSamples { columns, normalizer, samples: all } = observed;
        let samples = &all[shard.units.clone()];
        self.observations.clear();
        samples.iter().for_each(|&sample| self.observations.extend_from_slice(columns.row(sample as usize)));
        self.inputs.resize(self.observations.len(), 0.0);
        stage(Some(normalizer), &self.observations, &mut self.inputs);
        let (width, outputs) = (columns.width(), predictor.layout().output_width());
        let most = predictor.most_block_rows();
        let slope = 2.0 / (outputs * all.len()) as f32;
        shard.gradient.fill(0.0);
        for start in (0..samples.len()).step_by(most) {
            let rows = start..samples.len().min(start + most);
            self.predict(target, predictor, rows.clone());
            let Self { scratch, inputs, targets, outputs: found, .. } = self;
            for (found, targets) in found.chunks_exact_mut(outputs).zip(targets.chunks_exact(outputs)) {
                shard.losses += mean_square(found, targets);
                found.iter_mut().zip(targets).for_each(|(found, target)| *found = slope * (*found - target));
            }
            let inputs = &inputs[rows.start * width..rows.end * width];
            predictor.gradient_of_block(inputs, scratch, found, &mut shard.gradient);
        }
    }
}

fn mean_square(found: &[f32], target: &[f32]) -> f32 {
    let sum: f32 = found.iter().zip(target).map(|(found, target)| (found - target) * (found - target)).sum();
    sum / found.len() as f32
}
