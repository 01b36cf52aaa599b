//! Scenes of a game with teams: one policy plays the first side, and another one the others.

use std::sync::Arc;

use bevy::prelude::*;
use ludus_agent::{Action, Agent, AgentAppExt, Arena, InArena, Observation, Reward, Team};
use ludus_policy::ValueEstimate;

use super::tests::{file_of, scene_for, send, update};
use super::{Player, Players};
use crate::EditorCommand;
use crate::RivalPlace::{Beside, OtherSides};
use crate::policies;
use crate::snapshot::{AgentId, Driver, SceneSnapshot};

#[derive(Component, Agent, Default)]
#[agent(observation = Sight, action = Pull, reward = Gain, team = Side)]
struct Puller;

#[derive(Component, Team, Clone, Copy)]
enum Side {
    Left,
    Right,
}

#[derive(Component, Observation, Default)]
struct Sight {
    rope: f32,
}

#[derive(Component, Action, Default, Clone, Copy)]
struct Pull {
    #[action(continuous)]
    force: f32,
}

#[derive(Component, Reward, Default)]
struct Gain {
    won: f32,
}

fn game(app: &mut App) {
    app.insert_resource(Time::<Fixed>::from_hz(50.0)).add_agent::<Puller>();
    app.add_observer(|arena: On<Add, Arena>, mut commands: Commands| {
        commands.spawn((Puller, Side::Left, InArena(arena.entity)));
        commands.spawn((Puller, Side::Right, InArena(arena.entity)));
    });
}

fn pulling(force: f32) -> Player {
    let file = file_of(Puller::spec(), "actor.0.bias", |_| force);
    policies::player("pull".to_owned(), &file, ValueEstimate::default(), file.decision_interval).unwrap()
}

/// The forces of the left and of the right side on screen.
fn forces(app: &mut App) -> [Vec<f32>; 2] {
    let mut pullers = app.world_mut().query::<(&Side, &Pull)>();
    let mut forces = [Vec::new(), Vec::new()];
    pullers.iter(app.world()).for_each(|(side, pull)| forces[*side as usize].push(pull.force));
    forces
}

fn drivers(app: &App) -> Vec<Driver> {
    app.world().resource::<SceneSnapshot>().agents.iter().map(|agent| agent.driver).collect()
}

#[test]
fn another_policy_plays_all_sides_but_the_first() {
    let mut app = scene_for(game, vec![Arc::new(Puller::spec())]);
    let mut players = app.world_mut().resource_mut::<Players>();
    players.set_own(0, pulling(0.25));
    players.clear_rivals(OtherSides);
    players.set_rival(0, pulling(-0.5));
    players.mark_replaced();
    update(&mut app, 8);
    assert_eq!(forces(&mut app), [vec![0.25; 2], vec![-0.5; 2]], "two arenas, as before");
    assert_eq!(drivers(&app), [Driver::Policy, Driver::Rival, Driver::Policy, Driver::Rival]);
    assert_eq!(app.world().resource::<SceneSnapshot>().rivals, Some(OtherSides));

    let left = AgentId { kind: 0, row: 0 };
    send(&mut app, EditorCommand::Select(left));
    send(&mut app, EditorCommand::TakeOver);
    update(&mut app, 4);
    assert_eq!(drivers(&app), [Driver::Player, Driver::Rival, Driver::Policy, Driver::Rival], "play against it");
    send(&mut app, EditorCommand::LetGo);
    app.world_mut().resource_mut::<Players>().clear_rivals(Beside);
    update(&mut app, 4);
    assert_eq!(forces(&mut app), [vec![0.25; 2], vec![0.25; 2]], "one policy plays all sides again");

    let mut players = app.world_mut().resource_mut::<Players>();
    players.set_rival(0, pulling(-0.5));
    update(&mut app, 8);
    let [left, right] = forces(&mut app);
    assert_eq!((left.len(), left == right), (4, true), "beside each other, each policy plays all sides of its arenas");
}
