//! Which policies are shown: those of files, and the newest of the training in this window.

use std::path::Path;
use std::sync::Arc;

use bevy::prelude::*;
use ludus_agent::spec::AgentSpec;
use ludus_policy::{Policy, PolicyFile};

use crate::EditorCommand;
use crate::scene::{Player, Players};
use crate::snapshot::{PolicyLabel, RunsSnapshot, SceneSnapshot};

/// Loads what was asked for. What can't be loaded is told, and what was there stays.
pub fn obey(
    mut commands: MessageReader<EditorCommand>,
    scene: Res<SceneSnapshot>,
    mut players: ResMut<Players>,
    mut runs: ResMut<RunsSnapshot>,
) {
    for command in commands.read() {
        let done = match command {
            EditorCommand::LoadPolicy(path) => load(path, &scene.spec).map(|player| players.set_own(Some(player))),
            EditorCommand::Compare(path) => load(path, &scene.spec).map(|player| players.set_rival(Some(player))),
            EditorCommand::StopComparing => {
                players.set_rival(None);
                Ok(())
            }
            _ => continue,
        };
        runs.trouble = done.err();
    }
    let label = |player: Option<&Player>| player.map(|player| player.label.clone());
    (runs.left, runs.right) = (label(players.own()), label(players.rival()));
}

/// The policy of a file, if it is for agents like these; else why not, in a sentence.
pub fn load(path: &Path, spec: &AgentSpec) -> Result<Player, String> {
    let file = PolicyFile::read_for(path, spec).map_err(|error| error.to_string())?;
    player(name_of(path), &file)
}

/// A policy that can decide.
pub fn player(name: String, file: &PolicyFile) -> Result<Player, String> {
    let policy = Policy::new(file).map_err(|error| error.to_string())?;
    Ok(Player::new(PolicyLabel { name, steps: file.origin.steps }, Arc::new(policy)))
}

/// The run's name for what lies in a run's folder, else the file's own.
fn name_of(path: &Path) -> String {
    let is_run = |folder: &&Path| folder.join("config.ron").is_file();
    let named = path.ancestors().skip(1).take(2).find(is_run).unwrap_or(path);
    named.file_name().unwrap_or(named.as_os_str()).to_string_lossy().into_owned()
}
