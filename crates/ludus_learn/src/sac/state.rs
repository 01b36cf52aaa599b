//! The saved state of SAC. With the replay, a run resumes from it bit for bit.

use super::Sac;
use super::learner::{CriticState, SacLearner, SacState};
use super::temperature::TemperatureState;
use crate::learner_state::{FIRST_MOMENTS, OPTIMIZER_STEPS, SECOND_MOMENTS};
use crate::{AlgorithmState, LearnError, LearnedPolicy, LearnerState, SavedAlgorithm, StateTensor};

/// Names of counters and arrays in a saved state.
const CRITICS: &str = "critics";
const TARGETS: &str = "critics.targets";
const CRITIC_STEPS: &str = "critics.optimizer_steps";
const CRITIC_FIRST_MOMENTS: &str = "critics.adam.mean";
const CRITIC_SECOND_MOMENTS: &str = "critics.adam.variance";
const TEMPERATURES: &str = "temperatures";
const TEMPERATURE_STEPS: &str = "temperatures.optimizer_steps";
const GRADIENT_STEPS: &str = "gradient_steps";
const DUE: &str = "due_bits";

pub(super) fn saved<L: SacLearner>(of: &Sac<L>) -> SavedAlgorithm {
    let SacState { policy, critics, temperatures } = of.learner.state();
    let LearnerState { parameters, first_moments, second_moments, optimizer_steps, normalizer } = policy;
    let mut state = AlgorithmState { seed: of.seed, iteration: of.iteration, ..AlgorithmState::default() };
    let counters = [
        (OPTIMIZER_STEPS, optimizer_steps),
        (CRITIC_STEPS, critics.optimizer_steps),
        (TEMPERATURE_STEPS, temperatures.optimizer_steps),
        (GRADIENT_STEPS, of.gradient_steps),
        (DUE, of.due.to_bits().into()),
    ];
    state.counters.extend(counters.map(|(name, count)| (name.to_owned(), count)));
    let tensors = [
        (FIRST_MOMENTS, StateTensor::PerParameter(first_moments)),
        (SECOND_MOMENTS, StateTensor::PerParameter(second_moments)),
        (CRITICS, StateTensor::Column(critics.parameters)),
        (TARGETS, StateTensor::Column(critics.targets)),
        (CRITIC_FIRST_MOMENTS, StateTensor::Column(critics.first_moments)),
        (CRITIC_SECOND_MOMENTS, StateTensor::Column(critics.second_moments)),
        (TEMPERATURES, StateTensor::Column(temperatures.numbers())),
    ];
    state.tensors.extend(tensors.map(|(name, tensor)| (name.to_owned(), tensor)));
    if of.config.save_replay {
        of.replay.save(&mut state);
    }
    SavedAlgorithm { policy: LearnedPolicy { parameters, normalizer }, state }
}

/// Restores a saved state. Without a saved replay, the replay is empty afterwards, and fills before anything is learned.
pub(super) fn restore<L: SacLearner>(of: &mut Sac<L>, saved: &SavedAlgorithm) -> Result<(), LearnError> {
    let state = &saved.state;
    let gradient_steps = state.counter(GRADIENT_STEPS)?;
    let due = f32::from_bits(u32::try_from(state.counter(DUE)?).unwrap_or(u32::MAX));
    if !(due.is_finite() && due >= 0.0) {
        return Err(LearnError::NotFinite { what: "checkpoint's count of gradient steps due", value: due });
    }
    let of_learner = learner_state(saved)?;
    let mut replay = of.replay.restored(state)?;
    replay.cut();
    of.learner.restore(&of_learner)?;
    (of.replay, of.seed, of.iteration) = (replay, state.seed, state.iteration);
    (of.gradient_steps, of.due) = (gradient_steps, due);
    // A policy that has learned fills an empty replay with its own actions.
    of.is_random = gradient_steps == 0;
    Ok(())
}

/// Reads the learner's part of a saved state.
fn learner_state(SavedAlgorithm { policy, state }: &SavedAlgorithm) -> Result<SacState, LearnError> {
    Ok(SacState {
        policy: LearnerState {
            parameters: policy.parameters.clone(),
            first_moments: state.per_parameter(FIRST_MOMENTS)?.to_vec(),
            second_moments: state.per_parameter(SECOND_MOMENTS)?.to_vec(),
            optimizer_steps: state.counter(OPTIMIZER_STEPS)?,
            normalizer: policy.normalizer.clone(),
        },
        critics: CriticState {
            parameters: state.column(CRITICS)?.to_vec(),
            targets: state.column(TARGETS)?.to_vec(),
            first_moments: state.column(CRITIC_FIRST_MOMENTS)?.to_vec(),
            second_moments: state.column(CRITIC_SECOND_MOMENTS)?.to_vec(),
            optimizer_steps: state.counter(CRITIC_STEPS)?,
        },
        temperatures: TemperatureState::from_numbers(state.column(TEMPERATURES)?, state.counter(TEMPERATURE_STEPS)?)?,
    })
}
