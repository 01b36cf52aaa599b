//! Who decides for an agent.

use bevy::prelude::*;

use crate::{Agent, AgentRows};

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

/// A run condition for scripts: true if the game decides for the agents of kind `A`.
///
/// So it is where whoever drives the world [leaves the kind to the game](crate::Rows::leave_to_the_game), and where
/// nobody drives it, as in a game on screen without a policy. A script that runs before
/// [`AgentSystems::Act`](crate::AgentSystems::Act) is overruled by a player who takes an agent over:
///
/// ```
/// # use bevy::prelude::*;
/// # use ludus_agent::{Action, Agent, AgentAppExt, Observation, Reward};
/// # #[derive(Component, Agent, Default)]
/// # #[agent(observation = Senses, action = Run, reward = Fed)]
/// # struct Mouse;
/// # #[derive(Component, Observation, Default)]
/// # struct Senses { cheese: f32 }
/// # #[derive(Component, Action, Default)]
/// # struct Run { #[action(continuous)] speed: f32 }
/// # #[derive(Component, Reward, Default)]
/// # struct Fed { fed: f32 }
/// use ludus_agent::{AgentSystems, StepClock, left_to_the_game};
///
/// fn run_to_cheese(clock: Res<StepClock>, mut mice: Query<(&Senses, &mut Run)>) {
///     if clock.is_first_tick() { // as often as a policy would decide
///         mice.iter_mut().for_each(|(senses, mut run)| run.speed = senses.cheese.signum());
///     }
/// }
///
/// let mut app = App::new();
/// app.add_agent::<Mouse>();
/// let script = run_to_cheese.run_if(left_to_the_game::<Mouse>).before(AgentSystems::Act);
/// app.add_systems(FixedPreUpdate, script);
/// ```
pub fn left_to_the_game<A: Agent>(rows: Res<AgentRows<A>>) -> bool {
    rows.game_decides()
}
