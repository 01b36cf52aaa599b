//! A pool of working memory for threads.

use std::sync::{Mutex, PoisonError};

/// Workers, that is working memory, that no thread is using. One for each thread is made in advance, so that a thread
/// never waits for another's worker.
///
/// A worker holds nothing but working memory, so any thread may get any worker.
#[derive(Debug)]
pub(crate) struct WorkerPool<W>(Mutex<Vec<W>>);

impl<W> WorkerPool<W> {
    pub fn new(workers: impl Iterator<Item = W>) -> Self {
        Self(Mutex::new(workers.collect()))
    }

    /// Lends a worker to `work`. If none is free (a thread may call this while it waits inside other work), `make`
    /// makes another.
    pub fn with<R>(&self, make: impl FnOnce() -> W, work: impl FnOnce(&mut W) -> R) -> R {
        let free = self.lock().pop();
        let mut worker = free.unwrap_or_else(make);
        let result = work(&mut worker);
        self.lock().push(worker);
        result
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<W>> {
        // A poisoned lock is safe: the only changes under it are one `push` or `pop`.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_inside_another_s_work_is_another_one() {
        let pool = WorkerPool::new([1].into_iter());
        let both = pool.with(|| 2, |outer| pool.with(|| 2, |inner| (*outer, *inner)));
        assert_eq!(both, (1, 2));
        assert_eq!(pool.with(|| 3, |worker| *worker), 1);
    }
}
