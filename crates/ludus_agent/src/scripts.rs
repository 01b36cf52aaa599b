//! Scripts: systems that decide for the agents that no policy controls.

use bevy::prelude::*;

use crate::{Agent, AgentRows};

/// A run condition for scripts: true if the game decides for the agents of kind `A`.
///
/// The game decides if the world's driver [leaves the kind to it](crate::Rows::leave_to_the_game), and if the world has
/// no driver, as a game on screen without a policy. If a player takes over an agent, input systems in
/// [`AgentSystems::Act`](crate::AgentSystems::Act) overwrite the action of a script that runs before them:
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
