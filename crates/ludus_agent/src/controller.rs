//! Who decides for an agent.

use bevy::prelude::*;

/// Who writes an agent's action component.
///
/// Gameplay can't tell the difference, and may change it at any time.
#[derive(Component, Reflect, Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[reflect(Component, Debug, Default, PartialEq)]
pub enum Controller {
    /// The policy.
    #[default]
    Policy,
    /// The game's own systems: a player's input, a script. Nothing is learned from such steps.
    External,
    /// Nobody: the action is the default one. Nothing is learned from such steps.
    Idle,
}
