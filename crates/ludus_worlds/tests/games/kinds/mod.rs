//! Worlds with several kinds of agents.

mod game;
mod intervals;
mod refusals;
mod turnover;
mod turns;
