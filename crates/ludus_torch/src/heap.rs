//! Settings of the heap that keep freed memory in the process.

/// Makes the process keep memory that it frees, up to 256 MiB.
///
/// libtorch makes and drops tensors of hundreds of kilobytes in every operation. By default, glibc returns such memory
/// to the system at once, which clears it before every reuse: a tenth to a fifth of the time of learning on the CPU.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "the allocator has no other switch")]
pub(crate) fn keep_freed_memory() {
    use std::ffi::c_int;

    /// Free memory at the heap's end that stays with the process \[bytes\].
    const KEPT: c_int = 256 << 20;
    /// The size from which allocations are still mapped from the system and returned to it \[bytes\]: the most that
    /// glibc allows.
    const MAPPED: c_int = 32 << 20;
    /// Parameters of `mallopt`, as in `malloc.h`.
    const M_TRIM_THRESHOLD: c_int = -1;
    const M_MMAP_THRESHOLD: c_int = -3;

    unsafe extern "C" {
        fn mallopt(parameter: c_int, value: c_int) -> c_int;
    }
    // SAFETY: `mallopt` is part of glibc, takes its own lock, and only changes what later calls of the allocator do.
    unsafe {
        mallopt(M_TRIM_THRESHOLD, KEPT);
        mallopt(M_MMAP_THRESHOLD, MAPPED);
    }
}

/// Does nothing: other allocators keep freed memory by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) const fn keep_freed_memory() {}
