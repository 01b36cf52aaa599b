//! Slots: the row of an agent.

use bevy::prelude::*;

/// An agent's place in the rows of its kind.
///
/// An agent gets it when its first episode starts and keeps it until it is despawned, loses its component or is hidden,
/// as by `Disabled`; then another agent may get it. A clone of an agent gets a slot of its own, and a slot that a game
/// inserts by itself is removed again.
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
