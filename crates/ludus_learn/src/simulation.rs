//! What is learned from: rows that step together.

use ludus_spec::Outcome;

/// Some rows that step together on one thread: one world, or a few small ones.
///
/// Every row is one agent's place. Its steps come in order: those of an episode, then, after the step that ended it,
/// one [`Outcome::Restart`] step in which the row is idle, then the steps of the next episode.
///
/// - The observation after an episode's last step is the true **final** observation of that episode,
///   so a truncated step bootstraps from its value exactly.
/// - The observation after the restart step is the first of the new episode.
/// - Steps that are [`Outcome::Restart`], [`Outcome::Vacant`] or [`Outcome::Faulty`] are no experience:
///   their rewards and observations may be anything, NaN included, and nothing is learned from them.
///
/// An observation that is not finite masks the step that was decided from it and the one that bootstraps from it,
/// whatever their outcomes say; a reward of an experienced step that is not finite stops learning with an error.
///
/// The count of rows never changes; an agent that comes or goes takes or leaves a row.
///
/// A simulation in which not every choice is always allowed says so with [`mask_width`](Self::mask_width), and then
/// [`mask`](Self::mask) is asked after every observation. A mask belongs to the observation before it: it holds for the
/// action that is decided from it, and again when that action is learned from.
pub trait Simulation: Send {
    /// How many rows there are.
    fn rows(&self) -> usize;

    /// Writes what the rows observe now, before the next step.
    ///
    /// # Shapes
    ///
    /// `observations` is `[rows, observation width]`.
    fn observe(&mut self, observations: &mut [f32]);

    /// Lets every row act, steps once, and writes what came of it.
    ///
    /// # Shapes
    ///
    /// `actions` is `[rows, action width]`, laid out as the heads are: a Gaussian head's column per dimension,
    /// a categorical head's one column with the index of the choice.
    fn step(&mut self, actions: &[f32], rows: StepRows<'_>);

    /// Columns of a mask row: one per choice of each categorical head, or 0 where every choice is always allowed.
    ///
    /// The same for all simulations that are learned from together. Any other number than these two is a panic.
    fn mask_width(&self) -> usize {
        0
    }

    /// Writes which choices are allowed in the next step. Only called where there is a mask.
    ///
    /// Rows that decide need at least one choice per head: learning stops with an error where there is none.
    ///
    /// # Shapes
    ///
    /// `masks` is `[rows, mask width]`, laid out as the heads are: a categorical head's column per choice, none for a
    /// Gaussian head.
    fn mask(&mut self, masks: &mut [bool]) {
        masks.fill(true);
    }
}

/// Where a simulation writes what a step led to, for all of its rows.
#[derive(Debug)]
pub struct StepRows<'a> {
    /// What the step was worth. `[rows]`.
    pub rewards: &'a mut [f32],
    /// What the step led to. `[rows]`.
    pub outcomes: &'a mut [Outcome],
    /// What is observed after the step. `[rows, observation width]`.
    pub observations: &'a mut [f32],
}
