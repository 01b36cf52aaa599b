//! Files of demonstrations that a game writes.

use std::path::PathBuf;

use bevy::prelude::*;
use ludus_demonstrations::{DecidedBy, Demonstration, append};

use super::{DemonstrationFinished, DemonstrationPlugin};

/// Appends [`DemonstrationFinished`] to a file in a folder: `<kind>.demonstrations`. An episode that can't be written is
/// reported in the log.
#[derive(Resource, Clone, Debug)]
pub struct DemonstrationFilesPlugin {
    /// The folder, which is made if there is none.
    pub folder: PathBuf,
    /// The episodes that are written.
    pub keeps: KeptDemonstrations,
}

/// The recorded episodes that are written to files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum KeptDemonstrations {
    /// All of them.
    #[default]
    All,
    /// Those of which a person has decided a step.
    OfPersons,
}

impl KeptDemonstrations {
    fn includes(self, episode: &Demonstration) -> bool {
        self == Self::All || episode.decided_by.contains(&DecidedBy::Person)
    }
}

impl DemonstrationFilesPlugin {
    /// Adds this plugin, and a [`DemonstrationPlugin`] that records every agent of the game, which is called `game`.
    ///
    /// A plugin that the game has added itself stays as it is. If it is this one, nothing is recorded to the folder, which
    /// the log says.
    pub fn record_all(self, app: &mut App, game: &str) {
        if !app.is_plugin_added::<DemonstrationPlugin>() {
            app.add_plugins(DemonstrationPlugin { game: game.to_owned(), records_all: true });
        }
        if app.is_plugin_added::<Self>() {
            let folder = self.folder.display();
            tracing::warn!(
                "nothing is recorded to {folder}: the game adds a `DemonstrationFilesPlugin` itself; leave it out"
            );
        } else {
            app.add_plugins(self);
        }
    }
}

impl Plugin for DemonstrationFilesPlugin {
    fn build(&self, app: &mut App) {
        app.add_message::<DemonstrationFinished>().insert_resource(self.clone());
        app.add_systems(Last, write_files);
    }
}

fn write_files(files: Res<DemonstrationFilesPlugin>, mut finished: MessageReader<DemonstrationFinished>) {
    let DemonstrationFilesPlugin { folder, keeps } = &*files;
    let kept = finished.read().filter(|finished| keeps.includes(&finished.episode));
    for DemonstrationFinished { header, episode, .. } in kept {
        let path = folder.join(format!("{}.demonstrations", header.agent.name));
        let made = std::fs::create_dir_all(folder).map_err(|error| format!("`{}`: {error}", folder.display()));
        let written =
            made.and_then(|()| append(&path, header, std::slice::from_ref(episode)).map_err(|error| error.to_string()));
        if let Err(problem) = written {
            tracing::error!("an episode was not recorded: {problem}");
        }
    }
}
