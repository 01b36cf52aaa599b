//! The memory of the machine.

use sysinfo::{MemoryRefreshKind, RefreshKind, System};

/// Bytes that are free for this program, those in use as caches included. `u64::MAX` where that is unknown.
pub(crate) fn available() -> u64 {
    let system =
        System::new_with_specifics(RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram()));
    let limited = system.cgroup_limits().map(|limits| limits.free_memory);
    match system.available_memory() {
        0 => u64::MAX,
        free => limited.map_or(free, |limited| limited.min(free)),
    }
}

/// A count of bytes in words: `3.8 GiB`.
pub(crate) fn in_words(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut size = bytes as f64 / 1024.0;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_told_in_the_unit_that_fits() {
        let told = [512, 4096, 5 << 20, 3 << 40, u64::MAX].map(in_words);
        assert_eq!(told, ["0.5 KiB", "4.0 KiB", "5.0 MiB", "3.0 TiB", "16384.0 PiB"]);
    }

    #[test]
    fn some_memory_is_free() {
        assert!(available() > 1 << 20);
    }
}
