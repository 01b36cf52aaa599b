//! Parallel loops on a pool's threads; with one thread, on the caller's.

use rayon::ThreadPool;
use rayon::iter::{IndexedParallelIterator, IntoParallelRefMutIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

/// Calls `work` on a thread of the pool, so that parallel loops in it don't have to wake the pool first.
///
/// With a pool of one thread, `work` runs on the caller's thread.
pub(crate) fn run_in<R: Send>(pool: &ThreadPool, work: impl FnOnce() -> R + Send) -> R {
    if pool.current_num_threads() == 1 { work() } else { pool.install(work) }
}

/// Calls `work` on every item, in parallel.
pub(crate) fn for_each_in<T: Send>(pool: &ThreadPool, items: &mut [T], work: impl Fn(&mut T) + Sync + Send) {
    if pool.current_num_threads() == 1 || items.len() == 1 {
        items.iter_mut().for_each(work);
    } else {
        pool.install(|| items.par_iter_mut().with_max_len(1).for_each(work));
    }
}

/// Calls `work` on every chunk of `length` numbers, in parallel, with the index of the chunk's first number. With one
/// thread, one call gets all numbers.
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
