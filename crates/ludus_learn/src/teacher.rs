//! Policy distillation: a policy learns the distributions of another one, its teacher, where it goes itself.

mod config;

use ludus_net::{Distribution, Layout, Network, Normalizer, Scratch, stage};
use rayon::ThreadPool;

use crate::threads::for_each_chunk_in;
use crate::worker_pool::WorkerPool;
use crate::{LearnError, MetricInfo, Rollout};

pub use config::DistillationConfig;

pub(crate) const LOSS: MetricInfo =
    MetricInfo { name: "losses/distillation", title: "Divergence from the teacher", unit: "nats" };

/// Samples whose outputs one task on one thread computes.
const CHUNK: usize = 384;

/// A policy that another one learns from: it decides nothing, it is only asked.
#[derive(Debug)]
pub struct Teacher {
    network: Network,
    normalizer: Option<Normalizer>,
    workers: WorkerPool<TeacherWorker>,
}

/// The distributions of a teacher in all samples of a rollout.
#[derive(Clone, Copy, Debug)]
pub struct TaughtSamples<'a> {
    /// The heads and deviations of the teacher.
    pub distribution: Distribution<'a>,
    /// The teacher's outputs `[samples, output width]`; any in samples that are no experience.
    pub outputs: &'a [f32],
}

/// A teacher, and the use that PPO makes of it.
#[derive(Debug)]
pub struct PolicyDistillation {
    /// The teacher.
    pub teacher: Teacher,
    /// The settings.
    pub config: DistillationConfig,
}

/// The working memory of one thread.
#[derive(Debug)]
struct TeacherWorker {
    scratch: Scratch,
    inputs: Vec<f32>,
}

impl Teacher {
    /// Makes a teacher of a network that reads the observations of rollouts, normalised by `normalizer` if there is one.
    ///
    /// # Errors
    ///
    /// [`LearnError::TeacherMemory`] if the network has a memory, and [`LearnError::Network`] if the normaliser is not as
    /// wide as its input.
    pub fn new(network: Network, normalizer: Option<Normalizer>) -> Result<Self, LearnError> {
        let layout = network.layout();
        if layout.policy_memory_width() > 0 {
            return Err(LearnError::TeacherMemory);
        }
        normalizer.as_ref().map_or(Ok(()), |normalizer| normalizer.check_width(layout.inputs()))?;
        Ok(Self { network, normalizer, workers: WorkerPool::new(std::iter::empty()) })
    }

    /// Checks that a policy with this layout can learn from the teacher.
    ///
    /// # Errors
    ///
    /// [`LearnError::OtherTeacher`] if its inputs or its heads are others.
    pub fn check(&self, student: &Layout) -> Result<(), LearnError> {
        let own = self.network.layout();
        let (inputs, needed) = (own.inputs(), student.inputs());
        let difference = if inputs != needed {
            format!("reads {inputs} numbers, and the policy {needed}")
        } else if own.heads() != student.heads() {
            format!("has the heads {:?}, and the policy {:?}", own.heads(), student.heads())
        } else {
            return Ok(());
        };
        Err(LearnError::OtherTeacher { difference })
    }

    /// Writes the teacher's outputs in each sample of a rollout to `outputs` `[samples, output width]`.
    pub(crate) fn label(&self, rollout: &Rollout, pool: &ThreadPool, outputs: &mut Vec<f32>) {
        let (layout, observations) = (self.network.layout(), rollout.samples().observations);
        let (inputs, width) = (layout.inputs(), layout.output_width());
        outputs.resize(observations.len() / inputs * width, 0.0);
        for_each_chunk_in(pool, outputs, CHUNK * width, |start, outputs| {
            let (first, rows) = (start / width, outputs.len() / width);
            let make = || TeacherWorker { scratch: Scratch::new(layout), inputs: Vec::new() };
            self.workers.with(make, |worker| {
                let observations = &observations[first * inputs..][..rows * inputs];
                worker.inputs.resize(observations.len(), 0.0);
                stage(self.normalizer.as_ref(), observations, &mut worker.inputs);
                self.network.forward_policy(&worker.inputs, &mut worker.scratch, outputs);
            });
        });
    }

    /// Returns the distributions in samples with these outputs.
    pub(crate) fn taught<'a>(&'a self, outputs: &'a [f32]) -> TaughtSamples<'a> {
        TaughtSamples { distribution: self.network.distribution(), outputs }
    }
}
