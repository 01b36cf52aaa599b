//! A reset of the world: afterwards physics is the same as in a new world.

use core::num::NonZeroU32;
use core::ops::Range;

use bevy::prelude::*;
use bevy::time::{TimePlugin, TimeUpdateStrategy};
use bevy_rapier3d::prelude::*;
use ludus_agent::{
    Action, Agent, AgentAppExt, AgentSystems, Arena, ArenaLayout, Arenas, EpisodeRng, EpisodeStart, InArena,
    Observation, Reward, StepClock, WorldReset,
};
use ludus_rapier::{ArenaPhysics, ArenaPhysicsPlugin};
use rand::RngExt;

const SHARED: ArenaPhysics = ArenaPhysics::Shared { spacing: 12.0 };
/// The balls have landed, rolled and touched by then.
const TICKS: usize = 90;

/// Turns a tray with two balls on it.
#[derive(Component, Agent, Default)]
#[require(Age)]
#[agent(observation = Blind, action = Idle, reward = Nothing)]
struct Tray;

#[derive(Component, Observation, Default)]
struct Blind {
    nothing: f32,
}

#[derive(Component, Action, Default)]
struct Idle {
    #[action(continuous)]
    nothing: f32,
}

#[derive(Component, Reward, Default)]
struct Nothing {
    nothing: f32,
}

#[derive(Component)]
struct Carries([Entity; 2]);

/// The arenas that are to replace the present ones.
#[derive(Resource)]
struct Wanted(Option<Range<u32>>);

fn world(physics: ArenaPhysics, arenas: Range<u32>) -> App {
    let mut app = App::new();
    app.add_plugins((TaskPoolPlugin::default(), TimePlugin, TransformPlugin));
    app.insert_resource(TimeUpdateStrategy::FixedTimesteps(1));
    app.insert_resource(StepClock::new(NonZeroU32::MIN)).insert_resource(Arenas(arenas)).insert_resource(Wanted(None));
    app.insert_resource(physics)
        .insert_resource(Time::<Fixed>::from_hz(50.0))
        .add_plugins(ArenaPhysicsPlugin::shared(12.0))
        .add_agent::<Tray>()
        .add_observer(build)
        .add_observer(restart)
        .add_systems(FixedFirst, replace.before(AgentSystems::Restart))
        .add_systems(FixedUpdate, turn);
    app.finish();
    app.cleanup();
    // Bevy's first update starts the clocks and has no tick yet.
    app.update();
    app
}

fn build(on: On<Add, Arena>, arenas: Query<&Transform>, mut commands: Commands) -> Result {
    let (centre, arena) = (*arenas.get(on.entity)?, InArena(on.entity));
    let ball = || (RigidBody::Dynamic, Collider::ball(0.5), Velocity::zero(), Sleeping::disabled(), centre);
    let balls = [commands.spawn(ball()).insert(arena).id(), commands.spawn(ball()).insert(arena).id()];
    let tray = (Tray, RigidBody::KinematicPositionBased, Collider::cuboid(2.5, 0.5, 2.5), centre);
    commands.spawn(tray).insert((Carries(balls), arena));
    Ok(())
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

/// Turns the trays by their age alone, so that they turn the same way in every world.
fn turn(mut trays: Query<(&mut Transform, &mut Age), With<Tray>>) {
    for (mut tray, mut age) in &mut trays {
        age.0 += 1.0;
        tray.rotation = Quat::from_rotation_x(0.3 * (0.4 * age.0).sin()) * Quat::from_rotation_z(0.3 * age.0.cos());
    }
}

#[derive(Component, Default)]
struct Age(f32);

/// Replaces the arenas as the window does it: in a tick, before the agents restart.
fn replace(
    mut wanted: ResMut<Wanted>,
    layout: Res<ArenaLayout>,
    old: Query<Entity, With<Arena>>,
    mut commands: Commands,
) {
    let Some(arenas) = wanted.0.take() else { return };
    old.iter().for_each(|arena| commands.entity(arena).despawn());
    commands.trigger(WorldReset);
    for index in arenas {
        commands.spawn((Arena { index }, Transform::from_translation(layout.origin(index))));
    }
}

/// The bits of a body: its handle, true for a tray, and its place and velocity.
type Seen = (u32, bool, [u32; 12]);

/// Returns the bodies in physics after each tick.
fn play(app: &mut App) -> Vec<Vec<Seen>> {
    let seen = |_| {
        app.update();
        look(app.world_mut())
    };
    (0..TICKS).map(seen).collect()
}

fn look(world: &mut World) -> Vec<Seen> {
    let mut bodies = world.query::<(&RapierRigidBodyHandle, Has<Tray>, &Transform, Option<&Velocity>)>();
    let seen = |(handle, is_tray, place, velocity): (&RapierRigidBodyHandle, _, &Transform, Option<&Velocity>)| {
        let Velocity { linear, angular } = velocity.copied().unwrap_or_default();
        let (place, turn) = (place.translation, place.rotation.xyz());
        let numbers = [place, turn, linear, angular].map(|part| part.to_array().map(f32::to_bits));
        (handle.0.into_raw_parts().0, is_tray, core::array::from_fn(|index| numbers[index / 3][index % 3]))
    };
    let mut seen: Vec<_> = bodies.iter(world).map(seen).collect();
    seen.sort_unstable();
    seen
}

/// Checks twice that an arena after a reset is the same as in a new world.
fn check(physics: ArenaPhysics, before: Range<u32>) {
    let new = play(&mut world(physics, 3..4));
    assert!(new[TICKS - 1] != new[0] && new[0].len() == 3, "two balls and a tray, which move");
    let mut app = world(physics, before);
    for _ in 0..2 {
        (0..30).for_each(|_| app.update());
        app.world_mut().resource_mut::<Wanted>().0 = Some(3..4);
        for (tick, (new, reset)) in new.iter().zip(play(&mut app)).enumerate() {
            assert_eq!(*new, reset, "tick {tick}");
        }
    }
}

#[test]
fn physics_that_arenas_share_is_as_new_after_a_reset() {
    check(SHARED, 0..8);
    check(SHARED, 3..4);
}

#[test]
fn physics_of_each_arena_is_as_new_after_a_reset() {
    check(ArenaPhysics::PerArena, 0..8);
}
