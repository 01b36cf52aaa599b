//! Which systems of a game write its agents' actions.

use std::sync::Arc;

use bevy::app::App;
use bevy::ecs::schedule::{InternedScheduleLabel, Schedule, Schedules};
use bevy::ecs::system::System;
use bevy::ecs::world::World;
use bevy::prelude::DebugName;
use ludus_agent::AgentKind;

use crate::world::{catch_panic, only_kind, plain_app, spec_settings};
use crate::{EpisodeOrigin, Game, WorldError};

/// A system of a game that may write the agents' action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionWriter {
    /// The schedule that it is in, such as `FixedUpdate`.
    pub schedule: String,
    /// The function's name, where Bevy was built with its feature `debug`.
    pub system: Option<String>,
}

/// The systems of a game that may write its agents' action, by what they ask Bevy for.
///
/// Observers and systems with the whole world are not among them: what they write shows only when they have.
///
/// # Errors
///
/// A game without agents, with several kinds of them, or one that panics.
pub fn action_writers(game: &Game) -> Result<Vec<ActionWriter>, WorldError> {
    let settings = spec_settings();
    let mut app = catch_panic(&settings, settings.seed, || {
        let mut app = plain_app(&settings, &EpisodeOrigin::default());
        game(&mut app);
        app
    })?;
    let kind = only_kind(app.world())?;
    Ok(catch_panic(&settings, settings.seed, || writers_of(&mut app, &kind))?)
}

fn writers_of(app: &mut App, kind: &AgentKind) -> Vec<ActionWriter> {
    let world = app.world_mut();
    let labels: Vec<_> = world.resource::<Schedules>().iter().map(|(_, schedule)| schedule.label()).collect();
    let in_schedule = |label: InternedScheduleLabel| {
        let found = world.try_schedule_scope(label, |world, schedule| writers_in(schedule, world, kind));
        found.unwrap_or_default()
    };
    let mut writers: Vec<_> = labels.into_iter().flat_map(in_schedule).collect();
    // Schedules come in an order that changes.
    writers.sort_by(|one, other| (&one.schedule, &one.system).cmp(&(&other.schedule, &other.system)));
    writers
}

fn writers_in(schedule: &mut Schedule, world: &mut World, kind: &AgentKind) -> Vec<ActionWriter> {
    let keys: Vec<_> = schedule.graph().systems.iter().map(|(key, ..)| key).collect();
    let label = format!("{:?}", schedule.label());
    let mut writers = Vec::new();
    for key in keys {
        let Some(system) = schedule.graph_mut().systems.get_mut(key) else { continue };
        let access = system.initialize(world);
        let writes = access.combined_access().try_writes();
        if writes.is_ok_and(|writes| writes.contains(kind.action_component()))
            && system.system_type() != kind.act_system()
        {
            writers.push(ActionWriter { schedule: label.clone(), system: shown(system.name()) });
        }
    }
    writers
}

/// The name, unless Bevy was built without names.
fn shown(name: DebugName) -> Option<String> {
    let has_names = DebugName::type_name::<App>() != DebugName::type_name::<Arc<App>>();
    has_names.then(|| name.to_string())
}
