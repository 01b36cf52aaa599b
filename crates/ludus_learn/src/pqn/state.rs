//! The saved state of PQN, from which a run resumes bit for bit.

use super::Pqn;
use crate::value::{restore_value, save_value};
use crate::{AlgorithmState, LearnError, SavedAlgorithm};

pub(super) fn saved(of: &Pqn) -> SavedAlgorithm {
    let state = AlgorithmState { seed: of.seed, iteration: of.iteration, ..AlgorithmState::default() };
    save_value(&of.learner, state)
}

pub(super) fn restore(of: &mut Pqn, saved: &SavedAlgorithm) -> Result<(), LearnError> {
    restore_value(&mut of.learner, saved)?;
    (of.seed, of.iteration) = (saved.state.seed, saved.state.iteration);
    Ok(())
}
