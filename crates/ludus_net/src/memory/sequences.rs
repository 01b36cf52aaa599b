//! The steps of rows with memory.

/// The change of the memory of a row after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterStep {
    /// The next step begins with what the step remembered.
    Keep,
    /// The next step begins with zeros, because an episode starts there.
    Reset,
    /// The next step begins with what this step began with, because the agent did not decide in it.
    Restore,
}

/// Consecutive steps of rows with memory: the state before the first step, what happens to it after each step, and what
/// was done in it.
#[derive(Clone, Copy, Debug)]
pub struct Sequences<'a> {
    /// The memory before the first step `[rows, memory width]`.
    pub first_memory: &'a [f32],
    /// The change of the memory after each step `[steps, rows]`.
    pub after: &'a [AfterStep],
    /// The actions of each step `[steps, rows, action width]`; may be empty if the network does not observe its last
    /// action.
    pub actions: &'a [f32],
}

/// The division of a block into steps.
#[derive(Clone, Copy)]
pub(crate) struct Timeline<'a> {
    /// Rows of a step.
    pub rows: usize,
    /// The change of the memory after each step `[steps, rows]`; may lack the last step.
    pub after: &'a [AfterStep],
}

impl Timeline<'_> {
    /// A single step of these rows.
    pub const fn step(rows: usize) -> Self {
        Self { rows, after: &[] }
    }

    /// Returns what happens to each row after a step; empty if the timeline ends there.
    pub fn after(&self, step: usize) -> &[AfterStep] {
        self.after.get(step * self.rows..(step + 1) * self.rows).unwrap_or_default()
    }
}
