//! Worlds that step together on one thread.

mod accident;
mod lanes;
mod matches;
mod member;
mod team_view;

use std::num::NonZeroU64;
use std::sync::Arc;

use ludus_agent::{Arena, InArena, Rows, StateHash};
use ludus_spec::{AgentSpec, Clock, Outcome};
use ludus_worlds::{PooledWorld, WorldError, WorldParameters};

use crate::episodes::{EpisodeSummary, RowChange, RowChanges, TermSums};
use crate::phases::StepTimes;
use ludus_replay::{HashPlace, LoggedHash, Recorder, RecorderSettings};

pub(crate) use accident::{Accident, WorldFault};
pub(crate) use matches::{LanePlayers, MatchMode, MatchPlan, Opponent, PairResult};
pub(crate) use team_view::{CrowdedTeam, largest_team};

use member::{Member, RowsBefore};
use team_view::TeamView;

/// Rows that a group should have, so that a forward pass over them is efficient.
const ENOUGH_ROWS: usize = 64;

/// A group has at most one in so many of the worlds, rounded up, so that there is work for many cores.
const ENOUGH_GROUPS: usize = 8;

/// One or several worlds that step together on one thread.
///
/// A world that panics is built anew; its rows have the outcome [`Faulty`](ludus_spec::Outcome::Faulty) in that step. A
/// world that can't be built anew is no longer stepped, and [`failure`](Self::failure) returns the error.
///
/// `kind` is an index among the kinds of agents of its worlds, in the order of [`PooledWorld::kinds`]. Rows of a kind
/// are numbered through all worlds of the group.
///
/// A lane has the rows of the kinds that follow one policy: those of the first kind through all worlds, then those of
/// the next.
pub(crate) struct WorldGroup {
    worlds: Vec<Member>,
    lanes: Lanes,
    clock: Clock,
    times: StepTimes,
    /// The number of steps that the group has made.
    steps: u64,
    episodes: Vec<EpisodeSummary>,
    /// The change of each row's episode since changes were last taken, by kind `[rows]`.
    changes: Vec<Vec<RowChange>>,
    /// The number of steps that the group had made when changes were last taken.
    changes_taken: u64,
    panics: Vec<Accident>,
    failure: Option<WorldError>,
    /// True if rows have drivers, since matches are played between policies.
    has_drivers: bool,
    /// The way in which matches are made, once they are.
    match_plan: Option<Arc<MatchPlan>>,
    results: Vec<PairResult>,
    /// The views of their teams that the critics of each lane have; empty if none has any.
    team_views: Vec<Option<TeamView>>,
}

/// The kinds of agents that follow each policy of a run, by their indices in the game.
pub(crate) type Lanes = Arc<[Vec<usize>]>;

/// Puts worlds into groups, in order.
///
/// The grouping follows from the numbers of worlds and rows, never from that of threads: a policy must not depend on
/// the machine.
pub(crate) fn group_worlds(worlds: Vec<PooledWorld>, lanes: &Lanes, clock: Clock) -> Vec<WorldGroup> {
    let rows_of = |world: &PooledWorld| (0..world.kinds().len()).map(|kind| world.row_count(kind)).sum::<usize>();
    let rows = worlds.iter().map(rows_of).sum::<usize>();
    let size = group_size(worlds.len(), rows);
    let mut groups = Vec::with_capacity(worlds.len().div_ceil(size));
    let mut worlds = worlds.into_iter().peekable();
    while worlds.peek().is_some() {
        groups.push(WorldGroup::new(worlds.by_ref().take(size).collect(), lanes.clone(), clock));
    }
    groups
}

/// The number of worlds in a group, from the numbers of all worlds and all rows.
fn group_size(worlds: usize, rows: usize) -> usize {
    let for_enough_rows = (ENOUGH_ROWS * worlds).div_ceil(rows.max(1));
    for_enough_rows.min(worlds.div_ceil(ENOUGH_GROUPS)).max(1)
}

impl WorldGroup {
    pub fn new(mut worlds: Vec<PooledWorld>, lanes: Lanes, clock: Clock) -> Self {
        let panics = worlds.iter_mut().filter_map(Accident::of_building).collect();
        let worlds: Vec<_> = worlds.into_iter().map(Member::new).collect();
        let mut group = Self {
            worlds,
            lanes,
            clock,
            times: StepTimes::default(),
            steps: 0,
            episodes: Vec::new(),
            changes: Vec::new(),
            changes_taken: 0,
            panics,
            failure: None,
            has_drivers: false,
            match_plan: None,
            results: Vec::new(),
            team_views: Vec::new(),
        };
        let unchanged = |kind| vec![RowChange::default(); group.row_count(kind)];
        group.changes = (0..group.kind_count()).map(unchanged).collect();
        group
    }

    /// Removes and returns the episodes that ended since the last call.
    pub fn drain_episodes(&mut self) -> impl Iterator<Item = EpisodeSummary> + '_ {
        self.episodes.drain(..)
    }

    /// Visits the changes of the episodes of each kind's rows since the last call, and resets them.
    pub fn take_changes(&mut self, mut visit: impl FnMut(usize, RowChanges<'_>)) {
        for (kind, rows) in self.changes.iter_mut().enumerate() {
            visit(kind, RowChanges { since: self.changes_taken, rows });
            rows.fill(RowChange::default());
        }
        self.changes_taken = self.steps;
    }

    /// Lets the rows of a lane have the observations of up to `members` other members of each agent's team.
    pub fn view_teams(&mut self, lane: usize, members: usize) {
        self.team_views.resize(self.lanes.len(), None);
        self.team_views[lane] = Some(TeamView::new(members));
    }

    /// The largest team so far of each lane whose critic does not see all of its members.
    pub fn crowded_teams(&self) -> impl Iterator<Item = CrowdedTeam> + '_ {
        let views = self.team_views.iter().zip(self.lanes.iter());
        views.filter_map(|(view, kinds)| view.as_ref()?.crowded(kinds[0]))
    }

    /// The number of steps that the group has made.
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    /// The sums so far of the episode that goes on in a row of a kind; `None` if there is no such row.
    pub fn episode_so_far(&self, kind: usize, row: usize) -> Option<EpisodeSummary> {
        let mut own = row;
        for Member { world, .. } in &self.worlds {
            let (rows, terms) = (world.rows(kind), world.spec(kind).reward.len());
            if own < world.row_count(kind) {
                return Some(EpisodeSummary {
                    kind,
                    row: row as u32,
                    began: 0,
                    is_first: false,
                    reward: rows.episode_returns()[own],
                    steps: 0,
                    terms: TermSums::from_slice(&rows.episode_terms()[own * terms..][..terms]),
                    success: None,
                    plan: 0,
                    parameters: Vec::new(),
                });
            }
            own -= world.row_count(kind);
        }
        None
    }

    /// Removes and returns the panics since the last call.
    pub fn drain_panics(&mut self) -> impl Iterator<Item = Accident> + '_ {
        self.panics.drain(..)
    }

    /// The worlds in which the game has written `AppExit` so far.
    pub fn exited_worlds(&self) -> impl Iterator<Item = u32> + '_ {
        self.worlds.iter().filter(|member| member.world.exits() > 0).map(|member| member.world.index())
    }

    /// Removes and returns the first few faults of each kind and world since the last call.
    pub fn drain_faults(&mut self) -> impl Iterator<Item = WorldFault> + '_ {
        self.worlds.iter_mut().flat_map(|member| {
            let world = member.world.index();
            let mut faults = Vec::new();
            let kinds = member.world.kinds().len();
            for kind in 0..kinds {
                if member.world.is_listed(kind) {
                    let of_kind = member.world.rows_mut(kind).drain_faults();
                    faults.extend(of_kind.map(|fault| WorldFault { world, kind, fault }));
                }
            }
            faults
        })
    }

    /// The number of all faults so far.
    pub fn fault_count(&self) -> u64 {
        self.worlds.iter().map(|member| member.fault_count()).sum()
    }

    /// The error of the last world that could not be built anew, if there is one.
    pub fn failure(&self) -> Option<&WorldError> {
        self.failure.as_ref()
    }

    /// Starts to take hashes of the worlds' states, once in `every` ticks.
    pub fn hash_every(&mut self, every: NonZeroU64) {
        self.worlds.iter_mut().for_each(|member| member.world.hash_every(every));
    }

    /// Takes the state hashes since the last call.
    pub fn take_hashes(&mut self) -> impl Iterator<Item = LoggedHash> + '_ {
        self.worlds.iter_mut().flat_map(|member| logged_hashes(&mut member.world))
    }

    /// Starts to record episodes in the first worlds, `worlds` of them at most; returns the number of these worlds.
    pub fn record_episodes(&mut self, worlds: usize, settings: &RecorderSettings) -> usize {
        self.worlds.iter_mut().take(worlds).map(|member| member.start_recorder(settings.clone())).count()
    }

    /// The recorders of the worlds that have one, in the order of the worlds.
    pub fn recorders(&mut self) -> impl Iterator<Item = &mut Recorder> {
        self.worlds.iter_mut().filter_map(|member| member.recorder.as_mut())
    }

    /// Returns the time of all steps since the last call.
    pub fn take_times(&mut self) -> StepTimes {
        std::mem::take(&mut self.times)
    }

    /// Steps all worlds once, with the actions in their rows and without copying anything.
    pub fn step_in_place(&mut self) {
        let start = (self.clock)();
        self.steps += 1;
        for member in &mut self.worlds {
            if let Err(failure) = member.step(self.steps, &mut self.panics) {
                self.failure = Some(failure);
            }
            self.times.sense_score += member.take_sense_score_time();
            member.record();
        }
        self.times.total += (self.clock)().saturating_sub(start);
        for kind in 0..self.kind_count() {
            let mut first_row = 0;
            for member in self.worlds.iter_mut().filter(|member| member.world.is_listed(kind)) {
                let before = RowsBefore { steps: self.steps, rows: first_row };
                member.collect_episodes(kind, before, &mut self.episodes);
                first_row += member.world.row_count(kind) as u32;
            }
        }
        self.make_matches();
        for kind in 0..self.kind_count() {
            let mut first_row = 0;
            for member in self.worlds.iter_mut().filter(|member| member.world.is_listed(kind)) {
                let rows = member.world.row_count(kind);
                let changes = &mut self.changes[kind][first_row..][..rows];
                RowChange::note_all(changes, self.steps - self.changes_taken, member.world.rows(kind).outcomes());
                // Episodes of policies that do not learn say nothing about the one that does.
                for (change, _) in changes.iter_mut().zip(member.drivers(kind)).filter(|(_, driver)| **driver != 0) {
                    change.note(0, Outcome::Vacant);
                }
                first_row += rows;
            }
        }
    }

    /// The number of kinds of agents, including those that the game decides for.
    pub fn kind_count(&self) -> usize {
        self.worlds.first().map_or(0, |member| member.world.kinds().len())
    }

    /// The layout of a kind's rows; `None` in a group without worlds.
    fn spec(&self, kind: usize) -> Option<&AgentSpec> {
        self.worlds.first().map(|member| &**member.world.spec(kind))
    }

    /// Sets the weights of a kind's reward terms, in the order of the spec.
    pub fn set_weights(&mut self, kind: usize, weights: &[f32]) {
        for member in &mut self.worlds {
            member.world.set_weights(kind, weights);
            // Episodes in progress were scored with other weights until now.
            member.recorder.iter_mut().for_each(Recorder::restart);
        }
    }

    /// Sets the distributions of episode parameters, for all episodes that start from now on.
    ///
    /// # Errors
    ///
    /// A parameter that the game does not have.
    pub fn set_parameters(&mut self, parameters: &Arc<WorldParameters>) -> Result<(), WorldError> {
        self.worlds.iter_mut().try_for_each(|member| member.world.set_parameters(parameters))
    }

    /// The arena of the agent in each row of a kind, by its index in its world; 0 for agents that are in none.
    pub fn arenas(&self, kind: usize) -> Vec<u32> {
        self.worlds.iter().flat_map(|member| arenas_of_rows(&member.world, kind)).collect()
    }

    /// The number of rows of a kind in all worlds of the group.
    pub fn row_count(&self, kind: usize) -> usize {
        self.world_rows(kind).sum()
    }

    /// The worlds of the group, in order.
    pub fn worlds(&self) -> impl Iterator<Item = &PooledWorld> {
        self.worlds.iter().map(|member| &member.world)
    }

    /// The number of rows of a kind in each world.
    pub fn world_rows(&self, kind: usize) -> impl Iterator<Item = usize> + '_ {
        self.worlds.iter().map(move |member| member.world.row_count(kind))
    }

    /// The kinds of agents in the rows of a lane, in their order.
    pub fn kinds_of_lane(&self, lane: usize) -> &[usize] {
        &self.lanes[lane]
    }

    /// The sums of the unweighted terms of the episodes that are going on, or that have just ended, in the rows of a kind
    /// `[rows, terms]`.
    pub fn episode_terms(&self, kind: usize) -> Vec<f32> {
        let of_world = |member: &Member| {
            let count = member.world.row_count(kind) * member.world.spec(kind).reward.len();
            member.world.rows(kind).episode_terms()[..count].to_vec()
        };
        self.worlds.iter().flat_map(of_world).collect()
    }

    /// The rows of a kind in each world, to write actions.
    pub fn rows_mut(&mut self, kind: usize) -> impl Iterator<Item = &mut Rows> {
        self.worlds.iter_mut().map(move |member| member.world.rows_mut(kind))
    }
}

fn arenas_of_rows(world: &PooledWorld, kind: usize) -> impl Iterator<Item = u32> + '_ {
    let (rows, world, count) = (world.rows(kind), world.world(), world.row_count(kind));
    let arena = move |row| {
        let of = world.get::<InArena>(rows.agent(row)?)?;
        world.get::<Arena>(of.0).map(|arena| arena.index)
    };
    (0..count).map(move |row| arena(row).unwrap_or(0))
}

fn logged_hashes(world: &mut PooledWorld) -> Vec<LoggedHash> {
    let (taken, index) = (world.take_hashes(), world.index());
    let part = |order: u32| world.hashed_parts().get(order as usize).cloned().unwrap_or_default();
    let logged = |StateHash { tick, part: order, hash }| {
        let place = HashPlace { tick, world: index, order, part: part(order) };
        LoggedHash { place, hash }
    };
    taken.into_iter().map(logged).collect()
}

#[cfg(test)]
mod tests;
