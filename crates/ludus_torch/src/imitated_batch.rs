//! The samples of a minibatch that is imitated: actions of demonstrations, or distributions of a teacher.

use ludus_learn::{GroupExchange, Minibatch, Rollout, TaughtSamples};
use tch::{Kind, Tensor};

use crate::storage::{Batch, BatchMemory};
use crate::trained::TrainedNetwork;

/// A minibatch of which the policy imitates something.
pub(crate) struct ImitatedBatch {
    /// Its `played` columns are the actions, then the outputs of the teacher if there is one. It has no targets.
    pub batch: Batch,
    /// The logarithms of the teacher's deviations `[dimensions]`, if there is a teacher.
    pub teacher_log_std: Option<Tensor>,
    /// Samples that count.
    pub samples: usize,
}

/// The widths of the blocks in which samples of the host are packed, each `[samples, width]`, one behind the other.
struct Blocks {
    observation: usize,
    action: usize,
    mask: usize,
}

impl ImitatedBatch {
    /// Copies a minibatch of demonstrations to the device, and normalises its observations.
    pub fn demonstrated(trained: &TrainedNetwork, rollout: &Rollout, minibatch: Minibatch<'_>) -> Self {
        let shape = rollout.shape();
        let blocks =
            Blocks { observation: shape.observation_width, action: shape.action_width, mask: shape.mask_width };
        let listed = listed_samples(rollout, minibatch);
        let numbers = trained.link.send(&blocks.pack(rollout, &listed));
        let [observations, actions, masks, counted, after] = blocks.unpack(&numbers, listed.len());
        let masks = (shape.mask_width > 0).then_some(masks);
        let inputs = trained.inputs.stage(&observations);
        let targets = Tensor::zeros([1, listed.len() as i64], (Kind::Float, numbers.device()));
        let batch = match minibatch.rows.len() {
            0 => Batch { observations: inputs, played: actions, targets, masks, counted: None, memory: None },
            rows => {
                let ignored = counted.le(0.5);
                let by_step = |samples: &Tensor| samples.view([-1, rows as i64, samples.size()[1]]);
                // Every row of demonstrations begins with an episode, and so with an empty memory.
                let memory_width = trained.network.memory_width() as i64;
                let first = Tensor::zeros([rows as i64, memory_width], (Kind::Float, numbers.device()));
                let memory = BatchMemory { first, after: by_step(&after).squeeze_dim(2), actions: by_step(&actions) };
                Batch {
                    observations: inputs,
                    // Steps that are not imitated get an action that has a probability.
                    played: actions.masked_fill(&ignored, 0.0),
                    targets,
                    masks: masks.map(|masks| masks.masked_fill(&ignored, 1.0)),
                    counted: Some(counted),
                    memory: Some(memory),
                }
            }
        };
        Self { batch, teacher_log_std: None, samples: minibatch.samples.len() }
    }

    /// Adds the outputs of a teacher to a minibatch of a rollout that is stored on the device.
    pub fn taught(
        trained: &TrainedNetwork,
        batch: Batch,
        rollout: &Rollout,
        minibatch: Minibatch<'_>,
        taught: TaughtSamples<'_>,
    ) -> Self {
        let width = taught.distribution.output_width();
        let listed = listed_samples(rollout, minibatch);
        let outputs = gathered(taught.outputs, width, &listed).collect::<Vec<f32>>();
        let outputs = trained.link.send(&outputs).view([listed.len() as i64, width as i64]);
        let actions = batch.played.narrow(1, 0, rollout.shape().action_width as i64);
        let played = Tensor::cat(&[actions, outputs], 1);
        let teacher_log_std = Some(trained.link.send(taught.distribution.log_std()));
        Self { batch: Batch { played, ..batch }, teacher_log_std, samples: minibatch.samples.len() }
    }
}

/// The samples of a minibatch in the order of a [`Batch`]: with a memory, all steps of its rows.
fn listed_samples(rollout: &Rollout, minibatch: Minibatch<'_>) -> Vec<u32> {
    if minibatch.rows.is_empty() {
        return minibatch.samples.to_vec();
    }
    let of_step = |step: usize| minibatch.rows.iter().map(move |row| row.steps.sample(step) as u32);
    (0..rollout.shape().steps).flat_map(of_step).collect()
}

/// The rows of these samples, one behind the other.
fn gathered<'a, T: Copy>(rows: &'a [T], width: usize, samples: &'a [u32]) -> impl Iterator<Item = T> + 'a {
    samples.iter().flat_map(move |&sample| rows[sample as usize * width..][..width].iter().copied())
}

impl Blocks {
    /// Writes samples block by block: observations, actions, masks, 1 for each sample that counts, and what happens to the
    /// memory after it.
    fn pack(&self, rollout: &Rollout, listed: &[u32]) -> Vec<f32> {
        let samples = rollout.samples();
        let flag = |is_set: bool| f32::from(is_set);
        let mut numbers: Vec<f32> = gathered(samples.observations, self.observation, listed).collect();
        numbers.extend(gathered(samples.actions, self.action, listed));
        numbers.extend(gathered(samples.masks, self.mask, listed).map(flag));
        numbers.extend(listed.iter().map(|&sample| flag(samples.outcomes[sample as usize].is_experience())));
        let after = |&sample: &u32| samples.after.get(sample as usize).map_or(0.0, |&after| GroupExchange::flag(after));
        numbers.extend(listed.iter().map(after));
        numbers
    }

    /// Returns the blocks of so many samples that were packed.
    fn unpack(&self, numbers: &Tensor, samples: usize) -> [Tensor; 5] {
        let mut before = 0;
        [self.observation, self.action, self.mask, 1, 1].map(|width| {
            let first = before * samples;
            before += width;
            numbers.narrow(0, first as i64, (samples * width) as i64).view([samples as i64, width as i64])
        })
    }
}
