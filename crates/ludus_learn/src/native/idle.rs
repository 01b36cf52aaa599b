//! Working memory that threads take turns with.

use std::sync::{Mutex, PoisonError};

/// Workers without work. As many as there are threads are made in advance; taking one never waits for another.
///
/// A worker holds nothing but working memory, so it doesn't matter which one does what.
#[derive(Debug)]
pub(super) struct Idle<W>(Mutex<Vec<W>>);

impl<W> Idle<W> {
    pub fn new(workers: impl Iterator<Item = W>) -> Self {
        Self(Mutex::new(workers.collect()))
    }

    /// Lends a worker to `work`. If none is idle (a thread turned to this while it waited inside other work),
    /// `hire` makes another.
    pub fn with<R>(&self, hire: impl FnOnce() -> W, work: impl FnOnce(&mut W) -> R) -> R {
        let idle = self.lock().pop();
        let mut worker = idle.unwrap_or_else(hire);
        let result = work(&mut worker);
        self.lock().push(worker);
        result
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<W>> {
        // A panic can't leave the list half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_inside_another_s_work_is_another_one() {
        let idle = Idle::new([1].into_iter());
        let both = idle.with(|| 2, |outer| idle.with(|| 2, |inner| (*outer, *inner)));
        assert_eq!(both, (1, 2));
        assert_eq!(idle.with(|| 3, |worker| *worker), 1);
    }
}
