//! Worlds that step together on one thread.

use std::num::NonZeroU64;
use std::sync::Arc;

use ludus_agent::{Arena, Fault, InArena, Rows, StateHash};
use ludus_learn::{LaneShape, SensedRows, Simulation, StepLanes, StepRows};
use ludus_spec::{AgentSpec, Clock, Outcome};
use ludus_worlds::{PooledWorld, WorldError, WorldPanic};

use crate::episodes::{EpisodeSummary, RowChange};
use crate::phases::StepTimes;
use ludus_replay::{HashPlace, LoggedHash, Recorder, RecorderSettings};

/// Rows that a group should have, so that a forward pass over them is efficient.
const ENOUGH_ROWS: usize = 64;

/// Limit on the seeds that are tried when a world is built anew: a game that panics with all of them is likely to panic
/// with any.
const MOST_REBUILDS: u32 = 64;

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
    /// The change of each row's episode since it was last taken, by kind `[rows]`.
    changes: Vec<Vec<RowChange>>,
    panics: Vec<Accident>,
    failure: Option<WorldError>,
}

struct Member {
    world: PooledWorld,
    sense_score_before: u64,
    /// The group's step after which the world was built.
    built: u64,
    /// Faults of the worlds that were there before this one was built anew.
    faults_before: u64,
    /// True if it panicked and could not be built anew. It is no longer stepped.
    is_broken: bool,
    /// Records the world's episodes, if this world is one of those that are recorded.
    recorder: Option<Recorder>,
}

/// The kinds of agents that follow each policy of a run, by their indices in the game.
pub(crate) type Lanes = Arc<[Vec<usize>]>;

/// A number that was not finite, with its world and the kind of its agent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct WorldFault {
    pub world: u32,
    pub kind: usize,
    pub fault: Fault,
}

/// A panic of a world, and the result of building the world anew.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Accident {
    pub panic: WorldPanic,
    /// Panics with the seeds that were tried first when the world was built anew.
    pub failed_rebuilds: Vec<WorldPanic>,
    /// True if the world was built anew; else it is no longer stepped.
    pub is_rebuilt: bool,
    /// The message of another panic, while the broken world was dropped.
    pub drop_panic: Option<String>,
}

impl Accident {
    /// The panics before a world could be built for the first time; `None` if there were none.
    fn of_building(world: &mut PooledWorld) -> Option<Self> {
        let mut panics = world.take_build_panics().into_iter();
        let panic = panics.next()?;
        Some(Self { panic, failed_rebuilds: panics.collect(), is_rebuilt: true, drop_panic: None })
    }

    /// The panic, then those while the world was built anew.
    pub fn panics(&self) -> impl Iterator<Item = &WorldPanic> {
        std::iter::once(&self.panic).chain(&self.failed_rebuilds)
    }
}

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
        let (times, episodes) = (StepTimes::default(), Vec::new());
        let mut group =
            Self { worlds, lanes, clock, times, steps: 0, episodes, changes: Vec::new(), panics, failure: None };
        let unchanged = |kind| vec![RowChange::None; group.row_count(kind)];
        group.changes = (0..group.kind_count()).map(unchanged).collect();
        group
    }

    /// Removes and returns the episodes that ended since the last call.
    pub fn drain_episodes(&mut self) -> impl Iterator<Item = EpisodeSummary> + '_ {
        self.episodes.drain(..)
    }

    /// The change of the episode of each row of a kind since it was last taken `[rows]`.
    pub fn changes_mut(&mut self, kind: usize) -> &mut [RowChange] {
        &mut self.changes[kind]
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
                    terms: rows.episode_terms()[own * terms..][..terms].to_vec(),
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
                let rows = member.world.row_count(kind);
                let changes = &mut self.changes[kind][first_row as usize..][..rows];
                for (change, outcome) in changes.iter_mut().zip(member.world.rows(kind).outcomes()) {
                    change.note(self.steps, *outcome);
                }
                first_row += rows as u32;
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

    /// The arena of the agent in each row of a kind, by its index in its world; 0 for agents that are in none.
    pub fn arenas(&self, kind: usize) -> Vec<u32> {
        self.worlds.iter().flat_map(|member| arenas_of_rows(&member.world, kind)).collect()
    }

    /// The number of rows of a kind in all worlds of the group.
    pub fn row_count(&self, kind: usize) -> usize {
        self.world_rows(kind).sum()
    }

    /// Writes the actions of a kind's coming step into the worlds `[rows, action width]`; returns the rest of
    /// `actions`.
    fn set_actions<'a>(&mut self, kind: usize, mut actions: &'a [f32]) -> &'a [f32] {
        for Member { world, .. } in &mut self.worlds {
            let (given, rest) = actions.split_at(world.row_count(kind) * world.spec(kind).action_width());
            write(world.rows_mut(kind).actions_mut(), given);
            actions = rest;
        }
        actions
    }

    /// Copies a kind's observations after the last step `[rows, observation width]`; returns the rest of
    /// `observations`.
    pub fn copy_observations<'a>(&self, kind: usize, mut observations: &'a mut [f32]) -> &'a mut [f32] {
        for Member { world, .. } in &self.worlds {
            let count = world.row_count(kind) * world.spec(kind).observation_width();
            observations = write(observations, &world.rows(kind).observations()[..count]);
        }
        observations
    }

    /// Copies a kind's masks, which allow choices in the coming step, `[rows, mask width]`; returns the rest of
    /// `masks`.
    pub fn copy_masks<'a>(&self, kind: usize, mut masks: &'a mut [bool]) -> &'a mut [bool] {
        for Member { world, .. } in &self.worlds {
            let count = world.row_count(kind) * world.spec(kind).mask_width();
            masks = write(masks, &world.rows(kind).masks()[..count]);
        }
        masks
    }

    /// Copies the rewards of a kind's last step `[rows]`; returns the rest of `rewards`.
    pub fn copy_rewards<'a>(&self, kind: usize, mut rewards: &'a mut [f32]) -> &'a mut [f32] {
        for Member { world, .. } in &self.worlds {
            rewards = write(rewards, &world.rows(kind).rewards()[..world.row_count(kind)]);
        }
        rewards
    }

    /// Copies the outcomes of a kind's last step `[rows]`; returns the rest of `outcomes`.
    pub fn copy_outcomes<'a>(&self, kind: usize, mut outcomes: &'a mut [Outcome]) -> &'a mut [Outcome] {
        for Member { world, .. } in &self.worlds {
            outcomes = write(outcomes, &world.rows(kind).outcomes()[..world.row_count(kind)]);
        }
        outcomes
    }

    /// The worlds of the group, in order.
    pub fn worlds(&self) -> impl Iterator<Item = &PooledWorld> {
        self.worlds.iter().map(|member| &member.world)
    }

    /// The number of rows of a kind in each world.
    pub fn world_rows(&self, kind: usize) -> impl Iterator<Item = usize> + '_ {
        self.worlds.iter().map(move |member| member.world.row_count(kind))
    }

    /// The rows of a kind in each world, to write actions.
    pub fn rows_mut(&mut self, kind: usize) -> impl Iterator<Item = &mut Rows> {
        self.worlds.iter_mut().map(move |member| member.world.rows_mut(kind))
    }
}

/// The number of a group's steps so far, and that of its rows of a kind in the worlds before a given one.
#[derive(Clone, Copy)]
struct RowsBefore {
    steps: u64,
    rows: u32,
}

impl Member {
    fn new(world: PooledWorld) -> Self {
        Self { world, built: 0, sense_score_before: 0, faults_before: 0, is_broken: false, recorder: None }
    }

    fn fault_count(&self) -> u64 {
        let kinds = (0..self.world.kinds().len()).filter(|&kind| self.world.is_listed(kind));
        self.faults_before + kinds.map(|kind| self.world.rows(kind).fault_count()).sum::<u64>()
    }

    /// Steps the world, and builds it anew if it panics. A world that can't be built anew keeps its faulty rows.
    ///
    /// `steps` is the number of the group's step, from 1.
    fn step(&mut self, steps: u64, panics: &mut Vec<Accident>) -> Result<(), WorldError> {
        if self.is_broken {
            return Ok(());
        }
        let Err(panic) = self.world.step() else { return Ok(()) };
        self.faults_before = self.fault_count();
        self.recorder.iter_mut().for_each(Recorder::restart);
        let rebuilt = self.rebuild(panic, panics);
        self.sense_score_before = 0;
        self.built = steps;
        self.is_broken = rebuilt.is_err();
        rebuilt
    }

    /// Builds the world anew, with one seed after another until it succeeds or the limit on seeds is reached.
    fn rebuild(&mut self, panic: WorldPanic, panics: &mut Vec<Accident>) -> Result<(), WorldError> {
        let mut accident = Accident { panic, failed_rebuilds: Vec::new(), is_rebuilt: false, drop_panic: None };
        let mut rebuilt = self.world.rebuild();
        for _ in 1..MOST_REBUILDS {
            match &rebuilt {
                Err(WorldError::Panicked(panic)) => accident.failed_rebuilds.push(panic.clone()),
                Err(WorldError::NobodyCame { .. }) => {}
                _ => break,
            }
            rebuilt = self.world.rebuild();
        }
        accident.is_rebuilt = rebuilt.is_ok();
        accident.drop_panic = self.world.take_drop_panic();
        panics.push(accident);
        rebuilt
    }

    /// Starts a recorder and records the state before the first step, in which the first episodes begin.
    fn start_recorder(&mut self, settings: RecorderSettings) {
        self.recorder = Some(Recorder::new(&self.world, settings));
        self.record();
    }

    fn record(&mut self) {
        if let Some(recorder) = &mut self.recorder {
            recorder.record(&self.world);
        }
    }

    /// Adds the episodes that ended in the group's last step to `episodes`, except those of vacant rows, which no
    /// policy played.
    fn collect_episodes(&mut self, kind: usize, before: RowsBefore, episodes: &mut Vec<EpisodeSummary>) {
        let (first, built) = (episodes.len(), self.built);
        self.world.rows_mut(kind).drain_episodes(|episode, terms| {
            let began = before.steps.saturating_sub(episode.steps.into());
            episodes.push(EpisodeSummary {
                kind,
                row: episode.row,
                began,
                is_first: began <= built,
                reward: episode.reward,
                steps: episode.steps,
                terms: terms.to_vec(),
            });
        });
        let outcomes = self.world.rows(kind).outcomes();
        let is_policys = |episode: &EpisodeSummary| outcomes.get(episode.row as usize) != Some(&Outcome::Vacant);
        let mut index = first;
        while let Some(episode) = episodes.get_mut(index) {
            if is_policys(episode) {
                episode.row += before.rows;
                index += 1;
            } else {
                episodes.remove(index);
            }
        }
    }

    fn take_sense_score_time(&mut self) -> u64 {
        let total = self.world.sense_score_time();
        let before = std::mem::replace(&mut self.sense_score_before, total);
        total.saturating_sub(before)
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

/// Writes `values` to the start of `out`; returns the rest of `out`.
fn write<'a, T: Copy>(out: &'a mut [T], values: &[T]) -> &'a mut [T] {
    let (start, rest) = out.split_at_mut(values.len());
    start.copy_from_slice(values);
    rest
}

/// Each policy of the run has a lane.
impl Simulation for WorldGroup {
    fn lanes(&self) -> usize {
        self.lanes.len()
    }

    fn lane(&self, lane: usize) -> LaneShape {
        let kinds = self.lanes.get(lane).map_or(&[][..], Vec::as_slice);
        let Some(spec) = kinds.first().and_then(|&kind| self.spec(kind)) else { return LaneShape::default() };
        LaneShape {
            rows: kinds.iter().map(|&kind| self.row_count(kind)).sum(),
            observation_width: spec.observation_width(),
            action_width: spec.action_width(),
            mask_width: spec.mask_width(),
            ..LaneShape::default()
        }
    }

    fn observe(&mut self, lane: usize, now: SensedRows<'_>) {
        self.copy_sensed(lane, now);
    }

    /// The action rows of kinds without a lane stay as they are.
    fn step(&mut self, mut lanes: StepLanes<'_, '_>) {
        for lane in 0..lanes.count() {
            self.set_lane_actions(lane, lanes.lane(lane).actions);
        }
        self.step_in_place();
        for lane in 0..lanes.count() {
            let StepRows { mut rewards, mut outcomes, next, .. } = lanes.lane(lane);
            for &kind in &self.lanes[lane] {
                rewards = self.copy_rewards(kind, rewards);
                outcomes = self.copy_outcomes(kind, outcomes);
            }
            self.copy_sensed(lane, next);
        }
    }
}

impl WorldGroup {
    /// Writes the actions of a lane's coming step into the worlds `[rows, action width]`.
    fn set_lane_actions(&mut self, lane: usize, mut actions: &[f32]) {
        for index in 0..self.lanes[lane].len() {
            let kind = self.lanes[lane][index];
            actions = self.set_actions(kind, actions);
        }
    }

    fn copy_sensed(&self, lane: usize, now: SensedRows<'_>) {
        let SensedRows { mut observations, mut masks, .. } = now;
        for &kind in &self.lanes[lane] {
            observations = self.copy_observations(kind, observations);
            if !masks.is_empty() {
                masks = self.copy_masks(kind, masks);
            }
        }
    }
}

#[cfg(test)]
mod tests;
