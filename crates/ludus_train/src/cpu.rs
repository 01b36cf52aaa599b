//! Processor time and memory of this process.

use std::path::Path;

use ludus_policy::files::{self, LONGEST_TEXT, Links};

/// Time that all threads of this process have spent on processors \[s\]; `None` if the system does not report it.
#[cfg(unix)]
pub(crate) fn seconds() -> Option<f64> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9)
}

/// Time that all threads of this process have spent on processors \[s\]; `None` if the system does not report it.
#[cfg(not(unix))]
pub(crate) const fn seconds() -> Option<f64> {
    None
}

/// Memory that this process occupies \[bytes\]; `None` if the system does not report it.
pub(crate) fn resident_bytes() -> Option<u64> {
    let status = files::read_text(Path::new("/proc/self/status"), Links::Follow, LONGEST_TEXT).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_takes_time_and_memory() {
        assert!(seconds().unwrap() > 0.0);
        assert!(resident_bytes().unwrap() > 100_000);
    }
}
