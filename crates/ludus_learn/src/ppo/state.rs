//! The saved state of PPO, from which a run resumes bit for bit.

use ludus_spec::Seed;

use crate::learner_state::{FIRST_MOMENTS, OPTIMIZER_STEPS, SECOND_MOMENTS};
use crate::{AlgorithmState, LearnError, LearnedPolicy, LearnerState, Moments, SavedAlgorithm, StateTensor};

/// Names of counters and arrays in a saved state.
const REWARDS: &str = "rewards";
const VALUES: &str = "values";
/// The bits of the adaptive rate, an `f32`, as a counter.
const ADAPTIVE_RATE: &str = "adaptive_rate_bits";

/// The whole state that a run of PPO needs to resume. All its draws derive from `seed` and `iteration`.
#[derive(Clone, Debug, PartialEq)]
pub struct PpoState {
    /// The seed from which the run's draws derive.
    pub seed: Seed,
    /// The number of finished iterations.
    pub iteration: u64,
    /// The statistics of discounted returns, by which rewards are scaled.
    pub rewards: Moments,
    /// The statistics of the critic's targets, if they are normalised: count of rollouts, mean and variance of each value
    /// head; else empty.
    pub values: Vec<f64>,
    /// The step size of the next update, if the learning rate is adaptive.
    pub adaptive_rate: Option<f32>,
    /// The state of the learner.
    pub learner: LearnerState,
}

impl From<PpoState> for SavedAlgorithm {
    fn from(PpoState { seed, iteration, rewards, values, adaptive_rate, learner }: PpoState) -> Self {
        let LearnerState { parameters, first_moments, second_moments, optimizer_steps, normalizer } = learner;
        let Moments { count, mean, variance } = rewards;
        let tensors = [
            (FIRST_MOMENTS, StateTensor::PerParameter(first_moments)),
            (SECOND_MOMENTS, StateTensor::PerParameter(second_moments)),
            (REWARDS, StateTensor::Statistics(vec![count, mean, variance])),
        ];
        let values = (!values.is_empty()).then_some((VALUES, StateTensor::Statistics(values)));
        let state = AlgorithmState {
            seed,
            iteration,
            counters: [(OPTIMIZER_STEPS, optimizer_steps)]
                .into_iter()
                .chain(adaptive_rate.map(|rate| (ADAPTIVE_RATE, rate.to_bits().into())))
                .map(|(name, count)| (name.to_owned(), count))
                .collect(),
            tensors: tensors.into_iter().chain(values).map(|(name, tensor)| (name.to_owned(), tensor)).collect(),
        };
        Self { policy: LearnedPolicy { parameters, normalizer }, state }
    }
}

impl TryFrom<&SavedAlgorithm> for PpoState {
    type Error = LearnError;

    fn try_from(SavedAlgorithm { policy, state }: &SavedAlgorithm) -> Result<Self, LearnError> {
        let &[count, mean, variance] = state.statistics(REWARDS)? else {
            return Err(LearnError::Missing { name: REWARDS });
        };
        let learner = LearnerState {
            parameters: policy.parameters.clone(),
            first_moments: state.per_parameter(FIRST_MOMENTS)?.to_vec(),
            second_moments: state.per_parameter(SECOND_MOMENTS)?.to_vec(),
            optimizer_steps: state.counter(OPTIMIZER_STEPS)?,
            normalizer: policy.normalizer.clone(),
        };
        let bits = state.counters.get(ADAPTIVE_RATE).and_then(|&bits| u32::try_from(bits).ok());
        let adaptive_rate = bits.map(f32::from_bits);
        if let Some(value) = adaptive_rate.filter(|rate| !rate.is_finite()) {
            return Err(LearnError::NotFinite { what: "checkpoint's learning rate", value });
        }
        let rewards = Moments { count, mean, variance };
        let values = state.statistics(VALUES).unwrap_or_default().to_vec();
        Ok(Self { seed: state.seed, iteration: state.iteration, rewards, values, adaptive_rate, learner })
    }
}
