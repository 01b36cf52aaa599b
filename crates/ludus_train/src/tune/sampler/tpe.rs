//! The tree-structured Parzen estimator.

use ludus_spec::{Generator, Seed};
use rand::RngExt;

use super::Sampler;
use super::density::Density;
use super::random::RandomSampler;
use crate::tune::space::{Key, KeyValue, Range, Space};

/// Trials with random values before the first estimate.
const RANDOM_TRIALS: usize = 6;

/// The part of the trials that counts as good.
const GOOD: f64 = 0.15;

/// Draws per key, of which the one with the highest ratio of densities is taken.
const CANDIDATES: usize = 24;

/// Draws each key's value where good trials are denser than the others.
///
/// # Source
///
/// Bergstra et al. 2011, "Algorithms for Hyper-Parameter Optimization", section 4.
pub(super) struct TpeSampler {
    pub seed: u64,
}

impl Sampler for TpeSampler {
    fn propose(&self, space: &Space, trial: u64, ranked: &[&[KeyValue]]) -> Vec<KeyValue> {
        if ranked.len() < RANDOM_TRIALS {
            return RandomSampler { seed: self.seed }.propose(space, trial, ranked);
        }
        let good = (ranked.len() as f64 * GOOD).ceil() as usize;
        let draw = |(index, key): (usize, &Key)| {
            let mut rng = Seed::new(self.seed).derive(trial).derive(index as u64).generator();
            let values = ranked.iter().map(|values| values[index]);
            let (good, bad): (Vec<_>, Vec<_>) = (values.clone().take(good).collect(), values.skip(good).collect());
            match &key.range {
                Range::Choice(texts) => KeyValue::Choice(choice(texts.len(), &good, &bad, &mut rng)),
                range => range.at(number(range, &good, &bad, &mut rng)),
            }
        };
        space.keys.iter().enumerate().map(draw).collect()
    }
}

/// The place of a number in its range, in `0.0..=1.0`.
fn number(range: &Range, good: &[KeyValue], bad: &[KeyValue], rng: &mut Generator) -> f64 {
    let density = |values: &[KeyValue]| Density::of(values.iter().map(|&value| range.place(value)).collect());
    let (good, bad) = (density(good), density(bad));
    let draws = (0..CANDIDATES).map(|_| good.draw(rng));
    best(draws, |place| good.at(place) / bad.at(place))
}

/// The index of a choice.
fn choice(choices: usize, good: &[KeyValue], bad: &[KeyValue], rng: &mut Generator) -> usize {
    // One more than there are, so that no choice is ever impossible.
    let count = |values: &[KeyValue], index: usize| {
        1.0 + values.iter().filter(|&&value| value == KeyValue::Choice(index)).count() as f64
    };
    let total: f64 = (0..choices).map(|index| count(good, index)).sum();
    let draws = (0..CANDIDATES).map(|_| {
        let mut left = rng.random::<f64>() * total;
        let is_reached = |&index: &usize| {
            left -= count(good, index);
            left < 0.0
        };
        (0..choices).find(is_reached).unwrap_or(choices - 1)
    });
    best(draws, |index| count(good, index) / count(bad, index))
}

/// The first candidate with the highest score.
fn best<T: Copy>(candidates: impl Iterator<Item = T>, score: impl Fn(T) -> f64) -> T {
    let scored = candidates.map(|candidate| (score(candidate), candidate));
    scored.reduce(|one, other| if other.0 > one.0 { other } else { one }).expect("there are candidates").1
}
