//! The memory of the machine.

use std::path::Path;

use ludus_policy::files::{self, Links};

/// Most bytes that are read of the system's table.
const LONGEST: u64 = 1 << 16;

/// Bytes that are free for this program, those in use as caches included. `u64::MAX` where that is unknown: it is known
/// on Linux.
///
/// A crate for it would bring a dozen others for this one number.
pub(crate) fn available() -> u64 {
    let read = |path| files::read_text(Path::new(path), Links::Follow, LONGEST).unwrap_or_default();
    free_of(&read("/proc/meminfo")).unwrap_or(u64::MAX)
}

/// The available memory in the words of Linux: a line `MemAvailable:   21429152 kB`.
fn free_of(table: &str) -> Option<u64> {
    let line = table.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
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
    fn free_memory_is_what_the_system_says() {
        let table = "MemTotal:       24684152 kB\nMemFree:        16312304 kB\nMemAvailable:   20429152 kB\n";
        assert_eq!(free_of(table), Some(20_429_152 << 10));
        assert_eq!(
            [free_of(""), free_of("MemAvailable: much"), free_of("MemAvailable: 99999999999999999 kB")],
            [None; 3]
        );
        assert!(available() > 1 << 20);
    }
}
