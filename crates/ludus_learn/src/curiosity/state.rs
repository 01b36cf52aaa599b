//! The saved state of curiosity.

use ludus_net::Normalizer;

use super::distillation::DistillationNumbers;
use crate::learner_state::{FIRST_MOMENTS, OPTIMIZER_STEPS, SECOND_MOMENTS};
use crate::saved_normalizer::NormalizerNames;
use crate::{AlgorithmState, LearnError, StateTensor};

/// Names of arrays in a saved state.
const TARGET: &str = "target";
const PREDICTOR: &str = "predictor";
const NORMALIZER: NormalizerNames =
    NormalizerNames { means: "observations.mean", variances: "observations.variance", count: "observations.count" };

/// The numbers of curiosity: everything that a run needs to resume.
#[derive(Clone, Debug)]
pub(super) struct CuriosityNumbers {
    pub networks: DistillationNumbers,
    pub normalizer: Normalizer,
}

impl From<CuriosityNumbers> for AlgorithmState {
    fn from(CuriosityNumbers { networks, normalizer }: CuriosityNumbers) -> Self {
        let DistillationNumbers { target, predictor, first_moments, second_moments, optimizer_steps } = networks;
        let tensors = [
            (TARGET, StateTensor::Column(target)),
            (PREDICTOR, StateTensor::Column(predictor)),
            (FIRST_MOMENTS, StateTensor::Column(first_moments)),
            (SECOND_MOMENTS, StateTensor::Column(second_moments)),
        ];
        let mut state = Self {
            counters: [(OPTIMIZER_STEPS.to_owned(), optimizer_steps)].into(),
            tensors: tensors.map(|(name, tensor)| (name.to_owned(), tensor)).into(),
            ..Self::default()
        };
        NORMALIZER.save(&normalizer, &mut state);
        state
    }
}

impl CuriosityNumbers {
    /// Reads a saved state of curiosity whose normalised observations have this clip.
    pub fn read(state: &AlgorithmState, clip: f32) -> Result<Self, LearnError> {
        let networks = DistillationNumbers {
            target: state.column(TARGET)?.to_vec(),
            predictor: state.column(PREDICTOR)?.to_vec(),
            first_moments: state.column(FIRST_MOMENTS)?.to_vec(),
            second_moments: state.column(SECOND_MOMENTS)?.to_vec(),
            optimizer_steps: state.counter(OPTIMIZER_STEPS)?,
        };
        Ok(Self { networks, normalizer: NORMALIZER.read(state, clip)? })
    }
}
