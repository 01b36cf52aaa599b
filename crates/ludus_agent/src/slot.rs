//! Slots: which row an agent has.

use bevy::prelude::*;

/// An agent's place in the rows of its kind.
///
/// Given when the agent's first episode starts and kept until it is despawned; then another agent may get it.
#[derive(Component, Reflect, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[component(immutable)]
#[reflect(Component, Debug, PartialEq)]
pub struct Slot(u32);

impl Slot {
    pub(crate) const fn new(index: u32) -> Self {
        Self(index)
    }

    /// The row's index.
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}
