//! The rules of `soccer`, and what its players observe.

use core::num::NonZeroU32;
use core::ops::Range;
use std::sync::Arc;

use bevy::prelude::*;
use bevy_ludus::agent::{Action, Arena, MatchResult};
use bevy_ludus::rapier::ArenaPhysics;
use bevy_ludus::spec::{Outcome, Seed, stopped_clock};
use bevy_ludus::worlds::{AgentSettings, PooledWorld, WorldSettings};
use bevy_rapier3d::prelude::Velocity;

use crate::examples::soccer::{
    self as game, BALL_RADIUS, Ball, Body, HALF_GOAL, HALF_PITCH, KICK, Move, PLAYER_RADIUS, Run, SPEED, Seat, Side,
    TEAM,
};

/// Ticks per step, as in the shipped config.
const INTERVAL: NonZeroU32 = NonZeroU32::new(3).unwrap();
/// Weights of scored, conceded, late, advance and approach.
const GOALS: [f32; 5] = [1.0, -1.0, 0.0, 0.0, 0.0];
const ADVANCE: [f32; 5] = [0.0, 0.0, 0.0, 1.0, 0.0];
const APPROACH: [f32; 5] = [0.0, 0.0, 0.0, 0.0, 1.0];
const PLAYERS: usize = 2 * TEAM;

/// The ball and the players on a pitch, by side and seat.
#[derive(Clone, Copy)]
struct Scene {
    ball: Body,
    players: [[Body; TEAM]; 2],
}

fn world_with(physics: ArenaPhysics, arenas: Range<u32>, weights: [f32; 5]) -> PooledWorld {
    let settings = WorldSettings {
        seed: Seed::new(3),
        world: 0,
        arenas,
        decision_interval: INTERVAL,
        agents: vec![AgentSettings {
            name: "Player".to_owned(),
            weights: weights.to_vec(),
            episode_limit: NonZeroU32::new(40),
            ..AgentSettings::default()
        }],
        parameters: Arc::default(),
        clock: stopped_clock,
    };
    let game = move |app: &mut App| {
        app.insert_resource(physics);
        game::soccer(app);
    };
    PooledWorld::build(&(Arc::new(game) as _), settings).expect("the game can be trained")
}

/// A pitch with a match that has begun, in this scene.
fn set(scene: Scene, weights: [f32; 5]) -> PooledWorld {
    let mut world = world_with(ArenaPhysics::PerArena, 0..1, weights);
    let put = |body: Body, (mut place, mut velocity): (Mut<Transform>, Mut<Velocity>)| {
        *place = Transform::from_xyz(body.place.x, 0.0, body.place.y);
        if body.ahead != Vec2::ZERO {
            place.look_to(Vec3::new(body.ahead.x, 0.0, body.ahead.y), Vec3::Y);
        }
        *velocity = Velocity::linear(Vec3::new(body.velocity.x, 0.0, body.velocity.y));
    };
    let ecs = world.world_mut();
    let mut balls = ecs.query_filtered::<(&mut Transform, &mut Velocity), With<Ball>>();
    put(scene.ball, balls.single_mut(ecs).expect("there is one ball"));
    let mut players = ecs.query::<(&Side, &Seat, (&mut Transform, &mut Velocity))>();
    for (side, seat, body) in players.iter_mut(ecs) {
        put(scene.players[*side as usize][seat.0], body);
    }
    let mut pitches = ecs.query::<&mut game::Pitch>();
    let mut pitch = pitches.single_mut(ecs).expect("there is one pitch");
    (pitch.ball, pitch.players) = (scene.ball, scene.players);
    world
}

fn at(place: Vec2, ahead: Vec2) -> Body {
    Body { place, ahead, velocity: Vec2::ZERO }
}

fn rolling(place: Vec2, velocity: Vec2) -> Body {
    Body { place, velocity, ahead: Vec2::ZERO }
}

/// A scene in which the players stand in the corners of their halves, out of the way.
fn scene(ball: Body) -> Scene {
    let corners = |side: Side| {
        let sign = side.sign();
        [-1.0, 1.0].map(|part| at(Vec2::new(-5.5, 3.4 * part) * sign, Vec2::X * sign))
    };
    Scene { ball, players: [corners(Side::Blue), corners(Side::Orange)] }
}

/// The scene after half a turn about the middle, in which the teams have changed places.
fn turned(scene: Scene) -> Scene {
    let turn = |body: Body| Body { place: -body.place, velocity: -body.velocity, ahead: -body.ahead };
    let [blue, orange] = scene.players.map(|team| team.map(turn));
    Scene { ball: turn(scene.ball), players: [orange, blue] }
}

/// The row of a player: those of a team are neighbours.
fn row(side: Side, seat: usize) -> usize {
    TEAM * side as usize + seat
}

/// A step in which the players of these rows do this, and the others stand.
fn step(world: &mut PooledWorld, actions: &[(usize, Move)]) {
    for player in 0..PLAYERS {
        let action = actions.iter().find(|(row, _)| *row == player).map_or_else(Move::default, |(_, action)| *action);
        action.write(&mut world.rows_mut(0).actions_mut()[3 * player..]);
    }
    world.step().expect("the game doesn't panic");
}

fn forward() -> Move {
    Move { run: Run::Forward, ..Move::default() }
}

fn places(world: &mut PooledWorld) -> Option<Vec<u8>> {
    let ecs = world.world_mut();
    let mut results = ecs.query_filtered::<&MatchResult, With<Arena>>();
    results.single(ecs).expect("there is one arena").places().map(<[u8]>::to_vec)
}

fn ball(world: &mut PooledWorld) -> (Vec2, Vec2) {
    let ecs = world.world_mut();
    let mut balls = ecs.query_filtered::<(&Transform, &Velocity), With<Ball>>();
    let (place, velocity) = balls.single(ecs).expect("there is one ball");
    (place.translation.xz(), velocity.linear.xz())
}

#[test]
fn a_goal_counts_for_the_team_that_plays_towards_it() {
    // In a step of 0.1 s, a ball of 6 m/s rolls from 0.2 m before the line to a ball's radius behind it, and further.
    let into_the_right = rolling(Vec2::new(HALF_PITCH.x - 0.2, HALF_GOAL / 2.0), Vec2::X * 6.0);
    let check = |scene: Scene, expected: [u8; 2], rewards: [f32; PLAYERS]| {
        let mut world = set(scene, GOALS);
        step(&mut world, &[]);
        assert_eq!(places(&mut world).as_deref(), Some(&expected[..]));
        assert_eq!(world.rows(0).rewards(), rewards, "each player gets what its team shares");
        assert_eq!(world.rows(0).outcomes(), [Outcome::Terminated; PLAYERS]);
    };
    check(scene(into_the_right), [1, 2], [1.0, 1.0, -1.0, -1.0]);
    check(turned(scene(into_the_right)), [2, 1], [-1.0, -1.0, 1.0, 1.0]);
}

#[test]
fn a_ball_beside_the_goal_bounces() {
    let mut world = set(scene(rolling(Vec2::new(HALF_PITCH.x - 0.5, 2.6), Vec2::X * 6.0)), GOALS);
    step(&mut world, &[]);
    let (place, velocity) = ball(&mut world);
    assert!(velocity.x < -3.0 && place.x < HALF_PITCH.x - BALL_RADIUS + 0.05, "at {place} with {velocity}");
    assert_eq!(places(&mut world), None);
    assert_eq!(world.rows(0).outcomes(), [Outcome::Running; PLAYERS]);
}

#[test]
fn a_ball_comes_back_from_a_corner() {
    for corner in [Vec2::ONE, Vec2::new(1.0, -1.0), Vec2::new(-1.0, 1.0), Vec2::NEG_ONE] {
        let mut scene = scene(rolling((HALF_PITCH - 1.0) * corner, corner * 4.0));
        scene.players = scene.players.map(|team| team.map(|player| at(player.place * 0.2, player.ahead)));
        let mut world = set(scene, GOALS);
        (0..2).for_each(|_| step(&mut world, &[]));
        let (place, velocity) = ball(&mut world);
        assert!((velocity * corner).max_element() < -1.0, "at {place} with {velocity}");
    }
}

#[test]
fn a_match_without_a_goal_is_a_draw_at_its_limit() {
    let mut world = set(scene(Body::default()), GOALS);
    (0..40).for_each(|_| step(&mut world, &[]));
    assert_eq!(world.rows(0).outcomes(), [Outcome::Truncated; PLAYERS]);
    assert_eq!(places(&mut world), None);
}

#[test]
fn a_player_that_runs_into_the_ball_kicks_it_to_where_it_looks() {
    let near = PLAYER_RADIUS + BALL_RADIUS + 0.01;
    let mut kicker = scene(Body::default());
    kicker.players[0][0] = at(Vec2::new(-near, 0.0), Vec2::X);
    let check = |scene: Scene, actions: &[(usize, Move)], expected: f32| {
        let mut world = set(scene, GOALS);
        step(&mut world, actions);
        let (_, velocity) = ball(&mut world);
        assert!((velocity - Vec2::X * expected).length() < 0.4, "{velocity}, not {expected}");
    };
    // It loses a twentieth of its speed in a tenth of a second.
    check(kicker, &[(row(Side::Blue, 0), forward())], 0.95 * KICK);
    check(kicker, &[], 0.0);
    check(kicker, &[(row(Side::Blue, 0), Move { run: Run::Backward, ..Move::default() })], 0.0);
    kicker.players[0][0].ahead = Vec2::Y;
    check(kicker, &[(row(Side::Blue, 0), forward())], 0.0);
    // Nobody comes last: two that kick against each other do nothing.
    kicker.players[0][0].ahead = Vec2::X;
    kicker.players[1][1] = at(Vec2::new(near, 0.0), Vec2::NEG_X);
    check(kicker, &[(row(Side::Blue, 0), forward()), (row(Side::Orange, 1), forward())], 0.0);
}

#[test]
fn players_stay_out_of_the_goals() {
    let mut runner = scene(Body::default());
    runner.players[0][0] = at(Vec2::new(5.0, 0.0), Vec2::X);
    let mut world = set(runner, GOALS);
    (0..20).for_each(|_| step(&mut world, &[(row(Side::Blue, 0), forward())]));
    let place = world.rows(0).observations()[0];
    assert!((place - (HALF_PITCH.x - PLAYER_RADIUS)).abs() < 0.05, "{place} m from the middle");
}

#[test]
fn the_ball_advances_for_one_team_as_it_goes_back_for_the_other() {
    let mut world = set(scene(rolling(Vec2::ZERO, Vec2::X)), ADVANCE);
    step(&mut world, &[]);
    let (place, _) = ball(&mut world);
    assert!(place.x > 0.09, "{place}");
    for (reward, sign) in world.rows(0).rewards().iter().zip([1.0, 1.0, -1.0, -1.0]) {
        assert!((reward - sign * place.x).abs() < 1e-6, "{:?}", world.rows(0).rewards());
    }
}

#[test]
fn a_player_is_paid_for_its_way_to_the_ball() {
    let mut runner = scene(Body::default());
    runner.players[1][0] = at(Vec2::new(4.0, 0.0), Vec2::NEG_X);
    let mut world = set(runner, APPROACH);
    step(&mut world, &[(row(Side::Orange, 0), forward())]);
    let rewards = world.rows(0).rewards();
    assert!(rewards[2] > 0.1 && rewards[2] < SPEED * 0.1, "{rewards:?}");
    assert_eq!([rewards[0], rewards[1], rewards[3]], [0.0; 3]);
}

/// Half a turn of everything, and the other team sees the same.
#[test]
fn both_teams_see_the_same_game() {
    let seed = Seed::new(8);
    for case in 0..20 {
        let draw = |index: u64, most: f32| (seed.derive(case).derive(index).uniform() * 2.0 - 1.0) * most;
        let place = |index: u64| Vec2::new(draw(index, 5.8), draw(index + 1, 3.2));
        let mut scene = scene(rolling(place(0), Vec2::new(draw(2, 3.0), draw(3, 3.0))));
        for (index, player) in scene.players.iter_mut().flatten().enumerate() {
            let index = 10 * (index as u64 + 1);
            *player = at(place(index), Vec2::from_angle(draw(index + 2, 3.1)));
        }
        let [mut world, mut other] = [scene, turned(scene)].map(|scene| set(scene, GOALS));
        step(&mut world, &[]);
        step(&mut other, &[]);
        let width = world.rows(0).observations().len() / PLAYERS;
        let seen = |world: &PooledWorld, row: usize| world.rows(0).observations()[row * width..][..width].to_vec();
        for (blue, orange) in [(0, 2), (1, 3), (2, 0), (3, 1)] {
            let (one, same) = (seen(&world, blue), seen(&other, orange));
            let worst = one.iter().zip(&same).map(|(one, same)| (one - same).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-3, "case {case}, rows {blue} and {orange}: {one:?}\nand {same:?}");
        }
    }
}

#[test]
fn players_start_in_their_own_half_and_apart() {
    let mut world = world_with(ArenaPhysics::PerArena, 0..100, GOALS);
    let ecs = world.world_mut();
    let mut pitches = ecs.query::<&game::Pitch>();
    for pitch in pitches.iter(ecs) {
        assert_eq!(pitch.ball.place.x, 0.0);
        for side in [Side::Blue, Side::Orange] {
            let [one, other] = pitch.players[side as usize];
            assert!(one.place.distance(other.place) > 2.0 * PLAYER_RADIUS);
            for player in [one, other] {
                assert!(player.place.x * side.sign() < -1.0, "{player:?}");
                assert!(player.ahead.x * side.sign() > 0.7, "{player:?} looks at the other goal");
            }
        }
    }
}

/// The observations, rewards and outcomes of an arena's players, by step.
type Trajectory = Vec<(Vec<f32>, Vec<f32>, Vec<Outcome>)>;

/// Returns the trajectory of an arena among others, with actions that depend on the step and the player alone.
fn trajectory(physics: ArenaPhysics, arenas: Range<u32>, arena: u32) -> Trajectory {
    let first = PLAYERS * (arena - arenas.start) as usize;
    let rows = first..first + PLAYERS;
    let mut world = world_with(physics, arenas, ADVANCE);
    let play = |step: u64| {
        for (player, action) in world.rows_mut(0).actions_mut().chunks_exact_mut(3).enumerate() {
            let seed = Seed::new(step).derive((player % PLAYERS) as u64);
            for (head, choice) in action.iter_mut().enumerate() {
                *choice = (seed.derive(head as u64).uniform() * 3.0).floor();
            }
        }
        world.step().expect("the game doesn't panic");
        let all = world.rows(0);
        let width = all.observations().len() / all.rewards().len();
        let observations = &all.observations()[rows.start * width..rows.end * width];
        (observations.to_vec(), all.rewards()[rows.clone()].to_vec(), all.outcomes()[rows.clone()].to_vec())
    };
    (0..100).map(play).collect()
}

#[test]
fn a_match_is_the_same_alone_and_among_many() {
    let alone = [0, 3, 5].map(|arena| {
        let alone = trajectory(ArenaPhysics::PerArena, arena..arena + 1, arena);
        assert!(alone == trajectory(ArenaPhysics::PerArena, 0..6, arena), "arena {arena}");
        alone
    });
    assert!(alone[0] != alone[1], "arenas differ");
}

#[test]
fn the_same_seed_gives_the_same_bits() {
    let [one, again] = [(); 2].map(|()| trajectory(ArenaPhysics::Shared { spacing: 20.0 }, 0..6, 2));
    assert!(one == again);
}
