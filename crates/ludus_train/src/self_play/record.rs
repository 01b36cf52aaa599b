//! The players and results of a run, as its checkpoints have them.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::results::{Results, Tally};

/// A player of a run's matches: a policy, or the game's own script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Player {
    /// The name in ladders, such as `Paddle 200000`.
    pub name: String,
    /// The kind of agents that it plays.
    pub kind: String,
    /// The policy.
    pub source: PlayerSource,
}

/// The sources of a player's policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PlayerSource {
    /// The policy that is being learned, since the last version was taken.
    Newest,
    /// The policy as it was after so many steps of the run.
    Version {
        /// Steps of the run.
        steps: u64,
        /// The name of its file in the run's folder of versions; `None` if the file was dropped.
        file: Option<String>,
    },
    /// A policy that the config names, which never changes.
    Fixed(PathBuf),
    /// The game's own script.
    Script,
}

/// The players of a run and the results of their matches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelfPlayRecord {
    /// The players; results name them by their indices.
    pub players: Vec<Player>,
    /// The matches of each pair of players, as the first one sees them.
    pub matches: Vec<PairRecord>,
    /// Matches that ended without a result of the game.
    pub undecided: u64,
}

/// The matches of two players.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PairRecord {
    /// The index of the first player.
    pub one: u32,
    /// The index of the second player.
    pub other: u32,
    /// Their matches, as the first one sees them.
    pub tally: Tally,
}

impl SelfPlayRecord {
    pub(super) fn of(players: &[Player], results: &Results) -> Self {
        let matches = results.iter().map(|(one, other, tally)| PairRecord { one, other, tally }).collect();
        Self { players: players.to_vec(), matches, undecided: results.undecided() }
    }

    /// The players, without the names of files that are not in the folder of versions.
    pub(super) fn safe_players(&self) -> Vec<Player> {
        let mut players = self.players.clone();
        for player in &mut players {
            if let PlayerSource::Version { file, .. } = &mut player.source {
                let is_plain =
                    |file: &mut String| Path::new(file).file_name().is_some_and(|name| name == file.as_str());
                *file = file.take_if(is_plain);
            }
        }
        players
    }

    /// The results of the matches. Those of players that are not listed are left out.
    pub fn results(&self) -> Results {
        let is_listed = |pair: &&PairRecord| (pair.one.max(pair.other) as usize) < self.players.len();
        let pairs = self.matches.iter().filter(is_listed);
        Results::of(pairs.map(|pair| (pair.one, pair.other, pair.tally)), self.undecided)
    }
}

/// A name for the file of a version in `folder` that no file has.
pub(super) fn version_file(folder: &Path, kind: &str, steps: u64) -> String {
    let name = |copy: u32| match copy {
        0 => format!("{kind}-{steps:012}.safetensors"),
        copy => format!("{kind}-{steps:012}-{copy}.safetensors"),
    };
    (0..).map(name).find(|name| !folder.join(name).exists()).unwrap_or_default()
}
