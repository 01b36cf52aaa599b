//! Outcomes of steps.

use serde::{Deserialize, Serialize};

/// The outcome of one step, for one row.
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
    /// The episode was cut off after this step, as by a time limit: the task would have gone on.
    Truncated,
    /// The step can't be learned from: a number that it needs was not finite.
    Faulty,
    /// The episode goes on, and the agent did not decide in this step: its last action held.
    ///
    /// The reward of the step belongs to the agent's last decision. Not learned from by itself.
    Waiting,
    /// The task ended in a step in which the agent did not decide.
    ///
    /// The reward and the end belong to the agent's last decision. Not learned from by itself.
    WaitingTerminated,
    /// The episode was cut off after a step in which the agent did not decide.
    ///
    /// The reward and the end belong to the agent's last decision. Not learned from by itself.
    WaitingTruncated,
}

impl Outcome {
    /// True if the step is experience: the agent decided, and the step can be learned from.
    pub const fn is_experience(self) -> bool {
        matches!(self, Self::Running | Self::Terminated | Self::Truncated)
    }

    /// True if the step was the last of its episode.
    pub const fn is_end(self) -> bool {
        matches!(self.as_decided(), Self::Terminated | Self::Truncated)
    }

    /// True if the agent's episode was going on in the step, and the agent did not decide in it.
    pub const fn is_waiting(self) -> bool {
        matches!(self, Self::Waiting | Self::WaitingTerminated | Self::WaitingTruncated)
    }

    /// Returns the same outcome for a step in which the agent waited.
    #[must_use]
    pub const fn as_waiting(self) -> Self {
        match self {
            Self::Running => Self::Waiting,
            Self::Terminated => Self::WaitingTerminated,
            Self::Truncated => Self::WaitingTruncated,
            other => other,
        }
    }

    /// Returns the same outcome for a step in which the agent decided: waiting or not, it is how the episode went on.
    #[must_use]
    pub const fn as_decided(self) -> Self {
        match self {
            Self::Waiting => Self::Running,
            Self::WaitingTerminated => Self::Terminated,
            Self::WaitingTruncated => Self::Truncated,
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Outcome::{self, *};

    #[test]
    fn a_wait_changes_who_decided_and_nothing_else() {
        for (decided, waiting) in [(Running, Waiting), (Terminated, WaitingTerminated), (Truncated, WaitingTruncated)] {
            assert_eq!((decided.as_waiting(), waiting.as_decided()), (waiting, decided));
            assert_eq!((decided.is_waiting(), waiting.is_waiting()), (false, true));
            assert_eq!((decided.is_experience(), waiting.is_experience()), (true, false));
            assert_eq!(decided.is_end(), waiting.is_end());
        }
        for other in [Outcome::Vacant, Restart, Faulty] {
            assert_eq!((other.as_waiting(), other.as_decided(), other.is_waiting()), (other, other, false));
        }
    }
}
