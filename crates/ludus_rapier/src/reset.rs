//! The reset of physics, when a world is reset.

use bevy::prelude::*;
use bevy_rapier3d::prelude::*;
use ludus_agent::WorldReset;

type Handled = Or<(
    With<RapierRigidBodyHandle>,
    With<RapierColliderHandle>,
    With<RapierImpulseJointHandle>,
    With<RapierMultibodyJointHandle>,
)>;

/// Empties every context. Bodies, colliders and joints that are still there are added anew, from their components.
///
/// A context that has been used differs from a new one in the order in which it solves contacts, even when nothing is
/// in it any more: free handles, islands and the broad phase keep traces of what was there.
pub(crate) fn empty_contexts(
    _: On<WorldReset>,
    contexts: Query<(Entity, &RapierContextSimulation)>,
    handled: Query<Entity, Handled>,
    mut collisions: ResMut<Messages<CollisionEvent>>,
    mut forces: ResMut<Messages<ContactForceEvent>>,
    mut commands: Commands,
) {
    collisions.clear();
    forces.clear();
    for (context, used) in &contexts {
        let mut simulation = RapierContextSimulation::default();
        simulation.integration_parameters = used.integration_parameters;
        let empty = (RapierContextColliders::default(), RapierContextJoints::default(), RapierRigidBodySet::default());
        commands.entity(context).insert((simulation, empty, SimulationToRenderTime::default()));
    }
    for entity in &handled {
        commands.entity(entity).remove::<(
            RapierRigidBodyHandle,
            RapierColliderHandle,
            RapierImpulseJointHandle,
            RapierMultibodyJointHandle,
        )>();
    }
}
