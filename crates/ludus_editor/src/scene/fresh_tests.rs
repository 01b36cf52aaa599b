//! Replays begin in a world in the same state as the new world of the command line.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bevy::prelude::*;
use bevy_rapier3d::prelude::*;
use ludus_agent::{
    Action, Agent, AgentAppExt, Arena, EpisodeRng, EpisodeStart, InArena, Observation, Reward, SenseAgents, WorldReset,
};
use ludus_rapier::{ArenaPhysics, ArenaPhysicsPlugin};
use ludus_train::Ludus;
use ludus_train::replay::{EpisodeLog, Replay};
use rand::RngExt;
use tempfile::TempDir;

use super::replay_tests::{check_at, replay_in, shown};
use super::tests::{scene_for, send, update};
use super::{OfRival, Stage};
use crate::EditorCommand;

/// Number of steps in an episode: by then the balls have landed, rolled and touched.
const STEPS: u32 = 40;

/// An agent that turns a tray with two balls on it.
#[derive(Component, Agent, Default)]
#[agent(observation = Senses, action = Turn, reward = Nothing)]
struct Tray;

#[derive(Component, Observation, Default)]
struct Senses {
    balls: [Vec3; 2],
    spins: [Vec3; 2],
}

#[derive(Component, Action, Default)]
struct Turn {
    #[action(continuous)]
    angle: Vec2,
}

#[derive(Component, Reward, Default)]
struct Nothing {
    nothing: f32,
}

#[derive(Component)]
struct Carries([Entity; 2]);

fn trays(app: &mut App, physics: ArenaPhysics) {
    if !app.is_plugin_added::<TransformPlugin>() {
        app.add_plugins(TransformPlugin);
    }
    app.insert_resource(physics)
        .insert_resource(Time::<Fixed>::from_hz(50.0))
        .add_plugins(ArenaPhysicsPlugin::shared(12.0))
        .add_agent::<Tray>()
        .add_observer(restart)
        .add_systems(FixedUpdate, turn)
        .add_systems(SenseAgents, sense);
}

fn shared(app: &mut App) {
    trays(app, ArenaPhysics::Shared { spacing: 12.0 });
    app.add_observer(build_arena);
}

fn per_arena(app: &mut App) {
    trays(app, ArenaPhysics::PerArena);
    app.add_observer(build_arena);
}

/// The game outside any arena, as if it had only one field.
fn without_arenas(app: &mut App) {
    trays(app, ArenaPhysics::Shared { spacing: 12.0 });
    app.add_systems(Startup, |mut commands: Commands| build(&mut commands, Transform::IDENTITY, None));
}

fn build_arena(on: On<Add, Arena>, arenas: Query<&Transform>, mut commands: Commands) -> Result {
    build(&mut commands, *arenas.get(on.entity)?, Some(InArena(on.entity)));
    Ok(())
}

fn build(commands: &mut Commands, centre: Transform, arena: Option<InArena>) {
    let mut spawn = |parts| {
        let mut entity = commands.spawn(parts);
        if let Some(arena) = arena {
            entity.insert(arena);
        }
        entity.id()
    };
    let ball = || (RigidBody::Dynamic, Collider::ball(0.5), Velocity::zero(), Sleeping::disabled(), centre);
    let balls = [spawn(ball()), spawn(ball())];
    let mut tray = commands.spawn((Tray, RigidBody::KinematicPositionBased, Collider::cuboid(2.5, 0.5, 2.5), centre));
    tray.insert(Carries(balls));
    if let Some(arena) = arena {
        tray.insert(arena);
    }
}

fn restart(
    on: On<EpisodeStart<Tray>>,
    mut trays: Query<(&mut Transform, &mut EpisodeRng, &Carries)>,
    mut balls: Query<(&mut Transform, &mut Velocity), Without<Carries>>,
) -> Result {
    let (mut tray, mut rng, carries) = trays.get_mut(on.entity)?;
    tray.rotation = Quat::IDENTITY;
    for (ball, side) in carries.0.into_iter().zip([-0.6, 0.6]) {
        let (mut ball, mut velocity) = balls.get_mut(ball)?;
        let start = Vec3::new(side, rng.random_range(1.0..=2.0), rng.random_range(-0.3..=0.3));
        *ball = Transform::from_translation(tray.translation + start);
        *velocity = Velocity::zero();
    }
    Ok(())
}

fn turn(mut trays: Query<(&mut Transform, &Turn)>) {
    for (mut tray, turn) in &mut trays {
        let angle = turn.angle * 0.3;
        tray.rotation = Quat::from_rotation_x(angle.x) * Quat::from_rotation_z(angle.y);
    }
}

fn sense(mut trays: Query<(&Transform, &Carries, &mut Senses)>, balls: Query<(&Transform, &Velocity)>) -> Result {
    for (tray, carries, mut senses) in &mut trays {
        for (index, ball) in carries.0.into_iter().enumerate() {
            let (ball, velocity) = balls.get(ball)?;
            senses.balls[index] = ball.translation - tray.translation;
            senses.spins[index] = velocity.angular;
        }
    }
    Ok(())
}

/// Trains for a moment. Returns the runs' folder, and the files of episodes that the command line replays to the bit.
fn trained(game: fn(&mut App)) -> (TempDir, Vec<PathBuf>) {
    let runs = tempfile::tempdir().unwrap();
    let line = ["trays", "train", "--runs-dir", runs.path().to_str().unwrap(), "--threads", "1"];
    let sets =
        ["worlds=1", "arenas=4", "episode_limit=40", "decision_interval=3", "stop.steps=4_000", "reward.nothing=1"];
    let line = line.into_iter().chain(sets.into_iter().flat_map(|set| ["--set", set]));
    assert_eq!(Ludus::new("trays", game).run_with(line), AppExit::Success);
    let run = std::fs::read_dir(runs.path()).unwrap().next().unwrap().unwrap().path();
    let mut episodes: Vec<_> =
        std::fs::read_dir(run.join("episodes")).unwrap().map(|file| file.unwrap().path()).collect();
    episodes.sort();
    let is_exact = |path: &PathBuf| {
        let log = EpisodeLog::read(path).unwrap();
        log.head.steps == STEPS && Replay::open(&(Arc::new(game) as _), log).unwrap().verify().unwrap().is_none()
    };
    episodes.retain(is_exact);
    assert!(episodes.len() >= 2, "the command line plays {} of them to the bit", episodes.len());
    (runs, episodes)
}

fn scene(game: fn(&mut App), arenas: u32) -> App {
    scene_beside(game, arenas, 0)
}

fn scene_beside(game: fn(&mut App), arenas: u32, besides: usize) -> App {
    let mut app = scene_for(game, vec![Arc::new(<Tray as Agent>::spec())]);
    add_besides(&mut app, besides);
    send(&mut app, EditorCommand::ShowArenas(arenas));
    update(&mut app, 50);
    app
}

/// Replays an episode forwards, back and to and fro, and checks that every step is the logged one.
fn check(app: &mut App, episode: &Path) {
    replay_in(app, episode);
    for step in [0, STEPS, 3, 25, 0, STEPS / 2, STEPS] {
        send(app, EditorCommand::SeekReplay(step));
        update(app, 4);
        check_at(app, step);
    }
    assert_eq!(shown(app).differs_from, None);
}

/// A resource of another app: it takes a component id.
#[derive(Resource)]
struct Besides<const N: usize>;

/// Adds `count` resources. Later ones have other ids than in an app without these.
fn add_besides(app: &mut App, count: usize) {
    let world = app.world_mut();
    let add: [fn(&mut World); 6] = [
        |world| world.insert_resource(Besides::<0>),
        |world| world.insert_resource(Besides::<1>),
        |world| world.insert_resource(Besides::<2>),
        |world| world.insert_resource(Besides::<3>),
        |world| world.insert_resource(Besides::<4>),
        |world| world.insert_resource(Besides::<5>),
    ];
    add[..count].iter().for_each(|add| add(world));
}

/// Checks two episodes one after the other, each twice, in windows that show `arenas` arenas in between, with other ids
/// each.
fn check_in_window(game: fn(&mut App), arenas: u32) {
    let (_runs, episodes) = trained(game);
    for besides in 0..=6 {
        check_beside(game, arenas, besides, &episodes);
    }
}

fn check_beside(game: fn(&mut App), arenas: u32, besides: usize, episodes: &[PathBuf]) {
    let mut app = scene_beside(game, arenas, besides);
    for episode in [&episodes[0], &episodes[1], &episodes[0]] {
        check(&mut app, episode);
        send(&mut app, EditorCommand::EndReplay);
        update(&mut app, 30);
    }
    // One after the other, without an end between them.
    check(&mut app, &episodes[1]);
    check(&mut app, &episodes[0]);
}

#[test]
fn replays_of_physics_that_arenas_share_are_exact_beside_several_arenas() {
    check_in_window(shared, 8);
}

#[test]
fn replays_of_physics_that_arenas_share_are_exact_beside_one_arena() {
    check_in_window(shared, 1);
}

#[test]
fn replays_of_physics_of_each_arena_are_exact() {
    check_in_window(per_arena, 3);
}

#[test]
fn replays_of_physics_outside_arenas_are_exact() {
    check_in_window(without_arenas, 1);
}

/// State that a game keeps outside its arenas.
#[derive(Resource, Default)]
struct Gusts(u32);

/// A game in which every gust is stronger than the last one. The first is that of a new world.
fn gusty(app: &mut App) {
    shared(app);
    app.init_resource::<Gusts>();
    app.add_systems(FixedUpdate, |mut gusts: ResMut<Gusts>, mut balls: Query<&mut Velocity>| {
        gusts.0 += 1;
        balls.iter_mut().for_each(|mut ball| ball.angular.y += 1e-3 * gusts.0 as f32);
    });
    app.add_observer(|_: On<WorldReset>, mut gusts: ResMut<Gusts>| *gusts = Gusts::default());
}

#[test]
fn a_game_puts_what_it_keeps_into_its_first_state() {
    let mut app = scene(gusty, 2);
    send(&mut app, EditorCommand::ShowArena { world: 0, arena: 1 });
    update(&mut app, 5);
    assert_eq!(app.world().resource::<Gusts>().0, 5, "as many ticks as the arenas have had");
}

/// This makes arenas of a comparison start alike too.
#[test]
fn arenas_that_are_shown_again_are_those_of_a_new_world() {
    let mut app = scene(shared, 2);
    let mut seen = || {
        send(&mut app, EditorCommand::ShowArena { world: 0, arena: 1 });
        update(&mut app, 40);
        let mut senses = app.world_mut().query_filtered::<&Senses, Without<OfRival>>();
        let senses = senses.iter(app.world()).next().expect("an arena is shown");
        (senses.balls.map(|ball| ball.to_array().map(f32::to_bits)), app.world().resource::<Stage>().arenas().len())
    };
    assert_eq!(seen(), seen());
}
