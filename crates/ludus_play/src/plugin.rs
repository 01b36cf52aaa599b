//! The plugin that loads policies and runs them.

use bevy::app::{RunFixedMainLoop, RunFixedMainLoopSystems};
use bevy::asset::{AssetLoadError, AssetLoadFailedEvent};
use bevy::prelude::*;
use ludus_agent::{AgentPlugin, AgentSystems};
use ludus_policy::PolicyError;

use crate::asset::PolicyLoader;
use crate::decide::{Decisions, decide};
use crate::fit::{StepsAreSet, set_steps};
use crate::{PolicyAsset, PolicyProblem, PolicyRunner, PolicyState};

/// Loads policy files as assets and lets them decide for agents that have a [`PolicyRunner`].
///
/// Add it after `DefaultPlugins` (or `AssetPlugin`), and outside of the game's own function: a world that trains has no
/// assets. The first policy that is loaded sets the [`StepClock`](ludus_agent::StepClock), so that decisions are as far
/// apart as in training. A policy that was trained for other agents, steps or ticks is refused and reported by a
/// [`PolicyProblem`]. Read these messages in an app without `LogPlugin`: it reports the problem nowhere else.
///
/// Reports of finished episodes and of faults can be read until the next decision; then they are removed. The log says
/// once for each set that it got more elements than fit.
#[derive(Clone, Copy, Debug, Default)]
pub struct PolicyPlugin;

/// The plugin's systems in a tick.
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PolicySystems {
    /// Decides for all agents of a policy as one batch, on a step's first tick, before [`AgentSystems::Act`].
    Decide,
}

impl Plugin for PolicyPlugin {
    fn build(&self, app: &mut App) {
        if !app.is_plugin_added::<AgentPlugin>() {
            app.add_plugins(AgentPlugin);
        }
        app.init_asset::<PolicyAsset>().init_asset_loader::<PolicyLoader>();
        app.register_type::<PolicyRunner>().register_type::<PolicyState>().add_message::<PolicyProblem>();
        app.init_resource::<Decisions>().init_resource::<StepsAreSet>();
        app.add_systems(RunFixedMainLoop, set_steps.in_set(RunFixedMainLoopSystems::BeforeFixedMainLoop));
        app.configure_sets(FixedPreUpdate, PolicySystems::Decide.before(AgentSystems::Act));
        app.add_systems(FixedPreUpdate, decide.in_set(PolicySystems::Decide));
        app.add_systems(Update, tell_failures);
    }
}

/// Writes a problem for each file that can't be loaded. Bevy has logged it already.
fn tell_failures(
    mut failures: MessageReader<AssetLoadFailedEvent<PolicyAsset>>,
    mut loaded: MessageReader<AssetEvent<PolicyAsset>>,
    mut problems: MessageWriter<PolicyProblem>,
    mut last: Local<Option<PolicyProblem>>,
) {
    if loaded.read().count() > 0 {
        *last = None;
    }
    for failure in failures.read() {
        let problem = PolicyProblem { policy: failure.id, sentence: sentence(&failure.error) };
        // Bevy tries twice to load a file again, and reports it twice.
        if last.as_ref() != Some(&problem) {
            problems.write(problem.clone());
            *last = Some(problem);
        }
    }
}

/// Returns the library's own message if a file was read, else Bevy's.
fn sentence(error: &AssetLoadError) -> String {
    let loader_error = if let AssetLoadError::AssetLoaderError(error) = error { Some(error.error()) } else { None };
    let own = loader_error.and_then(|error| error.downcast_ref::<PolicyError>());
    own.map_or_else(|| error.to_string(), PolicyError::to_string)
}
