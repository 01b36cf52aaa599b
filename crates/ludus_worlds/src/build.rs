//! Building all worlds of a run.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::{Game, PooledWorld, WorldError, WorldSettings};

/// Builds one world for each settings, on all threads of the pool that this is called in; in the order given.
///
/// Counts those that are there in `built`, for whoever shows how far it is. A world that panics with a seed is tried
/// [with a few more](PooledWorld::build_with_some_seed).
///
/// # Errors
///
/// The first world's that can't be built.
pub fn build_worlds(
    game: &Game,
    settings: Vec<WorldSettings>,
    built: &AtomicUsize,
) -> Result<Vec<PooledWorld>, WorldError> {
    let build = |settings| {
        let world = PooledWorld::build_with_some_seed(game, settings)?;
        built.fetch_add(1, Ordering::Relaxed);
        Ok(world)
    };
    settings.into_par_iter().map(build).collect()
}
