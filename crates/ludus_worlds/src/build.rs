//! Building all worlds of a run.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::{Game, PooledWorld, WorldError, WorldSettings};

/// Builds one world for each entry of `settings`, on all threads of the current thread pool, and returns them in the
/// same order.
///
/// `built` counts the worlds that are done, to show the progress. If the game panics with a seed,
/// [a few more](PooledWorld::build_with_some_seed) are tried.
///
/// # Errors
///
/// The error of a world that can't be built.
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
