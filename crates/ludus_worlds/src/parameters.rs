//! The episode parameters of a world.

use bevy::prelude::World;
use ludus_agent::ParameterPlan;
use ludus_agent::spec::EpisodeParameter;

use crate::game_app::bare_app;
use crate::settings::spec_settings;
use crate::{EpisodeOrigin, Game, WorldError, WorldParameters};

/// Returns the episode parameters of a game, in the order in which the game registers them.
///
/// # Errors
///
/// A game that panics.
pub fn parameters_of(game: &Game) -> Result<Vec<EpisodeParameter>, WorldError> {
    let app = bare_app(game, &spec_settings(), &EpisodeOrigin::default())?;
    let plan = app.world().get_resource::<ParameterPlan>();
    Ok(plan.map_or(Vec::new(), |plan| plan.parameters().to_vec()))
}

/// Replaces the distributions of a world's episode parameters.
///
/// # Errors
///
/// A parameter that the game does not have.
pub(crate) fn set_distributions(world: &mut World, parameters: &WorldParameters) -> Result<(), WorldError> {
    let Some(mut plan) = world.get_resource_mut::<ParameterPlan>() else { return Ok(()) };
    let unnamed = |name: &String| !parameters.distributions.iter().any(|(named, _)| named == name);
    let names: Vec<_> = plan.parameters().iter().map(|parameter| parameter.name.clone()).collect();
    for name in names.iter().filter(|name| unnamed(name)) {
        plan.set(name, None)?;
    }
    for (name, distribution) in &parameters.distributions {
        plan.set(name, Some(distribution.clone()))?;
    }
    plan.set_number(parameters.number);
    Ok(())
}
