//! The rules of `push_together`, and what its pushers observe.

use core::num::NonZeroU32;
use std::sync::Arc;

use bevy::prelude::*;
use bevy_ludus::agent::Action;
use bevy_ludus::spec::{Outcome, Seed, stopped_clock};
use bevy_ludus::worlds::{AgentSettings, PooledWorld, WorldSettings};

use crate::examples::push_together::floor::{
    CRATE_SPEED, Crate, EFFORTS, Floor, GOAL_LINE, HALF_FLOOR, PUSHER_RADIUS, PUSHERS, WALK_SPEED, draw_crates,
    half_side,
};
use crate::examples::push_together::senses::{CrateSight, PusherSight, SIGHT};
use crate::examples::push_together::{self as game, Walk};

/// [s]
const TICK: f32 = 1.0 / 30.0;
/// Far from all crates, in a corner.
const AWAY: Vec2 = Vec2::new(-5.5, 5.5);

/// A floor on which one crate is left, in the middle.
fn with_one_crate(index: usize) -> Floor {
    let mut floor = Floor { pushers: [AWAY; PUSHERS], ..Floor::default() };
    for (other, block) in floor.crates.iter_mut().enumerate() {
        block.is_delivered = other != index;
    }
    floor
}

/// The place of a pusher that touches a crate in the middle on a side, so far along that side.
fn touching(index: usize, side: Vec2, along: f32) -> Vec2 {
    side * (half_side(index) + PUSHER_RADIUS) + side.perp() * along
}

#[test]
fn a_crate_takes_as_many_pushers_as_its_effort() {
    for (index, effort) in EFFORTS.into_iter().enumerate() {
        for pushers in 0..=PUSHERS {
            let mut floor = with_one_crate(index);
            for number in 0..pushers {
                // Side by side, as close as they can be without a push of their own.
                floor.pushers[number] =
                    touching(index, Vec2::NEG_X, (number as f32 - 1.0) * 2.0 * PUSHER_RADIUS * 0.99);
                floor.walks[number] = Walk::East.direction();
            }
            let reached = (0..pushers).filter(|&number| floor.push_of(number, index) != Vec2::ZERO).count();
            floor.step(TICK);
            let expected = if reached >= usize::from(effort) { CRATE_SPEED * TICK } else { 0.0 };
            assert_eq!(floor.crates[index].place, Vec2::new(expected, 0.0), "crate {index}, {pushers} pushers");
            assert_eq!(floor.advance, expected * f32::from(effort));
        }
    }
    assert_eq!(EFFORTS, [1, 1, 2, 3], "there are crates for one, two and three");
}

#[test]
fn three_pushers_find_room_at_the_crate_that_takes_three() {
    let mut floor = with_one_crate(3);
    for number in 0..PUSHERS {
        floor.pushers[number] = touching(3, Vec2::NEG_X, (number as f32 - 1.0) * 2.0 * PUSHER_RADIUS);
        floor.walks[number] = Walk::East.direction();
    }
    for _ in 0..60 {
        floor.step(TICK);
    }
    let way = floor.crates[3].place.x;
    assert!((way - 60.0 * TICK * CRATE_SPEED).abs() < 1e-3, "they keep up with it: {way}");
}

#[test]
fn a_crate_is_pushed_from_every_side_and_not_pulled() {
    for side in [Vec2::X, Vec2::Y, Vec2::NEG_X, Vec2::NEG_Y] {
        for (walk, moves) in
            [(-side, true), ((side.perp() - side).normalize(), true), (side, false), (Vec2::ZERO, false)]
        {
            let mut floor = with_one_crate(0);
            (floor.pushers[0], floor.walks[0]) = (touching(0, side, 0.0), walk);
            floor.step(TICK);
            let expected = if moves { -side * CRATE_SPEED * TICK } else { Vec2::ZERO };
            assert_eq!(floor.crates[0].place, expected, "from {side}, walking {walk}");
        }
    }
}

#[test]
fn who_pushes_towards_the_goal_is_rewarded_though_the_crate_stands() {
    let mut floor = with_one_crate(3);
    floor.pushers[..2].copy_from_slice(&[touching(3, Vec2::NEG_X, 0.0), touching(3, Vec2::NEG_Y, 0.0)]);
    floor.walks = [Vec2::X, Vec2::Y, Vec2::ZERO];
    assert_eq!([0, 1, 2].map(|number| floor.pushes_towards_goal(number)), [true, false, false]);
    floor.walks = [Vec2::NEG_X, Vec2::Y, Vec2::ZERO];
    assert!(!floor.pushes_towards_goal(0), "it walks away");
    floor.walks[0] = Vec2::X;
    floor.crates[0] = Crate { place: Vec2::X * (half_side(3) + half_side(0) + 0.05), is_delivered: false };
    assert!(!floor.pushes_towards_goal(0), "another crate stops it");
}

#[test]
fn pushes_from_both_sides_cancel() {
    let mut floor = with_one_crate(0);
    floor.pushers = [touching(0, Vec2::X, 0.0), touching(0, Vec2::NEG_X, 0.0), AWAY];
    floor.walks = [Vec2::NEG_X, Vec2::X, Vec2::ZERO];
    floor.step(TICK);
    assert_eq!(floor.crates[0].place, Vec2::ZERO);
}

#[test]
fn a_crate_beyond_the_line_is_delivered_once_and_in_nobodys_way() {
    let mut floor = with_one_crate(2);
    floor.crates[2].place = Vec2::X * (GOAL_LINE - 0.01);
    for number in 0..2 {
        floor.pushers[number] = floor.crates[2].place + touching(2, Vec2::NEG_X, number as f32 - 0.5);
        floor.walks[number] = Vec2::X;
    }
    floor.step(TICK);
    assert_eq!((floor.crates[2].is_delivered, floor.delivered), (true, 2.0));
    let behind = floor.pushers[0].x;
    floor.step(TICK);
    assert_eq!((floor.delivered, floor.advance), (0.0, 0.0));
    assert!(floor.pushers[0].x > behind + 0.1, "the pusher walks over it");
    assert!((floor.seen_by(0).velocity - Vec2::X * WALK_SPEED).length() < 1e-3, "nothing stops it");
}

#[test]
fn crates_stop_at_each_other_and_leave_room_beside_walls() {
    let mut floor = with_one_crate(0);
    floor.crates[1] = Crate { place: Vec2::X * 1.01, is_delivered: false };
    (floor.pushers[0], floor.walks[0]) = (touching(0, Vec2::NEG_X, 0.0), Vec2::X);
    floor.step(TICK);
    assert_eq!(floor.crates[0].place, Vec2::ZERO, "it would overlap the other");

    let mut floor = with_one_crate(0);
    (floor.pushers[0], floor.walks[0]) = (touching(0, Vec2::NEG_Y, 0.0), Vec2::Y);
    for _ in 0..300 {
        floor.step(TICK);
    }
    let room = HALF_FLOOR - floor.crates[0].place.y - half_side(0);
    assert!(room > 2.0 * PUSHER_RADIUS, "a pusher gets behind it: {room}");
}

#[test]
fn crates_start_apart_and_within_reach() {
    let mut rng = Seed::new(4).generator();
    for _ in 0..200 {
        let crates = draw_crates(&mut rng);
        for (index, block) in crates.iter().enumerate() {
            let edge = block.place.y.abs() + half_side(index) + 2.0 * PUSHER_RADIUS;
            assert!(edge < HALF_FLOOR && block.place.x < GOAL_LINE && !block.is_delivered, "{block:?}");
        }
    }
}

fn world() -> PooledWorld {
    let settings = WorldSettings {
        seed: Seed::new(3),
        world: 0,
        arenas: 0..1,
        decision_interval: NonZeroU32::MIN,
        agents: vec![AgentSettings {
            name: "Pusher".to_owned(),
            weights: vec![1.0, 0.0, 0.0],
            episode_limit: NonZeroU32::new(40),
            ..AgentSettings::default()
        }],
        parameters: Arc::default(),
        clock: stopped_clock,
    };
    PooledWorld::build(&(Arc::new(game::push_together) as _), settings).expect("the game can be trained")
}

fn set(world: &mut PooledWorld, floor: Floor) {
    let ecs = world.world_mut();
    *ecs.query::<&mut Floor>().single_mut(ecs).expect("there is one floor") = floor;
}

#[test]
fn the_last_crate_ends_the_episode_of_all_as_a_success() {
    let mut world = world();
    let mut floor = with_one_crate(0);
    floor.crates[0].place = Vec2::X * (GOAL_LINE - 0.01);
    floor.pushers[0] = floor.crates[0].place + touching(0, Vec2::NEG_X, 0.0);
    set(&mut world, floor);
    Walk::East.write(&mut world.rows_mut(0).actions_mut()[..1]);
    world.step().expect("the game doesn't panic");
    assert_eq!(world.rows(0).rewards(), [1.0; PUSHERS], "a delivery counts once for each");
    assert_eq!(world.rows(0).outcomes(), [Outcome::Terminated; PUSHERS]);
    let ecs = world.world_mut();
    let verdicts: Vec<_> =
        ecs.query::<&bevy_ludus::agent::Episode>().iter(ecs).filter_map(bevy_ludus::agent::Episode::success).collect();
    assert!(verdicts.len() >= PUSHERS && verdicts.iter().all(|success| *success), "{verdicts:?}");
}

#[test]
fn a_pusher_sees_what_is_near_from_its_own_place() {
    let mut floor = with_one_crate(0);
    floor.crates[0].place = Vec2::new(1.0, 2.0);
    floor.pushers = [Vec2::new(-1.0, 1.0), Vec2::new(3.0, 1.0), Vec2::new(-1.0, 2.0)];
    let seen = floor.seen_by(0);
    assert_eq!(seen.place, Vec2::new(-1.0, 1.0));
    let places = seen.others.map(|other| (other.is_seen, other.place));
    assert_eq!(places, [(true, Vec2::new(0.0, 1.0)), (true, Vec2::new(4.0, 0.0))], "the nearer one first");
    assert_eq!((seen.crates[0].is_seen, seen.crates[0].place), (true, Vec2::new(2.0, 1.0)));
    assert_eq!(seen.crates[1], CrateSight::default(), "a crate that is delivered is not seen");
    floor.pushers[1] = floor.crates[0].place + touching(0, Vec2::NEG_X, 0.0);
    floor.walks[1] = Vec2::X;
    assert_eq!(floor.seen_by(0).crates[0].pushes, 1.0);
    floor.pushers[0] = floor.crates[0].place - Vec2::X * (SIGHT + 0.1);
    floor.pushers[1] = floor.crates[0].place;
    let seen = floor.seen_by(0);
    assert_eq!(seen.crates[0], CrateSight::default(), "it is too far away");
    assert_eq!(seen.others[1], PusherSight::default());
}
