//! Files of demonstrations that a game writes.

use std::path::PathBuf;

use bevy::prelude::*;
use ludus_demonstrations::append;

use super::DemonstrationFinished;

/// Appends every [`DemonstrationFinished`] to a file in a folder: `<kind>.demonstrations`. An episode that can't be
/// written is reported in the log.
#[derive(Clone, Debug)]
pub struct DemonstrationFilesPlugin {
    /// The folder, which is made if there is none.
    pub folder: PathBuf,
}

#[derive(Resource)]
struct Folder(PathBuf);

impl Plugin for DemonstrationFilesPlugin {
    fn build(&self, app: &mut App) {
        app.add_message::<DemonstrationFinished>().insert_resource(Folder(self.folder.clone()));
        app.add_systems(Last, write_files);
    }
}

fn write_files(folder: Res<Folder>, mut finished: MessageReader<DemonstrationFinished>) {
    for DemonstrationFinished { header, episode, .. } in finished.read() {
        let path = folder.0.join(format!("{}.demonstrations", header.agent.name));
        let made = std::fs::create_dir_all(&folder.0).map_err(|error| format!("`{}`: {error}", folder.0.display()));
        let written =
            made.and_then(|()| append(&path, header, std::slice::from_ref(episode)).map_err(|error| error.to_string()));
        if let Err(problem) = written {
            tracing::error!("an episode was not recorded: {problem}");
        }
    }
}
