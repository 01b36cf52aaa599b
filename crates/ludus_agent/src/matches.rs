//! Matches: the result of an arena's episode for the teams in it.

use bevy::prelude::*;

use crate::{MOST_TEAMS, Team};

/// The result of the match in an arena, as the game says it.
///
/// Arenas have one if the game has a kind of agents with a [team](Team). A match is an episode of the arena: the first
/// result ends the episodes of its agents, as [terminated](crate::Episode::terminate), and later ones are ignored. If
/// the episode ends without a result, as at a limit, the match is a draw.
///
/// ```
/// # use bevy::prelude::*;
/// # use ludus_agent::{MatchResult, Team};
/// # #[derive(Component, Team, Clone, Copy)]
/// # enum Side { Left, Right }
/// let mut result = MatchResult::default();
/// result.won_by(Side::Right);
/// assert_eq!(result.places(), Some(&[2, 1][..]));
/// ```
#[derive(Component, Reflect, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[reflect(Component, Debug, Default, PartialEq)]
pub struct MatchResult {
    /// The place of each team, from 1; `teams` of them count.
    places: [u8; MOST_TEAMS],
    teams: u8,
}

impl MatchResult {
    /// Ends the match: this team has won, all others have lost alike.
    ///
    /// Does nothing if the match has a result.
    pub fn won_by<T: Team>(&mut self, team: T) {
        self.ranked(&[team]);
    }

    /// Ends the match as a draw of all teams.
    ///
    /// Does nothing if the match has a result.
    pub fn draw<T: Team>(&mut self) {
        self.decide::<T>([1; MOST_TEAMS]);
    }

    /// Ends the match with a ranking, the best team first. Teams that are not in it share the place after the last.
    ///
    /// Does nothing if the match has a result.
    pub fn ranked<T: Team>(&mut self, ranking: &[T]) {
        let mut places = [(ranking.len() + 1).min(MOST_TEAMS) as u8; MOST_TEAMS];
        // A team that is named twice has its better place.
        for (place, team) in ranking.iter().enumerate().rev() {
            places[team.index()] = (place + 1).min(MOST_TEAMS) as u8;
        }
        self.decide::<T>(places);
    }

    /// The place of each team, 1 for the best, by the index of the team; `None` as long as there is no result.
    pub fn places(&self) -> Option<&[u8]> {
        (self.teams > 0).then(|| &self.places[..usize::from(self.teams)])
    }

    fn decide<T: Team>(&mut self, places: [u8; MOST_TEAMS]) {
        if self.teams == 0 {
            *self = Self { places, teams: T::NAMES.len() as u8 };
        }
    }
}

/// The restart of an arena whose agents have teams, and the match that ended before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatchRestart {
    /// The index of the arena in its world.
    pub arena: u32,
    /// The match that has ended; `None` at the arena's first start, and for a match that was cut short to
    /// [stagger](crate::Rows::stagger_first_episodes) episodes.
    pub ended: Option<MatchResult>,
}

/// The restarts of arenas with matches in the last step, in order.
#[derive(Resource, Debug, Default)]
pub struct MatchRestarts(Vec<MatchRestart>);

impl MatchRestarts {
    /// The restarts of the last step.
    pub fn all(&self) -> &[MatchRestart] {
        &self.0
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn add(&mut self, restart: MatchRestart) {
        self.0.push(restart);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Component, Clone, Copy)]
    struct Car(usize);

    impl Team for Car {
        const NAMES: &'static [&'static str] = &["red", "green", "blue"];

        fn index(&self) -> usize {
            self.0
        }
    }

    #[test]
    fn a_match_has_the_first_result_that_it_gets() {
        let mut result = MatchResult::default();
        assert_eq!(result.places(), None);
        result.ranked(&[Car(2), Car(0)]);
        assert_eq!(result.places(), Some(&[2, 3, 1][..]));
        result.won_by(Car(1));
        assert_eq!(result.places(), Some(&[2, 3, 1][..]));
    }

    #[test]
    fn losers_share_a_place_and_so_do_all_in_a_draw() {
        let (mut won, mut drawn) = (MatchResult::default(), MatchResult::default());
        won.won_by(Car(1));
        drawn.draw::<Car>();
        assert_eq!(won.places(), Some(&[2, 1, 2][..]));
        assert_eq!(drawn.places(), Some(&[1, 1, 1][..]));
    }
}
