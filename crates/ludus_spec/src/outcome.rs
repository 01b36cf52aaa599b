//! What a step led to.

use serde::{Deserialize, Serialize};

/// What one step led to, for one row.
#[repr(u8)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// No agent has the row. Not learned from.
    #[default]
    Vacant,
    /// The step in which an agent starts its episode: it was idle. Not learned from.
    Restart,
    /// The episode goes on.
    Running,
    /// The task ended in this step: nothing comes after it.
    Terminated,
    /// We stopped looking after this step: the task would have gone on.
    Truncated,
    /// The step can't be learned from: a number that it needs was not finite.
    Faulty,
}

impl Outcome {
    /// Whether the step is experience: an agent decided and something came of it.
    pub const fn is_experience(self) -> bool {
        matches!(self, Self::Running | Self::Terminated | Self::Truncated)
    }

    /// Whether the step was the last of its episode.
    pub const fn is_end(self) -> bool {
        matches!(self, Self::Terminated | Self::Truncated)
    }
}
