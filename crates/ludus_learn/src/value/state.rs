//! The part of a saved state that all algorithms of value learning have.

use super::{ValueLearner, ValueState};
use crate::learner_state::{FIRST_MOMENTS, OPTIMIZER_STEPS, SECOND_MOMENTS};
use crate::{AlgorithmState, LearnError, LearnedPolicy, LearnerState, SavedAlgorithm, StateTensor};

/// The bits of ε, an `f32`, as a counter.
const EPSILON: &str = "epsilon_bits";

/// The weights of the target network, if there is one.
const TARGET: &str = "target";

/// Adds the state of a learner, and ε, to that of its algorithm.
pub(crate) fn save_value(learner: &impl ValueLearner, epsilon: f32, mut state: AlgorithmState) -> SavedAlgorithm {
    let ValueState { learner, target } = learner.state();
    let LearnerState { parameters, first_moments, second_moments, optimizer_steps, normalizer } = learner;
    state.counters.insert(OPTIMIZER_STEPS.to_owned(), optimizer_steps);
    state.counters.insert(EPSILON.to_owned(), epsilon.to_bits().into());
    state.tensors.insert(FIRST_MOMENTS.to_owned(), StateTensor::PerParameter(first_moments));
    state.tensors.insert(SECOND_MOMENTS.to_owned(), StateTensor::PerParameter(second_moments));
    if let Some(target) = target {
        state.tensors.insert(TARGET.to_owned(), StateTensor::PerParameter(target));
    }
    SavedAlgorithm { policy: LearnedPolicy { parameters, normalizer }, state }
}

/// Restores a learner, with its target network if it has one. Returns ε.
///
/// # Errors
///
/// If the state belongs to another algorithm or network, or holds invalid numbers; then everything is as it was.
pub(crate) fn restore_value(
    learner: &mut impl ValueLearner,
    has_target: bool,
    saved: &SavedAlgorithm,
) -> Result<f32, LearnError> {
    let SavedAlgorithm { policy, state } = saved;
    let bits = u32::try_from(state.counter(EPSILON)?).unwrap_or(u32::MAX);
    let epsilon = f32::from_bits(bits);
    if !(0.0..=1.0).contains(&epsilon) {
        return Err(LearnError::NotFinite { what: "checkpoint's `epsilon`", value: epsilon });
    }
    let target = if has_target { Some(state.per_parameter(TARGET)?.to_vec()) } else { None };
    let of_network = LearnerState {
        parameters: policy.parameters.clone(),
        first_moments: state.per_parameter(FIRST_MOMENTS)?.to_vec(),
        second_moments: state.per_parameter(SECOND_MOMENTS)?.to_vec(),
        optimizer_steps: state.counter(OPTIMIZER_STEPS)?,
        normalizer: policy.normalizer.clone(),
    };
    learner.restore(&ValueState { learner: of_network, target })?;
    Ok(epsilon)
}
