//! What a proximity sensor finds: known things in small worlds.

use core::f32::consts::FRAC_PI_2;

use bevy::ecs::entity_disabling::Disabled;
use bevy::ecs::system::RunSystemOnce;
use bevy::prelude::*;
use bevy_rapier3d::prelude::*;
use ludus_agent::{
    Action, Agent, AgentAppExt, AgentRows, Arena, Episode, FaultPlace, InArena, Observation, Reward, SenseAgents,
    SensorSketches, SetOf,
};
use ludus_rapier::{ArenaPhysics, ProximityQuery, ProximitySensor, SensorError};

use crate::built::{Build, finished, unfinished};

const SHARED: ArenaPhysics = ArenaPhysics::Shared { spacing: 6.0 };
const RADIUS: f32 = 5.0;
const CAPACITY: usize = 4;

/// A thing that is looked for.
#[derive(Component)]
struct Apple(f32);

#[derive(Component, Agent, Default)]
#[agent(observation = Sight, action = Rest, reward = Nothing)]
struct Picker;

#[derive(Component, Observation, Default)]
struct Sight {
    apples: SetOf<SeenApple, CAPACITY>,
}

#[derive(Observation, Clone, Copy, Debug, PartialEq)]
struct SeenApple {
    position: Vec3,
    distance: f32,
    size: f32,
}

#[derive(Component, Action, Default)]
struct Rest {
    #[action(continuous)]
    rest: f32,
}

#[derive(Component, Reward, Default)]
struct Nothing {
    nothing: f32,
}

type Apples = With<Apple>;
type Pickers<'w, 's> = Query<'w, 's, (Entity, &'static ProximitySensor<Apples>, &'static mut Sight)>;

fn look(mut near: ProximityQuery<&Apple, Apples>, mut pickers: Pickers) -> Result {
    for (agent, sensor, mut sight) in &mut pickers {
        near.fill(agent, sensor, &mut sight.apples, |near, &Apple(size)| SeenApple {
            position: near.position,
            distance: near.distance,
            size,
        })?;
    }
    Ok(())
}

/// Returns an agent that looks for apples around it.
fn picker() -> (Picker, ProximitySensor<Apples>) {
    (Picker, ProximitySensor::new(RADIUS))
}

/// Returns an apple with a radius of 0.5 m. Its size tells it from others.
fn apple(place: Vec3, size: f32) -> (Apple, RigidBody, Collider, Transform) {
    (Apple(size), RigidBody::Fixed, Collider::ball(0.5), Transform::from_translation(place))
}

fn world(physics: ArenaPhysics, arenas: u32, build: Build) -> App {
    let mut app = unfinished(physics, arenas, build);
    app.add_agent::<Picker>();
    app.add_systems(SenseAgents, look);
    finished(app)
}

/// Returns what the agents have found after some ticks, in the order of their arenas.
fn seen_after(ticks: u32, app: &mut App) -> Vec<Vec<SeenApple>> {
    (0..ticks).for_each(|_| app.update());
    let mut agents = app.world_mut().query::<(&Sight, Option<&InArena>)>();
    let home = |home: Option<&InArena>| home.and_then(|home| app.world().get::<Arena>(home.0)).map(|arena| arena.index);
    let mut seen: Vec<_> = agents.iter(app.world()).map(|(sight, in_arena)| (home(in_arena), sight)).collect();
    seen.sort_by_key(|(arena, _)| *arena);
    seen.into_iter().map(|(_, sight)| sight.apples.elements().to_vec()).collect()
}

fn sizes(seen: &[SeenApple]) -> Vec<f32> {
    seen.iter().map(|apple| apple.size).collect()
}

/// Checks what the agent of the only arena finds in the world that `build` builds around it.
#[track_caller]
fn check(build: fn(&mut Commands, Entity, &Arena, Transform), expected: &[f32]) {
    assert_eq!(sizes(&seen_after(2, &mut world(SHARED, 1, build))[0]), expected);
}

#[test]
fn what_touches_the_sphere_is_found_nearest_first() {
    let mut app = world(SHARED, 1, |commands, arena, _, centre| {
        commands.spawn((picker(), centre, InArena(arena)));
        // Their surfaces are 3.5, 1.5, 4.9 and 5.1 m away.
        for (size, distance) in [(1.0, 4.0), (2.0, 2.0), (3.0, 5.4), (4.0, 5.6)] {
            commands.spawn((apple(Vec3::NEG_Z * distance, size), InArena(arena)));
        }
        // No apples, though nearer.
        commands.spawn((RigidBody::Fixed, Collider::ball(0.5), Transform::from_xyz(1.0, 0.0, 0.0), InArena(arena)));
    });
    let seen = &seen_after(2, &mut app)[0];
    assert_eq!(sizes(seen), [2.0, 1.0, 3.0]);
    for (apple, distance) in seen.iter().zip([1.5, 3.5, 4.9]) {
        assert!((apple.distance - distance).abs() < 1e-5, "{apple:?} is not {distance} m away");
    }
}

#[test]
fn positions_are_in_the_space_of_the_sensor() {
    let mut app = world(SHARED, 1, |commands, arena, _, centre| {
        let sensor = ProximitySensor::<Apples> { offset: Vec3::Y, ..ProximitySensor::new(RADIUS) };
        // Turned to the left, so that what is at -X is in front.
        let place = centre * Transform::from_rotation(Quat::from_rotation_y(FRAC_PI_2));
        commands.spawn((Picker, sensor, place, InArena(arena)));
        commands.spawn((apple(Vec3::new(-3.0, 1.0, 0.0), 1.0), InArena(arena)));
    });
    let seen = &seen_after(2, &mut app)[0];
    assert!(seen[0].position.abs_diff_eq(Vec3::new(0.0, 0.0, -3.0), 1e-5), "{seen:?}");
    assert!((seen[0].distance - 2.5).abs() < 1e-5, "{seen:?}");
}

#[test]
fn an_agent_does_not_find_itself() {
    check(
        |commands, arena, _, centre| {
            let hat = (Apple(1.0), Collider::ball(0.2), Transform::from_xyz(0.0, 1.0, 0.0));
            let body = (Apple(2.0), RigidBody::KinematicPositionBased, Collider::ball(0.5), centre);
            commands.spawn((picker(), body, InArena(arena), children![hat]));
            commands.spawn((apple(Vec3::X * 2.0, 3.0), InArena(arena)));
        },
        &[3.0],
    );
}

/// An entity with an `Episode` is an agent. The sensor is on a head, and a collider is on another child.
#[test]
fn a_sensor_on_a_child_finds_no_part_of_its_agent() {
    let mut app = world(SHARED, 1, |commands, arena, _, centre| {
        let head = (Sight::default(), ProximitySensor::<Apples>::new(RADIUS), Transform::default());
        let hand = (Apple(1.0), Collider::ball(0.2), Transform::from_xyz(1.0, 0.0, 0.0));
        commands.spawn((Episode::default(), centre, InArena(arena), children![head, hand]));
        commands.spawn((apple(Vec3::X * 3.0, 2.0), InArena(arena)));
    });
    assert_eq!(sizes(&seen_after(2, &mut app)[0]), [2.0]);
}

/// The filter is passed by the body, and the colliders are two of its children.
#[test]
fn a_thing_of_several_colliders_is_found_once_by_the_nearest() {
    let mut app = world(SHARED, 1, |commands, arena, _, centre| {
        commands.spawn((picker(), centre, InArena(arena)));
        let part = |x: f32| (Collider::ball(0.5), Transform::from_xyz(x, 0.0, 0.0));
        let thing = (Apple(1.0), RigidBody::Fixed, Transform::from_xyz(3.0, 0.0, 0.0));
        commands.spawn((thing, InArena(arena), children![part(1.0), part(-1.0)]));
    });
    let seen = &seen_after(2, &mut app)[0];
    assert_eq!(sizes(seen), [1.0]);
    assert!((seen[0].distance - 1.5).abs() < 1e-5 && (seen[0].position.x - 3.0).abs() < 1e-5, "{seen:?}");
}

#[test]
fn a_sensor_finds_what_its_groups_let_it() {
    check(
        |commands, arena, _, centre| {
            let groups = CollisionGroups::new(Group::GROUP_1, Group::GROUP_2);
            let sensor = ProximitySensor::<Apples> { groups, ..ProximitySensor::new(RADIUS) };
            commands.spawn((Picker, sensor, centre, InArena(arena)));
            let layer = |group| CollisionGroups::new(group, Group::ALL);
            commands.spawn((apple(Vec3::X * 2.0, 1.0), layer(Group::GROUP_2), InArena(arena)));
            commands.spawn((apple(Vec3::X * 3.0, 2.0), layer(Group::GROUP_3), InArena(arena)));
            commands.spawn((apple(Vec3::X * 4.0, 3.0), layer(Group::GROUP_2), Sensor, InArena(arena)));
        },
        &[1.0, 3.0],
    );
    check(
        |commands, arena, _, centre| {
            let excluded = QueryFilterFlags::EXCLUDE_SENSORS;
            let sensor = ProximitySensor::<Apples> { excluded, ..ProximitySensor::new(RADIUS) };
            commands.spawn((Picker, sensor, centre, InArena(arena)));
            commands.spawn((apple(Vec3::X * 2.0, 1.0), Sensor, InArena(arena)));
            commands.spawn((apple(Vec3::X * 3.0, 2.0), InArena(arena)));
        },
        &[2.0],
    );
}

fn apples_by_arena(commands: &mut Commands, arena: Entity, Arena { index }: &Arena, centre: Transform) {
    commands.spawn((picker(), centre, InArena(arena)));
    for place in [Vec3::X, Vec3::Z].into_iter().take(*index as usize) {
        commands.spawn((apple(centre.translation + 2.0 * place, *index as f32), InArena(arena)));
    }
}

/// The arenas are 6 m apart, so the apples of one are within the radius of others.
#[test]
fn nothing_of_another_arena_is_found() {
    for physics in [SHARED, ArenaPhysics::PerArena] {
        let seen = seen_after(2, &mut world(physics, 3, apples_by_arena));
        let seen: Vec<_> = seen.iter().map(|seen| sizes(seen)).collect();
        assert_eq!(seen, [vec![], vec![1.0], vec![2.0, 2.0]], "{physics:?}");
    }
}

/// Four apples at one distance, spawned in this order.
fn ring<const ORDER: u32>(commands: &mut Commands, arena: Entity, _: &Arena, centre: Transform) {
    const PLACES: [Vec3; 4] = [Vec3::X, Vec3::NEG_X, Vec3::Z, Vec3::NEG_Z];
    commands.spawn((picker(), centre, InArena(arena)));
    for digit in [ORDER / 1000, ORDER / 100 % 10, ORDER / 10 % 10, ORDER % 10] {
        commands.spawn((apple(2.0 * PLACES[digit as usize], digit as f32), InArena(arena)));
    }
}

#[test]
fn things_at_one_distance_are_in_the_order_of_their_positions() {
    for order in [ring::<123>, ring::<3102>, ring::<2310>] {
        check(order, &[1.0, 3.0, 2.0, 0.0]);
    }
}

#[test]
fn things_at_one_place_are_in_the_order_in_which_they_were_added() {
    check(
        |commands, arena, _, centre| {
            commands.spawn((picker(), centre, InArena(arena)));
            for size in [3.0, 1.0, 2.0] {
                commands.spawn((apple(2.0 * Vec3::X, size), InArena(arena)));
            }
        },
        &[3.0, 1.0, 2.0],
    );
}

/// Physics moves a body by 0.1 m in each tick; what is seen is where it is after the step.
#[test]
fn things_are_where_physics_has_brought_them_and_go_with_their_entities() {
    let mut app = world(SHARED, 1, |commands, arena, _, centre| {
        commands.spawn((picker(), centre, InArena(arena)));
        let flight = (RigidBody::Dynamic, GravityScale(0.0), Velocity::linear(6.4 * Vec3::X));
        let (apple, _, collider, place) = apple(2.0 * Vec3::X, 1.0);
        commands.spawn((apple, collider, place, flight, InArena(arena)));
    });
    let seen = &seen_after(4, &mut app)[0];
    assert!((seen[0].position.x - 2.4).abs() < 1e-4, "{seen:?}");
    let thing = app.world_mut().query_filtered::<Entity, Apples>().single(app.world()).unwrap();
    app.world_mut().entity_mut(thing).insert(Disabled);
    assert!(seen_after(1, &mut app)[0].is_empty(), "the filter is that of a query, which `Disabled` hides from");
    app.world_mut().entity_mut(thing).remove::<Disabled>();
    assert_eq!(seen_after(1, &mut app)[0].len(), 1);
    app.world_mut().despawn(thing);
    assert!(seen_after(1, &mut app)[0].is_empty());
}

#[test]
fn more_than_fits_keeps_the_nearest_and_is_reported_once() {
    let mut app = world(SHARED, 2, |commands, arena, _, centre| {
        commands.spawn((picker(), centre, InArena(arena)));
        for size in [5.0, 2.0, 4.0, 1.0, 3.0] {
            let place = centre.translation + Vec3::Y * size * 0.6;
            commands.spawn((apple(place, size), InArena(arena)));
        }
    });
    assert_eq!(sizes(&seen_after(3, &mut app)[1]), [1.0, 2.0, 3.0, 4.0]);
    let faults: Vec<_> = app.world_mut().resource_mut::<AgentRows<Picker>>().drain_faults().collect();
    let count = (CAPACITY * SeenApple::WIDTH) as u32;
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!(faults[0].place, FaultPlace::Set(count));
    let spec = app.world().resource::<AgentRows<Picker>>().spec().clone();
    assert_eq!((&*spec.name, spec.observation_name(count as usize).as_deref()), ("Picker", Some("apples.count")));
}

#[test]
fn what_cannot_measure_says_why_and_finds_nothing() {
    let mut app = world(SHARED, 0, |_, _, _, _| {});
    let nowhere = app.world_mut().spawn_empty().id();
    let astray = app.world_mut().spawn((Transform::default(), RapierContextEntityLink(nowhere))).id();
    let find = move |mut near: ProximityQuery<&Apple, Apples>| {
        [nowhere, astray].map(|agent| {
            let mut set = SetOf::<f32, 2>::default();
            set.fill([1.0]);
            let result = near.fill(agent, &ProximitySensor::new(1.0), &mut set, |_, apple| apple.0);
            assert!(set.elements().is_empty());
            result
        })
    };
    let found = app.world_mut().run_system_once(find).unwrap();
    assert_eq!(found, [Err(SensorError::NoTransform(nowhere)), Err(SensorError::NoContext(astray))]);
}

#[test]
fn what_is_found_can_be_drawn_as_lines_in_the_world() {
    let mut app = world(SHARED, 1, |commands, arena, _, centre| {
        commands.spawn((picker(), centre, InArena(arena)));
        commands.spawn((apple(3.0 * Vec3::X, 1.0), InArena(arena)));
        commands.spawn((apple(9.0 * Vec3::X, 2.0), InArena(arena)));
    });
    seen_after(2, &mut app);
    let agent = app.world_mut().query_filtered::<Entity, With<Picker>>().single(app.world()).unwrap();
    let lines = SensorSketches::draw(app.world_mut(), agent);
    assert_eq!(lines.len(), 1);
    assert!(lines[0].is_hit && lines[0].to.abs_diff_eq(3.0 * Vec3::X, 1e-4), "{:?}", lines[0]);
}
