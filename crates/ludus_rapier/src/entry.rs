//! Adds bodies, colliders and joints to physics in an order that depends on the game alone.
//!
//! Rapier solves contacts in the order in which bodies and colliders came, and that is the order of its plugin's
//! queries. A query visits archetypes that are new to it in the order of a hash map over their ids; ids follow from
//! everything that the app has, resources included. So a game gave other bits with a window than without one.
//!
//! Here new entities are added archetype by archetype, in the order in which the game has created the archetypes.

use bevy::ecs::archetype::ArchetypeId;
use bevy::ecs::message::signal_message_update_system;
use bevy::ecs::query::QueryFilter;
use bevy::ecs::system::IntoSystem;
use bevy::prelude::*;
use bevy_rapier3d::plugin::systems::{
    ColliderComponents, RigidBodyComponents, init_colliders, init_joints, init_rigid_bodies, sync_removals,
};
use bevy_rapier3d::prelude::*;

/// Marks the new entities that are being added.
#[derive(Component)]
struct Entering;

type NewBody = (With<RigidBody>, Without<RapierRigidBodyHandle>);
type NewCollider = (With<Collider>, Without<RapierColliderHandle>);
type NewJoint = Or<(
    (With<ImpulseJoint>, Without<RapierImpulseJointHandle>),
    (With<MultibodyJoint>, Without<RapierMultibodyJointHandle>),
)>;

/// Adds the systems, which run before rapier's plugin adds new entities itself.
pub(crate) fn add_systems(app: &mut App) {
    let systems = (enter_bodies, enter_colliders, enter_joints).chain();
    let systems = systems.after(sync_removals).before(init_rigid_bodies).in_set(PhysicsSet::SyncBackend);
    // Bevy's own signal has no part in physics; an order is set so that there is one.
    let systems = systems.after(signal_message_update_system);
    app.add_systems(FixedPostUpdate, systems);
}

fn enter_bodies(world: &mut World, newcomers: &mut QueryState<Entity, NewBody>) {
    enter(world, newcomers, init_entering_bodies);
}

fn enter_colliders(world: &mut World, newcomers: &mut QueryState<Entity, NewCollider>) {
    enter(world, newcomers, init_entering_colliders);
}

fn enter_joints(world: &mut World, newcomers: &mut QueryState<Entity, NewJoint>) {
    enter(world, newcomers, init_entering_joints);
}

/// Runs `init` for the new entities of each archetype in turn. If there is only one archetype, rapier's plugin adds
/// them.
fn enter<F: QueryFilter, M: 'static>(
    world: &mut World,
    newcomers: &mut QueryState<Entity, F>,
    init: impl IntoSystem<(), (), M> + Copy + 'static,
) {
    let archetype = |entity: Entity| world.entity(entity).archetype().id();
    let mut entering: Vec<(ArchetypeId, Entity)> =
        newcomers.iter(world).map(|entity| (archetype(entity), entity)).collect();
    // Stable: within an archetype the order is that of its table.
    entering.sort_by_key(|(archetype, _)| *archetype);
    let groups: Vec<_> = entering.chunk_by(|(one, _), (other, _)| one == other).collect();
    if groups.len() < 2 {
        return;
    }
    for group in groups {
        for &(_, entity) in group {
            world.entity_mut(entity).insert(Entering);
        }
        // It can't fail: it has no parameters that could be missing.
        let _ = world.run_system_cached(init);
        for &(_, entity) in group {
            if let Ok(mut entity) = world.get_entity_mut(entity) {
                entity.remove::<Entering>();
            }
        }
    }
}

fn init_entering_bodies(
    commands: Commands,
    default_context: Query<Entity, With<DefaultRapierContext>>,
    contexts: Query<(Entity, &mut RapierRigidBodySet)>,
    mut bodies: Query<RigidBodyComponents<'static>, (Without<RapierRigidBodyHandle>, With<Entering>)>,
) {
    let mut bodies = bodies.transmute_lens_filtered::<RigidBodyComponents, Without<RapierRigidBodyHandle>>();
    init_rigid_bodies(commands, default_context, contexts, bodies.query());
}

type ColliderQuery<'a> = (ColliderComponents<'a>, Option<&'a GlobalTransform>);

#[expect(clippy::too_many_arguments, reason = "those of rapier's system")]
fn init_entering_colliders(
    commands: Commands,
    configuration: Query<&RapierConfiguration>,
    contexts: Query<(&mut RapierRigidBodySet, &mut RapierContextColliders)>,
    default_context: Query<Entity, With<DefaultRapierContext>>,
    mut colliders: Query<ColliderQuery<'static>, (Without<RapierColliderHandle>, With<Entering>)>,
    masses: Query<&mut ReadMassProperties>,
    parents: Query<&ChildOf>,
    transforms: Query<&Transform>,
) {
    let mut colliders = colliders.transmute_lens_filtered::<ColliderQuery, Without<RapierColliderHandle>>();
    init_colliders(commands, configuration, contexts, default_context, colliders.query(), masses, parents, transforms);
}

type ImpulseQuery<'a> = (Entity, Option<&'a RapierContextEntityLink>, &'a ImpulseJoint);
type MultibodyQuery<'a> = (Entity, Option<&'a RapierContextEntityLink>, &'a MultibodyJoint);

fn init_entering_joints(
    commands: Commands,
    contexts: Query<(&RapierRigidBodySet, &mut RapierContextJoints)>,
    default_context: Query<Entity, With<DefaultRapierContext>>,
    mut impulse: Query<ImpulseQuery<'static>, (Without<RapierImpulseJointHandle>, With<Entering>)>,
    mut multibody: Query<MultibodyQuery<'static>, (Without<RapierMultibodyJointHandle>, With<Entering>)>,
    parents: Query<&ChildOf>,
) {
    let mut impulse = impulse.transmute_lens_filtered::<ImpulseQuery, Without<RapierImpulseJointHandle>>();
    let mut multibody = multibody.transmute_lens_filtered::<MultibodyQuery, Without<RapierMultibodyJointHandle>>();
    init_joints(commands, contexts, default_context, impulse.query(), multibody.query(), parents);
}
