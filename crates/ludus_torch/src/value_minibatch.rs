//! The samples of a gradient step of Q-learning: one array on the host, which is copied to the device at once.

use ludus_learn::ValueBatch;
use tch::Tensor;

use crate::blocks::{pack_block, pack_counted, pack_masks, unpack_blocks};

/// The widths of a minibatch's blocks, one behind the other, each `[samples, width]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ValueWidths {
    observation: usize,
    action: usize,
    next_observation: usize,
    next_mask: usize,
}

/// The samples of a gradient step on the device.
pub(crate) struct ValueTensors {
    /// `[samples, observation width]`.
    pub observations: Tensor,
    /// `[samples, action width]`.
    pub actions: Tensor,
    /// The parts of the targets that are known: `[samples, 1]`.
    pub rewards: Tensor,
    /// The weight of each sample's loss; 0 for padding: `[samples, 1]`.
    pub weights: Tensor,
    /// 1 for each sample, 0 for padding: `[samples, 1]`.
    pub counted: Tensor,
    pub next: Option<NextTensors>,
}

/// The rows after the samples.
pub(crate) struct NextTensors {
    /// The weights of the values of what follows: `[samples, 1]`.
    pub bootstraps: Tensor,
    /// `[samples, observation width]`.
    pub observations: Tensor,
    /// 1 for each choice that is allowed, else 0, if there are masks: `[samples, mask width]`.
    pub masks: Option<Tensor>,
}

impl ValueWidths {
    /// Returns the widths of these samples. Their count is above 0.
    pub fn of(batch: &ValueBatch) -> Self {
        let samples = batch.rewards.len();
        Self {
            observation: batch.observations.len() / samples,
            action: batch.actions.len() / samples,
            next_observation: batch.next_observations.len() / samples,
            next_mask: batch.next_masks.len() / samples,
        }
    }

    /// Writes the samples block by block, padded to `size` samples by copies of the first one that count for nothing.
    pub fn pack(batch: &ValueBatch, size: usize, numbers: &mut Vec<f32>) {
        let ValueBatch { observations, actions, rewards, weights, bootstraps, next_observations, next_masks, .. } =
            batch;
        let sizes = [rewards.len(), size];
        numbers.clear();
        for block in [observations, actions, rewards, bootstraps, next_observations] {
            pack_block(block, sizes, numbers);
        }
        pack_masks(next_masks, sizes, numbers);
        if weights.is_empty() {
            pack_counted(sizes, numbers);
        } else {
            numbers.extend_from_slice(weights);
            numbers.extend(std::iter::repeat_n(0.0, size - weights.len()));
        }
        pack_counted(sizes, numbers);
    }

    /// Returns the blocks of samples that were packed.
    pub fn unpack(self, numbers: &Tensor) -> ValueTensors {
        let Self { observation, action, next_observation, next_mask } = self;
        let has_next = next_observation > 0;
        let widths = [observation, action, 1, usize::from(has_next), next_observation, next_mask, 1, 1];
        let [observations, actions, rewards, bootstraps, next_observations, next_masks, weights, counted] =
            unpack_blocks(numbers, widths);
        let next =
            NextTensors { bootstraps, observations: next_observations, masks: (next_mask > 0).then_some(next_masks) };
        let next = has_next.then_some(next);
        ValueTensors { observations, actions, rewards, weights, counted, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_come_out_as_they_were_packed_and_padding_counts_for_nothing() {
        let batch = ValueBatch {
            observations: vec![1.0, 2.0, 3.0, 4.0],
            actions: vec![5.0, 6.0],
            rewards: vec![7.0, 8.0],
            bootstraps: vec![0.5, 0.25],
            next_observations: vec![9.0, 10.0, 11.0, 12.0],
            next_masks: vec![true, false, true, true, true, false],
            ..ValueBatch::default()
        };
        let mut numbers = Vec::new();
        ValueWidths::pack(&batch, 3, &mut numbers);
        let found = ValueWidths::of(&batch).unpack(&Tensor::from_slice(&numbers));
        let check = |tensor: &Tensor, expected: &[f32]| {
            assert_eq!(Vec::<f32>::try_from(tensor.reshape([-1])).unwrap(), expected);
        };
        check(&found.observations, &[1.0, 2.0, 3.0, 4.0, 1.0, 2.0]);
        check(&found.actions, &[5.0, 6.0, 5.0]);
        check(&found.rewards, &[7.0, 8.0, 7.0]);
        check(&found.weights, &[1.0, 1.0, 0.0]);
        check(&found.counted, &[1.0, 1.0, 0.0]);
        let next = found.next.unwrap();
        check(&next.bootstraps, &[0.5, 0.25, 0.5]);
        check(&next.observations, &[9.0, 10.0, 11.0, 12.0, 9.0, 10.0]);
        check(&next.masks.unwrap(), &[1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0]);
    }
}
