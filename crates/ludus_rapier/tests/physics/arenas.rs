//! Arenas don't influence each other, and their restarts leave no trace of the last episode.

use crate::tray::{Moment, Start, Tray, fidget, play, world};
use bevy::ecs::schedule::{LogLevel, ScheduleBuildSettings, ScheduleLabel};
use bevy::prelude::*;
use bevy_rapier3d::prelude::*;
use ludus_agent::{Arena, InArena};
use ludus_rapier::ArenaPhysics;

const SHARED: ArenaPhysics = ArenaPhysics::Shared { spacing: 12.0 };

fn centres(physics: ArenaPhysics) -> Vec<Vec3> {
    let mut app = world(physics, Start::Drawn, 0..50);
    app.update();
    let mut arenas = app.world_mut().query_filtered::<&Transform, With<Arena>>();
    arenas.iter(app.world()).map(|arena| arena.translation).collect()
}

fn bits(story: &[Moment]) -> Vec<[u32; 13]> {
    story.iter().map(Moment::bits).collect()
}

#[test]
fn arenas_that_share_physics_stand_apart() {
    let centres = centres(SHARED);
    assert_eq!(centres.len(), 50);
    let distances =
        centres.iter().enumerate().flat_map(|(i, one)| centres[..i].iter().map(|other| one.distance(*other)));
    assert_eq!(distances.reduce(f32::min), Some(12.0));
}

#[test]
fn arenas_with_physics_of_their_own_stand_at_the_origin() {
    assert!(centres(ArenaPhysics::PerArena).iter().all(|centre| *centre == Vec3::ZERO));
}

#[test]
#[should_panic(expected = "need a spacing above 0 m, not 0")]
fn arenas_that_share_physics_need_room() {
    let _ = world(ArenaPhysics::Shared { spacing: 0.0 }, Start::Drawn, 0..1);
}

/// A constant tilt that differs between arenas.
fn lean(arena: u32, _episode: u32, _steps: u32) -> Vec2 {
    0.5 * Vec2::from_angle(arena as f32)
}

/// A fall, a landing and a roll down the tray. 36 m from the origin a position is rounded to 4 µm, which is 0.2 mm/s in
/// a tick, and every contact adds to it.
#[test]
fn what_is_sensed_does_not_depend_on_where_the_arena_stands() {
    let here = play(&mut world(ArenaPhysics::PerArena, Start::Drawn, 0..30), 10, lean);
    let there = play(&mut world(SHARED, Start::Drawn, 0..30), 10, lean);
    for (arena, story) in &here {
        for (here, there) in story.iter().zip(&there[arena]) {
            let pairs = here.senses.iter().zip(there.senses);
            assert!(
                pairs.clone().all(|(here, there)| (here - there).abs() < 0.01 * here.abs().max(1.0)),
                "arena {arena}: {here:?} is not {there:?}"
            );
        }
    }
}

#[test]
fn with_physics_of_its_own_an_arena_is_the_same_alone_as_among_others() {
    let together = play(&mut world(ArenaPhysics::PerArena, Start::Drawn, 0..6), 60, fidget);
    for arena in 0..6 {
        let alone = play(&mut world(ArenaPhysics::PerArena, Start::Drawn, arena..arena + 1), 60, fidget);
        assert_eq!(bits(&alone[&arena]), bits(&together[&arena]), "arena {arena}");
    }
}

#[test]
fn arenas_that_share_physics_are_the_same_in_every_run() {
    let run = || play(&mut world(SHARED, Start::Drawn, 0..20), 60, fidget);
    let (first, second) = (run(), run());
    for (arena, story) in &first {
        assert_eq!(bits(story), bits(&second[arena]), "arena {arena}");
    }
}

/// Ten steps that are the same in every episode, then ten that are not and end with the tray turned up to where the
/// next ball starts.
fn fidget_then_reach_up(arena: u32, episode: u32, steps: u32) -> Vec2 {
    match steps {
        0..10 => fidget(arena, 0, steps),
        10..16 => fidget(arena, episode, steps),
        _ => Vec2::new(-1.0, 1.0) * (0.6 + 0.1 * (episode % 5) as f32),
    }
}

fn an_episode_is_the_same_whatever_came_before(physics: ArenaPhysics) {
    let stories = play(&mut world(physics, Start::OverACorner, 0..4), 6 * 21, fidget_then_reach_up);
    for (arena, story) in stories {
        let beginning = |episode: u32| {
            let mut moments = story.clone();
            moments.retain(|moment| moment.episode == episode && moment.steps <= 10);
            bits(&moments)
        };
        for episode in 2..=6 {
            assert_eq!(beginning(episode).len(), 11);
            assert_eq!(beginning(episode), beginning(1), "arena {arena}, episode {episode}");
        }
    }
}

#[test]
fn an_episode_is_the_same_whatever_came_before_with_shared_physics() {
    an_episode_is_the_same_whatever_came_before(SHARED);
}

#[test]
fn an_episode_is_the_same_whatever_came_before_with_physics_of_its_own() {
    an_episode_is_the_same_whatever_came_before(ArenaPhysics::PerArena);
}

/// A body placed by the restart, and kept in place by the step that follows.
#[test]
fn a_tray_stands_where_the_restart_puts_it() {
    let mut app = world(SHARED, Start::OverACorner, 0..1);
    let story = &play(&mut app, 22, fidget_then_reach_up)[&0];
    assert_eq!((story[21].episode, story[21].steps), (2, 0), "a restart step");
    assert_eq!(story[21].senses[..4], [0.0, 0.0, 0.0, 1.0]);
}

#[test]
fn parts_of_a_member_get_into_its_arenas_physics() {
    let mut app = world(ArenaPhysics::PerArena, Start::Drawn, 0..2);
    app.update();
    let world = app.world_mut();
    let tray = world.query_filtered::<Entity, With<Tray>>().iter(world).last().unwrap();
    let home = world.get::<InArena>(tray).unwrap().0;
    let arm = world.spawn((Transform::default(), ChildOf(tray))).id();
    world.spawn((Collider::ball(0.1), Transform::from_xyz(3.0, 0.0, 0.0), ChildOf(arm)));
    world.spawn((Collider::ball(0.1), Transform::default()));
    app.update();
    let world = app.world_mut();
    let count = |context: &RapierContextColliders| context.colliders.len();
    assert_eq!(world.get(home).map(count), Some(3), "ball, tray and the tray's part");
    let mut default = world.query_filtered::<&RapierContextColliders, With<DefaultRapierContext>>();
    assert_eq!(count(default.single(world).unwrap()), 1, "what is in no arena");
}

#[test]
fn a_despawned_arena_takes_its_physics_along() {
    for physics in [SHARED, ArenaPhysics::PerArena] {
        let mut app = world(physics, Start::Drawn, 0..3);
        app.update();
        let gone = app.world_mut().query_filtered::<Entity, With<Arena>>().iter(app.world()).nth(1).unwrap();
        app.world_mut().despawn(gone);
        play(&mut app, 3, fidget);
        let mut contexts = app.world_mut().query::<&RapierRigidBodySet>();
        let bodies: usize = contexts.iter(app.world()).map(|context| context.bodies.len()).sum();
        assert_eq!(bodies, 4, "{physics:?}");
    }
}

/// Ten ticks of free fall from rest. v = g·n·dt, whatever the timestep.
#[test]
fn physics_advances_by_the_fixed_timestep() {
    for hertz in [50.0, 120.0] {
        let mut app = world(SHARED, Start::Drawn, 0..1);
        app.insert_resource(Time::<Fixed>::from_hz(hertz));
        let story = &play(&mut app, 2, |_, _, _| Vec2::ZERO)[&0];
        let speed = -story[1].senses[8];
        assert!((speed - 9.81 * 10.0 / hertz as f32).abs() < 1e-4, "{speed} m/s at {hertz} Hz");
    }
}

#[test]
fn the_order_of_systems_leaves_nothing_to_chance() {
    let mut app = world(SHARED, Start::Drawn, 0..1);
    let strict = ScheduleBuildSettings { ambiguity_detection: LogLevel::Error, ..default() };
    for label in [FixedFirst.intern(), FixedPostUpdate.intern()] {
        app.world_mut().schedule_scope(label, |world, schedule| {
            schedule.set_build_settings(strict.clone());
            schedule.initialize(world).expect("no ambiguity");
        });
    }
}
