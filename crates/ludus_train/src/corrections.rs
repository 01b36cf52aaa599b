//! Recording the episodes of a game on screen in which a person takes over from the policy.

use std::path::Path;

use bevy::app::App;
use ludus_play::{DemonstrationFilesPlugin, KeptDemonstrations};

/// Lets an app append every episode in which a person decides a step to a file in `folder`, whole and with the source of
/// each decision. `game` is the game's name.
///
/// Episodes that policies and scripts decide alone are not written: they were not corrected. If the game has added a
/// [`DemonstrationFilesPlugin`] itself, that one stays, with a warning in the log.
pub fn record_corrections(app: &mut App, game: &str, folder: &Path) {
    let keeps = KeptDemonstrations::OfPersons;
    DemonstrationFilesPlugin { folder: folder.to_owned(), keeps }.record_all(app, game);
}
