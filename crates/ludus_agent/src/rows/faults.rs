//! Faults in rows: numbers that are not finite, masks that allow nothing, sets that overflow.

use super::Rows;

/// A number that was not finite, a mask that allowed nothing, or a set that got more elements than fit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fault {
    /// The agent's row.
    pub row: u32,
    /// The place of the fault in the row.
    pub place: FaultPlace,
    /// The tick in which it was read.
    pub tick: u64,
}

/// The places in a row that can be faulty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultPlace {
    /// This column of the observation was not finite.
    Observation(u32),
    /// This term of the reward was not finite.
    Reward(u32),
    /// The [mask](crate::ActionMask) of this field of the action allowed nothing: everything counts as allowed.
    Mask(u32),
    /// The [set](crate::SetOf) whose count is in this column of the observation got more elements than fit.
    ///
    /// A world reports it once per set. It is no number that is not finite: [`Rows::fault_count`] leaves it out, and the
    /// step is learned from.
    Set(u32),
}

/// The count of all faults, and the first few since the last call of [`Rows::drain_faults`].
#[derive(Default)]
pub(crate) struct Faults {
    pub total: u64,
    pub recent: Vec<Fault>,
    /// The columns of the sets that have been reported.
    overflowed: Vec<u32>,
    /// Rows whose step can't be learned from.
    pub spoiled: Vec<u32>,
}

/// Faults that are kept between two calls of [`Rows::drain_faults`].
pub(super) const FAULTS_KEPT: usize = 16;

impl Rows {
    /// The count of faults so far.
    pub fn fault_count(&self) -> u64 {
        self.faults.total
    }

    /// Takes the faults since the last call, up to the first 16.
    pub fn drain_faults(&mut self) -> impl Iterator<Item = Fault> + '_ {
        self.faults.recent.drain(..)
    }
}

impl Faults {
    #[cold]
    pub(crate) fn report(&mut self, fault: Fault) {
        self.total += 1;
        if self.recent.len() < FAULTS_KEPT {
            self.recent.push(fault);
        }
    }

    /// Reports that a set got more elements than fit, unless it has been reported.
    #[cold]
    pub(crate) fn report_overflow(&mut self, row: u32, column: u32, tick: u64) {
        if self.recent.len() < FAULTS_KEPT && !self.overflowed.contains(&column) {
            self.overflowed.push(column);
            self.recent.push(Fault { row, place: FaultPlace::Set(column), tick });
        }
    }
}
