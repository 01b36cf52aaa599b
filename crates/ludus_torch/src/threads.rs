//! libtorch's own threads, of which there are to be none.

use std::cell::Cell;

thread_local! {
    static IS_ALONE: Cell<bool> = const { Cell::new(false) };
}

/// Keeps what the calling thread computes in this thread, from here on: parallelism is ours, and libtorch's threads would
/// spin beside it.
///
/// It has to be said in every thread that computes. In one that was not told, libtorch's matrix products would now and
/// then take all cores, and add up in another order: then the same seed would no longer give the same bits.
pub(crate) fn keep_to_this_thread() {
    if !IS_ALONE.replace(true) {
        tch::set_num_threads(1);
    }
}
