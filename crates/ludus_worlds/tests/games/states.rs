//! Games with states, with and without `StatesPlugin`.

use core::num::NonZeroU32;
use std::sync::Arc;

use bevy::prelude::*;
use bevy_state::app::{AppExtStates, StatesPlugin};
use bevy_state::condition::in_state;
use bevy_state::state::{NextState, OnEnter, State, StateTransition, States};
use ludus_agent::spec::{Seed, stopped_clock};
use ludus_agent::{AgentAppExt, SenseAgents};
use ludus_worlds::{AgentSettings, Game, PooledWorld, WorldSettings, add_with_states, spec_of};

use crate::mouse::{Mouse, See};

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, States)]
enum Mode {
    #[default]
    Playing,
    Over,
}

/// The mouse comes with a state, and the state changes after a while.
fn game(app: &mut App) {
    app.init_state::<Mode>().add_agent::<Mouse>();
    app.add_systems(OnEnter(Mode::Playing), |mut commands: Commands| _ = commands.spawn(Mouse));
    app.add_systems(SenseAgents, count.run_if(in_state(Mode::Playing)));
}

fn count(mut sees: Query<&mut See>, mut mode: ResMut<NextState<Mode>>) {
    for mut see in &mut sees {
        see.number += 1.0;
        if see.number > 3.0 {
            mode.set(Mode::Over);
        }
    }
}

/// Adds the plugin only if it is missing, as a game does that may be played with `DefaultPlugins`.
fn game_with_plugin(app: &mut App) {
    if !app.is_plugin_added::<StatesPlugin>() {
        app.add_plugins(StatesPlugin);
    }
    game(app);
}

fn world(game: fn(&mut App)) -> PooledWorld {
    let game: Game = Arc::new(game);
    let settings = WorldSettings {
        seed: Seed::new(1),
        world: 0,
        arenas: 0..1,
        decision_interval: NonZeroU32::MIN,
        agents: vec![AgentSettings { name: "Mouse".to_owned(), weights: vec![1.0], ..AgentSettings::default() }],
        parameters: Arc::default(),
        clock: stopped_clock,
    };
    assert_eq!(spec_of(&game).expect("it has a spec").name, "Mouse");
    PooledWorld::build(&game, settings).expect("it builds")
}

#[test]
fn a_game_with_states_needs_no_plugin_and_may_add_it() {
    for game in [game, game_with_plugin, |app: &mut App| _ = app.add_plugins(StatesPlugin).add_plugins(game)] {
        let mut world = world(game);
        let modes = (0..5).map(|_| {
            world.step().expect("the game doesn't panic");
            *world.world().resource::<State<Mode>>().get()
        });
        use Mode::{Over, Playing};
        assert_eq!(modes.collect::<Vec<_>>(), [Playing, Playing, Playing, Over, Over]);
        assert_eq!(world.rows(0).observations(), [4.0]);
    }
}

/// In thousands of small worlds the schedule would cost memory and time.
#[test]
fn a_world_without_states_has_no_schedule_for_them() {
    let world = world(|app| {
        app.add_agent::<Mouse>().add_systems(Startup, |mut commands: Commands| _ = commands.spawn(Mouse));
    });
    assert!(!world.world().resource::<Schedules>().contains(StateTransition));
}

#[test]
fn the_same_function_serves_in_an_app_that_has_the_plugin() {
    let mut app = App::new();
    app.add_plugins((MinimalPlugins, StatesPlugin)).add_plugins(game);
    app.update();
    assert_eq!(app.world_mut().query::<&Mouse>().iter(app.world()).count(), 1);
    let mut app = App::new();
    app.add_plugins(MinimalPlugins);
    add_with_states(&mut app, game);
    app.update();
    assert_eq!(app.world_mut().query::<&Mouse>().iter(app.world()).count(), 1);
}
