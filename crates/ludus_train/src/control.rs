//! What steers a run from outside while it goes on.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whoever may steer a run: asked once between two iterations.
pub(crate) trait Control {
    /// What is to be done before the next iteration, one thing after the other; `None` when nothing is left.
    ///
    /// Waits while the run is paused.
    fn next_order(&self) -> Option<Order>;

    /// Whether the run is to save and end.
    fn is_ending(&self) -> bool;
}

/// Something that a run does between two iterations.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Order {
    /// Saves a checkpoint and the policy.
    Save,
    /// Takes this step size of Adam for a kind of agents in place of the config's schedule.
    LearningRate { kind: usize, rate: f32 },
    /// Weighs a term of a kind's reward, by its index in the spec.
    Weight { kind: usize, term: usize, weight: f32 },
}

/// The command line has nothing to say but to end.
impl Control for AtomicBool {
    fn next_order(&self) -> Option<Order> {
        None
    }

    fn is_ending(&self) -> bool {
        self.load(Ordering::Relaxed)
    }
}
