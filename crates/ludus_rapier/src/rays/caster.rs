//! The system parameter that casts rays.

use bevy::ecs::system::SystemParam;
use bevy::prelude::*;
use bevy_rapier3d::prelude::*;
use ludus_agent::SensorLine;

use super::{RaySensor, Rays};
use crate::SensorError;
use crate::surroundings::{Layers, Surroundings};

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
    surroundings: Surroundings<'w, 's>,
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
    pub fn cast<const N: usize>(&self, agent: Entity, sensor: &RaySensor<N>) -> Result<Rays<N>, SensorError> {
        let place = self.surroundings.place(agent)?;
        let layers = Layers { groups: sensor.groups, excluded: sensor.excluded };
        self.surroundings.measure(agent, layers, |colliders| sensor.cast(place, colliders))
    }

    /// Casts the rays and returns them as lines in world space.
    pub(super) fn lines<const N: usize>(
        &self,
        agent: Entity,
        sensor: &RaySensor<N>,
    ) -> Result<Vec<SensorLine>, SensorError> {
        let seen = self.cast(agent, sensor)?;
        let place = self.surroundings.place(agent)?;
        let from = place.transform_point(sensor.offset);
        let line = |ray: usize| {
            let reach = seen.distances[ray] * sensor.length;
            SensorLine { from, to: from + place.rotation() * *sensor.directions[ray] * reach, is_hit: seen.hits[ray] }
        };
        Ok((0..N).map(line).collect())
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
