//! The storage of a rollout on the device.

use ludus_learn::{Rollout, RolloutShape};
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
    /// Actions, log-probability and value of each sample, side by side: `[samples, action width + 2]`.
    played: Tensor,
    /// Advantages, then returns: `[2, samples]`.
    targets: Tensor,
    /// Masks `[samples, mask width]`, if there are any.
    masks: Option<Tensor>,
    staging: Buffer,
    /// The index on the device of each sample of the host's rollout.
    places: Vec<u32>,
}

/// The samples of a minibatch.
pub(crate) struct Batch {
    pub observations: Tensor,
    pub played: Tensor,
    /// Advantages, then returns.
    pub targets: Tensor,
    pub masks: Option<Tensor>,
    /// 1 for each sample and 0 for padding, if there may be padding: `[samples, 1]`.
    pub counted: Option<Tensor>,
}

/// The data of a step that is stored: inputs, decisions, and masks if there are any.
#[derive(Clone, Copy)]
pub(crate) struct Kept<'a> {
    pub inputs: &'a Tensor,
    pub played: &'a Tensor,
    pub masks: Option<&'a Tensor>,
}

impl Storage {
    pub fn new(shape: &RolloutShape, link: &Link) -> Self {
        let (steps, rows) = (shape.steps, shape.total_rows());
        let zeros = |size: [usize; 2]| Tensor::zeros(size.map(|size| size as i64), (Kind::Float, link.device()));
        let samples = steps * rows;
        Self {
            observations: zeros([samples, shape.observation_width]),
            played: zeros([samples, shape.action_width + 2]),
            targets: zeros([2, samples]),
            masks: (shape.mask_width > 0).then(|| zeros([samples, shape.mask_width])),
            staging: Buffer::new(2 * samples, link),
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
    }

    /// Copies the rollout's advantages and returns, which the host computed, to the device.
    pub fn take_targets(&mut self, rollout: &Rollout) {
        let samples = rollout.samples();
        let (advantages, returns) = self.staging.numbers().split_at_mut(self.steps * self.rows);
        for (array, staged) in [(samples.advantages, advantages), (samples.returns, returns)] {
            let mut first_row = 0;
            for (slab, &rows) in rollout.slab_places().zip(&self.shape.rows) {
                for step in 0..self.steps {
                    let of_step = &array[slab.start + step * rows..][..rows];
                    staged[step * self.rows + first_row..][..rows].copy_from_slice(of_step);
                }
                first_row += rows;
            }
        }
        self.targets.copy_(&self.staging.upload().view_as(&self.targets));
    }

    /// Writes the indices on the device of these samples of the host's rollout.
    pub fn locate(&self, samples: &[u32], places: &mut Vec<i64>) {
        places.clear();
        places.extend(samples.iter().map(|&sample| i64::from(self.places[sample as usize])));
    }

    /// Gathers the samples with these indices.
    pub fn gather(&self, places: &Tensor) -> Batch {
        Batch {
            observations: self.observations.index_select(0, places),
            played: self.played.index_select(0, places),
            targets: self.targets.index_select(1, places),
            masks: self.masks.as_ref().map(|masks| masks.index_select(0, places)),
            counted: None,
        }
    }
}

impl Batch {
    /// Marks all but the first samples as padding. `samples`, their number, is a tensor without dimensions on the
    /// device.
    pub fn count_first(&mut self, samples: &Tensor) {
        let all = Tensor::arange(self.played.size()[0], (Kind::Int64, self.played.device()));
        self.counted = Some(all.lt_tensor(samples).to_kind(Kind::Float).unsqueeze(1));
    }

    /// Returns `count` neighbouring samples of the batch.
    pub fn part(&self, first: usize, count: usize) -> Self {
        let (first, count) = (first as i64, count as i64);
        Self {
            observations: self.observations.narrow(0, first, count),
            played: self.played.narrow(0, first, count),
            targets: self.targets.narrow(1, first, count),
            masks: self.masks.as_ref().map(|masks| masks.narrow(0, first, count)),
            counted: self.counted.as_ref().map(|counted| counted.narrow(0, first, count)),
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
        let mut storage = Storage::new(&shape, &link);
        storage.take_targets(&rollout);
        let mut places = Vec::new();
        let samples = [0, 1, 2, 3, 6, 7];
        storage.locate(&samples, &mut places);
        let batch = storage.gather(&Tensor::from_slice(&places));
        let expected = samples.map(|sample| rollout.samples().advantages[sample as usize]);
        assert_eq!(link.fetch(&batch.targets.get(0)), expected);
    }
}
