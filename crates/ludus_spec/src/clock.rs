//! The timer of a run, passed down as a function, so that no crate below a run reads the wall clock.

/// Reads a run's timer [ns since any fixed moment].
///
/// Libraries measure phases with it and show the result to people; nothing that is simulated or learned depends on it.
pub type Clock = fn() -> u64;

/// A clock that stands still, for tests and for games that measure nothing.
pub const fn stopped_clock() -> u64 {
    0
}
