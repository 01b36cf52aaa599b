//! Which policies are shown: those of files, and the newest of the training in this window.

use core::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;

use bevy::prelude::*;
use ludus_agent::spec::AgentSpec;
use ludus_policy::{Policy, PolicyFile};

use crate::EditorCommand;
use crate::scene::{Player, Players};
use crate::snapshot::{PolicyLabel, RunsSnapshot, SceneSnapshot};
use crate::training::Training;

/// Loads what was asked for. What can't be loaded is told, and what was there stays.
pub fn obey(
    mut commands: MessageReader<EditorCommand>,
    (scene, training): (Res<SceneSnapshot>, Res<Training>),
    mut players: ResMut<Players>,
    mut runs: ResMut<RunsSnapshot>,
) {
    let load = |path: &Path| load(path, &scene.spec, training.decision_interval());
    for command in commands.read() {
        let done = match command {
            EditorCommand::LoadPolicy(path) => load(path).map(|player| {
                players.set_own(Some(player));
                players.mark_replaced();
            }),
            EditorCommand::Compare(path) => load(path).map(|player| {
                players.set_rival(Some(player));
                players.mark_replaced();
            }),
            EditorCommand::StopComparing => {
                players.set_rival(None);
                Ok(())
            }
            _ => continue,
        };
        runs.trouble = done.err();
    }
    let label = |player: Option<&Player>| player.map(|player| player.label().clone());
    (runs.left, runs.right) = (label(players.own()), label(players.rival()));
}

/// The policy of a file, if it is for agents and steps like these; else why not, in a sentence.
pub fn load(path: &Path, spec: &AgentSpec, interval: NonZeroU32) -> Result<Player, String> {
    let file = PolicyFile::read_for(path, spec).map_err(|error| error.to_string())?;
    player(name_of(path), &file, interval)
}

/// A policy that can decide, if it does so as often as the game on screen asks it.
pub fn player(name: String, file: &PolicyFile, interval: NonZeroU32) -> Result<Player, String> {
    let own = file.decision_interval;
    if own != interval {
        return Err(format!(
            "`{name}` decides every {own} ticks, the game on screen every {interval}: open it with `watch {name}`"
        ));
    }
    let policy = Policy::new(file).map_err(|error| error.to_string())?;
    Ok(Player::new(PolicyLabel { name, steps: file.origin.steps }, Arc::new(policy)))
}

/// The run's name for what lies in a run's folder, else the file's own.
fn name_of(path: &Path) -> String {
    let is_run = |folder: &&Path| folder.join("config.ron").is_file();
    let named = path.ancestors().skip(1).take(2).find(is_run).unwrap_or(path);
    named.file_name().unwrap_or(named.as_os_str()).to_string_lossy().into_owned()
}
