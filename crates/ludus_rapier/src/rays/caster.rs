//! The system parameter that casts rays.

use bevy::ecs::system::SystemParam;
use bevy::prelude::*;
use bevy_rapier3d::prelude::*;
use ludus_agent::{Episode, InArena, SensorLine, UnfilteredQuery};
use thiserror::Error;

use super::{RaySensor, Rays};

/// Casts the rays of sensors: a parameter of the game's systems in [`SenseAgents`](ludus_agent::SenseAgents).
///
/// ```
/// # use bevy::prelude::*;
/// # use ludus_agent::Observation;
/// # use ludus_rapier::{RayCaster, RaySensor, Rays};
/// # #[derive(Component, Observation, Default)]
/// # struct MouseSenses { eyes: Rays<8> }
/// fn sense(caster: RayCaster, mut mice: Query<(Entity, &RaySensor<8>, &mut MouseSenses)>) -> Result {
///     for (mouse, sensor, mut senses) in &mut mice {
///         senses.eyes = caster.cast(mouse, sensor)?;
///     }
///     Ok(())
/// }
/// # bevy::ecs::system::assert_is_system::<(), (), _>(sense);
/// ```
#[derive(SystemParam)]
pub struct RayCaster<'w, 's> {
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

/// The reasons that rays can't be cast.
#[derive(Error, Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RayError {
    /// The entity or one of its parents has no [`Transform`].
    #[error("{0} casts rays but has no place; give it, and every parent it has, a `Transform`")]
    NoTransform(Entity),
    /// There is no physics to cast the rays in.
    #[error("{0} casts rays but has no physics context; add `ArenaPhysicsPlugin`, or make it a member with `InArena`")]
    NoContext(Entity),
}

impl RayCaster<'_, '_> {
    /// Casts the rays of `agent` in the state after the last physics step, and returns what they hit.
    ///
    /// They ignore the body that `agent` is part of, all colliders of `agent` and of its descendants, and everything
    /// that belongs to another arena. If the sensor is on a child of an agent, they ignore all colliders of that agent.
    /// A ray that starts inside of a collider has distance 0.
    ///
    /// # Errors
    ///
    /// If the agent has no [`Transform`] or is in no physics context.
    pub fn cast<const N: usize>(&self, agent: Entity, sensor: &RaySensor<N>) -> Result<Rays<N>, RayError> {
        let place = self.transforms.compute_global_transform(agent).map_err(|_| RayError::NoTransform(agent))?;
        let (simulation, colliders, bodies) = self.context(agent).ok_or(RayError::NoContext(agent))?;
        let (home, own) = (self.home(agent), self.own(agent));
        let is_near = |other: Entity| home.is_none_or(|home| self.home(other).is_none_or(|other| other == home));
        let is_in_sight = |other: Entity| !self.lineage(other).any(|part| part == own) && is_near(other);
        let filter = QueryFilter {
            flags: sensor.excluded,
            groups: Some(sensor.groups),
            exclude_collider: Some(agent),
            exclude_rigid_body: Some(self.body(agent)),
            predicate: Some(&is_in_sight),
        };
        let dispatcher = simulation.narrow_phase.query_dispatcher();
        let cast = |rays: RapierQueryPipeline<'_>| sensor.cast(place, rays);
        Ok(RapierQueryPipeline::new_scoped(&simulation.broad_phase, colliders, bodies, &filter, dispatcher, cast))
    }

    /// Casts the rays and returns them as lines in world space.
    pub(super) fn lines<const N: usize>(
        &self,
        agent: Entity,
        sensor: &RaySensor<N>,
    ) -> Result<Vec<SensorLine>, RayError> {
        let seen = self.cast(agent, sensor)?;
        let place = self.transforms.compute_global_transform(agent).map_err(|_| RayError::NoTransform(agent))?;
        let from = place.transform_point(sensor.offset);
        let line = |ray: usize| {
            let reach = seen.distances[ray] * sensor.length;
            SensorLine { from, to: from + place.rotation() * *sensor.directions[ray] * reach, is_hit: seen.hits[ray] }
        };
        Ok((0..N).map(line).collect())
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

    /// Returns the entity and all its ancestors, nearest first.
    fn lineage(&self, entity: Entity) -> impl Iterator<Item = Entity> {
        core::iter::successors(Some(entity), |&child| self.parents.get(child).ok().map(ChildOf::parent))
    }
}

impl<const N: usize> RaySensor<N> {
    fn cast(&self, place: GlobalTransform, rays: RapierQueryPipeline<'_>) -> Rays<N> {
        let origin = place.transform_point(self.offset);
        let rotation = place.rotation();
        let mut seen = Rays::default();
        for (ray, direction) in self.directions.iter().enumerate() {
            if let Some((_, distance)) = rays.cast_ray(origin, rotation * **direction, self.length, true) {
                seen.distances[ray] = distance / self.length;
                seen.hits[ray] = true;
            }
        }
        seen
    }
}
