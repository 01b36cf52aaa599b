//! Games of all sorts in worlds: broken ones, with clocks and states of their own, with several kinds of agents.

mod broken;
mod clocks;
mod kinds;
mod mouse;
mod states;
