//! Recording the episodes of a game on screen in which a person takes over from the policy.

use std::path::Path;

use bevy::app::App;
use ludus_play::{DemonstrationFilesPlugin, DemonstrationPlugin, KeptDemonstrations};

/// Lets an app append every episode in which a person or a script decides a step to a file in `folder`, whole and with
/// the source of each decision. `game` is the game's name.
///
/// Episodes that a policy decides alone are not written: it would learn from itself.
pub fn record_corrections(app: &mut App, game: &str, folder: &Path) {
    let recording = DemonstrationPlugin { game: game.to_owned(), records_all: true };
    let keeps = KeptDemonstrations::WithoutPolicyAlone;
    app.add_plugins((recording, DemonstrationFilesPlugin { folder: folder.to_owned(), keeps }));
}
