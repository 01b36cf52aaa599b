//! The results of an iteration.

use ludus_learn::Report;

use super::lane::LaneLap;
use crate::phases::Phases;

/// The results of an iteration.
#[derive(Debug)]
pub(crate) struct Lap {
    /// Number of the iteration, from 0.
    pub number: u64,
    /// Steps of each world.
    pub world_steps: usize,
    pub phases: Phases,
    /// The result of each policy; `None` for one that does not learn.
    pub lanes: Vec<Option<LaneLap>>,
    /// The number of episodes of each kind that newly count in the mean return.
    pub episodes: Vec<usize>,
}

impl Lap {
    /// The reports of the policies that learn.
    pub fn reports(&self) -> impl Iterator<Item = &Report> {
        self.lanes.iter().flatten().map(|lane| &lane.report)
    }

    /// The number of steps that were learned from.
    pub fn experience(&self) -> usize {
        self.reports().map(|report| report.experience).sum()
    }
}
