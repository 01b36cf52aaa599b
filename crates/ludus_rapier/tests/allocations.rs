//! Casting rays does not allocate.
#![expect(unsafe_code, reason = "an allocator that counts is an unsafe trait")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use bevy::ecs::system::RunSystemOnce;
use bevy::prelude::*;
use bevy::time::{TimePlugin, TimeUpdateStrategy};
use bevy_rapier3d::prelude::*;
use ludus_agent::{AgentPlugin, Arena, InArena};
use ludus_rapier::{ArenaPhysicsPlugin, RayCaster, RaySensor};

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

#[test]
fn a_cast_does_not_allocate() {
    let mut app = App::new();
    app.add_plugins((TaskPoolPlugin::default(), TimePlugin, TransformPlugin, AgentPlugin));
    app.add_plugins(ArenaPhysicsPlugin::shared(10.0)).insert_resource(TimeUpdateStrategy::FixedTimesteps(1));
    app.add_observer(|on: On<Add, Arena>, mut commands: Commands| {
        for index in 0..100 {
            let place = Transform::from_xyz((index % 10) as f32 * 3.0, 0.0, (index / 10) as f32 * 3.0);
            commands.spawn((
                RigidBody::Fixed,
                Collider::ball(0.5),
                place,
                RaySensor::<8>::fan(6.0, 20.0),
                InArena(on.entity),
            ));
        }
    });
    app.finish();
    app.update();
    app.update();
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
