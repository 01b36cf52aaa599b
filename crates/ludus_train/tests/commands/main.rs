//! The command line as users see it: what it prints, leaves behind and exits with.
#![expect(clippy::disallowed_methods, reason = "tests make and read whatever files they like")]
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod absent;
mod bad_input;
mod breaking;
mod choir;
mod configs;
#[cfg(unix)]
mod crash;
mod demonstrations;
mod duels;
mod experience;
mod faults;
#[cfg(unix)]
mod files;
mod findings;
mod flawed;
mod game;
mod gates;
mod initialize;
mod kinds;
mod learners;
mod masks;
#[cfg(target_os = "linux")]
mod memory;
#[cfg(feature = "torch")]
mod networks;
mod pack;
mod parameters;
mod playing;
mod program;
mod relay;
mod replays;
mod resume;
mod said;
mod same;
mod secrets;
mod self_play;
mod shootouts;
mod streams;
mod teams;
mod trouble;
#[cfg(all(unix, feature = "tune"))]
mod tune;
mod values;
mod work;
