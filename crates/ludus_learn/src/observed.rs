//! Statistics of the observations in a rollout.

use std::ops::Range;

use ludus_net::{Normalizer, Statistics};
use rayon::ThreadPool;

use crate::threads::for_each_in;
use crate::{Rollout, Samples};

/// Working memory to merge a rollout's observations into a normaliser. For learners.
#[derive(Debug, Default)]
pub struct Observed {
    slabs: Vec<ObservedSlab>,
}

/// The statistics of a slab's experience. Slabs are merged in their order, independent of their threads.
#[derive(Debug)]
struct ObservedSlab {
    statistics: Statistics,
    /// The range of the slab's samples.
    samples: Range<usize>,
}

impl Observed {
    /// Merges the observations of the rollout's experience into the normaliser, and no others. Details 6 and 14.
    ///
    /// The result is the same with any number of threads.
    pub fn merge(&mut self, rollout: &Rollout, normalizer: &mut Normalizer, pool: &ThreadPool) {
        if !normalizer.is_following() {
            return;
        }
        let (width, samples) = (normalizer.width(), rollout.samples());
        self.slabs.resize_with(rollout.shape().rows.len(), || ObservedSlab::new(normalizer));
        for (slab, place) in self.slabs.iter_mut().zip(rollout.slab_places()) {
            slab.samples = place;
        }
        for_each_in(pool, &mut self.slabs, |slab| slab.gather(samples, width));
        self.slabs.iter().for_each(|slab| normalizer.merge(&slab.statistics));
    }
}

impl ObservedSlab {
    fn new(normalizer: &Normalizer) -> Self {
        Self { statistics: normalizer.empty_statistics(), samples: 0..0 }
    }

    fn gather(&mut self, rollout: Samples<'_>, width: usize) {
        let Range { start, end } = self.samples;
        let outcomes = &rollout.outcomes[start..end];
        self.statistics.clear();
        self.statistics.observe(&rollout.observations[start * width..end * width], |row| outcomes[row].is_experience());
    }
}
