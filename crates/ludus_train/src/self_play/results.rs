//! The results of all matches of a run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::group::PairResult;

/// The matches between two players, as the first of them sees them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tally {
    /// Matches that the first player won.
    pub wins: u64,
    /// Matches that nobody won.
    pub draws: u64,
    /// Matches that the second player won.
    pub losses: u64,
}

/// The results of all matches, by pairs of players. The order of the matches is not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Results {
    /// By the numbers of two players, the smaller first.
    pairs: BTreeMap<(u32, u32), Tally>,
    /// Matches that ended without a result of the game.
    undecided: u64,
}

impl Tally {
    /// The number of matches.
    pub const fn matches(&self) -> u64 {
        self.wins + self.draws + self.losses
    }

    /// Victories, and half of the draws.
    pub fn points(&self) -> f64 {
        self.wins as f64 + 0.5 * self.draws as f64
    }

    /// The share of the points that the first player won; `None` without matches.
    pub fn share(&self) -> Option<f64> {
        (self.matches() > 0).then(|| self.points() / self.matches() as f64)
    }

    /// The same matches as the second player sees them.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Self { wins: self.losses, draws: self.draws, losses: self.wins }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.wins += other.wins;
        self.draws += other.draws;
        self.losses += other.losses;
    }
}

impl Results {
    /// The results with these tallies, of which so many matches ended without a result of the game.
    pub fn of(tallies: impl IntoIterator<Item = (u32, u32, Tally)>, undecided: u64) -> Self {
        let mut results = Self { undecided, ..Self::default() };
        tallies.into_iter().for_each(|(one, other, tally)| results.add_tally(one, other, tally));
        results
    }

    /// Adds matches of two players, as `one` sees them.
    pub fn add_tally(&mut self, one: u32, other: u32, tally: Tally) {
        let tally = if one <= other { tally } else { tally.reversed() };
        self.pairs.entry((one.min(other), one.max(other))).or_default().add(tally);
    }

    /// Adds a match.
    pub(crate) fn add(&mut self, result: &PairResult) {
        let PairResult { one, other, score, is_decided, .. } = *result;
        let tally =
            Tally { wins: u64::from(score > 0.5), draws: u64::from(score == 0.5), losses: u64::from(score < 0.5) };
        self.add_tally(one, other, tally);
        self.undecided += u64::from(!is_decided);
    }

    /// The matches between two players, as `one` sees them.
    pub fn between(&self, one: u32, other: u32) -> Tally {
        let tally = self.pairs.get(&(one.min(other), one.max(other))).copied().unwrap_or_default();
        if one <= other { tally } else { tally.reversed() }
    }

    /// All pairs that have played, the player with the smaller number first.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u32, Tally)> + '_ {
        self.pairs.iter().map(|(&(one, other), &tally)| (one, other, tally))
    }

    /// The number of all matches.
    pub fn matches(&self) -> u64 {
        self.pairs.values().map(Tally::matches).sum()
    }

    /// The number of matches that ended without a result of the game.
    pub const fn undecided(&self) -> u64 {
        self.undecided
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_do_not_depend_on_the_order_of_matches_or_sides() {
        let result = |one, other, score| PairResult { one, other, score, is_decided: true, number: 0 };
        let matches = [result(2, 1, 1.0), result(1, 2, 0.5), result(1, 2, 1.0), result(3, 3, 0.0)];
        let mut forward = Results::default();
        let mut backward = Results::default();
        matches.iter().for_each(|result| forward.add(result));
        matches.iter().rev().for_each(|result| backward.add(result));
        assert_eq!(forward, backward);
        assert_eq!(forward.between(1, 2), Tally { wins: 1, draws: 1, losses: 1 });
        assert_eq!(forward.between(2, 1).share(), Some(0.5));
        assert_eq!((forward.matches(), forward.between(1, 3).share()), (4, None));
    }
}
