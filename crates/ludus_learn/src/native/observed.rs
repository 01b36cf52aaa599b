//! Statistics of what one simulation's rows observed.

use std::ops::Range;

use ludus_net::Statistics;

use crate::Samples;

/// The statistics of a slab's experience. Slabs are merged in their order, whichever threads they were on.
#[derive(Debug)]
pub(super) struct Observed {
    pub statistics: Statistics,
    /// Which samples are the slab's.
    pub samples: Range<usize>,
}

impl Observed {
    pub fn new(width: usize) -> Self {
        Self { statistics: Statistics::new(width), samples: 0..0 }
    }

    /// Looks at the slab's experience and at nothing else. Details 6 and 14.
    pub fn gather(&mut self, rollout: Samples<'_>, width: usize) {
        let Range { start, end } = self.samples;
        let outcomes = &rollout.outcomes[start..end];
        self.statistics.clear();
        self.statistics.observe(&rollout.observations[start * width..end * width], |row| outcomes[row].is_experience());
    }
}
