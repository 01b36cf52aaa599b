//! The commands that choose the policies on screen.

use bevy::prelude::*;

use crate::EditorCommand;
use crate::policies::load;
use crate::scene::{Player, Players};
use crate::snapshot::{KindPolicy, RunsSnapshot};
use crate::training::Training;

/// Carries out the commands that load and compare policies, and lists the policies on screen. If a policy can't be
/// loaded, the present one stays, and `RunsSnapshot::trouble` has the reason.
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
