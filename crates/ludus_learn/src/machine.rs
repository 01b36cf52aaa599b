//! What a run lends to whatever works in it.

use std::sync::Arc;

use ludus_spec::Clock;
use rayon::ThreadPool;

/// The threads and the timer of a run.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The threads. With a pool of one, everything happens on the caller's thread.
    pub pool: Arc<ThreadPool>,
    /// The timer of the phases.
    pub clock: Clock,
}
