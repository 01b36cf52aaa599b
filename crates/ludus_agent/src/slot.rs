//! Slots: which row an agent has.

use bevy::prelude::*;

/// An agent's place in the rows of its kind.
///
/// Given when the agent's first episode starts and kept until it is despawned, loses its component or is hidden, as by
/// `Disabled`; then another agent may get it. A clone of an agent gets a slot of its own, and a slot that a game
/// inserts by itself is taken away again.
#[derive(Component, Reflect, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[component(immutable, clone_behavior = Ignore)]
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
