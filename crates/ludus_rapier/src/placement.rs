//! Bodies stand where a restart puts them.

use bevy::ecs::change_detection::Tick;
use bevy::ecs::system::SystemChangeTick;
use bevy::prelude::*;
use bevy_rapier3d::prelude::*;
use bevy_rapier3d::rapier::math::Pose;

/// When this tick's restarts began, in change ticks: what is newer, they wrote.
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

/// Puts kinematic bodies at once where a restart wants them.
///
/// For rapier a new [`Transform`] of such a body is where it is to *move* during the step. On the way it would push what
/// the same restart has placed there: with a tilted plate below it, one ball in fifty started with a kick.
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

/// Computed as rapier's plugin computes it later in the tick, so that to the last bit there is nowhere left to move to.
fn pose(place: GlobalTransform) -> Pose {
    let place = place.compute_transform();
    Pose::from_parts(place.translation, place.rotation)
}
