//! Loading the policies of files for the agents on screen.

use core::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;

use ludus_agent::spec::AgentSpec;
use ludus_policy::{Policy, PolicyFile, ValueEstimate};
use ludus_train::config::RunConfig;
use ludus_train::{policies_at, saved_values};

use crate::scene::Player;
use crate::snapshot::PolicyLabel;

/// Policies that can act, each with the index of its kind of agents.
pub type KindPlayers = Vec<(usize, Player)>;

/// Loads the policies of a file or a run's folder. The error is a sentence: the file can't be read, or its policy is
/// for other agents or another decision interval.
pub fn load(path: &Path, config: &RunConfig, specs: &[Arc<AgentSpec>]) -> Result<KindPlayers, String> {
    let files = policies_at(path, config, specs).map_err(|error| error.to_string())?;
    let player = |(kind, file): (usize, PolicyFile)| {
        let values = saved_values(path, config, &file);
        Ok((kind, player(name_of(path), &file, values, config.interval(&specs[kind].name))?))
    };
    files.into_iter().map(player).collect()
}

/// Loads the frozen policies of the config. The error is a sentence with the reason that one can't be loaded.
pub fn frozen(config: &RunConfig, specs: &[Arc<AgentSpec>]) -> Result<KindPlayers, String> {
    let mut players = Vec::new();
    for (kind, spec) in specs.iter().enumerate() {
        let Some(path) = config.agent(spec).policy.frozen_file(spec) else { continue };
        let file = PolicyFile::read_for(&path, spec).map_err(|error| error.to_string())?;
        let values = saved_values(&path, config, &file);
        players.push((kind, player(name_of(&path), &file, values, config.interval(&spec.name))?));
    }
    Ok(players)
}

/// Builds the policy of a file, with the numbers that estimate its values. The error is a sentence: the policy has another
/// decision interval than the game on screen, or the file is invalid.
pub fn player(name: String, file: &PolicyFile, values: ValueEstimate, interval: NonZeroU32) -> Result<Player, String> {
    let own = file.decision_interval;
    if own != interval {
        return Err(format!(
            "`{name}` decides every {own} ticks, the game on screen every {interval}: open it with `watch {name}`"
        ));
    }
    let policy = Policy::new(file).and_then(|policy| policy.with_values(values)).map_err(|error| error.to_string())?;
    Ok(Player::new(PolicyLabel { name, steps: file.origin.steps }, Arc::new(policy)))
}

/// Returns the name of the run's folder for that folder and for files at most two levels inside it, else the name of
/// the file itself.
fn name_of(path: &Path) -> String {
    let is_run = |folder: &&Path| folder.join("config.ron").is_file();
    let named = path.ancestors().take(3).find(is_run).unwrap_or(path);
    named.file_name().unwrap_or(named.as_os_str()).to_string_lossy().into_owned()
}
