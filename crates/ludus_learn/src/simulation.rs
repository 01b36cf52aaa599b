//! Simulations, the source of experience: rows of agents that step together.

use crate::{LaneShape, SensedRows, Slab, StepRows};

/// Agents that step together on one thread: one world, or a few small ones.
///
/// A simulation has a **lane** for each kind of agents, and in a lane a row for each agent's place. A row's steps come
/// in order: those of an episode, then, after the step that ended it, one [`Outcome::Restart`] step in which the row is
/// idle, then the steps of the next episode.
///
/// - The observation after an episode's last step is the true **final** observation of that episode,
///   so a truncated step bootstraps from its value exactly.
/// - The observation after the restart step is the first of the new episode.
/// - Steps that are [`Outcome::Restart`], [`Outcome::Vacant`] or [`Outcome::Faulty`] are no experience:
///   their rewards and observations may be anything, NaN included, and nothing is learned from them.
/// - A step in which an agent does not decide is [`Outcome::Waiting`], or [`Outcome::WaitingTerminated`] or
///   [`Outcome::WaitingTruncated`] where its episode ends in it. Its reward and its end belong to the agent's last
///   decision.
///
/// An observation that is not finite masks the step that was decided from it and the one that bootstraps from it, for
/// all of their outcomes. A reward of an experienced step that is not finite stops learning with an error.
///
/// Lanes and their shapes never change; an agent that comes or goes takes or leaves a row.
///
/// [`Outcome::Faulty`]: ludus_spec::Outcome::Faulty
/// [`Outcome::Restart`]: ludus_spec::Outcome::Restart
/// [`Outcome::Vacant`]: ludus_spec::Outcome::Vacant
/// [`Outcome::Waiting`]: ludus_spec::Outcome::Waiting
/// [`Outcome::WaitingTerminated`]: ludus_spec::Outcome::WaitingTerminated
/// [`Outcome::WaitingTruncated`]: ludus_spec::Outcome::WaitingTruncated
pub trait Simulation: Send {
    /// The number of lanes. All simulations of a rollout have as many, in the same order.
    fn lanes(&self) -> usize {
        1
    }

    /// The shape of a lane. All simulations agree on it, but for the rows.
    fn lane(&self, lane: usize) -> LaneShape;

    /// Writes the current observations of a lane's rows, before the next step.
    fn observe(&mut self, lane: usize, now: SensedRows<'_>);

    /// Takes one step: all rows of all lanes act. Writes rewards, outcomes and next observations of all rows.
    fn step(&mut self, lanes: StepLanes<'_, '_>);
}

/// All lanes of a simulation in a step.
#[derive(Debug)]
pub struct StepLanes<'a, 'b>(pub(crate) &'a mut [Slab<'b>]);

impl StepLanes<'_, '_> {
    /// The number of lanes that are collected: the first ones of the simulation.
    pub const fn count(&self) -> usize {
        self.0.len()
    }

    /// Returns a lane: its actions to read, and slices for rewards, outcomes and next observations to write.
    ///
    /// # Panics
    ///
    /// If there is no such lane.
    pub fn lane(&mut self, lane: usize) -> StepRows<'_> {
        self.0[lane].step_rows()
    }
}
