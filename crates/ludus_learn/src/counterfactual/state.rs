//! The saved state of a counterfactual baseline.

use super::CounterfactualBaseline;
use crate::saved_normalizer::NormalizerNames;
use crate::{AlgorithmState, LearnError, LearnerState, StateTensor};

/// Names of counters and arrays in a saved state.
const PARAMETERS: &str = "baseline.parameters";
const FIRST_MOMENTS: &str = "baseline.adam.mean";
const SECOND_MOMENTS: &str = "baseline.adam.variance";
const OPTIMIZER_STEPS: &str = "baseline.optimizer_steps";
const NORMALIZER: NormalizerNames = NormalizerNames {
    means: "baseline.observations.mean",
    variances: "baseline.observations.variance",
    count: "baseline.observations.count",
};

impl CounterfactualBaseline {
    /// Adds its numbers to the state of the algorithm.
    pub fn save(&self, state: &mut AlgorithmState) {
        let LearnerState { parameters, first_moments, second_moments, optimizer_steps, normalizer } =
            self.learned.state();
        let columns = [(PARAMETERS, parameters), (FIRST_MOMENTS, first_moments), (SECOND_MOMENTS, second_moments)];
        let columns = columns.map(|(name, numbers)| (name.to_owned(), StateTensor::Column(numbers)));
        state.tensors.extend(columns);
        state.counters.insert(OPTIMIZER_STEPS.to_owned(), optimizer_steps);
        if let Some(normalizer) = normalizer {
            NORMALIZER.save(&normalizer, state);
        }
    }

    /// Restores its numbers.
    ///
    /// # Errors
    ///
    /// If the state has none, or those of another network; then everything is as it was.
    pub fn restore(&mut self, state: &AlgorithmState) -> Result<(), LearnError> {
        let normalizer = &self.learned.normalizer;
        let saved = LearnerState {
            parameters: state.column(PARAMETERS)?.to_vec(),
            first_moments: state.column(FIRST_MOMENTS)?.to_vec(),
            second_moments: state.column(SECOND_MOMENTS)?.to_vec(),
            optimizer_steps: state.counter(OPTIMIZER_STEPS)?,
            normalizer: normalizer.as_ref().map(|own| NORMALIZER.read(state, own.clip())).transpose()?,
        };
        self.learned.restore(&saved)
    }
}
