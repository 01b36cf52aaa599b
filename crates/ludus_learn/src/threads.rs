//! Work on a pool's threads; with one thread, on the caller's.

use rayon::ThreadPool;
use rayon::iter::{IndexedParallelIterator, IntoParallelRefMutIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

/// Does `work` where the pool's threads are, so that nothing in it has to wake them one by one.
///
/// A pool of one thread isn't used: the work is done here.
pub(crate) fn run_in<R: Send>(pool: &ThreadPool, work: impl FnOnce() -> R + Send) -> R {
    if pool.current_num_threads() == 1 { work() } else { pool.install(work) }
}

/// Does `work` on every item, each one whole on some thread.
pub(crate) fn for_each_in<T: Send>(pool: &ThreadPool, items: &mut [T], work: impl Fn(&mut T) + Sync + Send) {
    if pool.current_num_threads() == 1 || items.len() == 1 {
        items.iter_mut().for_each(work);
    } else {
        pool.install(|| items.par_iter_mut().with_max_len(1).for_each(work));
    }
}

/// Does `work` on every stretch of `length` numbers; it is told where its stretch starts.
pub(crate) fn for_each_chunk_in(
    pool: &ThreadPool,
    numbers: &mut [f32],
    length: usize,
    work: impl Fn(usize, &mut [f32]) + Sync + Send,
) {
    if pool.current_num_threads() == 1 || numbers.len() <= length {
        work(0, numbers);
    } else {
        let chunks = numbers.par_chunks_mut(length).enumerate();
        pool.install(|| chunks.for_each(|(index, chunk)| work(index * length, chunk)));
    }
}
