//! Panels without a window: what they draw of recorded snapshots, and what they answer when they are clicked.

mod agent;
mod kinds;
mod recorded;
mod replay;
mod runs;
mod screen;
mod strip;
mod training;
mod worlds;
