//! The controller of an agent: a policy, the game, or none.

use bevy::prelude::*;

/// The source of an agent's action: a policy, the game, or none.
///
/// Systems that read actions don't depend on it. The game may change it at any time.
#[derive(Component, Reflect, Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[reflect(Component, Debug, Default, PartialEq)]
pub enum Controller {
    /// The policy.
    #[default]
    Policy,
    /// The game's own systems: a player's input, a script. Nothing is learned from such steps.
    External,
    /// The game's own script, as an opponent in matches of [teams](crate::Team). Nothing is learned from such steps.
    ///
    /// A run sets it where its settings let the script play a side. A script decides for these agents before
    /// [`AgentSystems::Act`](crate::AgentSystems::Act), as one with [`left_to_the_game`](crate::left_to_the_game) does.
    Scripted,
    /// None: the action is the default one. Nothing is learned from such steps.
    Idle,
    /// The policy, which does not decide now: the action stays as it is, as in a game in which agents take turns.
    ///
    /// The game calls [`wait`](Self::wait) before a step begins, and [`decide`](Self::decide) before the step in which
    /// the agent decides again; a change in the middle of a step holds from the next step on. The agent is scored
    /// meanwhile: its row is [`Waiting`](ludus_spec::Outcome::Waiting), and its reward counts for its last decision.
    Waiting,
}

impl Controller {
    /// Stops the policy from deciding until [`decide`](Self::decide) is called: [`Policy`](Self::Policy) becomes
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
