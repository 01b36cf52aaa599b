//! The episodes of a run's worlds, by kind of agents and row.

use super::Training;
use crate::episodes::{EpisodeSummary, RecentEpisodes};
use crate::group::WorldGroup;

/// The episodes of a kind of agents.
pub(crate) struct KindEpisodes {
    pub recent: RecentEpisodes,
    /// The return of each row's last episode `[rows]`; NaN before the first.
    pub last_returns: Vec<f32>,
    /// The mean length of the demonstrations that GAIL rewards it for imitating \[steps\]; `None` without GAIL.
    pub demonstrated_steps: Option<f64>,
}

impl Training {
    /// Collects the episodes that ended in the iteration; returns the number of episodes of each kind that newly count
    /// in the mean return.
    pub(super) fn take_episodes(&mut self) -> Vec<usize> {
        let now = self.groups.first().map_or(0, WorldGroup::steps);
        let mut first_rows = vec![0; self.kinds.len()];
        for group in &mut self.groups {
            for episode in group.drain_episodes() {
                let kind = &mut self.kinds[episode.kind];
                let row = first_rows[episode.kind] + episode.row as usize;
                kind.last_returns[row] = episode.reward;
                kind.recent.end(row, episode);
            }
            group.take_changes(|kind, changes| {
                self.kinds[kind].recent.observe(first_rows[kind], changes);
                first_rows[kind] += changes.rows.len();
            });
        }
        let groups = &self.groups;
        let settle = |(kind, episodes): (usize, &mut KindEpisodes)| {
            episodes.recent.settle(now, |row| episode_so_far(groups, kind, row))
        };
        self.kinds.iter_mut().enumerate().map(settle).collect()
    }
}

/// The sums so far of the episode that goes on in this row of a kind.
fn episode_so_far(groups: &[WorldGroup], kind: usize, mut row: usize) -> Option<EpisodeSummary> {
    for group in groups {
        if row < group.row_count(kind) {
            return group.episode_so_far(kind, row);
        }
        row -= group.row_count(kind);
    }
    None
}
