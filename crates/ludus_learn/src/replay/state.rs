//! The saved state of a replay.

use ludus_net::check_finite;
use ludus_spec::Outcome;

use super::Replay;
use crate::{AlgorithmState, LearnError, StateTensor};

/// Names of counters and arrays in a saved state.
const HEAD: &str = "replay.head";
const WRITTEN: &str = "replay.written";
const OBSERVATIONS: &str = "replay.observations";
const MASKS: &str = "replay.masks";
const ACTIONS: &str = "replay.actions";
const REWARDS: &str = "replay.rewards";
const OUTCOMES: &str = "replay.outcomes";

/// All outcomes, in the order of their numbers.
const ALL_OUTCOMES: [Outcome; 9] = [
    Outcome::Vacant,
    Outcome::Restart,
    Outcome::Running,
    Outcome::Terminated,
    Outcome::Truncated,
    Outcome::Faulty,
    Outcome::Waiting,
    Outcome::WaitingTerminated,
    Outcome::WaitingTruncated,
];

impl Replay {
    /// Adds the replay to a state.
    pub fn save(&self, state: &mut AlgorithmState) {
        state.counters.insert(HEAD.to_owned(), self.head as u64);
        state.counters.insert(WRITTEN.to_owned(), self.written);
        let outcomes = self.outcomes.iter().map(|&outcome| outcome as u8).collect();
        let masks = self.masks.iter().map(|&mask| u8::from(mask)).collect();
        let columns = [
            (OBSERVATIONS, StateTensor::Column(self.observations.clone())),
            (ACTIONS, StateTensor::Column(self.actions.clone())),
            (REWARDS, StateTensor::Column(self.rewards.clone())),
            (MASKS, StateTensor::Bytes(masks)),
            (OUTCOMES, StateTensor::Bytes(outcomes)),
        ];
        state.tensors.extend(columns.map(|(name, column)| (name.to_owned(), column)));
    }

    /// Returns the replay of a state, of the same shape as this one; an empty one if the state has none.
    ///
    /// # Errors
    ///
    /// If the state's replay is of another shape, or holds invalid numbers.
    pub fn restored(&self, state: &AlgorithmState) -> Result<Self, LearnError> {
        let mut replay = Self::new(self.shape);
        if !state.counters.contains_key(HEAD) {
            return Ok(replay);
        }
        let head = state.counter(HEAD)?;
        replay.head = usize::try_from(head).ok().filter(|&head| head < self.shape.steps).ok_or({
            LearnError::Checkpoint { what: "steps of a replay", was: head as usize, now: self.shape.steps }
        })?;
        replay.written = state.counter(WRITTEN)?;
        fill(&mut replay.observations, state.column(OBSERVATIONS)?)?;
        fill(&mut replay.actions, state.column(ACTIONS)?)?;
        fill(&mut replay.rewards, state.column(REWARDS)?)?;
        let masks: Vec<bool> = state.bytes(MASKS)?.iter().map(|&mask| mask != 0).collect();
        fill(&mut replay.masks, &masks)?;
        let outcome = |&number: &u8| ALL_OUTCOMES.get(usize::from(number)).copied();
        let outcomes: Option<Vec<Outcome>> = state.bytes(OUTCOMES)?.iter().map(outcome).collect();
        fill(&mut replay.outcomes, &outcomes.ok_or(LearnError::Missing { name: OUTCOMES })?)?;
        replay.check()?;
        replay.experience = replay.outcomes.iter().filter(|outcome| outcome.is_experience()).count();
        Ok(replay)
    }

    /// Checks that all numbers which are learned from are finite.
    fn check(&self) -> Result<(), LearnError> {
        check_finite("the checkpoint's array of actions in the replay", &self.actions)?;
        for entry in (0..self.outcomes.len()).filter(|&entry| self.outcomes[entry].is_experience()) {
            check_finite("the checkpoint's array of rewards in the replay", &self.rewards[entry..=entry])?;
            check_finite("the checkpoint's array of observations in the replay", self.observation(entry))?;
        }
        Ok(())
    }
}

fn fill<T: Copy>(column: &mut [T], saved: &[T]) -> Result<(), LearnError> {
    let (was, now) = (saved.len(), column.len());
    if was != now {
        return Err(LearnError::Checkpoint { what: "numbers of a replay's array", was, now });
    }
    column.copy_from_slice(saved);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_its_number() {
        for (number, outcome) in ALL_OUTCOMES.into_iter().enumerate() {
            assert_eq!(outcome as usize, number);
        }
    }
}
