//! The numbers of a normaliser among the arrays of a saved state.

use ludus_net::Normalizer;

use crate::{AlgorithmState, LearnError, StateTensor};

/// The names of a normaliser's arrays in a saved state.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NormalizerNames {
    pub means: &'static str,
    pub variances: &'static str,
    pub count: &'static str,
}

impl NormalizerNames {
    /// Adds the numbers of a normaliser to a state.
    pub fn save(self, normalizer: &Normalizer, state: &mut AlgorithmState) {
        let statistics = normalizer.statistics();
        let numbers = [
            (self.means, statistics.mean().to_vec()),
            (self.variances, statistics.variance().to_vec()),
            (self.count, vec![statistics.count()]),
        ];
        let named = numbers.map(|(name, numbers)| (name.to_owned(), StateTensor::Statistics(numbers)));
        state.tensors.extend(named);
    }

    /// Reads the normaliser of a state. Normalised numbers are clipped to ±`clip`.
    ///
    /// # Errors
    ///
    /// [`LearnError::Missing`] if the state has none, and [`LearnError::Network`] if its numbers are invalid.
    pub fn read(self, state: &AlgorithmState, clip: f32) -> Result<Normalizer, LearnError> {
        let (mean, variance) = (state.statistics(self.means)?.to_vec(), state.statistics(self.variances)?.to_vec());
        let &[count] = state.statistics(self.count)? else { return Err(LearnError::Missing { name: self.count }) };
        Ok(Normalizer::from_parts(mean, variance, count, clip)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: NormalizerNames =
        NormalizerNames { means: "seen.mean", variances: "seen.variance", count: "seen.count" };

    #[test]
    fn a_normalizer_is_read_as_it_was_saved() {
        let mut normalizer = Normalizer::new(2, 5.0);
        let mut statistics = normalizer.empty_statistics();
        statistics.observe(&[1.0, -2.0, 3.0, 4.0], |_| true);
        normalizer.merge(&statistics);
        let mut state = AlgorithmState::default();
        NAMES.save(&normalizer, &mut state);
        let read = NAMES.read(&state, 5.0).unwrap();
        assert_eq!(read.statistics().count(), normalizer.statistics().count());
        assert_eq!(read.statistics().mean(), normalizer.statistics().mean());
        assert_eq!(read.statistics().variance(), normalizer.statistics().variance());
        let incomplete = |change: fn(&mut AlgorithmState)| {
            let mut state = state.clone();
            change(&mut state);
            NAMES.read(&state, 5.0).unwrap_err()
        };
        let missing = |name| LearnError::Missing { name };
        assert_eq!(incomplete(|state| drop(state.tensors.remove("seen.variance"))), missing("seen.variance"));
        let no_count = |state: &mut AlgorithmState| {
            state.tensors.insert("seen.count".to_owned(), StateTensor::Statistics(Vec::new()));
        };
        assert_eq!(incomplete(no_count), missing("seen.count"));
    }
}
