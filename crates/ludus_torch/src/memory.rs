//! The GPU memory that a run needs.

use ludus_libtorch::Driver;

use crate::TorchError;

/// Memory of CUDA itself, libtorch's kernels and their working memory \[bytes\].
const FIXED: u64 = 800_000_000;

/// Copies of a parameter: itself, both moments, all three in the marked state, its gradient, and temporary tensors of a
/// step.
const COPIES_OF_PARAMETERS: u64 = 16;

/// Copies of an activation: forward and backward, and in recordings for minibatches of other sizes.
const COPIES_OF_ACTIVATIONS: u64 = 6;

const BYTES: u64 = 4;

/// The numbers that determine the memory of a run.
#[derive(Clone, Copy, Debug)]
pub struct Demand {
    /// Agents that step at once.
    pub rows: usize,
    /// Steps of a rollout.
    pub steps: usize,
    /// Samples of a gradient step.
    pub minibatch: usize,
    /// Columns of an observation.
    pub observation_width: usize,
    /// Columns of an action.
    pub action_width: usize,
    /// Columns of a mask; 0 without masks.
    pub mask_width: usize,
    /// Numbers that are remembered per agent; 0 without memory.
    pub memory_width: usize,
    /// Parameters of the network.
    pub parameters: usize,
    /// Activations per observation, see [`TorchNetwork::activations`](crate::TorchNetwork::activations).
    pub activations: usize,
}

impl Demand {
    /// Checks that the GPU with this index has enough free memory.
    ///
    /// # Errors
    ///
    /// [`TorchError::Memory`] with the needed and the free memory and the number of agents that would fit.
    /// [`TorchError::Cuda`] if the free memory can't be read.
    pub fn check(self, index: usize) -> Result<(), TorchError> {
        let driver = Driver::open().map_err(|error| TorchError::Cuda(error.to_string()))?;
        let free = driver.free_memory(index).map_err(|error| TorchError::Cuda(error.to_string()))?;
        self.check_against(free)
    }

    fn check_against(self, free: u64) -> Result<(), TorchError> {
        let needed = self.bytes();
        if needed <= free {
            return Ok(());
        }
        let fitting = free.saturating_sub(self.bytes_without_rows()) / self.bytes_per_row().max(1);
        Err(TorchError::Memory { rows: self.rows, needed, free, fitting_rows: fitting as usize })
    }

    /// Returns the estimated memory of a run \[bytes\].
    pub fn bytes(self) -> u64 {
        self.bytes_without_rows() + self.rows as u64 * self.bytes_per_row()
    }

    /// Stored numbers of a sample: observation, action, mask, log-probability, value, advantage, return.
    const fn numbers_per_sample(self) -> u64 {
        (self.observation_width + self.action_width + self.mask_width + 4) as u64
    }

    /// Stored numbers of a row: its samples; and of a memory what happens in each step, whether it counts, and what is
    /// remembered before the rollout, before the last decision and after it.
    const fn numbers_per_row(self) -> u64 {
        let of_memory = if self.memory_width == 0 { 0 } else { 2 * self.steps + 3 * self.memory_width };
        self.steps as u64 * self.numbers_per_sample() + of_memory as u64
    }

    const fn bytes_per_row(self) -> u64 {
        BYTES * (self.numbers_per_row() + COPIES_OF_ACTIVATIONS * self.activations as u64)
    }

    fn bytes_without_rows(self) -> u64 {
        let of_sample = self.numbers_per_sample() + COPIES_OF_ACTIVATIONS * self.activations as u64;
        // A minibatch has whole rows where there is a memory.
        let least = if self.memory_width == 0 { 0 } else { self.steps };
        // It is padded to the size of a recording: by an eighth at most.
        let minibatch = self.minibatch.max(least).min(self.rows * self.steps) as u64 * 9 / 8;
        FIXED + BYTES * (COPIES_OF_PARAMETERS * self.parameters as u64 + minibatch * of_sample)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEMAND: Demand = Demand {
        rows: 1000,
        steps: 100,
        minibatch: 1000,
        observation_width: 4,
        action_width: 1,
        mask_width: 1,
        memory_width: 0,
        parameters: 1000,
        activations: 250,
    };

    /// A sample has 10 numbers of 4 bytes; a row has 6 × 250 activations.
    #[test]
    fn memory_adds_up() {
        assert_eq!(DEMAND.bytes_per_row(), 4 * (100 * 10 + 1500));
        assert_eq!(DEMAND.bytes(), 800_000_000 + 4 * (16_000 + 1125 * 1510) + 1000 * 10_000);
    }

    /// A minibatch of fewer samples than steps is a row.
    #[test]
    fn what_agents_remember_adds_up() {
        let demand = Demand { memory_width: 64, minibatch: 10, ..DEMAND };
        assert_eq!(demand.bytes_per_row(), 4 * (100 * 12 + 3 * 64 + 1500));
        assert_eq!(demand.bytes_without_rows(), 800_000_000 + 4 * (16_000 + 112 * 1510));
    }

    #[test]
    fn too_little_memory_is_told_with_what_would_fit() {
        assert_eq!(DEMAND.check_against(DEMAND.bytes()), Ok(()));
        let error = DEMAND.check_against(DEMAND.bytes() - 500 * 10_000).unwrap_err();
        assert_eq!(
            error.to_string(),
            "1000 agents need about 817 MB of GPU memory, and 812 MB are free; 500 agents would fit: train with fewer \
             `arenas` or `worlds`, or lower `rollout_steps` or `minibatch`"
        );
        let error = DEMAND.check_against(1000).unwrap_err().to_string();
        assert!(error.contains("free some, or train with `--device cpu`"), "{error}");
    }
}
