//! Which policies are shown: those of files, and the newest of the training in this window.

use core::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;

use bevy::prelude::*;
use ludus_agent::spec::AgentSpec;
use ludus_policy::{Policy, PolicyFile};
use ludus_train::config::RunConfig;
use ludus_train::policies_at;

use crate::EditorCommand;
use crate::scene::{Player, Players};
use crate::snapshot::{KindPolicy, PolicyLabel, RunsSnapshot};
use crate::training::Training;

/// Policies that can decide, each with the index of its kind of agents.
pub type KindPlayers = Vec<(usize, Player)>;

/// Loads what was asked for. What can't be loaded is told, and what was there stays.
pub fn obey(
    mut commands: MessageReader<EditorCommand>,
    training: Res<Training>,
    mut players: ResMut<Players>,
    mut runs: ResMut<RunsSnapshot>,
) {
    for command in commands.read() {
        let done = match command {
            EditorCommand::LoadPolicy(path) => load(path, training.config(), training.specs()).map(|loaded| {
                loaded.into_iter().for_each(|(kind, player)| players.set_own(kind, player));
                players.mark_replaced();
            }),
            EditorCommand::Compare(path) => load(path, training.config(), training.specs()).map(|loaded| {
                players.clear_rivals();
                loaded.into_iter().for_each(|(kind, player)| players.set_rival(kind, player));
                players.mark_replaced();
            }),
            EditorCommand::StopComparing => {
                players.clear_rivals();
                Ok(())
            }
            _ => continue,
        };
        runs.trouble = done.err();
    }
    let kinds = 0..training.specs().len();
    let labelled = |kind: usize, player: &Player| KindPolicy { kind, label: player.label().clone() };
    runs.left = kinds.clone().filter_map(|kind| Some(labelled(kind, players.own(kind)?))).collect();
    runs.right = kinds.filter_map(|kind| Some(labelled(kind, players.rival(kind)?))).collect();
}

/// The policies of a file or a run's folder, if they are for agents and steps like these; else why not, in a sentence.
pub fn load(path: &Path, config: &RunConfig, specs: &[Arc<AgentSpec>]) -> Result<KindPlayers, String> {
    let files = policies_at(path, config, specs).map_err(|error| error.to_string())?;
    let player = |(kind, file): (usize, PolicyFile)| {
        Ok((kind, player(name_of(path), &file, config.interval(&specs[kind].name))?))
    };
    files.into_iter().map(player).collect()
}

/// The policies that stay as they are, as the config says; else why one can't decide, in a sentence.
pub fn frozen(config: &RunConfig, specs: &[Arc<AgentSpec>]) -> Result<KindPlayers, String> {
    let mut players = Vec::new();
    for (kind, spec) in specs.iter().enumerate() {
        let Some(path) = config.agent(spec).policy.frozen_file(spec) else { continue };
        let file = PolicyFile::read_for(&path, spec).map_err(|error| error.to_string())?;
        players.push((kind, player(name_of(&path), &file, config.interval(&spec.name))?));
    }
    Ok(players)
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

/// The run's name for its folder and for what lies in it, else the file's own.
fn name_of(path: &Path) -> String {
    let is_run = |folder: &&Path| folder.join("config.ron").is_file();
    let named = path.ancestors().take(3).find(is_run).unwrap_or(path);
    named.file_name().unwrap_or(named.as_os_str()).to_string_lossy().into_owned()
}
