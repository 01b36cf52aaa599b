//! The storage of a rollout on the device.

use ludus_learn::{Minibatch, Rollout, RolloutShape};
use tch::{Kind, Tensor};

use crate::buffer::Buffer;
use crate::link::Link;

/// The data of a rollout that an update reads, on the device. Time-major: sample `step · rows + row`.
#[derive(Debug)]
pub(crate) struct Storage {
    shape: RolloutShape,
    steps: usize,
    rows: usize,
    /// The inputs of the network: `[samples, inputs]`.
    observations: Tensor,
    /// Actions, log-probability and values of each sample, side by side: `[samples, action width + 1 + value heads]`.
    played: Tensor,
    /// The policy's advantages, then the returns of each value head: `[1 + value heads, samples]`. With a memory, 1 for
    /// each sample that is experience, else 0, follows.
    targets: Tensor,
    /// Masks `[samples, mask width]`, if there are any.
    masks: Option<Tensor>,
    /// The memory, if the network has a memory.
    memory: Option<StoredMemory>,
    staging: Buffer,
    /// The index on the device of each sample of the host's rollout.
    places: Vec<u32>,
}

/// The memory before a rollout, and what happened to it.
#[derive(Debug)]
struct StoredMemory {
    /// `[rows, memory width]`.
    first: Tensor,
    /// The change of the memory after each step: `[steps, rows]`.
    after: Tensor,
}

/// The samples of a minibatch. With a memory they are all steps of some rows, `[steps, rows]` one behind the other.
pub(crate) struct Batch {
    pub observations: Tensor,
    pub played: Tensor,
    /// The policy's advantages, then the returns of each value head.
    pub targets: Tensor,
    pub masks: Option<Tensor>,
    /// 1 for each sample that counts and 0 for others, if there are any: padding, and steps that are no experience.
    /// `[samples, 1]`.
    pub counted: Option<Tensor>,
    pub memory: Option<BatchMemory>,
}

/// The memory before the first step of a minibatch's rows, what happened to it, and what was done.
pub(crate) struct BatchMemory {
    /// `[rows, memory width]`.
    pub first: Tensor,
    /// The change of the memory after each step: `[steps, rows]`.
    pub after: Tensor,
    /// The actions of each step, experience or not: `[steps, rows, action width]`.
    pub actions: Tensor,
}

/// The data of a step that is stored: inputs, decisions, and masks if there are any.
#[derive(Clone, Copy)]
pub(crate) struct Kept<'a> {
    pub inputs: &'a Tensor,
    pub played: &'a Tensor,
    pub masks: Option<&'a Tensor>,
    /// The change of the memory after the step before, `[rows, 1]`, and what was remembered before this one.
    pub memory: Option<&'a [Tensor; 2]>,
}

impl Storage {
    pub fn new(shape: &RolloutShape, memory_width: usize, link: &Link) -> Self {
        let (steps, rows) = (shape.steps, shape.total_rows());
        let zeros = |size: [usize; 2]| Tensor::zeros(size.map(|size| size as i64), (Kind::Float, link.device()));
        let samples = steps * rows;
        let targets = 1 + shape.value_heads + usize::from(memory_width > 0);
        let memory = || StoredMemory { first: zeros([rows, memory_width]), after: zeros([steps, rows]) };
        Self {
            observations: zeros([samples, shape.observation_width]),
            played: zeros([samples, shape.action_width + 1 + shape.value_heads]),
            targets: zeros([targets, samples]),
            masks: (shape.mask_width > 0).then(|| zeros([samples, shape.mask_width])),
            memory: (memory_width > 0).then(memory),
            staging: Buffer::new(targets * samples, link),
            places: places(shape),
            shape: shape.clone(),
            steps,
            rows,
        }
    }

    /// True if the storage is for rollouts of this shape.
    pub fn fits(&self, shape: &RolloutShape) -> bool {
        self.shape == *shape
    }

    /// Stores inputs, decisions and masks of neighbouring rows in a step.
    pub fn keep(&mut self, step: usize, first_row: usize, kept: Kept<'_>) {
        let (first, rows) = ((step * self.rows + first_row) as i64, kept.inputs.size()[0]);
        self.observations.narrow(0, first, rows).copy_(kept.inputs);
        self.played.narrow(0, first, rows).copy_(kept.played);
        if let (Some(all), Some(masks)) = (&self.masks, kept.masks) {
            all.narrow(0, first, rows).copy_(masks);
        }
        if let (Some(all), Some([after, before])) = (&self.memory, kept.memory) {
            let first_row = first_row as i64;
            match step.checked_sub(1) {
                None => all.first.narrow(0, first_row, rows).copy_(before),
                Some(last) => all.after.get(last as i64).narrow(0, first_row, rows).copy_(&after.squeeze_dim(1)),
            }
        }
    }

    /// Copies the rollout's advantages and returns, which the host computed, to the device. With a memory, also which
    /// samples are experience.
    pub fn take_targets(&mut self, rollout: &Rollout) {
        let samples = rollout.samples();
        let Self { shape, rows, staging, .. } = self;
        let heads = shape.value_heads;
        let staged = staging.numbers().chunks_exact_mut(shape.steps * *rows).enumerate();
        for (target, staged) in staged {
            let mut first_row = 0;
            for (slab, &own) in rollout.slab_places().zip(&shape.rows) {
                for step in 0..shape.steps {
                    let of_step = slab.start + step * own..slab.start + (step + 1) * own;
                    let staged = &mut staged[step * *rows + first_row..][..own];
                    match target {
                        0 => staged.copy_from_slice(&samples.policy_advantages[of_step]),
                        head if head <= heads => {
                            let returns = samples.returns.iter().skip(of_step.start * heads + head - 1).step_by(heads);
                            staged.iter_mut().zip(returns).for_each(|(staged, &value)| *staged = value);
                        }
                        _ => staged.iter_mut().zip(&samples.outcomes[of_step]).for_each(|(counted, outcome)| {
                            *counted = f32::from(outcome.is_experience());
                        }),
                    }
                }
                first_row += own;
            }
        }
        self.targets.copy_(&self.staging.upload().view_as(&self.targets));
    }

    /// Writes the indices on the device of a minibatch's units: of its samples, or of its rows if there is a memory.
    pub fn locate(&self, minibatch: Minibatch<'_>, places: &mut Vec<i64>) {
        let Minibatch { samples, rows } = minibatch;
        places.clear();
        if self.memory.is_some() {
            places.extend(rows.iter().map(|row| i64::from(row.steps.row)));
        } else {
            places.extend(samples.iter().map(|&sample| i64::from(self.places[sample as usize])));
        }
    }

    /// Gathers the samples with these indices, or with a memory the rows with these indices.
    pub fn gather(&self, places: &Tensor) -> Batch {
        if let Some(memory) = &self.memory {
            return self.gather_rows(places, memory);
        }
        Batch {
            observations: self.observations.index_select(0, places),
            played: self.played.index_select(0, places),
            targets: self.targets.index_select(1, places),
            masks: self.masks.as_ref().map(|masks| masks.index_select(0, places)),
            counted: None,
            memory: None,
        }
    }

    /// Gathers all steps of the rows with these indices. Steps that are no experience get numbers of which the losses
    /// are finite.
    fn gather_rows(&self, rows: &Tensor, memory: &StoredMemory) -> Batch {
        let by_step = |samples: &Tensor| samples.view([self.steps as i64, self.rows as i64, -1]);
        let of_rows = |samples: &Tensor| by_step(samples).index_select(1, rows).flatten(0, 1);
        let actions = by_step(&self.played).narrow(2, 0, self.shape.action_width as i64);
        let targets = 1 + self.shape.value_heads as i64;
        let counted = of_rows(&self.targets.get(targets));
        let ignored = counted.le(0.5);
        let targets = self.targets.narrow(0, 0, targets).view([targets, self.steps as i64, self.rows as i64]);
        let targets = targets.index_select(2, rows).flatten(1, 2);
        Batch {
            observations: of_rows(&self.observations),
            played: of_rows(&self.played).masked_fill(&ignored, 0.0),
            targets: targets.masked_fill(&ignored.squeeze_dim(1), 0.0),
            masks: self.masks.as_ref().map(|masks| of_rows(masks).masked_fill(&ignored, 1.0)),
            counted: Some(counted),
            memory: Some(BatchMemory {
                first: memory.first.index_select(0, rows),
                after: memory.after.index_select(1, rows),
                actions: actions.index_select(1, rows),
            }),
        }
    }
}

impl Batch {
    /// Returns the number of units: of rows if there is a memory, else of samples.
    pub fn units(&self) -> usize {
        let units = self.memory.as_ref().map_or_else(|| self.played.size()[0], |memory| memory.first.size()[0]);
        units as usize
    }

    /// Marks all but the first units as padding. `units`, their number, is a tensor without dimensions on the device.
    pub fn count_first(&mut self, units: &Tensor) {
        let all = Tensor::arange(self.units() as i64, (Kind::Int64, self.played.device()));
        let is_unit = all.lt_tensor(units).to_kind(Kind::Float).unsqueeze(1);
        self.counted = Some(match &self.counted {
            None => is_unit,
            Some(counted) => (counted.view([-1, is_unit.size()[0], 1]) * is_unit).flatten(0, 1),
        });
    }

    /// Cuts the batch into `count` parts whose units differ by one at most.
    pub fn cut(self, count: usize) -> Vec<Self> {
        if count == 1 {
            return vec![self];
        }
        let units = self.units();
        let bounds = (0..count).map(|part| (part * units / count, (part + 1) * units / count));
        bounds.map(|(first, end)| self.part(first, end - first)).collect()
    }

    /// Returns `count` neighbouring units of the batch.
    fn part(&self, first: usize, count: usize) -> Self {
        let (units, first, count) = (self.units() as i64, first as i64, count as i64);
        let part =
            |samples: &Tensor| samples.view([-1, units, samples.size()[1]]).narrow(1, first, count).flatten(0, 1);
        Self {
            observations: part(&self.observations),
            played: part(&self.played),
            targets: self.targets.view([self.targets.size()[0], -1, units]).narrow(2, first, count).flatten(1, 2),
            masks: self.masks.as_ref().map(part),
            counted: self.counted.as_ref().map(part),
            memory: self.memory.as_ref().map(|BatchMemory { first: memory, after, actions }| BatchMemory {
                first: memory.narrow(0, first, count),
                after: after.narrow(1, first, count),
                actions: actions.narrow(1, first, count),
            }),
        }
    }
}

/// Returns the index on the device of each sample of the host. The host stores samples slab by slab, the device step by
/// step. The device has no sample after the last step: such a sample gets the index of the last step.
fn places(shape: &RolloutShape) -> Vec<u32> {
    let all = shape.total_rows();
    let mut first_row = 0;
    let mut places = Vec::with_capacity(shape.total_samples());
    for &rows in &shape.rows {
        let of_step =
            |step: usize| (0..rows).map(move |row| (step.min(shape.steps - 1) * all + first_row + row) as u32);
        places.extend((0..=shape.steps).flat_map(of_step));
        first_row += rows;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape() -> RolloutShape {
        RolloutShape { steps: 2, rows: vec![2, 1], observation_width: 1, action_width: 1, ..RolloutShape::default() }
    }

    #[test]
    fn the_device_keeps_step_after_step() {
        let shape = shape();
        // Slabs of 3 steps: rows 0 and 1, then row 2. The third step is never experience.
        assert_eq!(places(&shape)[..4], [0, 1, 3, 4]);
        assert_eq!(places(&shape)[6..8], [2, 5]);
    }

    #[test]
    fn targets_come_to_where_their_samples_are() {
        let shape = shape();
        let mut rollout = Rollout::new(shape.clone());
        for slab in rollout.slabs_mut() {
            let first = 10.0 * slab.first_row as f32;
            slab.advantages.iter_mut().enumerate().for_each(|(index, advantage)| *advantage = first + index as f32);
        }
        let link = Link::new(tch::Device::Cpu);
        let mut storage = Storage::new(&shape, 0, &link);
        storage.take_targets(&rollout);
        let mut places = Vec::new();
        let samples = [0, 1, 2, 3, 6, 7];
        storage.locate(Minibatch { samples: &samples, rows: &[] }, &mut places);
        let batch = storage.gather(&Tensor::from_slice(&places));
        let expected = samples.map(|sample| rollout.samples().advantages[sample as usize]);
        assert_eq!(link.fetch(&batch.targets.get(0)), expected);
    }
}
