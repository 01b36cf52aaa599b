//! Random sampling.

use ludus_spec::Seed;
use rand::RngExt;

use super::Sampler;
use crate::tune::space::{Key, KeyValue, Space};

/// Draws every value anew.
pub(super) struct RandomSampler {
    pub seed: u64,
}

impl Sampler for RandomSampler {
    fn propose(&self, space: &Space, trial: u64, _ranked: &[&[KeyValue]]) -> Vec<KeyValue> {
        let draw = |(index, key): (usize, &Key)| {
            let mut rng = Seed::new(self.seed).derive(trial).derive(index as u64).generator();
            key.range.at(rng.random())
        };
        space.keys.iter().enumerate().map(draw).collect()
    }
}
