//! The settings of a proximity sensor.

use core::fmt;
use core::marker::PhantomData;

use bevy::ecs::query::QueryFilter;
use bevy::prelude::*;
use bevy_rapier3d::prelude::*;

use super::sketch;

/// A sphere around an entity, in which things with certain components are sensed.
///
/// It has only the settings. A [`ProximityQuery`](crate::ProximityQuery) finds the things, in a system of the
/// [`SenseAgents`](ludus_agent::SenseAgents) schedule, and fills a [`SetOf`](ludus_agent::SetOf) with them. `F` is the
/// filter of components, as in a Bevy [`Query`]; an agent can have a sensor for each filter.
///
/// ```
/// use bevy::prelude::*;
/// use bevy_rapier3d::prelude::*;
/// use ludus_rapier::ProximitySensor;
///
/// #[derive(Component)]
/// struct Enemy;
///
/// /// Enemies within 8 m, of colliders in group 2.
/// let sensor = ProximitySensor::<With<Enemy>> {
///     groups: CollisionGroups::new(Group::ALL, Group::GROUP_2),
///     ..ProximitySensor::new(8.0)
/// };
/// assert_eq!(sensor.offset, Vec3::ZERO, "around the entity's origin");
/// ```
#[derive(Component)]
#[component(on_add = sketch::note::<F>)]
pub struct ProximitySensor<F: QueryFilter + 'static = ()> {
    /// The radius of the sphere \[m\], above 0.
    pub radius: f32,
    /// The centre of the sphere, in the entity's own space \[m\].
    pub offset: Vec3,
    /// The collision groups: only colliders whose groups match are sensed.
    pub groups: CollisionGroups,
    /// The colliders that are not sensed. By default all are, sensors (colliders that collide with nothing) included.
    pub excluded: QueryFilterFlags,
    /// The filter of components.
    pub filter: PhantomData<fn() -> F>,
}

impl<F: QueryFilter> ProximitySensor<F> {
    /// Creates a sensor of this radius \[m\] around the entity's origin.
    pub fn new(radius: f32) -> Self {
        Self {
            radius,
            offset: Vec3::ZERO,
            groups: CollisionGroups::default(),
            excluded: QueryFilterFlags::empty(),
            filter: PhantomData,
        }
    }
}

// Not derived, because a derive would need filters that can be cloned and printed.
impl<F: QueryFilter> Clone for ProximitySensor<F> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

impl<F: QueryFilter> fmt::Debug for ProximitySensor<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { radius, offset, groups, excluded, filter: _ } = self;
        let mut shown = formatter.debug_struct("ProximitySensor");
        shown.field("radius", radius).field("offset", offset).field("groups", groups);
        shown.field("excluded", excluded).finish_non_exhaustive()
    }
}
