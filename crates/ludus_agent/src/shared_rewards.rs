//! Terms of the reward that a team shares: each member is given the sum of what all members wrote in a tick.

use bevy::platform::collections::HashMap;

use crate::Reward;

/// The shared terms of a kind of agents: what the members of each team wrote in this tick, and the sums.
///
/// All of it is empty for a kind without shared terms.
#[derive(Debug, Default)]
pub(crate) struct SharedRewards {
    /// The indices of the shared terms among all terms.
    shared: Vec<usize>,
    /// The count of all terms.
    terms: usize,
    /// The terms that each row's agent wrote in this tick `[rows, terms]`.
    written: Vec<f32>,
    /// True for the rows whose agents wrote something that counts `[rows]`.
    counts: Vec<bool>,
    /// The sums of the shared terms `[teams, shared terms]`. In double precision the sum of a few numbers hardly ever
    /// depends on their order, which is that of the rows.
    sums: Vec<f64>,
    /// Members that have left their row in this tick, and are given their share with the others.
    pub left: Vec<LeftMember>,
    agreement: Option<Agreement>,
}

/// A member that has left its row in this tick.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LeftMember {
    pub row: u32,
    /// The index of its episode among those that are reported as finished, if it is.
    pub finished: Option<usize>,
}

/// The team of each row's agent in its world.
#[derive(Debug, Default)]
pub(crate) struct TeamIndices {
    /// True if the agents are in teams; else nothing is kept.
    pub is_on: bool,
    /// The index of the team of each row `[rows]`.
    pub of_rows: Vec<u32>,
    /// The index of each team: that of an arena (`None` for agents in none), and of a side in it.
    known: HashMap<(Option<u32>, u16), u32>,
}

/// Counts of the ticks in which several members of a team wrote a shared term, to find terms that each member writes
/// for all.
#[derive(Debug, Default)]
struct Agreement {
    /// The values that the first member of each team wrote in this tick `[teams, shared terms]`.
    first: Vec<f32>,
    /// True where another member wrote something else in this tick `[teams, shared terms]`.
    differs: Vec<bool>,
    /// The count of members in this tick `[teams]`.
    members: Vec<u32>,
    counts: Vec<TermAgreement>,
}

/// Counts of how often the members of a team wrote the same value of a shared term.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TermAgreement {
    /// The index of the term among all terms of the reward.
    pub term: usize,
    /// Ticks, team by team, in which two or more members all wrote the same value, and not 0.
    pub same: u64,
    /// Ticks, team by team, in which two members wrote different values.
    pub different: u64,
}

impl TeamIndices {
    pub fn new(is_on: bool) -> Self {
        Self { is_on, ..Self::default() }
    }

    /// Returns the index of a side in an arena. A side that is new gets the next one.
    pub fn index(&mut self, arena: Option<u32>, team: u16) -> u32 {
        let next = self.known.len() as u32;
        *self.known.entry((arena, team)).or_insert(next)
    }

    fn count(&self) -> usize {
        self.known.len()
    }
}

impl SharedRewards {
    /// The shared terms among `terms` terms.
    pub fn new(shared: impl Iterator<Item = usize>, terms: usize) -> Self {
        Self { shared: shared.collect(), terms, ..Self::default() }
    }

    /// True if the kind has shared terms.
    pub const fn is_on(&self) -> bool {
        !self.shared.is_empty()
    }

    pub fn set_rows(&mut self, rows: usize) {
        if self.is_on() {
            self.written.resize(rows * self.terms, 0.0);
            self.counts.resize(rows, false);
        }
    }

    pub fn reserve(&mut self) {
        self.left.reserve(self.counts.len());
    }

    /// Takes the reward that a row's agent wrote in this tick, which counts if `is_scored`.
    pub fn take<T: Reward>(&mut self, row: usize, reward: &mut T, is_scored: bool) {
        reward.take(&mut self.written[row * T::TERMS..][..T::TERMS]);
        self.counts[row] = is_scored;
    }

    /// Adds up the shared terms of each team.
    pub fn add_up(&mut self, teams: &TeamIndices) {
        let Self { shared, terms, written, counts, sums, agreement, .. } = self;
        sums.clear();
        sums.resize(teams.count() * shared.len(), 0.0);
        let rows = written.chunks_exact(*terms).zip(&teams.of_rows).zip(&*counts);
        for ((written, &team), _) in rows.filter(|(_, counts)| **counts) {
            let sums = &mut sums[team as usize * shared.len()..][..shared.len()];
            for (sum, &term) in sums.iter_mut().zip(&*shared) {
                *sum += f64::from(written[term]);
            }
        }
        if let Some(agreement) = agreement {
            agreement.count(shared, &self.written, teams, &self.counts);
        }
    }

    /// Writes the terms that a row's agent is given in this tick: its own, and its team's sums.
    #[inline]
    pub fn give(&self, row: usize, teams: &TeamIndices, taken: &mut [f32]) {
        taken.copy_from_slice(&self.written[row * self.terms..][..self.terms]);
        let sums = &self.sums[teams.of_rows[row] as usize * self.shared.len()..];
        for (&term, sum) in self.shared.iter().zip(sums) {
            taken[term] = *sum as f32;
        }
    }

    /// Forgets what was written in this tick.
    pub fn clear(&mut self) {
        self.counts.fill(false);
        self.left.clear();
    }

    pub fn watch(&mut self) {
        let counts = self.shared.iter().map(|&term| TermAgreement { term, ..TermAgreement::default() }).collect();
        self.agreement = Some(Agreement { counts, ..Agreement::default() });
    }

    pub fn agreement(&self) -> &[TermAgreement] {
        self.agreement.as_ref().map_or(&[], |agreement| &agreement.counts)
    }
}

impl Agreement {
    /// Compares what the members of each team wrote in a tick.
    fn count(&mut self, shared: &[usize], written: &[f32], teams: &TeamIndices, counts: &[bool]) {
        let count = teams.count() * shared.len();
        self.first.resize(count, 0.0);
        self.differs.clear();
        self.differs.resize(count, false);
        self.members.clear();
        self.members.resize(teams.count(), 0);
        let terms = written.len() / counts.len().max(1);
        for (row, &team) in teams.of_rows.iter().enumerate().filter(|(row, _)| counts[*row]) {
            let (team, written) = (team as usize, &written[row * terms..][..terms]);
            for (index, &term) in shared.iter().enumerate() {
                let place = team * shared.len() + index;
                if self.members[team] == 0 {
                    self.first[place] = written[term];
                }
                self.differs[place] |= self.first[place] != written[term];
            }
            self.members[team] += 1;
        }
        for (team, _) in self.members.iter().enumerate().filter(|(_, members)| **members > 1) {
            for (index, count) in self.counts.iter_mut().enumerate() {
                let place = team * shared.len() + index;
                count.different += u64::from(self.differs[place]);
                count.same += u64::from(!self.differs[place] && self.first[place] != 0.0);
            }
        }
    }
}
