//! Random sampling.

use optimizer::sampler::{RandomSampler as Draws, Sampler as _};

use super::{Sampler, distribution, draw_seed, key_value};
use crate::tune::space::{Key, KeyValue, Space};

/// Draws every value anew.
pub(super) struct RandomSampler {
    pub seed: u64,
}

impl Sampler for RandomSampler {
    fn propose(&self, space: &Space, trial: u64, _ranked: &[&[KeyValue]]) -> Vec<KeyValue> {
        let draw = |(index, key): (usize, &Key)| {
            let value = Draws::with_seed(draw_seed(self.seed, index)).sample(&distribution(&key.range), trial, &[]);
            key_value(&key.range, &value)
        };
        space.keys.iter().enumerate().map(draw).collect()
    }
}
