//! States: a world has what `StatesPlugin` brings, if the game uses it.

use bevy::app::App;
use bevy::ecs::schedule::Schedules;
use bevy_state::app::StatesPlugin;
use bevy_state::state::{StateTransition, setup_state_transitions_in_world};

/// Adds a game to an app that has no `StatesPlugin`, and the plugin if the game has states.
///
/// Where the game is played, `DefaultPlugins` have the plugin, and a second one would be refused: so the game can't add
/// it by itself. One that does so all the same, because it is not added yet, is served as well.
pub fn add_with_states(app: &mut App, game: impl FnOnce(&mut App)) {
    prepare_states(app);
    game(app);
    add_states_if_used(app);
}

/// Makes the schedule that states are added to. It does not run yet.
pub(crate) fn prepare_states(app: &mut App) {
    setup_state_transitions_in_world(app.world_mut());
}

/// Has that schedule run, unless the game has nothing in it or has added the plugin itself.
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
