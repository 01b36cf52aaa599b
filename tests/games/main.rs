//! The games of the examples: their rules, and the same bits wherever they are played.

mod determinism;
mod examples;
mod grid_world;
mod playing;
mod profiles;
mod pursuit;
mod replay;
mod sorter;
mod starts;
