//! The samples of a gradient step of SAC: one array on the host, which is copied to the device at once.

use ludus_learn::{ActionParts, DecidedRows, SacNextRows, SacSamples, SacStep};
use ludus_net::normal_draw;
use ludus_spec::Seed;
use tch::Tensor;

use crate::blocks::{pack_block, pack_counted, pack_masks, unpack_blocks};

/// The samples of a gradient step on the host, side by side.
#[derive(Debug, Default)]
pub(super) struct SacBatch {
    decided: DecidedRows,
    next: SacNextRows,
    /// Standard normal numbers for the actions of the policy, in the samples and after them: `[samples, numbers]`.
    own_normals: Vec<f32>,
    next_normals: Vec<f32>,
    samples: usize,
}

/// The widths of a minibatch's blocks, one behind the other, each `[samples, width]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct SacWidths {
    observation: usize,
    action: usize,
    mask: usize,
    numbers: usize,
}

/// The samples of a gradient step on the device.
pub(super) struct SacTensors {
    /// `[samples, action width]`.
    pub actions: Tensor,
    pub own: RowTensors,
    pub next: RowTensors,
    /// The parts of the targets that are known: `[samples, 1]`.
    pub rewards: Tensor,
    /// The weights of the values of what follows: `[samples, 1]`.
    pub bootstraps: Tensor,
    /// 1 for each sample, 0 for padding: `[samples, 1]`.
    pub counted: Tensor,
}

/// Rows for which the policy draws actions.
pub(super) struct RowTensors {
    /// `[samples, observation width]`.
    pub observations: Tensor,
    /// 1 for each choice that is allowed, else 0, if there are masks: `[samples, mask width]`.
    pub masks: Option<Tensor>,
    /// Standard normal numbers: `[samples, numbers]`.
    pub normals: Tensor,
}

impl SacBatch {
    /// Gathers the samples, and draws the numbers that their actions are made of.
    pub fn gather(&mut self, samples: &dyn SacSamples, step: &SacStep, parts: &ActionParts) {
        self.samples = samples.count();
        samples.gather(0..self.samples, &mut self.decided);
        samples.gather_next(0..self.samples, &mut self.next);
        draw_normals(step.own_actions, self.samples, parts, &mut self.own_normals);
        draw_normals(step.next_actions, self.samples, parts, &mut self.next_normals);
    }

    /// Returns the widths of the blocks. There is a sample at least.
    pub fn widths(&self) -> SacWidths {
        SacWidths {
            observation: self.decided.observations.len() / self.samples,
            action: self.decided.actions.len() / self.samples,
            mask: self.decided.masks.len() / self.samples,
            numbers: self.own_normals.len() / self.samples,
        }
    }

    /// Writes the samples block by block, padded to `size` samples by copies of the first one that count for nothing.
    pub fn pack(&self, size: usize, numbers: &mut Vec<f32>) {
        let Self { decided, next, own_normals, next_normals, samples } = self;
        let sizes = [*samples, size];
        numbers.clear();
        pack_block(&decided.actions, sizes, numbers);
        for (observations, masks, normals) in
            [(&decided.observations, &decided.masks, own_normals), (&next.observations, &next.masks, next_normals)]
        {
            pack_block(observations, sizes, numbers);
            pack_masks(masks, sizes, numbers);
            pack_block(normals, sizes, numbers);
        }
        pack_block(&next.rewards, sizes, numbers);
        pack_block(&next.bootstraps, sizes, numbers);
        pack_counted(sizes, numbers);
    }
}

impl SacWidths {
    /// Returns the blocks of samples that were packed.
    pub fn unpack(self, packed: &Tensor) -> SacTensors {
        let Self { observation, action, mask, numbers } = self;
        let widths = [action, observation, mask, numbers, observation, mask, numbers, 1, 1, 1];
        let [actions, own, own_masks, own_normals, next, next_masks, next_normals, rewards, bootstraps, counted] =
            unpack_blocks(packed, widths);
        let rows =
            |observations, masks, normals| RowTensors { observations, masks: (mask > 0).then_some(masks), normals };
        SacTensors {
            actions,
            own: rows(own, own_masks, own_normals),
            next: rows(next, next_masks, next_normals),
            rewards,
            bootstraps,
            counted,
        }
    }
}

/// Draws the same numbers as the learner in plain Rust: those of a sample from the child of the seed with its index.
fn draw_normals(of_step: Seed, samples: usize, parts: &ActionParts, normals: &mut Vec<f32>) {
    normals.clear();
    for sample in 0..samples {
        let seed = of_step.derive(sample as u64);
        normals.extend(parts.numbers.iter().map(|number| normal_draw(seed, number.action)));
    }
}
