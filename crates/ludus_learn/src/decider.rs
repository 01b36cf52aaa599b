//! Interfaces of policies: observations of rows in, actions and values out.

use std::any::Any;
use std::ops::Range;

use ludus_net::AfterStep;
use ludus_spec::Seed;

use crate::{LearnError, PhaseTimer, RolloutShape};

/// The kinds of policies, by the way in which they are called.
pub enum Decider<'a> {
    /// Each thread calls the policy for the simulation that it steps, and waits for no other thread.
    PerGroup(&'a dyn GroupDecider),
    /// One thread calls the policy for all rows at once, so all simulations wait for each other in every step.
    Together(&'a mut dyn BatchDecider),
}

/// A policy that decides for the rows of one simulation at a time, on any thread.
///
/// It has no state of its own: a decision depends on the policy's weights and on the rows alone.
pub trait GroupDecider: Sync {
    /// Makes working memory for one thread.
    fn scratch(&self) -> Box<dyn Any + Send>;

    /// Numbers that the policy remembers of an episode, if they are fewer than the rows have columns for: then it gets
    /// the first columns alone. `None`, the default, if it uses them all.
    fn memory_width(&self) -> Option<usize> {
        None
    }

    /// Writes actions, log-probabilities and values of some rows. `scratch` was made by [`scratch`](Self::scratch).
    ///
    /// # Panics
    ///
    /// If the rows have other widths than the policy.
    fn decide(&self, scratch: &mut dyn Any, rows: DecisionRows<'_>, timer: &mut PhaseTimer);

    /// Estimates the values of the observations after a rollout's last step. A policy without a critic leaves them as
    /// they are.
    fn evaluate(&self, scratch: &mut dyn Any, rows: DecisionRows<'_>, timer: &mut PhaseTimer) {
        let _ = (scratch, rows, timer);
    }
}

/// The rows that a policy decides for: its inputs, and the slices that it writes.
#[derive(Debug)]
pub struct DecisionRows<'a> {
    /// Observations `[rows, observation width]`.
    pub observations: &'a [f32],
    /// The choices that are allowed `[rows, mask width]`; empty if all are.
    pub masks: &'a [bool],
    /// The seeds of the rows' draws.
    pub seeds: RowSeeds<'a>,
    /// The normalised observations, which the learning policy writes for its update `[rows, observation width]`; else
    /// empty.
    pub inputs: &'a mut [f32],
    /// The policy's memory of each row's episode, zero at its start `[rows, memory width]`.
    pub memory: &'a mut [f32],
    /// Actions `[rows, action width]`. Empty in an evaluation.
    pub actions: &'a mut [f32],
    /// The logarithm of each action's probability (density) `[rows]`. Empty in an evaluation.
    pub log_probs: &'a mut [f32],
    /// Estimated values `[rows, value heads]`.
    pub values: &'a mut [f32],
}

/// The seeds of a step's draws: one for each row of the lane, independent of the row's thread and batch.
#[derive(Clone, Copy, Debug)]
pub struct RowSeeds<'a> {
    /// The seed of the step, from which the rows' seeds derive.
    pub step: Seed,
    /// The number of the lane's rows in earlier simulations.
    pub first_row: usize,
    /// Indices of the rows in the simulation; empty if they are all, in order.
    pub rows: &'a [u32],
}

impl RowSeeds<'_> {
    /// Returns the seed of the row with this index among the rows that are decided for.
    #[inline]
    pub fn of(&self, index: usize) -> Seed {
        let row = self.rows.get(index).map_or(index, |&row| row as usize);
        self.step.derive((self.first_row + row) as u64)
    }
}

/// A policy that decides for the rows of many simulations at once, as on a device.
///
/// The simulations are cut into [`splits`](Self::splits) parts: one part's rows step while another's actions are
/// computed. Each part has an [`Exchange`], the memory through which observations and actions pass.
///
/// A policy that remembers an episode keeps what it remembers itself, for example on its device, and rollouts have no
/// columns for it. [`GroupExchange::after`] has what happens to it between two decisions.
pub trait BatchDecider {
    /// Returns the preferred number of parts.
    fn splits(&self) -> usize;

    /// Lends the exchanges of a rollout of this shape, one for each part. `parts` has the index range of each part's
    /// simulations.
    ///
    /// # Errors
    ///
    /// [`LearnError::Device`] if a device fails.
    fn lend_exchanges(
        &mut self,
        shape: &RolloutShape,
        parts: &[Range<usize>],
    ) -> Result<Vec<Box<dyn Exchange>>, LearnError>;

    /// Takes the exchanges back.
    fn return_exchanges(&mut self, exchanges: Vec<Box<dyn Exchange>>);

    /// Decides for the rows of an exchange: reads the observations, draws and masks in it, and writes actions,
    /// log-probabilities and values into it. `step` is the index of the rollout's step.
    ///
    /// # Errors
    ///
    /// [`LearnError::Device`] if a device fails.
    fn decide(&mut self, exchange: &mut dyn Exchange, step: usize) -> Result<(), LearnError>;

    /// Estimates the values of the observations after a rollout's last step, and writes them into the exchange. It is no
    /// decision: what is remembered stays as it is.
    ///
    /// # Errors
    ///
    /// [`LearnError::Device`] if a device fails.
    fn evaluate(&mut self, exchange: &mut dyn Exchange) -> Result<(), LearnError>;
}

/// Memory that the simulations of a part and a [`BatchDecider`] share. They write to it in turns.
pub trait Exchange: Send + Any {
    /// Returns the part of each simulation, in order.
    fn groups(&mut self) -> Vec<GroupExchange<'_>>;

    /// Returns the values of all rows, as of the last evaluation `[rows, value heads]`.
    fn values(&self) -> &[f32];
}

/// The part of an [`Exchange`] that belongs to one simulation.
#[derive(Debug)]
pub struct GroupExchange<'a> {
    /// Observations `[rows, observation width]`.
    pub observations: &'a mut [f32],
    /// Uniform draws in `0.0..1.0` that decide the actions `[rows, children]`.
    pub draws: &'a mut [f32],
    /// For each draw of a row, the index of the child of the row's seed that the draw derives from.
    pub children: &'a [u64],
    /// 1 for each choice that is allowed, else 0 `[rows, mask width]`.
    pub masks: &'a mut [f32],
    /// The change of the memory of each row after its last decision: [`KEEP`](Self::KEEP), [`RESET`](Self::RESET) or
    /// [`RESTORE`](Self::RESTORE). `[rows]`, or empty for a policy without memory.
    ///
    /// The collector writes it after each step, and leaves it as it is when it begins a rollout.
    pub after: &'a mut [f32],
    /// Decisions: action, log-probability and values of each row, side by side
    /// `[rows, action width + 1 + value heads]`.
    pub decided: &'a [f32],
}

impl GroupExchange<'_> {
    /// The row remembers what the last decision has left.
    pub const KEEP: f32 = 0.0;
    /// The row's memory is zero, because an episode starts.
    pub const RESET: f32 = 1.0;
    /// The row remembers what it did before the last decision, because the agent did not decide.
    pub const RESTORE: f32 = 2.0;

    /// Returns the number of a change of memory.
    pub const fn flag(after: AfterStep) -> f32 {
        match after {
            AfterStep::Keep => Self::KEEP,
            AfterStep::Reset => Self::RESET,
            AfterStep::Restore => Self::RESTORE,
        }
    }
}
