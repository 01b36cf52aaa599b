//! The saved state of DQN. With the replay, a run resumes from it bit for bit.

use ludus_net::check_finite;

use super::Dqn;
use super::sampling::Priorities;
use crate::value::{restore_value, save_value};
use crate::{AlgorithmState, LearnError, SavedAlgorithm, StateTensor};

/// Names of counters and arrays in a saved state.
const GRADIENT_STEPS: &str = "gradient_steps";
const DUE: &str = "due_bits";
const TARGET: &str = "target";

pub(super) fn saved(of: &Dqn) -> SavedAlgorithm {
    let mut state = AlgorithmState { seed: of.seed, iteration: of.iteration, ..AlgorithmState::default() };
    state.counters.insert(GRADIENT_STEPS.to_owned(), of.gradient_steps);
    state.counters.insert(DUE.to_owned(), of.due.to_bits().into());
    state.tensors.insert(TARGET.to_owned(), StateTensor::PerParameter(of.target.parameters().to_vec()));
    if of.config.save_replay {
        of.replay.save(&mut state);
        if let Some(priorities) = &of.priorities {
            priorities.save(&mut state);
        }
    }
    save_value(&of.learner, state)
}

/// Restores a saved state. Without a saved replay, the replay is empty afterwards, and fills before anything is learned.
pub(super) fn restore(of: &mut Dqn, saved: &SavedAlgorithm) -> Result<(), LearnError> {
    let state = &saved.state;
    let target = state.per_parameter(TARGET)?;
    let (was, now) = (target.len(), of.target.parameters().len());
    if was != now {
        return Err(LearnError::Checkpoint { what: "target weights", was, now });
    }
    check_finite("the checkpoint's array of target weights", target)?;
    let gradient_steps = state.counter(GRADIENT_STEPS)?;
    let due = f32::from_bits(u32::try_from(state.counter(DUE)?).unwrap_or(u32::MAX));
    if !(due.is_finite() && due >= 0.0) {
        return Err(LearnError::NotFinite { what: "checkpoint's count of gradient steps due", value: due });
    }
    let mut replay = of.replay.restored(state)?;
    replay.cut();
    let mut priorities = of.config.priorities.as_ref().map(|config| Priorities::new(&replay, config));
    if let Some(priorities) = &mut priorities {
        priorities.restore(state, &replay)?;
    }
    restore_value(&mut of.learner, saved)?;
    of.target.set_parameters(target)?;
    (of.replay, of.priorities) = (replay, priorities);
    (of.seed, of.iteration, of.gradient_steps, of.due) = (state.seed, state.iteration, gradient_steps, due);
    Ok(())
}
