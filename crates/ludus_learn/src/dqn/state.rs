//! The saved state of DQN. With the replay, a run resumes from it bit for bit.

use super::Dqn;
use super::sampling::Priorities;
use crate::value::{ValueLearner, restore_value, save_value};
use crate::{AlgorithmState, LearnError, SavedAlgorithm};

/// Names of counters in a saved state.
const GRADIENT_STEPS: &str = "gradient_steps";
const DUE: &str = "due_bits";

pub(super) fn saved<L: ValueLearner>(of: &Dqn<L>) -> SavedAlgorithm {
    let mut state = AlgorithmState { seed: of.seed, iteration: of.iteration, ..AlgorithmState::default() };
    state.counters.insert(GRADIENT_STEPS.to_owned(), of.gradient_steps);
    state.counters.insert(DUE.to_owned(), of.due.to_bits().into());
    if of.config.save_replay {
        of.replay.save(&mut state);
        if let Some(priorities) = &of.priorities {
            priorities.save(&mut state);
        }
    }
    save_value(&of.learner, of.epsilon, state)
}

/// Restores a saved state. Without a saved replay, the replay is empty afterwards, and fills before anything is learned.
pub(super) fn restore<L: ValueLearner>(of: &mut Dqn<L>, saved: &SavedAlgorithm) -> Result<(), LearnError> {
    let state = &saved.state;
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
    of.epsilon = restore_value(&mut of.learner, true, saved)?;
    (of.replay, of.priorities) = (replay, priorities);
    (of.seed, of.iteration, of.gradient_steps, of.due) = (state.seed, state.iteration, gradient_steps, due);
    Ok(())
}
