//! Samplers: the values that the next trial gets.
//!
//! A sampler keeps no state: its proposal depends on its seed, on the number of the trial and on the trials that have
//! ended, and so a search that goes on proposes what it would have proposed without the interruption.

mod density;
mod random;
mod tpe;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::space::{KeyValue, Space};

/// Proposes the values of a trial.
pub(crate) trait Sampler {
    /// Returns a value for each key of the space, for the trial with this number.
    ///
    /// `ranked` has the values of the trials that have ended, the best one first.
    fn propose(&self, space: &Space, trial: u64, ranked: &[&[KeyValue]]) -> Vec<KeyValue>;
}

/// The samplers that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SamplerKind {
    /// Tree-structured Parzen estimator: draws where good trials are denser than bad ones.
    Tpe,
    /// Draws every value anew, whatever the trials before have come to.
    Random,
}

impl SamplerKind {
    /// A sampler of this kind.
    pub fn with_seed(self, seed: u64) -> Box<dyn Sampler> {
        match self {
            Self::Tpe => Box::new(tpe::TpeSampler { seed }),
            Self::Random => Box::new(random::RandomSampler { seed }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tune::space::{Key, Range};

    fn space(ranges: &[Range]) -> Space {
        Space { keys: ranges.iter().map(|range| Key::new("key", range.clone())).collect() }
    }

    /// Trials of a sampler that are judged by `cost`; the values of each.
    fn searched(kind: SamplerKind, seed: u64, trials: u64, cost: impl Fn(&[KeyValue]) -> f64) -> Vec<Vec<KeyValue>> {
        let space = space(&[Range::Log(1e-4, 1.0), Range::Uniform(0.0, 1.0), Range::Uniform(0.0, 1.0)]);
        let sampler = kind.with_seed(seed);
        let mut tried: Vec<Vec<KeyValue>> = Vec::new();
        for trial in 0..trials {
            let mut ranked: Vec<&[KeyValue]> = tried.iter().map(|values| &values[..]).collect();
            ranked.sort_by(|one, other| cost(one).total_cmp(&cost(other)));
            let next = sampler.propose(&space, trial, &ranked);
            tried.push(next);
        }
        tried
    }

    fn number(value: KeyValue) -> f64 {
        match value {
            KeyValue::Number(number) => number,
            KeyValue::Whole(number) => number as f64,
            KeyValue::Choice(index) => index as f64,
        }
    }

    fn cost(values: &[KeyValue]) -> f64 {
        let distances = [number(values[0]).log10() + 2.0, number(values[1]) - 0.3, number(values[2]) - 0.7];
        distances.iter().map(|distance| distance * distance).sum()
    }

    #[test]
    fn the_same_seed_proposes_the_same() {
        for kind in [SamplerKind::Tpe, SamplerKind::Random] {
            assert_eq!(searched(kind, 1, 20, cost), searched(kind, 1, 20, cost));
            assert_ne!(searched(kind, 1, 20, cost), searched(kind, 2, 20, cost));
        }
    }

    #[test]
    fn keys_with_the_same_range_get_values_of_their_own() {
        for values in searched(SamplerKind::Random, 1, 20, cost) {
            assert_ne!(values[1], values[2]);
        }
    }

    /// The two keys of the same range have different best values.
    #[test]
    fn tpe_comes_nearer_than_random_draws() {
        let best = |kind, seed| searched(kind, seed, 40, cost).iter().map(|values| cost(values)).fold(1e9, f64::min);
        let mean = |kind| (0..20).map(|seed| best(kind, seed)).sum::<f64>() / 20.0;
        let (tpe, random) = (mean(SamplerKind::Tpe), mean(SamplerKind::Random));
        assert!(tpe < 0.7 * random, "TPE {tpe}, random {random}");
    }

    #[test]
    fn all_values_are_in_their_ranges() {
        let ranges = [
            Range::Log(1e-4, 1e-2),
            Range::Uniform(-1.0, 1.0),
            Range::Int(1, 3),
            Range::Choice(["a", "b", "c"].map(str::to_owned).to_vec()),
        ];
        let space = space(&ranges);
        for kind in [SamplerKind::Tpe, SamplerKind::Random] {
            let sampler = kind.with_seed(3);
            let mut tried: Vec<Vec<KeyValue>> = Vec::new();
            for trial in 0..50 {
                let ranked: Vec<&[KeyValue]> = tried.iter().map(|values| &values[..]).collect();
                let values = sampler.propose(&space, trial, &ranked);
                for (range, &value) in ranges.iter().zip(&values) {
                    assert_eq!(range.value(&range.text(value)), Some(value), "{range:?}");
                }
                tried.push(values);
            }
            let mut choices: Vec<_> = tried.iter().map(|values| number(values[3])).collect();
            choices.sort_unstable_by(f64::total_cmp);
            choices.dedup();
            assert_eq!(choices, [0.0, 1.0, 2.0], "every choice is tried");
        }
    }
}
