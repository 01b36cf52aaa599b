//! Casting rays does not allocate, and finding what is near allocates once.
#![expect(unsafe_code, reason = "an allocator that counts is an unsafe trait")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use bevy::ecs::system::RunSystemOnce;
use bevy::prelude::*;
use bevy::time::{TimePlugin, TimeUpdateStrategy};
use bevy_rapier3d::prelude::*;
use ludus_agent::{AgentPlugin, Arena, InArena, SetOf};
use ludus_rapier::{ArenaPhysicsPlugin, ProximityQuery, ProximitySensor, RayCaster, RaySensor};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

// SAFETY: passes everything on to the system's allocator, unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promises are those that the system's allocator needs.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: as above; `place` came from the same allocator.
        unsafe { System.dealloc(place, layout) }
    }
}

/// A grid of 100 balls with sensors, 3 m apart.
fn grid() -> App {
    let mut app = App::new();
    app.add_plugins((TaskPoolPlugin::default(), TimePlugin, TransformPlugin, AgentPlugin));
    app.add_plugins(ArenaPhysicsPlugin::shared(10.0)).insert_resource(TimeUpdateStrategy::FixedTimesteps(1));
    app.add_observer(|on: On<Add, Arena>, mut commands: Commands| {
        for index in 0..100 {
            let place = Transform::from_xyz((index % 10) as f32 * 3.0, 0.0, (index / 10) as f32 * 3.0);
            let sensors = (RaySensor::<8>::fan(6.0, 20.0), ProximitySensor::<With<Collider>>::new(7.0));
            commands.spawn((RigidBody::Fixed, Collider::ball(0.5), place, sensors, InArena(on.entity)));
        }
    });
    app.finish();
    app.update();
    app.update();
    app
}

#[test]
fn a_cast_does_not_allocate() {
    let mut app = grid();
    let cast_all = |caster: RayCaster, sensors: Query<(Entity, &RaySensor<8>)>| {
        let before = ALLOCATIONS.get();
        let seen = sensors.iter().map(|(agent, sensor)| caster.cast(agent, sensor).expect("it is in physics"));
        let hits = seen.flat_map(|rays| rays.hits).filter(|hit| *hit).count();
        (hits, ALLOCATIONS.get() - before)
    };
    let (hits, allocations) = app.world_mut().run_system_once(cast_all).expect("its parameters are there");
    assert!(hits > 200, "only {hits} of 800 rays hit something");
    assert_eq!(allocations, 0);
}

/// The sets are full, and more is found than fits.
#[test]
fn a_search_does_not_allocate_once_it_has_found_as_much() {
    let mut app = grid();
    type Balls = With<Collider>;
    let find_all = |mut near: ProximityQuery<Entity, Balls>, sensors: Query<(Entity, &ProximitySensor<Balls>)>| {
        let mut set = SetOf::<f32, 8>::default();
        let mut find = || {
            let before = ALLOCATIONS.get();
            let mut found = 0;
            for (agent, sensor) in &sensors {
                near.fill(agent, sensor, &mut set, |near, _| near.distance).expect("it is in physics");
                found += set.elements().len() + set.overflow();
            }
            (found, ALLOCATIONS.get() - before)
        };
        [find(), find()]
    };
    let [(found, _), second] = app.world_mut().run_system_once(find_all).expect("its parameters are there");
    assert!(found > 1000, "only {found} things were found");
    assert_eq!(second, (found, 0));
}
