//! The part of a saved state that all algorithms of value learning have.

use super::ValueLearner;
use crate::learner_state::{FIRST_MOMENTS, OPTIMIZER_STEPS, SECOND_MOMENTS};
use crate::{AlgorithmState, LearnError, LearnedPolicy, LearnerState, SavedAlgorithm, StateTensor};

/// The bits of ε, an `f32`, as a counter.
const EPSILON: &str = "epsilon_bits";

/// Adds the state of a learner to that of its algorithm.
pub(crate) fn save_value(learner: &ValueLearner, mut state: AlgorithmState) -> SavedAlgorithm {
    let LearnerState { parameters, first_moments, second_moments, optimizer_steps, normalizer } = learner.state();
    state.counters.insert(OPTIMIZER_STEPS.to_owned(), optimizer_steps);
    state.counters.insert(EPSILON.to_owned(), learner.epsilon.to_bits().into());
    state.tensors.insert(FIRST_MOMENTS.to_owned(), StateTensor::PerParameter(first_moments));
    state.tensors.insert(SECOND_MOMENTS.to_owned(), StateTensor::PerParameter(second_moments));
    SavedAlgorithm { policy: LearnedPolicy { parameters, normalizer }, state }
}

/// Restores a learner.
///
/// # Errors
///
/// If the state belongs to another algorithm or network, or holds invalid numbers; then everything is as it was.
pub(crate) fn restore_value(learner: &mut ValueLearner, saved: &SavedAlgorithm) -> Result<(), LearnError> {
    let SavedAlgorithm { policy, state } = saved;
    let bits = u32::try_from(state.counter(EPSILON)?).unwrap_or(u32::MAX);
    let epsilon = f32::from_bits(bits);
    if !(0.0..=1.0).contains(&epsilon) {
        return Err(LearnError::NotFinite { what: "checkpoint's `epsilon`", value: epsilon });
    }
    learner.restore(&LearnerState {
        parameters: policy.parameters.clone(),
        first_moments: state.per_parameter(FIRST_MOMENTS)?.to_vec(),
        second_moments: state.per_parameter(SECOND_MOMENTS)?.to_vec(),
        optimizer_steps: state.counter(OPTIMIZER_STEPS)?,
        normalizer: policy.normalizer.clone(),
    })?;
    learner.epsilon = epsilon;
    Ok(())
}
