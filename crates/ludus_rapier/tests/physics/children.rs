//! Bodies with children, such as their meshes.

use bevy::prelude::*;
use bevy::time::{TimePlugin, TimeUpdateStrategy};
use bevy_rapier3d::prelude::*;
use ludus_agent::{AgentPlugin, Arena, InArena};
use ludus_rapier::ArenaPhysicsPlugin;

/// The position of the body after each tick [m].
#[derive(Resource, Default)]
struct Seen(Vec<f32>);

#[test]
fn a_body_with_children_moves_in_every_tick_of_an_update() {
    let mut app = App::new();
    app.add_plugins((TaskPoolPlugin::default(), TimePlugin, TransformPlugin, AgentPlugin));
    app.add_plugins(ArenaPhysicsPlugin::shared(10.0)).insert_resource(TimeUpdateStrategy::FixedTimesteps(3));
    app.init_resource::<Seen>();
    app.add_observer(|on: On<Add, Arena>, mut commands: Commands| {
        let body = (RigidBody::KinematicPositionBased, Collider::ball(0.5), Transform::default(), InArena(on.entity));
        commands.spawn(body).with_child(Transform::from_xyz(0.0, 1.0, 0.0));
    });
    app.add_systems(FixedUpdate, |mut bodies: Query<&mut Transform, With<RigidBody>>| {
        bodies.iter_mut().for_each(|mut body| body.translation.x += 1.0);
    });
    let note = |sets: Query<&RapierRigidBodySet>, bodies: Query<&RapierRigidBodyHandle>, mut seen: ResMut<Seen>| {
        let places = bodies.iter().flat_map(|body| sets.iter().filter_map(|set| set.bodies.get(body.0)));
        seen.0.extend(places.map(|body| body.translation().x));
    };
    app.add_systems(FixedLast, note);
    app.finish();
    // Bevy's first update has no tick; the arena comes in the second one.
    (0..4).for_each(|_| app.update());
    let seen = &app.world().resource::<Seen>().0;
    assert!(seen.len() >= 6, "{seen:?}");
    assert!(seen.windows(2).skip(1).all(|pair| pair[1] - pair[0] == 1.0), "{seen:?}");
}
