//! The saved state of SAC. With the replay, a run resumes from it bit for bit.

use super::Sac;
use super::critics::CriticNumbers;
use super::temperature::TunedTemperatures;
use crate::{AlgorithmState, LearnError, LearnedPolicy, LearnerState, SavedAlgorithm, StateTensor};

/// Names of counters and arrays in a saved state.
const OPTIMIZER_STEPS: &str = "optimizer_steps";
const FIRST_MOMENTS: &str = "adam.mean";
const SECOND_MOMENTS: &str = "adam.variance";
const CRITICS: &str = "critics";
const TARGETS: &str = "critics.targets";
const CRITIC_STEPS: &str = "critics.optimizer_steps";
const CRITIC_FIRST_MOMENTS: &str = "critics.adam.mean";
const CRITIC_SECOND_MOMENTS: &str = "critics.adam.variance";
const TEMPERATURES: &str = "temperatures";
const TEMPERATURE_STEPS: &str = "temperatures.optimizer_steps";
const GRADIENT_STEPS: &str = "gradient_steps";
const DUE: &str = "due_bits";

/// The numbers of the algorithm, without its replay.
#[derive(Clone, Debug)]
pub(super) struct SacNumbers {
    actor: LearnerState,
    critics: CriticNumbers,
    temperatures: TunedTemperatures,
    iteration: u64,
    gradient_steps: u64,
    due: f32,
    is_random: bool,
}

impl SacNumbers {
    pub fn of(sac: &Sac) -> Self {
        Self {
            actor: sac.update.numbers(&sac.actor),
            critics: sac.critics.numbers(),
            temperatures: sac.temperatures.clone(),
            iteration: sac.iteration,
            gradient_steps: sac.gradient_steps,
            due: sac.due,
            is_random: sac.actor.is_random,
        }
    }

    /// Reads a saved state.
    ///
    /// # Errors
    ///
    /// If the state belongs to another algorithm or network, or holds invalid numbers.
    fn read(sac: &Sac, SavedAlgorithm { policy, state }: &SavedAlgorithm) -> Result<Self, LearnError> {
        let actor = LearnerState {
            parameters: policy.parameters.clone(),
            first_moments: state.per_parameter(FIRST_MOMENTS)?.to_vec(),
            second_moments: state.per_parameter(SECOND_MOMENTS)?.to_vec(),
            optimizer_steps: state.counter(OPTIMIZER_STEPS)?,
            normalizer: policy.normalizer.clone(),
        };
        actor.check(sac.actor.network.parameters().len(), sac.actor.normalizer.as_ref())?;
        let critics = CriticNumbers {
            parameters: state.column(CRITICS)?.to_vec(),
            targets: state.column(TARGETS)?.to_vec(),
            first_moments: state.column(CRITIC_FIRST_MOMENTS)?.to_vec(),
            second_moments: state.column(CRITIC_SECOND_MOMENTS)?.to_vec(),
            optimizer_steps: state.counter(CRITIC_STEPS)?,
        };
        sac.critics.check_numbers(&critics)?;
        let (temperatures, steps) = (state.column(TEMPERATURES)?, state.counter(TEMPERATURE_STEPS)?);
        let temperatures = sac.temperatures.with_numbers(temperatures, steps)?;
        let due = f32::from_bits(u32::try_from(state.counter(DUE)?).unwrap_or(u32::MAX));
        if !(due.is_finite() && due >= 0.0) {
            return Err(LearnError::NotFinite { what: "checkpoint's count of gradient steps due", value: due });
        }
        let (iteration, gradient_steps) = (state.iteration, state.counter(GRADIENT_STEPS)?);
        // A policy that has learned fills an empty replay with its own actions.
        let is_random = gradient_steps == 0;
        Ok(Self { actor, critics, temperatures, iteration, gradient_steps, due, is_random })
    }

    /// Replaces the numbers of the algorithm.
    ///
    /// # Errors
    ///
    /// If they are those of other networks.
    pub fn set(&self, sac: &mut Sac) -> Result<(), LearnError> {
        sac.actor.set_numbers(&self.actor)?;
        sac.update.set_numbers(&self.actor)?;
        sac.critics.set_numbers(&self.critics)?;
        sac.temperatures = self.temperatures.clone();
        (sac.iteration, sac.gradient_steps, sac.due) = (self.iteration, self.gradient_steps, self.due);
        sac.actor.is_random = self.is_random;
        Ok(())
    }
}

pub(super) fn saved(of: &Sac) -> SavedAlgorithm {
    let SacNumbers { actor, critics, temperatures, iteration, gradient_steps, due, .. } = SacNumbers::of(of);
    let LearnerState { parameters, first_moments, second_moments, optimizer_steps, normalizer } = actor;
    let mut state = AlgorithmState { seed: of.seed, iteration, ..AlgorithmState::default() };
    let (temperatures, temperature_steps) = temperatures.numbers();
    let counters = [
        (OPTIMIZER_STEPS, optimizer_steps),
        (CRITIC_STEPS, critics.optimizer_steps),
        (TEMPERATURE_STEPS, temperature_steps),
        (GRADIENT_STEPS, gradient_steps),
        (DUE, due.to_bits().into()),
    ];
    state.counters.extend(counters.map(|(name, count)| (name.to_owned(), count)));
    let tensors = [
        (FIRST_MOMENTS, StateTensor::PerParameter(first_moments)),
        (SECOND_MOMENTS, StateTensor::PerParameter(second_moments)),
        (CRITICS, StateTensor::Column(critics.parameters)),
        (TARGETS, StateTensor::Column(critics.targets)),
        (CRITIC_FIRST_MOMENTS, StateTensor::Column(critics.first_moments)),
        (CRITIC_SECOND_MOMENTS, StateTensor::Column(critics.second_moments)),
        (TEMPERATURES, StateTensor::Column(temperatures)),
    ];
    state.tensors.extend(tensors.map(|(name, tensor)| (name.to_owned(), tensor)));
    if of.config.save_replay {
        of.replay.save(&mut state);
    }
    SavedAlgorithm { policy: LearnedPolicy { parameters, normalizer }, state }
}

/// Restores a saved state. Without a saved replay, the replay is empty afterwards, and fills before anything is learned.
pub(super) fn restore(of: &mut Sac, saved: &SavedAlgorithm) -> Result<(), LearnError> {
    let numbers = SacNumbers::read(of, saved)?;
    let mut replay = of.replay.restored(&saved.state)?;
    replay.cut();
    numbers.set(of)?;
    (of.replay, of.seed) = (replay, saved.state.seed);
    Ok(())
}
