//! States: `StatesPlugin` is added to a world if its game uses states.

use bevy::app::App;
use bevy::ecs::schedule::Schedules;
use bevy_state::app::StatesPlugin;
use bevy_state::state::{StateTransition, setup_state_transitions_in_world};

/// Adds a game to an app that has no `StatesPlugin`, and the plugin if the game has states.
///
/// In a game that is played, `DefaultPlugins` add the plugin, and Bevy refuses a second one. So the game itself should
/// not add it; a game that adds it only if it is missing works too.
pub fn add_with_states(app: &mut App, game: impl FnOnce(&mut App)) {
    prepare_states(app);
    game(app);
    add_states_if_used(app);
}

/// Makes the schedule that states are added to. It does not run yet.
pub(crate) fn prepare_states(app: &mut App) {
    setup_state_transitions_in_world(app.world_mut());
}

/// Adds the plugin, which runs that schedule, unless the schedule is empty or the game has added the plugin itself.
pub(crate) fn add_states_if_used(app: &mut App) {
    if app.is_plugin_added::<StatesPlugin>() {
        return;
    }
    let mut schedules = app.world_mut().resource_mut::<Schedules>();
    let is_used = schedules.get(StateTransition).is_some_and(|schedule| schedule.systems_len() > 0);
    if is_used {
        app.add_plugins(StatesPlugin);
    } else {
        schedules.remove(StateTransition);
    }
}
