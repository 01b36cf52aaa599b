//! Teams: the sides of a match.

use bevy::prelude::*;
pub use ludus_derive::Team;

/// The most teams of a match.
pub const MOST_TEAMS: usize = 8;

/// The sides of a match: a component of each agent, derived for a unit enum of the game.
///
/// ```
/// use bevy::prelude::*;
/// use ludus_agent::Team;
///
/// #[derive(Component, Team, Clone, Copy)]
/// enum Side { Left, Right }
///
/// assert_eq!(Side::NAMES, ["Left", "Right"]);
/// assert_eq!(Side::Right.index(), 1);
/// ```
///
/// A kind of agents names it as `#[agent(…, team = Side)]`, and each of its agents is spawned with its side, since there
/// is no default. The agents of an arena then share its episode
/// ([`EpisodeScope::Arena`](crate::EpisodeScope::Arena)), and the arena has a [`MatchResult`](crate::MatchResult).
pub trait Team: Component + Copy {
    /// The names of the sides, by index. Empty for [`NoTeam`] alone.
    const NAMES: &'static [&'static str];

    /// The index of this side in [`NAMES`](Self::NAMES).
    fn index(&self) -> usize;
}

/// The team of agents that are in none.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoTeam;

impl Team for NoTeam {
    const NAMES: &'static [&'static str] = &[];

    fn index(&self) -> usize {
        0
    }
}

/// The place of a row's agent in a match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowTeam {
    /// The index of the arena in its world; 0 for agents that are in none.
    pub arena: u32,
    /// The index of the team.
    pub team: u16,
}
