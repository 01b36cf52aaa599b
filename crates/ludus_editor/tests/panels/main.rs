//! Panels without a window: what they draw of recorded snapshots, and what they answer when they are clicked.
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod agent;
mod recorded;
mod runs;
mod screen;
mod training;
mod worlds;
