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
    /// The policy, but not now: the action stays as it is, as in a game in which agents take turns.
    ///
    /// The game calls [`wait`](Self::wait) before a step begins, and [`decide`](Self::decide) before the step in which the
    /// agent decides again; a change in the middle of a step holds from the next step on. The agent is scored meanwhile:
    /// its row is [`Waiting`](ludus_spec::Outcome::Waiting), and what it is rewarded for counts for its last decision.
    Waiting,
}

impl Controller {
    /// Lets the policy decide no more, until [`decide`](Self::decide) is called: [`Policy`](Self::Policy) becomes
    /// [`Waiting`](Self::Waiting).
    ///
    /// Nothing changes for agents that the policy does not control.
    pub fn wait(&mut self) {
        if *self == Self::Policy {
            *self = Self::Waiting;
        }
    }

    /// Lets the policy decide again after a [`wait`](Self::wait).
    ///
    /// Nothing changes for agents that the policy does not control.
    pub fn decide(&mut self) {
        if *self == Self::Waiting {
            *self = Self::Policy;
        }
    }
}
