//! A physics context for each arena.

use bevy::ecs::system::SystemParam;
use bevy::prelude::*;
use bevy_rapier3d::prelude::*;
use ludus_agent::{Arena, InArena, UnfilteredQuery};

/// Adds observers that give each arena a context, and link the arena's members and their parts to it.
pub(crate) fn add_observers(app: &mut App) {
    app.add_observer(add_context).add_observer(link_member).add_observer(link_body).add_observer(link_collider);
}

/// Inserts a context on the arena's own entity.
fn add_context(on: On<Add, Arena>, settings: Res<RapierContextInitialization>, mut commands: Commands) {
    let mut context = RapierContextSimulation::default();
    let mut configuration = RapierConfiguration::new(1.0);
    if let RapierContextInitialization::InitializeDefaultRapierContext {
        integration_parameters,
        rapier_configuration,
    } = &*settings
    {
        context.integration_parameters = *integration_parameters;
        configuration = *rapier_configuration;
    }
    commands.entity(on.entity).insert((context, configuration));
}

fn link_member(on: On<Insert, InArena>, homes: UnfilteredQuery<&InArena>, mut commands: Commands) {
    if let Ok(home) = homes.get(on.entity) {
        commands.entity(on.entity).insert(RapierContextEntityLink(home.0));
    }
}

fn link_body(on: On<Add, RigidBody>, homes: Homes, commands: Commands) {
    link_part(on.entity, homes, commands);
}

fn link_collider(on: On<Add, Collider>, homes: Homes, commands: Commands) {
    link_part(on.entity, homes, commands);
}

/// The arenas of entities. The queries are unfiltered, because a part that is spawned `Disabled`, as in a prefab, has to be linked too.
#[derive(SystemParam)]
struct Homes<'w, 's> {
    parents: UnfilteredQuery<'w, 's, &'static ChildOf>,
    homes: UnfilteredQuery<'w, 's, &'static InArena>,
}

/// Links a part of a member, such as the second collider of a body, to the context of the member's arena.
fn link_part(part: Entity, homes: Homes, mut commands: Commands) {
    let Homes { parents, homes } = homes;
    if homes.contains(part) {
        return;
    }
    let mut ancestors = core::iter::successors(Some(part), |&child| parents.get(child).ok().map(ChildOf::parent));
    if let Some(home) = ancestors.find_map(|ancestor| homes.get(ancestor).ok()) {
        commands.entity(part).insert(RapierContextEntityLink(home.0));
    }
}
