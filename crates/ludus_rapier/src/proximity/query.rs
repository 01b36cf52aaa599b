//! The system parameter that finds what is near.

use bevy::ecs::query::{QueryFilter, ROQueryItem, ReadOnlyQueryData};
use bevy::ecs::system::SystemParam;
use bevy::prelude::*;
use bevy_rapier3d::parry::bounding_volume::Aabb;
use bevy_rapier3d::prelude::*;
use bevy_rapier3d::rapier::geometry::{Collider as RapierCollider, ColliderHandle};
use ludus_agent::{SensorLine, SetOf};

use super::ProximitySensor;
use crate::SensorError;
use crate::surroundings::{Layers, Surroundings};

/// Finds what is near, and fills sets with it: a parameter of the game's systems in
/// [`SenseAgents`](ludus_agent::SenseAgents).
///
/// `D` are the data of a thing that its element is made from, and `F` is the filter of components, as in a [`Query`].
///
/// ```
/// use bevy::prelude::*;
/// use ludus_agent::{Observation, SetOf};
/// use ludus_rapier::{ProximityQuery, ProximitySensor};
///
/// #[derive(Component)]
/// struct Enemy { health: f32 }
///
/// #[derive(Component, Observation, Default)]
/// struct Sight { enemies: SetOf<SeenEnemy, 16> }
///
/// #[derive(Observation)]
/// struct SeenEnemy { position: Vec3, health: f32 }
///
/// fn sense(
///     mut near: ProximityQuery<&Enemy, With<Enemy>>,
///     mut agents: Query<(Entity, &ProximitySensor<With<Enemy>>, &mut Sight)>,
/// ) -> Result {
///     for (agent, sensor, mut sight) in &mut agents {
///         near.fill(agent, sensor, &mut sight.enemies, |near, enemy| {
///             SeenEnemy { position: near.position, health: enemy.health }
///         })?;
///     }
///     Ok(())
/// }
/// # bevy::ecs::system::assert_is_system::<(), (), _>(sense);
/// ```
#[derive(SystemParam)]
pub struct ProximityQuery<'w, 's, D: ReadOnlyQueryData + 'static, F: QueryFilter + 'static = ()> {
    things: Query<'w, 's, D, F>,
    surroundings: Surroundings<'w, 's>,
    /// Results of the last search. They are kept, so that a search allocates only if it finds more than all before.
    found: Local<'s, Vec<Found>>,
}

/// A thing that a sensor has found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Near {
    /// The entity that passed the filter: the one with the collider, or the nearest of its parents that does.
    pub entity: Entity,
    /// The distance from the sensor's centre to the surface of the entity's nearest collider \[m\]; 0 inside of it.
    pub distance: f32,
    /// The entity's origin in the sensor's own space: relative to the sensor's centre, and turned with it \[m\].
    pub position: Vec3,
}

/// A thing that was found, and the collider by which it was.
struct Found {
    near: Near,
    collider: ColliderHandle,
}

impl<'s, D: ReadOnlyQueryData + 'static, F: QueryFilter + 'static> ProximityQuery<'_, 's, D, F> {
    /// Replaces the elements of `set` by what the sensor of `agent` finds after the last physics step, nearest first.
    ///
    /// A thing is an entity that passes the filter, if a collider of it or of its descendants touches the sphere.
    /// `element` makes the element from where the thing is and from its data.
    ///
    /// The sensor finds neither the agent itself (the body that `agent` is part of, and all colliders of `agent` and of
    /// its descendants; if the sensor is on a child of an agent, all colliders of that agent) nor anything that belongs
    /// to another arena. Things at one distance are in the order of their positions in the sensor's own space (x, then
    /// y, then z), and at one position in the order in which their colliders were added to physics. So the order does
    /// not depend on the history of the search trees.
    ///
    /// If more is found than the set has room for, the nearest are kept, and the world reports it once with the agent
    /// and the field.
    ///
    /// # Errors
    ///
    /// If the agent has no [`Transform`] or is in no physics context. The set is empty then.
    pub fn fill<T, const N: usize>(
        &mut self,
        agent: Entity,
        sensor: &ProximitySensor<F>,
        set: &mut SetOf<T, N>,
        mut element: impl FnMut(Near, ROQueryItem<'_, 's, D>) -> T,
    ) -> Result<(), SensorError> {
        set.clear();
        self.search(agent, sensor)?;
        let Self { things, found, .. } = self;
        set.fill(found.iter().filter_map(|&Found { near, .. }| Some(element(near, things.get(near.entity).ok()?))));
        Ok(())
    }

    /// Finds things and returns lines to them in world space.
    pub(super) fn lines(&mut self, agent: Entity, sensor: &ProximitySensor<F>) -> Result<Vec<SensorLine>, SensorError> {
        self.search(agent, sensor)?;
        let place = self.surroundings.place(agent)?;
        let from = place.transform_point(sensor.offset);
        let line = |found: &Found| SensorLine { from, to: from + place.rotation() * found.near.position, is_hit: true };
        Ok(self.found.iter().map(line).collect())
    }

    /// Writes to `found` what the sensor finds, each thing once, nearest first.
    fn search(&mut self, agent: Entity, sensor: &ProximitySensor<F>) -> Result<(), SensorError> {
        let Self { things, surroundings, found } = self;
        found.clear();
        let place = surroundings.place(agent)?;
        let (centre, to_sensor) = (place.transform_point(sensor.offset), place.rotation().inverse());
        let layers = Layers { groups: sensor.groups, excluded: sensor.excluded };
        surroundings.measure(agent, layers, |colliders| {
            let sphere = Aabb::from_half_extents(centre, Vec3::splat(sensor.radius));
            for (handle, collider) in colliders.query_pipeline.intersect_aabb_conservative(sphere) {
                let distance = collider.shape().distance_to_point(collider.position(), centre, true);
                // Also false if the radius or a place is no number.
                let is_in_reach = distance <= sensor.radius;
                let Some(entity) = is_in_reach.then(|| thing(collider, surroundings, things)).flatten() else {
                    continue;
                };
                let Ok(origin) = surroundings.place(entity) else { continue };
                let position = to_sensor * (origin.translation() - centre);
                found.push(Found { near: Near { entity, distance, position }, collider: handle });
            }
        })?;
        keep_nearest_colliders(found);
        Ok(())
    }
}

/// Returns the entity that passes the filter and that a collider belongs to.
fn thing<D: ReadOnlyQueryData, F: QueryFilter>(
    collider: &RapierCollider,
    surroundings: &Surroundings<'_, '_>,
    things: &Query<'_, '_, D, F>,
) -> Option<Entity> {
    let part = RapierContextColliders::entity_from_collider(collider);
    surroundings.lineage(part).find(|&entity| things.contains(entity))
}

/// Keeps the nearest collider of each thing, and sorts the things.
fn keep_nearest_colliders(found: &mut Vec<Found>) {
    let age = |found: &Found| {
        let (index, generation) = found.collider.into_raw_parts();
        (generation, index)
    };
    found.sort_unstable_by(|a, b| {
        let by_distance = || a.near.distance.total_cmp(&b.near.distance);
        a.near.entity.cmp(&b.near.entity).then_with(by_distance).then_with(|| age(a).cmp(&age(b)))
    });
    found.dedup_by_key(|found| found.near.entity);
    found.sort_unstable_by(|a, b| {
        let key =
            |found: &Found| [found.near.distance, found.near.position.x, found.near.position.y, found.near.position.z];
        let pairs = key(a).into_iter().zip(key(b));
        let by_place = pairs.map(|(a, b)| a.total_cmp(&b)).find(|order| order.is_ne());
        by_place.unwrap_or_else(|| age(a).cmp(&age(b)))
    });
}
