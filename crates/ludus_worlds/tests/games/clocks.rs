//! The ticks of a step, which stay the same whatever the game does to its clocks.

use core::num::NonZeroU32;
use core::time::Duration;
use std::sync::Arc;

use bevy::prelude::*;
use bevy::time::TimeUpdateStrategy;
use ludus_agent::spec::{Outcome, Seed, stopped_clock};
use ludus_agent::{Action, Agent, AgentAppExt, Observation, Reward, ScoreAgents, StepClock};
use ludus_worlds::{AgentSettings, Game, PooledWorld, WorldSettings};

#[derive(Component, Agent)]
#[agent(observation = Nothing, action = Wait, reward = Time1)]
struct Sleeper;

#[derive(Component, Observation, Default)]
struct Nothing {
    nothing: f32,
}

#[derive(Component, Action, Default)]
struct Wait {
    #[action(continuous)]
    wait: f32,
}

/// 1 for every tick.
#[derive(Component, Reward, Default)]
struct Time1 {
    ticks: f32,
}

const STEPS: u32 = 6;

/// Takes six steps in a game that changes its clocks: each step has all its ticks, and a reward for each.
#[track_caller]
fn check(interval: u32, turn: impl Fn(&mut App) + Send + Sync + 'static) {
    let game: Game = Arc::new(move |app: &mut App| {
        app.add_agent::<Sleeper>().add_systems(Startup, |mut commands: Commands| _ = commands.spawn(Sleeper));
        app.add_systems(ScoreAgents, |mut sleepers: Query<&mut Time1>| {
            sleepers.iter_mut().for_each(|mut reward| reward.ticks = 1.0);
        });
        turn(app);
    });
    let settings = WorldSettings {
        seed: Seed::new(1),
        world: 0,
        arenas: 0..1,
        decision_interval: NonZeroU32::new(interval).expect("not zero"),
        agents: vec![AgentSettings { name: "Sleeper".to_owned(), weights: vec![1.0], ..AgentSettings::default() }],
        parameters: Arc::default(),
        clock: stopped_clock,
    };
    let mut world = PooledWorld::build(&game, settings).expect("it builds");
    let before = world.tick();
    for _ in 0..STEPS {
        world.step().expect("the game doesn't panic");
        let rows = world.rows(0);
        assert_eq!((rows.rewards(), rows.outcomes()), (&[interval as f32][..], &[Outcome::Running][..]));
    }
    assert_eq!(world.tick() - before, u64::from(STEPS * interval));
}

fn at_tick(tick: u32, turn: impl Fn(&mut World) + Send + Sync + 'static) -> impl Fn(&mut App) + Send + Sync + 'static {
    let turn = Arc::new(turn);
    move |app: &mut App| {
        let turn = turn.clone();
        app.add_systems(FixedUpdate, move |world: &mut World, mut ticks: Local<u32>| {
            *ticks += 1;
            if *ticks == tick {
                turn(world);
            }
        });
    }
}

#[test]
fn a_game_that_leaves_its_clocks_alone_has_the_ticks_of_a_step() {
    check(2, |_| ());
}

#[test]
fn a_game_at_another_speed_has_the_ticks_of_a_step() {
    for speed in [0.5, 2.0] {
        check(2, move |app| {
            app.add_systems(Startup, move |mut time: ResMut<Time<Virtual>>| time.set_relative_speed(speed));
        });
    }
}

#[test]
fn a_game_that_pauses_its_time_goes_on() {
    check(2, at_tick(6, |world| world.resource_mut::<Time<Virtual>>().pause()));
    check(2, at_tick(5, |world| world.resource_mut::<Time<Virtual>>().pause()));
    check(1, |app| _ = app.add_systems(Startup, |mut time: ResMut<Time<Virtual>>| time.pause()));
}

#[test]
fn a_greatest_delta_cuts_no_step() {
    let cut = |mut time: ResMut<Time<Virtual>>| time.set_max_delta(Duration::from_millis(250));
    check(64, move |app| _ = app.add_systems(Startup, cut));
}

#[test]
fn an_update_strategy_of_the_game_changes_no_step() {
    let strategy = || TimeUpdateStrategy::ManualDuration(Duration::from_millis(16));
    check(2, move |app| _ = app.insert_resource(strategy()));
    check(2, at_tick(3, move |world| world.insert_resource(strategy())));
    check(2, at_tick(3, |world| _ = world.remove_resource::<TimeUpdateStrategy>()));
}

#[test]
fn another_timestep_in_the_middle_of_a_step_changes_no_count_of_ticks() {
    for hz in [10.0, 1000.0] {
        check(3, at_tick(5, move |world| world.resource_mut::<Time<Fixed>>().set_timestep_hz(hz)));
    }
}

#[test]
fn a_step_clock_of_the_game_gives_way_to_the_settings() {
    let four = || NonZeroU32::new(4).expect("not zero");
    check(2, move |app| _ = app.insert_resource(StepClock::new(four())));
    let change = move |mut clock: ResMut<StepClock>| clock.set_decision_interval(four());
    check(2, move |app| _ = app.add_systems(Update, change));
}

#[test]
fn a_tick_lasts_as_long_as_the_timestep() {
    check(3, |app| {
        app.insert_resource(Time::<Fixed>::from_hz(50.0));
        app.add_systems(FixedUpdate, |time: Res<Time>, fixed: Res<Time<Fixed>>, mut ticks: Local<u32>| {
            *ticks += 1;
            assert_eq!(time.delta(), Duration::from_millis(20));
            assert_eq!(fixed.elapsed(), *ticks * Duration::from_millis(20));
        });
    });
}
