//! A stream of rewards that the simulation writes.

use super::RewardSource;
use crate::{LearnError, Rollout};

/// The rewards of a stream that the simulation writes beside its first, such as some terms of a game's reward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TermRewards {
    /// The column of the stream among the rollout's [`stream_rewards`](crate::Samples::stream_rewards).
    pub column: usize,
}

impl RewardSource for TermRewards {
    /// # Errors
    ///
    /// [`LearnError::NoStream`] if the rollout has no such column.
    fn reward(&mut self, rollout: &Rollout, rewards: &mut [f32]) -> Result<(), LearnError> {
        let (column, columns) = (self.column, rollout.shape().reward_streams);
        if column >= columns {
            return Err(LearnError::NoStream { column, columns });
        }
        let of_steps = rollout.samples().stream_rewards.chunks_exact(columns);
        rewards.iter_mut().zip(of_steps).for_each(|(reward, of_step)| *reward = of_step[column]);
        Ok(())
    }
}
