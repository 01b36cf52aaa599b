//! The commands that choose the policies on screen.

use bevy::prelude::*;

use crate::EditorCommand;
use crate::RivalPlace::{self, Beside, OtherSides};
use crate::policies::{KindPlayers, load};
use crate::scene::{Player, Players};
use crate::snapshot::{KindPolicy, RunsSnapshot};
use crate::training::Training;

/// Carries out the commands that load and compare policies and let them play, and lists the policies on screen.
///
/// If a policy can't be loaded, the present one stays, and `RunsSnapshot::trouble` has the reason.
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
            EditorCommand::Compare(path) => {
                load(path, training.config(), training.specs()).map(|loaded| set_rivals(&mut players, Beside, loaded))
            }
            EditorCommand::PlayAgainst(path) => {
                let is_match = training.specs().iter().any(|spec| !spec.teams.is_empty());
                let sides =
                    if is_match { Ok(()) } else { Err("the game has no teams, so it has no matches".to_owned()) };
                let loaded = sides.and_then(|()| load(path, training.config(), training.specs()));
                loaded.map(|loaded| set_rivals(&mut players, OtherSides, loaded))
            }
            EditorCommand::StopComparing => {
                players.clear_rivals(Beside);
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
    runs.rivals = players.rival_place();
}

/// Replaces the second policies of all kinds.
fn set_rivals(players: &mut Players, place: RivalPlace, loaded: KindPlayers) {
    players.clear_rivals(place);
    loaded.into_iter().for_each(|(kind, player)| players.set_rival(kind, player));
    players.mark_replaced();
}
