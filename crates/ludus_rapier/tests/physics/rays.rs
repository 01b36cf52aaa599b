//! Readings of rays: known distances in small worlds.

use core::f32::consts::{FRAC_PI_2, TAU};

use bevy::ecs::entity_disabling::Disabled;
use bevy::ecs::system::RunSystemOnce;
use bevy::prelude::*;
use bevy_rapier3d::prelude::*;
use ludus_agent::{Arena, Episode, InArena, SenseAgents, SensorSketches};
use ludus_rapier::{ArenaPhysics, RayCaster, RaySensor, Rays, SensorError};

use crate::built::{Build, finished, unfinished};

const SHARED: ArenaPhysics = ArenaPhysics::Shared { spacing: 6.0 };
const LENGTH: f32 = 10.0;
const MISS: f32 = 1.0;

/// The last readings of the agent's rays.
#[derive(Component, Default)]
struct Eyes(Rays<4>);

fn look(caster: RayCaster, mut agents: Query<(Entity, &RaySensor<4>, &mut Eyes)>) -> Result {
    for (agent, sensor, mut eyes) in &mut agents {
        eyes.0 = caster.cast(agent, sensor)?;
    }
    Ok(())
}

/// Returns rays backward, left, forward and right, in this order.
fn four_rays() -> (RaySensor<4>, Eyes) {
    (RaySensor::fan(TAU, LENGTH), Eyes::default())
}

/// Returns a wall 1 m thick and wide whose face towards the origin is this far away.
fn wall(direction: Dir3, distance: f32) -> (RigidBody, Collider, Transform) {
    let centre = Transform::from_translation(direction * (distance + 0.5));
    (RigidBody::Fixed, Collider::cuboid(0.5, 0.5, 0.5), centre)
}

fn world(physics: ArenaPhysics, arenas: u32, build: Build) -> App {
    let mut app = unfinished(physics, arenas, build);
    app.add_systems(SenseAgents, look);
    finished(app)
}

/// Returns the agents' readings after some ticks, in the order of their arenas.
fn seen_after(ticks: u32, mut app: App) -> Vec<Rays<4>> {
    (0..ticks).for_each(|_| app.update());
    let mut agents = app.world_mut().query::<(&Eyes, Option<&InArena>)>();
    let home = |home: Option<&InArena>| home.and_then(|home| app.world().get::<Arena>(home.0)).map(|arena| arena.index);
    let mut seen: Vec<_> = agents.iter(app.world()).map(|(eyes, in_arena)| (home(in_arena), eyes.0)).collect();
    seen.sort_by_key(|(arena, _)| *arena);
    seen.into_iter().map(|(_, rays)| rays).collect()
}

#[track_caller]
fn check(seen: Rays<4>, distances: [f32; 4]) {
    assert_eq!(seen.hits, distances.map(|distance| distance < MISS));
    assert!(seen.distances.iter().zip(distances).all(|(a, b)| (a - b).abs() < 1e-5), "{seen:?} is not {distances:?}");
}

#[test]
fn a_ray_reads_the_share_of_its_length() {
    let app = world(SHARED, 1, |commands, _, _, _| {
        commands.spawn((four_rays(), Transform::default()));
        commands.spawn(wall(Dir3::NEG_Z, 3.0));
        commands.spawn(wall(Dir3::X, 9.5));
        commands.spawn(wall(Dir3::Z, 10.5));
    });
    check(seen_after(1, app)[0], [MISS, MISS, 0.3, 0.95]);
}

#[test]
fn rays_turn_with_the_agent_and_start_at_their_offset() {
    let app = world(SHARED, 1, |commands, _, _, _| {
        let (mut sensor, eyes) = four_rays();
        sensor.offset = Vec3::NEG_Z;
        commands.spawn((sensor, eyes, Transform::from_rotation(Quat::from_rotation_y(FRAC_PI_2))));
        commands.spawn(wall(Dir3::NEG_X, 3.0));
    });
    check(seen_after(1, app)[0], [MISS, MISS, 0.2, MISS]);
}

#[test]
fn a_ray_does_not_see_the_agent_it_starts_from() {
    let app = world(SHARED, 1, |commands, _, _, _| {
        let body = (RigidBody::KinematicPositionBased, Collider::ball(0.5), Transform::default());
        let hat = (Collider::cuboid(0.5, 0.5, 0.5), Transform::from_xyz(0.0, 0.0, -1.0));
        commands.spawn((four_rays(), body, children![hat]));
        commands.spawn(wall(Dir3::NEG_Z, 3.0));
    });
    check(seen_after(1, app)[0], [MISS, MISS, 0.3, MISS]);
}

#[test]
fn eyes_on_a_child_do_not_see_the_body_they_belong_to() {
    let app = world(SHARED, 1, |commands, _, _, _| {
        let head = (four_rays(), Transform::from_xyz(0.0, 0.0, -1.0));
        commands.spawn((RigidBody::Fixed, Collider::ball(2.0), Transform::default(), children![head]));
        commands.spawn(wall(Dir3::NEG_Z, 4.0));
    });
    check(seen_after(1, app)[0], [MISS, MISS, 0.3, MISS]);
}

/// An agent that its game moves by its `Transform`: physics has a hit box of it, and no body.
#[test]
fn a_ray_does_not_see_the_hit_boxes_of_an_agent_without_a_body() {
    let app = world(SHARED, 1, |commands, _, _, _| {
        let arm = (Transform::from_xyz(0.0, 0.0, -1.0), children![(Collider::ball(0.2), Transform::default())]);
        let hit_box = (Collider::ball(0.5), Transform::default());
        commands.spawn((four_rays(), Transform::default(), children![hit_box, arm]));
        commands.spawn(wall(Dir3::NEG_Z, 3.0));
    });
    check(seen_after(1, app)[0], [MISS, MISS, 0.3, MISS]);
}

/// The same with legs that are bodies of their own.
#[test]
fn a_ray_does_not_see_bodies_on_children_of_its_agent() {
    let app = world(SHARED, 1, |commands, _, _, _| {
        let leg = (RigidBody::Fixed, Collider::ball(0.5), Transform::from_xyz(0.0, 0.0, -1.0));
        commands.spawn((four_rays(), Transform::default(), children![leg]));
        commands.spawn(wall(Dir3::NEG_Z, 3.0));
    });
    check(seen_after(1, app)[0], [MISS, MISS, 0.3, MISS]);
}

/// An entity with an `Episode` is an agent. The eyes are on a head, and the hit box is on another child.
#[test]
fn eyes_on_a_child_see_no_collider_of_their_agent() {
    let app = world(SHARED, 1, |commands, _, _, _| {
        let head = (four_rays(), Transform::default());
        let hit_box = (Collider::ball(0.5), Transform::default());
        commands.spawn((Episode::default(), Transform::default(), children![head, hit_box]));
        commands.spawn(wall(Dir3::NEG_Z, 3.0));
    });
    check(seen_after(1, app)[0], [MISS, MISS, 0.3, MISS]);
}

/// Physics also simulates entities that are `Disabled` for Bevy. The wall stands in arena 0, between the two agents.
#[test]
fn a_disabled_wall_is_seen_in_its_own_arena_only() {
    let mut app = world(SHARED, 2, |commands, arena, Arena { index }, centre| {
        commands.spawn((four_rays(), centre, InArena(arena)));
        if *index == 0 {
            let (body, collider, place) = wall(Dir3::Z, 2.0);
            commands.spawn((body, collider, centre * place, InArena(arena)));
        }
    });
    app.update();
    let mut walls = app.world_mut().query_filtered::<Entity, With<RigidBody>>();
    let wall = walls.single(app.world()).unwrap();
    app.world_mut().entity_mut(wall).insert(Disabled);
    let seen = seen_after(2, app);
    check(seen[0], [0.2, MISS, MISS, MISS]);
    check(seen[1], [MISS; 4]);
}

/// As in a prefab. With physics of their own, the rays of each arena hit its own wall.
#[test]
fn what_was_disabled_when_it_was_spawned_is_in_its_arenas_physics_once_it_is_enabled() {
    let mut app = world(ArenaPhysics::PerArena, 2, |commands, arena, Arena { index }, centre| {
        commands.spawn((four_rays(), centre, InArena(arena)));
        let distance = 3.0 + *index as f32;
        let (body, collider, place) = wall(Dir3::NEG_Z, distance);
        commands.spawn((Disabled, body, collider, place, InArena(arena)));
    });
    app.update();
    let mut walls = app.world_mut().query_filtered::<Entity, (With<RigidBody>, With<Disabled>)>();
    let walls: Vec<_> = walls.iter(app.world()).collect();
    for wall in walls {
        let mut wall = app.world_mut().entity_mut(wall);
        wall.remove::<Disabled>();
        // Bevy propagates a transform that changes while its entity is not disabled.
        wall.get_mut::<Transform>().expect("a wall has a place").set_changed();
    }
    let seen = seen_after(2, app);
    check(seen[0], [MISS, MISS, 0.3, MISS]);
    check(seen[1], [MISS, MISS, 0.4, MISS]);
}

#[test]
fn rays_see_what_their_groups_let_them() {
    let app = world(SHARED, 1, |commands, _, _, _| {
        let (mut sensor, eyes) = four_rays();
        sensor.groups = CollisionGroups::new(Group::GROUP_1, Group::GROUP_2);
        commands.spawn((sensor, eyes, Transform::default()));
        commands.spawn((wall(Dir3::NEG_Z, 3.0), CollisionGroups::new(Group::GROUP_2, Group::ALL)));
        commands.spawn((wall(Dir3::X, 3.0), CollisionGroups::new(Group::GROUP_3, Group::ALL)));
        commands.spawn((wall(Dir3::Z, 3.0), CollisionGroups::new(Group::GROUP_2, Group::ALL), Sensor));
    });
    check(seen_after(1, app)[0], [MISS, MISS, 0.3, MISS]);
}

/// At 6.4 m/s and 64 ticks a second; seen after the step that moved it, not before.
#[test]
fn rays_see_where_physics_has_brought_things() {
    let app = world(SHARED, 1, |commands, _, _, _| {
        commands.spawn((four_rays(), Transform::default()));
        let (_, collider, place) = wall(Dir3::NEG_Z, 3.0);
        let flight = (GravityScale(0.0), Velocity::linear(6.4 * Vec3::NEG_Z));
        commands.spawn((RigidBody::Dynamic, collider, place, flight));
    });
    check(seen_after(4, app)[0], [MISS, MISS, 0.34, MISS]);
}

/// Arena 0 has a wall in front, 1 on the left, 2 none; all at the same place.
#[test]
fn with_physics_of_their_own_arenas_do_not_see_each_other() {
    let seen = seen_after(2, world(ArenaPhysics::PerArena, 3, walls_by_arena));
    check(seen[0], [MISS, MISS, 0.3, MISS]);
    check(seen[1], [MISS, 0.3, MISS, MISS]);
    check(seen[2], [MISS; 4]);
}

/// The same, 6 m apart, with rays of 10 m.
#[test]
fn with_shared_physics_arenas_do_not_see_each_other() {
    let seen = seen_after(2, world(SHARED, 3, walls_by_arena));
    check(seen[0], [MISS, MISS, 0.3, MISS]);
    check(seen[1], [MISS, 0.3, MISS, MISS]);
    check(seen[2], [MISS; 4]);
}

fn walls_by_arena(commands: &mut Commands, arena: Entity, Arena { index }: &Arena, centre: Transform) {
    commands.spawn((four_rays(), centre, InArena(arena)));
    let side = [Some(Dir3::NEG_Z), Some(Dir3::NEG_X), None][*index as usize];
    if let Some((body, collider, place)) = side.map(|side| wall(side, 3.0)) {
        commands.spawn((body, collider, centre * place, InArena(arena)));
    }
}

#[test]
fn what_is_in_no_arena_is_seen_from_all_that_share_physics() {
    let seen = seen_after(
        2,
        world(SHARED, 2, |commands, arena, Arena { index }, centre| {
            commands.spawn((four_rays(), centre, InArena(arena)));
            if *index == 0 {
                commands.spawn(wall(Dir3::NEG_X, 4.0));
            }
        }),
    );
    check(seen[0], [MISS, 0.4, MISS, MISS]);
}

#[test]
fn what_cannot_cast_says_why() {
    let mut app = world(SHARED, 0, |_, _, _, _| {});
    let nowhere = app.world_mut().spawn_empty().id();
    let astray = app.world_mut().spawn((Transform::default(), RapierContextEntityLink(nowhere))).id();
    let cast = move |caster: RayCaster| [nowhere, astray].map(|agent| caster.cast(agent, &four_rays().0));
    let seen = app.world_mut().run_system_once(cast).unwrap();
    assert_eq!(seen, [Err(SensorError::NoTransform(nowhere)), Err(SensorError::NoContext(astray))]);
}

/// The wall in front is 3 m away; nothing else is there.
#[test]
fn rays_can_be_drawn_as_lines_in_the_world() {
    let mut app = world(SHARED, 1, |commands, arena, _, centre| {
        commands.spawn((four_rays(), centre, InArena(arena)));
        commands.spawn((wall(Dir3::NEG_Z, 3.0), InArena(arena)));
    });
    (0..2).for_each(|_| app.update());
    let agent = app.world_mut().query_filtered::<Entity, With<Eyes>>().single(app.world()).unwrap();
    let lines = SensorSketches::draw(app.world_mut(), agent);
    let hits: Vec<_> = lines.iter().map(|line| line.is_hit).collect();
    assert_eq!(hits, [false, false, true, false]);
    assert!(lines[2].to.abs_diff_eq(Vec3::new(0.0, 0.0, -3.0), 1e-4), "{:?}", lines[2]);
    assert!(lines[0].to.abs_diff_eq(Vec3::new(0.0, 0.0, LENGTH), 1e-4), "{:?}", lines[0]);
    assert!(SensorSketches::draw(app.world_mut(), Entity::PLACEHOLDER).is_empty(), "what has no sensor has no lines");
}
