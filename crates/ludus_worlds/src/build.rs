//! Building all worlds of a run.

use rayon::prelude::*;

use crate::{Game, PooledWorld, WorldError, WorldSettings};

/// Builds one world for each settings, on all threads of the pool that this is called in; in the order given.
///
/// # Errors
///
/// The first world's that can't be built.
pub fn build_worlds(game: &Game, settings: Vec<WorldSettings>) -> Result<Vec<PooledWorld>, WorldError> {
    settings.into_par_iter().map(|settings| PooledWorld::build(game, settings)).collect()
}
