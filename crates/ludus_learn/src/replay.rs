//! Experience of the past, from which an algorithm learns again and again.

mod ring;
mod sampling;
mod state;
mod sum_tree;
#[cfg(test)]
pub(crate) mod test_replay;
mod transition;

pub(crate) use ring::{Replay, ReplayShape};
pub(crate) use sampling::draw_evenly;
pub(crate) use sum_tree::SumTree;
pub(crate) use transition::Transition;
