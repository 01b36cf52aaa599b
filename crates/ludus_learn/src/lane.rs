//! The shape of a lane, and its rows in a step.

use ludus_spec::Outcome;

/// The shape of a lane: the number of rows, and the widths of their arrays.
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
    /// Streams of rewards beside the first: columns of their rewards, which the simulation writes.
    pub reward_streams: usize,
    /// True if each row has a driver. Otherwise the learning policy drives all rows.
    pub has_drivers: bool,
    /// True if each row has a team.
    pub has_teams: bool,
}

/// Slices for the observations of a lane's rows before a step, for the simulation to write.
#[derive(Debug)]
pub struct SensedRows<'a> {
    /// Observations `[rows, observation width]`.
    pub observations: &'a mut [f32],
    /// True for each choice that is allowed in the coming step. One column per choice of each categorical head, in the
    /// order of the heads; none for a Gaussian head. `[rows, mask width]`, empty without masks.
    ///
    /// Rows that decide need at least one choice per head: learning stops with an error where there is none.
    pub masks: &'a mut [bool],
    /// The driver of each row from its next episode on: 0 is the learning policy, others are those that the run was
    /// given. `[rows]`, empty without drivers.
    ///
    /// Read only where an episode starts, after an [`Outcome::Restart`]: within an episode, a row keeps its driver.
    pub drivers: &'a mut [u8],
    /// The team of each row: the same number for the rows of one team, another for those of others. `[rows]`, empty
    /// without teams.
    ///
    /// A member whose episode terminates while others of its team go on bootstraps from their values.
    pub teams: &'a mut [u32],
}

/// The rows of a lane in a step.
#[derive(Debug)]
pub struct StepRows<'a> {
    /// Actions, laid out as the heads are: a Gaussian head's column per dimension, a categorical head's one column with
    /// the index of the choice. `[rows, action width]`.
    pub actions: &'a [f32],
    /// Rewards of the step `[rows]`.
    pub rewards: &'a mut [f32],
    /// Rewards of the streams beside the first `[rows, reward streams]`; empty without such streams.
    pub stream_rewards: &'a mut [f32],
    /// Outcomes of the step `[rows]`.
    pub outcomes: &'a mut [Outcome],
    /// Observations after the step.
    pub next: SensedRows<'a>,
}
