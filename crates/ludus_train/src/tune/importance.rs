//! The importance of each key of a search.

use std::collections::HashMap;

use optimizer::Study;
use optimizer::distribution::{Distribution, FloatDistribution};
use optimizer::param::ParamValue;
use optimizer::parameter::ParamId;
use optimizer::sampler::CompletedTrial;
use optimizer::storage::MemoryStorage;

use super::space::{KeyValue, Space};

/// Fewest trials from which an importance is worked out.
const LEAST_TRIALS: usize = 10;

/// The places of a range.
const PLACES: Distribution =
    Distribution::Float(FloatDistribution { low: 0.0, high: 1.0, log_scale: false, step: None });

/// The share of each key alone in the variance of the trials' ranks, in the space's order; `None` with too few trials.
///
/// `ranked` has the values of the trials, the best first. Ranks are explained, and not scores, so that a few very bad
/// trials don't decide, and trials that were pruned count too. The shares of pairs of keys are left out, so the sum is
/// below 1.
///
/// # Source
///
/// Hutter et al. 2014, "An Efficient Approach for Assessing Hyperparameter Importance", ICML; as `optimizer` implements
/// it.
pub(super) fn importance(space: &Space, ranked: &[&[KeyValue]]) -> Option<Vec<f64>> {
    if ranked.len() < LEAST_TRIALS {
        return None;
    }
    // Ids rise, and `optimizer` orders keys by them.
    let ids: Vec<ParamId> = space.keys.iter().map(|_| ParamId::new()).collect();
    let trial = |(rank, values): (usize, &&[KeyValue])| {
        let keys = || ids.iter().zip(&space.keys).zip(*values);
        let params = keys().map(|((id, key), &value)| (*id, ParamValue::Float(key.range.place(value)))).collect();
        let distributions = ids.iter().map(|id| (*id, PLACES)).collect();
        let labels: HashMap<_, _> = ids.iter().enumerate().map(|(index, id)| (*id, index.to_string())).collect();
        CompletedTrial::new(rank as u64, params, distributions, labels, rank as f64)
    };
    let trials = ranked.iter().enumerate().map(trial).collect();
    let study: Study<f64> = Study::builder().minimize().storage(MemoryStorage::with_trials(trials)).build();
    let effects = study.fanova().ok()?.main_effects;
    let share =
        |index: usize| effects.iter().find(|(label, _)| *label == index.to_string()).map_or(0.0, |(_, share)| *share);
    Some((0..space.keys.len()).map(share).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tune::SamplerKind;
    use crate::tune::space::{Key, Range};

    #[test]
    fn the_key_that_decides_is_the_most_important() {
        let keys = [Range::Uniform(0.0, 1.0), Range::Log(1e-3, 1.0), Range::Int(1, 9)];
        let space = Space { keys: keys.iter().map(|range| Key::new("key", range.clone())).collect() };
        let sampler = SamplerKind::Random.with_seed(1);
        let mut trials: Vec<_> = (0..40).map(|trial| sampler.propose(&space, trial, &[])).collect();
        let number = |value: KeyValue| if let KeyValue::Number(number) = value { number } else { 0.0 };
        trials.sort_by(|one, other| number(one[1]).total_cmp(&number(other[1])));
        let ranked: Vec<&[KeyValue]> = trials.iter().map(|values| &values[..]).collect();
        let shares = importance(&space, &ranked).unwrap();
        assert!(shares[1] > 0.6 && shares[0] < 0.2 && shares[2] < 0.2, "{shares:?}");
        assert_eq!(importance(&space, &ranked), Some(shares), "it is the same every time");
        assert_eq!(importance(&space, &ranked[..9]), None);
    }
}
