//! The command line as users see it: what it prints, leaves behind and exits with.
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod bad_input;
mod game;
mod program;
mod trouble;
mod work;
