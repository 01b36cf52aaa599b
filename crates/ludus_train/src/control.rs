//! Control of a run from outside while it goes on.

use std::sync::atomic::{AtomicBool, Ordering};

/// A source of orders for a run, which reads them between two iterations.
pub(crate) trait Control {
    /// Returns the next order to carry out before the next iteration; `None` if none is left.
    ///
    /// Blocks while the run is paused.
    fn next_order(&self) -> Option<Order>;

    /// True if the run is to save and end.
    fn is_ending(&self) -> bool;
}

/// The orders that a run carries out between two iterations.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Order {
    /// Saves a checkpoint and the policy.
    Save,
    /// Sets Adam's step size for a kind of agents, in place of the config's schedule.
    LearningRate { kind: usize, rate: f32 },
    /// Sets the weight of a term of a kind's reward. `term` is its index in the spec.
    Weight { kind: usize, term: usize, weight: f32 },
}

/// The interrupt flag of the command line, which can only end the run.
impl Control for AtomicBool {
    fn next_order(&self) -> Option<Order> {
        None
    }

    fn is_ending(&self) -> bool {
        self.load(Ordering::Relaxed)
    }
}
