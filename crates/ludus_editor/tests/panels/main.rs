//! Tests of panels without a window: the shapes that they draw of recorded snapshots, and the commands that they send
//! when they are clicked.

mod agent;
mod kinds;
mod ladder;
mod recorded;
mod replay;
mod runs;
mod screen;
#[cfg(feature = "tune")]
mod search;
mod strip;
mod training;
mod worlds;
