//! The placement of bodies by a restart.

use bevy::ecs::change_detection::Tick;
use bevy::ecs::system::SystemChangeTick;
use bevy::prelude::*;
use bevy_rapier3d::prelude::*;
use bevy_rapier3d::rapier::math::Pose;

/// The change tick at which this tick's restarts began. The restarts wrote the transforms whose change tick is newer.
#[derive(Resource)]
pub(crate) struct RestartBegan(Tick);

impl Default for RestartBegan {
    fn default() -> Self {
        Self(Tick::new(0))
    }
}

pub(crate) fn note_restart(ticks: SystemChangeTick, mut began: ResMut<RestartBegan>) {
    began.0 = ticks.this_run();
}

/// Moves kinematic bodies at once to the places that a restart has written.
///
/// For rapier, a new [`Transform`] of such a body is the target of a *movement* during the step. On the way the body
/// would push other bodies that the same restart has placed: of balls above a tilted plate, one in fifty was pushed.
pub(crate) fn place_kinematic_bodies(
    ticks: SystemChangeTick,
    began: Res<RestartBegan>,
    bodies: Query<(Entity, &RigidBody, Ref<Transform>, &RapierRigidBodyHandle, &RapierContextEntityLink)>,
    transforms: TransformHelper,
    mut contexts: Query<&mut RapierRigidBodySet>,
) {
    for (entity, body, transform, handle, context) in &bodies {
        if *body != RigidBody::KinematicPositionBased
            || !transform.last_changed().is_newer_than(began.0, ticks.this_run())
        {
            continue;
        }
        let Ok(place) = transforms.compute_global_transform(entity) else { continue };
        if let Ok(mut context) = contexts.get_mut(context.0)
            && let Some(body) = context.bodies.get_mut(handle.0)
        {
            body.set_position(pose(place), true);
        }
    }
}

/// Computes the pose as rapier's plugin does later in the tick: both have the same bits, so that no movement is left.
fn pose(place: GlobalTransform) -> Pose {
    let place = place.compute_transform();
    Pose::from_parts(place.translation, place.rotation)
}
