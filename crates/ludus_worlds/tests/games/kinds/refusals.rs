//! Settings that do not fit a game's kinds, and kinds that the game decides for.

use std::sync::Arc;

use bevy::prelude::*;
use ludus_agent::spec::Outcome::{Running, Vacant};
use ludus_agent::{Action, Agent, AgentAppExt, AgentSystems, Observation, Reward, left_to_the_game};
use ludus_worlds::{AgentSettings, Game, PooledWorld, WorldError, specs_of};

use super::game::{Chase, SHEEP, Sheep, Turnover, WOLVES, Wolf, flock, pasture, restless, settings, sheep, wolves};

/// Another type of the same name.
mod other {
    use super::*;

    #[derive(Component, Agent)]
    #[agent(observation = See, action = Do, reward = Get)]
    pub struct Wolf;

    #[derive(Component, Observation, Default)]
    pub struct See {
        number: f32,
    }

    #[derive(Component, Action, Default)]
    pub struct Do {
        #[action(continuous)]
        go: f32,
    }

    #[derive(Component, Reward, Default)]
    pub struct Get {
        cheese: f32,
    }
}

fn check(game: impl Fn(&mut App) + Send + Sync + 'static, agents: Vec<AgentSettings>, expected: &str) {
    let game: Game = Arc::new(game);
    let error = PooledWorld::build(&game, settings(agents)).err().expect("it is refused").to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn settings_that_do_not_fit_are_refused_with_the_kinds_that_there_are() {
    let cat = AgentSettings { name: "Cat".to_owned(), ..sheep() };
    check(pasture, vec![sheep(), cat], "the game has no agents named `Cat`, but `Wolf`, `Sheep`");
    let bare = AgentSettings { rows: None, ..wolves() };
    check(pasture, vec![bare, sheep()], "world 0 has no `Wolf` or `Sheep` after its first step");
    check(
        |app| {
            pasture(app);
            app.add_agent::<other::Wolf>();
        },
        vec![sheep()],
        "two kinds of agents are named `Wolf`",
    );
    let wrong = AgentSettings { weights: vec![1.0], ..sheep() };
    let error = PooledWorld::build(&restless(0.0), settings(vec![wolves(), wrong])).err();
    assert_eq!(error, Some(WorldError::WrongWeights { agent: "Sheep".to_owned(), terms: 2, weights: 1 }));
}

#[test]
fn the_specs_of_all_kinds_can_be_had_without_a_world() {
    let specs = specs_of(&restless(0.0)).expect("a game with two kinds");
    assert_eq!(specs.iter().map(|spec| spec.name.as_str()).collect::<Vec<_>>(), ["Wolf", "Sheep"]);
}

/// Wolves that hunt by themselves: nothing writes their actions, nothing is learned from them, and any number may come.
#[test]
fn the_game_decides_for_kinds_that_are_not_listed() {
    let mut world = PooledWorld::build(&restless(0.3), settings(vec![sheep()])).expect("it builds");
    world.world_mut().resource_mut::<Turnover>().is_checked = false;
    assert_eq!([WOLVES, SHEEP].map(|kind| world.is_listed(kind)), [false, true]);
    let mut most = 0;
    for _ in 0..100 {
        for mut chase in world.world_mut().query::<&mut Chase>().iter_mut(world.world_mut()) {
            chase.speed = 0.75;
        }
        world.rows_mut(WOLVES).actions_mut().fill(-1.0);
        world.rows_mut(SHEEP).actions_mut().fill(0.25);
        world.step().expect("the game doesn't panic");
        assert!(world.rows(WOLVES).outcomes().iter().all(|&outcome| outcome == Vacant));
        let bevy = world.world_mut();
        assert!(bevy.query::<&Chase>().iter(bevy).all(|chase| chase.speed != -1.0));
        most = most.max(world.rows(WOLVES).len());
    }
    assert!(most > 2, "{most} rows");
    let mut finished = 0;
    world.rows_mut(WOLVES).drain_episodes(|_, _| finished += 1);
    assert!(finished <= 2, "reports of episodes that nobody asks for do not pile up");
    assert!(world.rows(SHEEP).outcomes().contains(&Running));
}

#[test]
fn scripts_decide_for_kinds_that_are_not_listed_and_for_no_others() {
    let scripted: Game = Arc::new(|app: &mut App| {
        flock(app);
        app.world_mut().resource_mut::<Turnover>().is_checked = false;
        let wolves = |mut wolves: Query<&mut Chase>| wolves.iter_mut().for_each(|mut chase| chase.speed = 0.75);
        let sheep = || panic!("somebody drives the sheep, from the first step on");
        let wolves = wolves.run_if(left_to_the_game::<Wolf>);
        let sheep = sheep.run_if(left_to_the_game::<Sheep>);
        app.add_systems(FixedPreUpdate, (wolves, sheep).before(AgentSystems::Act));
    });
    let mut world = PooledWorld::build(&scripted, settings(vec![sheep()])).expect("it builds");
    for _ in 0..20 {
        world.step().expect("the script of the sheep does not run");
        let bevy = world.world_mut();
        assert!(bevy.query::<&Chase>().iter(bevy).all(|chase| chase.speed == 0.75));
    }
}
