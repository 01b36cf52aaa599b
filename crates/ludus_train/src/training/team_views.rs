//! The number of other members that the critic of a team sees.

use ludus_worlds::PooledWorld;

use crate::blueprint::Blueprint;
use crate::config::ConfigError;
use crate::group::{WorldGroup, largest_team};

/// Counts the members of the largest team of each kind whose critic sees its team.
///
/// If `rows` is set, a team may be as large as its even share of the rows: its agents may come later.
///
/// # Errors
///
/// If no team has two members.
pub(super) fn count_teams(blueprint: &mut Blueprint, worlds: &[PooledWorld]) -> Result<(), ConfigError> {
    let kinds = 0..blueprint.specs.len();
    let views = kinds.map(|kind| others(blueprint, worlds, kind)).collect::<Result<Vec<_>, _>>();
    blueprint.team_views = views?;
    Ok(())
}

/// The other members that an agent of a kind has at most; 0 for a kind whose critic does not see them.
fn others(blueprint: &Blueprint, worlds: &[PooledWorld], kind: usize) -> Result<usize, ConfigError> {
    if !blueprint.critic_sees_team(kind) {
        return Ok(0);
    }
    let (agent, arenas) = (blueprint.agent(kind), blueprint.config.arenas);
    let expected = agent.rows.map_or(0, |rows| rows.get().div_ceil(arenas.get()) as usize);
    let largest = worlds.iter().map(|world| largest_team(world.rows(kind))).max().unwrap_or(0).max(expected);
    if largest < 2 {
        let name = &blueprint.specs[kind].name;
        let message = format!(
            "no team of `{name}` has two members when the game starts, so its critic would see nobody else; set `rows` if \
             agents come later, or leave `critic` out"
        );
        return Err(ConfigError::single(format!("agents.{name}.critic"), message));
    }
    Ok(largest - 1)
}

/// Gives the rows of kinds whose critic sees the team the observations of its members.
pub(super) fn view_teams(blueprint: &Blueprint, groups: &mut [WorldGroup]) {
    for (lane, kinds) in blueprint.lanes().iter().enumerate() {
        let members = blueprint.team_views.get(kinds[0]).copied().unwrap_or(0);
        if members > 0 {
            groups.iter_mut().for_each(|group| group.view_teams(lane, members));
        }
    }
}
