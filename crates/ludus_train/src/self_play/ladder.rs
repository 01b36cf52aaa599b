//! The ladder of a run: its players by their ratings.

use serde::Serialize;

use super::ratings::{Rating, fit_ratings};
use super::record::{PlayerSource, SelfPlayRecord};

/// A player on the ladder.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LadderEntry {
    /// The player's name.
    pub player: String,
    /// The file of its policy in the run's folder of versions; none for one that was dropped, learns, or is no version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Its rating \[points\]: the first version has 0, and one with 400 points more wins ten times as often.
    pub rating: f64,
    /// The standard error of the rating, relative to the mean of all players \[points\].
    pub error: f64,
    /// Its matches against others.
    pub matches: u64,
    /// The share of the points that it won against each player of the ladder, in the same order; none without matches.
    pub shares: Vec<Option<f64>>,
}

/// The players that have played, the strongest first.
pub fn ladder(record: &SelfPlayRecord) -> Vec<LadderEntry> {
    let results = record.results();
    let mut ratings = fit_ratings(&results, record.players.len());
    let first = record.players.iter().position(|player| matches!(player.source, PlayerSource::Version { .. }));
    let origin = first.map_or(0.0, |first| ratings[first].points);
    ratings.iter_mut().for_each(|rating| rating.points -= origin);
    let matches = |player: u32| -> u64 {
        let others = (0..record.players.len() as u32).filter(|&other| other != player);
        others.map(|other| results.between(player, other).matches()).sum()
    };
    let mut order: Vec<u32> = (0..record.players.len() as u32).filter(|&player| matches(player) > 0).collect();
    let points = |player: u32| ratings[player as usize].points;
    order.sort_by(|&one, &other| points(other).total_cmp(&points(one)));
    let rung = |&player: &u32| {
        let Rating { points, error } = ratings[player as usize];
        let of = &record.players[player as usize];
        let file = match &of.source {
            PlayerSource::Version { file, .. } => file.clone(),
            _ => None,
        };
        let share = |&other: &u32| results.between(player, other).share().filter(|_| other != player);
        LadderEntry {
            player: of.name.clone(),
            file,
            rating: points,
            error,
            matches: matches(player),
            shares: order.iter().map(share).collect(),
        }
    };
    order.iter().map(rung).collect()
}

#[cfg(test)]
mod tests {
    use super::super::record::{PairRecord, Player};
    use super::super::results::Tally;
    use super::*;

    #[test]
    fn the_strongest_is_first_and_a_cycle_shows_in_the_shares() {
        let player = |name: &str| Player {
            name: name.to_owned(),
            kind: "Hand".to_owned(),
            source: PlayerSource::Version { steps: 0, file: None },
        };
        let wins = Tally { wins: 9, draws: 0, losses: 1 };
        let pair = |one, other, tally| PairRecord { one, other, tally };
        let beaten = Tally { wins: 0, draws: 0, losses: 10 };
        let record = SelfPlayRecord {
            players: ["beginner", "rock", "paper", "scissors", "absent"].map(player).to_vec(),
            matches: vec![
                pair(2, 1, wins),
                pair(3, 2, wins),
                pair(1, 3, wins),
                pair(0, 1, beaten),
                pair(0, 2, beaten),
                pair(0, 3, beaten),
            ],
            undecided: 0,
        };
        let rungs = ladder(&record);
        assert_eq!(rungs.len(), 4, "who has not played is not on it");
        assert_eq!((rungs[3].player.as_str(), rungs[3].rating, rungs[3].matches), ("beginner", 0.0, 30));
        let place = |name: &str| rungs.iter().position(|rung| rung.player == name).unwrap();
        for (one, other) in [("paper", "rock"), ("scissors", "paper"), ("rock", "scissors")] {
            assert_eq!(rungs[place(one)].shares[place(other)], Some(0.9), "{one} against {other}");
            assert!((rungs[place(one)].rating - rungs[place(other)].rating).abs() < 1e-6);
        }
    }
}
