//! A player, a script and a policy take turns.

use bevy::prelude::*;
use ludus_agent::{AgentSystems, Controller};
use ludus_play::PolicyRunner;

use crate::game::{Gait, Game, Walk, Walker, line};

/// A player's input: the state of a key, in a game without a keyboard.
#[derive(Component)]
struct Player {
    is_pressing: bool,
}

fn press(mut players: Query<(&Player, &Controller, &mut Walk)>) {
    for (player, controller, mut walk) in &mut players {
        if *controller == Controller::External {
            walk.velocity = if player.is_pressing { 1.0 } else { 0.0 };
        }
    }
}

#[test]
fn a_player_takes_over_and_lets_go() {
    let mut game = Game::new();
    game.app.add_systems(FixedPreUpdate, press.in_set(AgentSystems::Act));
    let policy = game.load("walk.safetensors", &line(0.0, -0.25));
    let walker = game.app.world_mut().spawn((Walker, Player { is_pressing: true }, PolicyRunner::new(policy))).id();
    game.tick(3);
    assert_eq!(game.place(walker), -0.5, "the policy, after the restart");

    let control = |game: &mut Game, controller| {
        game.app.world_mut().entity_mut(walker).insert(controller);
        game.tick(2);
        (game.place(walker), game.walk(walker).gait)
    };
    assert_eq!(control(&mut game, Controller::External), (1.5, Gait::Run), "what the player leaves, stays");
    assert_eq!(control(&mut game, Controller::Idle), (1.5, Gait::Stand));
    assert_eq!(control(&mut game, Controller::Policy), (1.0, Gait::Run));
    assert_eq!(control(&mut game, Controller::External), (3.0, Gait::Run));
}

#[test]
fn an_agent_without_its_policy_is_a_players() {
    let mut game = Game::new();
    game.app.add_systems(FixedPreUpdate, press.in_set(AgentSystems::Act));
    let walker = game.app.world_mut().spawn((Walker, Player { is_pressing: true }, Controller::External)).id();
    game.tick(2);
    assert_eq!(game.place(walker), 1.0, "Bevy's first frame has no tick");
    let policy = game.load("walk.safetensors", &line(0.0, -0.25));
    game.app.world_mut().entity_mut(walker).insert((PolicyRunner::new(policy), Controller::Policy));
    game.tick(2);
    assert_eq!(game.place(walker), 0.5);
    game.app.world_mut().entity_mut(walker).remove::<PolicyRunner>().insert(Controller::External);
    game.tick(1);
    assert_eq!(game.place(walker), 1.5);
}
