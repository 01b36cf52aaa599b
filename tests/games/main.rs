//! The games of the examples: their rules, the same bits wherever they are played, and the configs and policies that are
//! shipped with them.

mod configs;
mod demonstrations;
mod determinism;
mod examples;
mod grid_world;
mod gymnasium;
#[cfg(feature = "editor")]
mod key_driver;
mod playing;
mod policies;
mod profiles;
mod pursuit;
mod push_together;
mod replay;
mod soccer;
mod sorter;
mod starts;
