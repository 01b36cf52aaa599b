//! Memory that is freed and soon wanted again.

/// Has the process keep memory that it frees, up to 256 MiB.
///
/// libtorch makes and drops tensors of hundreds of kilobytes in every operation. glibc hands such memory back to the system
/// at once, which has to clear it whenever it gives it out again: a tenth to a fifth of the time of learning on the CPU.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "the allocator has no other switch")]
pub(crate) fn keep_freed_memory() {
    use std::ffi::c_int;

    /// Bytes at the heap's end that stay with the process.
    const KEPT: c_int = 256 << 20;
    /// Bytes from which memory is the system's own business all the same: the most that glibc allows.
    const MAPPED: c_int = 32 << 20;
    /// As in `malloc.h`.
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

/// Other allocators keep what they need.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) const fn keep_freed_memory() {}
