//! The tick as a contract.

use bevy::ecs::schedule::{LogLevel, ScheduleBuildSettings, Schedules};
use bevy::prelude::*;
use ludus_agent::{Action, Agent, AgentAppExt, Observation, Reward};

use crate::game::{app, counter, step, unstarted};

/// A second kind, so that the systems of two kinds stand beside each other.
#[derive(Component, Agent, Default)]
#[agent(observation = Nothing, action = Flip, reward = Zero)]
struct Coin;

#[derive(Component, Observation, Default)]
struct Nothing {
    level: f32,
}

#[derive(Component, Action, Default)]
enum Flip {
    #[default]
    Heads,
    Tails,
}

#[derive(Component, Reward, Default)]
struct Zero {
    nothing: f32,
}

/// The game with two kinds of agents. Its first tick panics if two systems conflict and their order is not declared.
fn strict() -> App {
    let mut app = unstarted(1, 1);
    app.add_agent::<Coin>();
    for (_, schedule) in app.world_mut().resource_mut::<Schedules>().iter_mut() {
        schedule.set_build_settings(ScheduleBuildSettings {
            ambiguity_detection: LogLevel::Error,
            ..ScheduleBuildSettings::default()
        });
    }
    app.world_mut().spawn(Coin);
    app
}

#[test]
fn our_schedules_have_no_ambiguities() {
    let mut app = strict();
    for _ in 0..3 {
        step(&mut app, 0.0);
    }
}

#[test]
#[should_panic(expected = "conflict")]
fn an_ambiguity_would_be_noticed() {
    let mut app = strict();
    app.add_systems(FixedUpdate, (|_: Query<&mut Flip>| {}, |_: Query<&mut Flip>| {}));
    for _ in 0..3 {
        step(&mut app, 0.0);
    }
}

#[test]
fn adding_a_kind_twice_adds_it_once() {
    let mut app = app(1, 1);
    counter(&mut app);
    step(&mut app, 0.0);
    assert_eq!(app.world().resource::<ludus_agent::AgentKinds>().iter().len(), 1);
}
