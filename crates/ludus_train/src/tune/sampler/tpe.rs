//! The tree-structured Parzen estimator.

use optimizer::sampler::Sampler as _;
use optimizer::sampler::tpe::TpeSampler as Estimator;

use super::{Sampler, distribution, draw_seed, history_of, key_value};
use crate::tune::space::{Key, KeyValue, Range, Space};

/// Trials with random values before the first estimate.
const RANDOM_TRIALS: usize = 10;

/// The part of the trials that counts as good.
const GOOD: f64 = 0.25;

/// Draws per key, of which the one with the highest ratio of densities is taken.
const CANDIDATES: usize = 24;

/// Draws each key's value where good trials are denser than the others.
///
/// A density is a sum of Gaussians, one around each trial. Their width is a share of the range that shrinks with the
/// number of good trials. A width that follows the spread of the trials, the default of `optimizer`, shrinks to nothing
/// once a value has been proposed a few times, and then the search proposes nothing else.
///
/// # Source
///
/// Bergstra et al. 2011, "Algorithms for Hyper-Parameter Optimization", section 4.
pub(super) struct TpeSampler {
    pub seed: u64,
}

impl Sampler for TpeSampler {
    fn propose(&self, space: &Space, trial: u64, ranked: &[&[KeyValue]]) -> Vec<KeyValue> {
        let draw = |(index, key): (usize, &Key)| {
            let seed = Some(draw_seed(self.seed, index));
            let width = width(&key.range, ranked.len());
            let estimator = Estimator::with_config(GOOD, RANDOM_TRIALS, CANDIDATES, width, seed)
                .expect("the part of good trials is between 0 and 1, and a width above 0");
            let range = distribution(&key.range);
            let value = estimator.sample(&range, trial, &history_of(index, &range, ranked));
            key_value(&key.range, &value)
        };
        space.keys.iter().enumerate().map(draw).collect()
    }
}

/// The standard deviation of the Gaussians, in the units of the range or of its logarithms; `None` where there are none.
fn width(range: &Range, trials: usize) -> Option<f64> {
    let good = (trials as f64 * GOOD).ceil();
    let length = match *range {
        Range::Uniform(from, to) => to - from,
        Range::Log(from, to) => (to / from).ln(),
        Range::Int(from, to) => (to - from) as f64,
        Range::Choice(_) => return None,
    };
    Some(length / (1.0 + good))
}
