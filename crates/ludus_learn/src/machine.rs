//! The threads and the clock of a run, shared by all of its parts.

use std::sync::Arc;

use ludus_spec::Clock;
use rayon::ThreadPool;

/// The threads and the timer of a run.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The thread pool. With a pool of one thread, everything runs on the caller's thread.
    pub pool: Arc<ThreadPool>,
    /// The clock that times the phases \[ns\].
    pub clock: Clock,
}
