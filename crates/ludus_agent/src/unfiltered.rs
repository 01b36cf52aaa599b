//! Queries that include the entities which Bevy's default query filters hide.

#![expect(unsafe_code, reason = "a system parameter is unsafe by nature")]

use bevy::ecs::change_detection::Tick;
use bevy::ecs::entity_disabling::DefaultQueryFilters;
use bevy::ecs::query::{FilteredAccessSet, QueryData, ReadOnlyQueryData};
use bevy::ecs::system::{ReadOnlySystemParam, SystemMeta, SystemParam, SystemParamValidationError};
use bevy::ecs::world::unsafe_world_cell::UnsafeWorldCell;
use bevy::prelude::*;

/// A query that includes entities that are `Disabled`, or hidden by any other of Bevy's
/// [default query filters](bevy::ecs::entity_disabling).
///
/// Use it for entities to which others belong: the arena of a collider, the parent of a sensor.
#[derive(Deref)]
pub struct UnfilteredQuery<'w, 's, D: QueryData + 'static>(Query<'w, 's, D>);

// SAFETY: a query's own implementation registers and keeps its access. Only its state is made elsewhere, and a state
// that was made without default filters knows of none when it registers its access.
unsafe impl<D: QueryData + 'static> SystemParam for UnfilteredQuery<'_, '_, D> {
    type State = QueryState<D>;
    type Item<'w, 's> = UnfilteredQuery<'w, 's, D>;

    fn init_state(world: &mut World) -> Self::State {
        without_filters(world, QueryState::new)
    }

    fn init_access(state: &Self::State, system: &mut SystemMeta, access: &mut FilteredAccessSet, world: &mut World) {
        Query::<D>::init_access(state, system, access, world);
    }

    #[inline]
    unsafe fn get_param<'w, 's>(
        state: &'s mut Self::State,
        system: &SystemMeta,
        world: UnsafeWorldCell<'w>,
        now: Tick,
    ) -> Result<Self::Item<'w, 's>, SystemParamValidationError> {
        // SAFETY: the caller keeps the same contract.
        unsafe { Query::<D>::get_param(state, system, world, now) }.map(UnfilteredQuery)
    }
}

// SAFETY: a query that only reads is a parameter that only reads.
unsafe impl<D: ReadOnlyQueryData + 'static> ReadOnlySystemParam for UnfilteredQuery<'_, '_, D> {}

/// Calls `make` while the default query filters are removed: queries that it makes include all entities.
pub(crate) fn without_filters<T>(world: &mut World, make: impl FnOnce(&mut World) -> T) -> T {
    if world.contains_resource::<DefaultQueryFilters>() {
        world.resource_scope(|world, _: Mut<DefaultQueryFilters>| make(world))
    } else {
        make(world)
    }
}
