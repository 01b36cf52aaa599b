//! The saved state of PQN, from which a run resumes bit for bit.

use super::Pqn;
use crate::value::{ValueLearner, restore_value, save_value};
use crate::{AlgorithmState, LearnError, SavedAlgorithm};

pub(super) fn saved<L: ValueLearner>(of: &Pqn<L>) -> SavedAlgorithm {
    let state = AlgorithmState { seed: of.seed, iteration: of.iteration, ..AlgorithmState::default() };
    save_value(&of.learner, of.epsilon, state)
}

pub(super) fn restore<L: ValueLearner>(of: &mut Pqn<L>, saved: &SavedAlgorithm) -> Result<(), LearnError> {
    of.epsilon = restore_value(&mut of.learner, false, saved)?;
    (of.seed, of.iteration) = (saved.state.seed, saved.state.iteration);
    Ok(())
}
