//! The command line as users see it: what it prints, leaves behind and exits with.
#![expect(clippy::disallowed_methods, reason = "tests make and read whatever files they like")]
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod bad_input;
mod configs;
#[cfg(unix)]
mod crash;
mod faults;
#[cfg(unix)]
mod files;
mod findings;
mod flawed;
mod game;
mod gates;
mod initialize;
mod learners;
mod masks;
#[cfg(target_os = "linux")]
mod memory;
mod playing;
mod program;
mod replays;
mod resume;
mod said;
mod same;
mod trouble;
mod work;
