//! The tree-structured Parzen estimator.

use ludus_spec::Seed;

use super::Sampler;
use super::density::Density;
use super::random::RandomSampler;
use crate::tune::space::{KeyValue, Space};

/// Trials with random values before the first estimate.
const RANDOM_TRIALS: usize = 6;

/// The part of the trials that counts as good.
const GOOD: f64 = 0.15;

/// Draws, of which the one with the highest ratio of densities is taken.
const CANDIDATES: usize = 24;

/// Draws values where good trials are denser than the others.
///
/// # Source
///
/// Bergstra et al. 2011, "Algorithms for Hyper-Parameter Optimization", section 4; with densities over all keys at once.
pub(super) struct TpeSampler {
    pub seed: u64,
}

impl Sampler for TpeSampler {
    fn propose(&self, space: &Space, trial: u64, ranked: &[&[KeyValue]]) -> Vec<KeyValue> {
        if ranked.len() < RANDOM_TRIALS {
            return RandomSampler { seed: self.seed }.propose(space, trial, ranked);
        }
        let keys = &space.keys;
        let (good, bad) = ranked.split_at((ranked.len() as f64 * GOOD).ceil() as usize);
        let (good, bad) = (Density::of(keys, good), Density::of(keys, bad));
        let mut rng = Seed::new(self.seed).derive(trial).generator();
        let scored = (0..CANDIDATES).map(|_| {
            let values = good.draw(keys, &mut rng);
            (good.at(keys, &values) / bad.at(keys, &values), values)
        });
        // Of equal ones, the first.
        let best = scored.reduce(|one, other| if other.0 > one.0 { other } else { one });
        best.expect("there are candidates").1
    }
}
