//! What is learned from: rows that step together.

use ludus_spec::Outcome;

use crate::Slab;

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
///
/// - A step in which an agent does not decide is [`Outcome::Waiting`], or [`Outcome::WaitingTerminated`] or
///   [`Outcome::WaitingTruncated`] where its episode ends in it. Its reward and its end belong to the agent's last decision.
///
/// An observation that is not finite masks the step that was decided from it and the one that bootstraps from it,
/// whatever their outcomes say; a reward of an experienced step that is not finite stops learning with an error.
///
/// Lanes and their shapes never change; an agent that comes or goes takes or leaves a row.
pub trait Simulation: Send {
    /// The number of lanes. All simulations of a rollout have as many, in the same order.
    fn lanes(&self) -> usize {
        1
    }

    /// The shape of a lane. All simulations agree on it, but for the rows.
    fn lane(&self, lane: usize) -> LaneShape;

    /// Writes what the rows of a lane observe now, before the next step.
    fn observe(&mut self, lane: usize, now: SensedRows<'_>);

    /// Takes one step: all rows of all lanes act, and what came of it is written for all of them.
    fn step(&mut self, lanes: StepLanes<'_, '_>);
}

/// The shape of a lane: how many rows there are, and what each of them has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LaneShape {
    /// Rows of this simulation.
    pub rows: usize,
    /// Columns of an observation.
    pub observation_width: usize,
    /// Columns of an action.
    pub action_width: usize,
    /// Columns of a mask: one per choice of each categorical head, or 0 where every choice is always allowed.
    pub mask_width: usize,
    /// Rows say who drives them. Without, the learning policy drives all of them.
    pub has_drivers: bool,
    /// Rows say which team they belong to.
    pub has_teams: bool,
}

/// Places for the observations of a lane's rows before a step, which a simulation writes.
#[derive(Debug)]
pub struct SensedRows<'a> {
    /// Observations `[rows, observation width]`.
    pub observations: &'a mut [f32],
    /// The choices that are allowed in the coming step, true for each, laid out as the heads are: a categorical head's
    /// column per choice, none for a Gaussian head. `[rows, mask width]`, empty without masks.
    ///
    /// Rows that decide need at least one choice per head: learning stops with an error where there is none.
    pub masks: &'a mut [bool],
    /// The driver of each row from its next episode on: 0 is the learning policy, others are those that the run was given.
    /// `[rows]`, empty without drivers.
    ///
    /// Read where an episode starts, after an [`Outcome::Restart`], and nowhere else: within an episode, a row keeps
    /// its driver.
    pub drivers: &'a mut [u8],
    /// The team of each row. `[rows]`, empty without teams.
    pub teams: &'a mut [u16],
}

/// All lanes of a simulation in a step.
#[derive(Debug)]
pub struct StepLanes<'a, 'b>(pub(crate) &'a mut [Slab<'b>]);

impl StepLanes<'_, '_> {
    /// The number of lanes that are collected: the first ones of the simulation.
    pub const fn count(&self) -> usize {
        self.0.len()
    }

    /// A lane: its actions to read, and places for what comes of them.
    ///
    /// # Panics
    ///
    /// If there is no such lane.
    pub fn lane(&mut self, lane: usize) -> StepRows<'_> {
        self.0[lane].step_rows()
    }
}

/// The rows of a lane in a step.
#[derive(Debug)]
pub struct StepRows<'a> {
    /// Actions, laid out as the heads are: a Gaussian head's column per dimension, a categorical head's one column with
    /// the index of the choice. `[rows, action width]`.
    pub actions: &'a [f32],
    /// Rewards of the step `[rows]`.
    pub rewards: &'a mut [f32],
    /// Outcomes of the step `[rows]`.
    pub outcomes: &'a mut [Outcome],
    /// Observations after the step.
    pub next: SensedRows<'a>,
}
