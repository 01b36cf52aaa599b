//! Switches libtorch's own threads off.

use std::cell::Cell;

thread_local! {
    static IS_ALONE: Cell<bool> = const { Cell::new(false) };
}

/// Makes libtorch compute on the calling thread alone, from here on. The pool provides the parallelism; libtorch's
/// threads would compete with it.
///
/// Must be called on every thread that computes. On other threads, libtorch's matrix products would sometimes use all
/// cores and add up in another order: then the same seed would no longer give the same bits.
pub(crate) fn keep_to_this_thread() {
    if !IS_ALONE.replace(true) {
        tch::set_num_threads(1);
    }
}
