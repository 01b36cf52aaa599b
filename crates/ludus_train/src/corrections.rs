//! Recording the episodes of a game on screen in which a person takes over from the policy.

use std::path::Path;

use bevy::app::App;
use ludus_play::{DemonstrationFilesPlugin, DemonstrationPlugin, KeptDemonstrations};

/// Lets an app append every episode in which a person decides a step to a file in `folder`, whole and with the source of
/// each decision. `game` is the game's name.
///
/// Episodes that policies and scripts decide alone are not written: they were not corrected.
pub fn record_corrections(app: &mut App, game: &str, folder: &Path) {
    let recording = DemonstrationPlugin { game: game.to_owned(), records_all: true };
    let keeps = KeptDemonstrations::OfPersons;
    app.add_plugins((recording, DemonstrationFilesPlugin { folder: folder.to_owned(), keeps }));
}
