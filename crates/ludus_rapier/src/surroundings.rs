//! The colliders that a sensor can measure: those around its agent, without the agent's own and those of other arenas.

use bevy::ecs::system::SystemParam;
use bevy::prelude::*;
use bevy_rapier3d::prelude::*;
use ludus_agent::{Episode, InArena, UnfilteredQuery};

use crate::SensorError;

/// The colliders around agents.
#[derive(SystemParam)]
pub(crate) struct Surroundings<'w, 's> {
    contexts: UnfilteredQuery<'w, 's, Context>,
    default_context: Query<'w, 's, Entity, With<DefaultRapierContext>>,
    links: UnfilteredQuery<'w, 's, &'static RapierContextEntityLink>,
    bodies: UnfilteredQuery<'w, 's, Has<RapierRigidBodyHandle>>,
    // Unfiltered, because physics also simulates colliders that are `Disabled` for Bevy.
    agents: UnfilteredQuery<'w, 's, Has<Episode>>,
    homes: UnfilteredQuery<'w, 's, &'static InArena>,
    parents: UnfilteredQuery<'w, 's, &'static ChildOf>,
    transforms: TransformHelper<'w, 's>,
}

type Context = (&'static RapierContextSimulation, &'static RapierContextColliders, &'static RapierRigidBodySet);

/// The colliders that a sensor is set to measure.
#[derive(Clone, Copy)]
pub(crate) struct Layers {
    pub groups: CollisionGroups,
    pub excluded: QueryFilterFlags,
}

impl Surroundings<'_, '_> {
    /// Calls `measure` with the colliders that a sensor of `agent` can measure, as they are after the last physics step.
    ///
    /// It leaves out the body that `agent` is part of, all colliders of `agent` and of its descendants, and everything
    /// that belongs to another arena. If the sensor is on a child of an agent, it leaves out all colliders of that agent.
    pub fn measure<T>(
        &self,
        agent: Entity,
        layers: Layers,
        measure: impl FnOnce(RapierQueryPipeline<'_>) -> T,
    ) -> Result<T, SensorError> {
        let (simulation, colliders, bodies) = self.context(agent).ok_or(SensorError::NoContext(agent))?;
        let (home, own) = (self.home(agent), self.own(agent));
        let is_near = |other: Entity| home.is_none_or(|home| self.home(other).is_none_or(|other| other == home));
        let is_in_sight = |other: Entity| !self.lineage(other).any(|part| part == own) && is_near(other);
        let filter = QueryFilter {
            flags: layers.excluded,
            groups: Some(layers.groups),
            exclude_collider: Some(agent),
            exclude_rigid_body: Some(self.body(agent)),
            predicate: Some(&is_in_sight),
        };
        let dispatcher = simulation.narrow_phase.query_dispatcher();
        Ok(RapierQueryPipeline::new_scoped(&simulation.broad_phase, colliders, bodies, &filter, dispatcher, measure))
    }

    /// Returns the place of an entity in the world, by its own `Transform` and those of its parents.
    pub fn place(&self, entity: Entity) -> Result<GlobalTransform, SensorError> {
        self.transforms.compute_global_transform(entity).map_err(|_| SensorError::NoTransform(entity))
    }

    /// Returns the entity and all its ancestors, nearest first.
    pub fn lineage(&self, entity: Entity) -> impl Iterator<Item = Entity> {
        core::iter::successors(Some(entity), |&child| self.parents.get(child).ok().map(ChildOf::parent))
    }

    fn context(
        &self,
        agent: Entity,
    ) -> Option<(&RapierContextSimulation, &RapierContextColliders, &RapierRigidBodySet)> {
        let link = self.links.get(agent).ok().map(|link| link.0);
        self.contexts.get(link.or_else(|| self.default_context.single().ok())?).ok()
    }

    /// Returns the arena that an entity belongs to, by itself or as part of a member.
    fn home(&self, entity: Entity) -> Option<Entity> {
        self.lineage(entity).find_map(|entity| self.homes.get(entity).ok()).map(|home| home.0)
    }

    /// Returns the body that an entity is or is part of; the entity itself if there is none.
    fn body(&self, entity: Entity) -> Entity {
        self.lineage(entity).find(|&entity| self.bodies.get(entity).is_ok_and(|is_body| is_body)).unwrap_or(entity)
    }

    /// Returns the agent that an entity is or is part of; the entity itself if there is none.
    fn own(&self, entity: Entity) -> Entity {
        self.lineage(entity).find(|&entity| self.agents.get(entity).is_ok_and(|is_agent| is_agent)).unwrap_or(entity)
    }
}
