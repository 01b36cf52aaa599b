//! The saved state of GAIL.

use ludus_net::Normalizer;

use super::discriminator::DiscriminatorNumbers;
use crate::learner_state::{FIRST_MOMENTS, OPTIMIZER_STEPS, SECOND_MOMENTS};
use crate::saved_normalizer::NormalizerNames;
use crate::{AlgorithmState, LearnError, StateTensor};

/// Names of arrays in a saved state.
const PARAMETERS: &str = "discriminator";
const NORMALIZER: NormalizerNames =
    NormalizerNames { means: "pairs.mean", variances: "pairs.variance", count: "pairs.count" };

/// The numbers of GAIL: everything that a run needs to resume, beside the demonstrations.
#[derive(Clone, Debug)]
pub(super) struct GailNumbers {
    pub discriminator: DiscriminatorNumbers,
    pub normalizer: Normalizer,
}

impl From<GailNumbers> for AlgorithmState {
    fn from(GailNumbers { discriminator, normalizer }: GailNumbers) -> Self {
        let DiscriminatorNumbers { parameters, first_moments, second_moments, optimizer_steps } = discriminator;
        let tensors = [
            (PARAMETERS, StateTensor::Column(parameters)),
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

impl GailNumbers {
    /// Reads a saved state of GAIL whose normalised pairs have this clip.
    pub fn read(state: &AlgorithmState, clip: f32) -> Result<Self, LearnError> {
        let discriminator = DiscriminatorNumbers {
            parameters: state.column(PARAMETERS)?.to_vec(),
            first_moments: state.column(FIRST_MOMENTS)?.to_vec(),
            second_moments: state.column(SECOND_MOMENTS)?.to_vec(),
            optimizer_steps: state.counter(OPTIMIZER_STEPS)?,
        };
        Ok(Self { discriminator, normalizer: NORMALIZER.read(state, clip)? })
    }
}
