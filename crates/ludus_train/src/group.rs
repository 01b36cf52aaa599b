//! Worlds that step together on one thread.

use std::num::NonZeroU64;

use bevy::ecs::world::World;
use ludus_agent::{Arena, Fault, InArena, Rows, Slot, StateHash};
use ludus_learn::{LaneShape, SensedRows, Simulation, StepLanes, StepRows};
use ludus_spec::{Clock, Outcome};
use ludus_worlds::{PooledWorld, WorldError, WorldPanic};

use crate::episodes::EpisodeSummary;
use crate::hash_log::{HashPlace, LoggedHash};
use crate::phases::StepTimes;
use crate::replay::{Recorder, RecorderSettings};

/// Rows that make a forward pass worth its while.
const ENOUGH_ROWS: usize = 64;

/// Seeds that are tried in a row when a world is built anew: a game that panics with all of them panics with any.
const MOST_REBUILDS: u32 = 64;

/// Groups that keep many cores busy; there are fewer only where there are fewer worlds.
const ENOUGH_GROUPS: usize = 8;

/// One world, or a few small ones.
///
/// A world that panics is built anew; its rows say [`Faulty`](ludus_spec::Outcome::Faulty) for that step. One that can't be built anew
/// stands still from then on, and [`failure`](Self::failure) says why.
pub(crate) struct WorldGroup {
    worlds: Vec<Member>,
    clock: Clock,
    times: StepTimes,
    /// Steps so far.
    steps: u64,
    episodes: Vec<EpisodeSummary>,
    panics: Vec<Accident>,
    failure: Option<WorldError>,
}

struct Member {
    world: PooledWorld,
    rows: usize,
    sense_score_before: u64,
    /// The group's step after which the world was built.
    built: u64,
    /// Faults of the worlds that were there before this one was built anew.
    faults_before: u64,
    /// Whether it panicked and could not be built anew: it stands still.
    is_broken: bool,
    /// Notes episodes to keep, if it is this world's turn.
    recorder: Option<Recorder>,
}

/// A number that was not finite, and the world it was in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct WorldFault {
    pub world: u32,
    pub fault: Fault,
}

/// A panic, and what became of its world.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Accident {
    pub panic: WorldPanic,
    /// Panics with the seeds that were tried first when the world was built anew.
    pub failed_rebuilds: Vec<WorldPanic>,
    /// Whether the world was built anew; else it stands still.
    pub is_rebuilt: bool,
    /// What the game said when it panicked once more while the broken world was dropped.
    pub drop_panic: Option<String>,
}

impl Accident {
    /// What happened before a world could be built for the first time.
    fn of_building(world: &mut PooledWorld) -> Option<Self> {
        let mut panics = world.take_build_panics().into_iter();
        let panic = panics.next()?;
        Some(Self { panic, failed_rebuilds: panics.collect(), is_rebuilt: true, drop_panic: None })
    }

    /// All panics of it.
    pub fn panics(&self) -> impl Iterator<Item = &WorldPanic> {
        std::iter::once(&self.panic).chain(&self.failed_rebuilds)
    }
}

/// Puts worlds into groups, in order.
///
/// How they are grouped follows from how many worlds and rows there are, never from threads: a policy must not depend
/// on the machine.
pub(crate) fn group_worlds(worlds: Vec<PooledWorld>, clock: Clock) -> Vec<WorldGroup> {
    let rows = worlds.iter().map(|world| world.rows().len()).sum::<usize>();
    let size = group_size(worlds.len(), rows);
    let mut groups = Vec::with_capacity(worlds.len().div_ceil(size));
    let mut worlds = worlds.into_iter().peekable();
    while worlds.peek().is_some() {
        groups.push(WorldGroup::new(worlds.by_ref().take(size).collect(), clock));
    }
    groups
}

/// Worlds per group.
fn group_size(worlds: usize, rows: usize) -> usize {
    let for_enough_rows = (ENOUGH_ROWS * worlds).div_ceil(rows.max(1));
    for_enough_rows.min(worlds.div_ceil(ENOUGH_GROUPS)).max(1)
}

impl WorldGroup {
    pub fn new(mut worlds: Vec<PooledWorld>, clock: Clock) -> Self {
        let panics = worlds.iter_mut().filter_map(Accident::of_building).collect();
        let worlds = worlds.into_iter().map(Member::new).collect();
        let episodes = Vec::new();
        Self { worlds, clock, times: StepTimes::default(), steps: 0, episodes, panics, failure: None }
    }

    /// Hands out the episodes that ended since the last call.
    pub fn drain_episodes(&mut self) -> impl Iterator<Item = EpisodeSummary> + '_ {
        self.episodes.drain(..)
    }

    /// Steps so far.
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    /// What the episode that goes on in a row has brought so far; `None` if there is no such row.
    pub fn episode_so_far(&self, mut row: usize) -> Option<EpisodeSummary> {
        for member in &self.worlds {
            let (rows, terms) = (member.world.rows(), member.world.spec().reward.len());
            if row < member.rows {
                return Some(EpisodeSummary {
                    row: row as u32,
                    began: 0,
                    is_first: false,
                    reward: rows.episode_returns()[row],
                    steps: 0,
                    terms: rows.episode_terms()[row * terms..][..terms].to_vec(),
                });
            }
            row -= member.rows;
        }
        None
    }

    /// Hands out the panics since the last call.
    pub fn drain_panics(&mut self) -> impl Iterator<Item = Accident> + '_ {
        self.panics.drain(..)
    }

    /// The worlds in which the game has written `AppExit` so far.
    pub fn exited_worlds(&self) -> impl Iterator<Item = u32> + '_ {
        self.worlds.iter().filter(|member| member.world.exits() > 0).map(|member| member.world.index())
    }

    /// Hands out the first few faults of each world since the last call.
    pub fn drain_faults(&mut self) -> impl Iterator<Item = WorldFault> + '_ {
        self.worlds.iter_mut().flat_map(|member| {
            let world = member.world.index();
            member.world.rows_mut().drain_faults().map(move |fault| WorldFault { world, fault })
        })
    }

    /// All faults so far.
    pub fn fault_count(&self) -> u64 {
        self.worlds.iter().map(|member| member.fault_count()).sum()
    }

    /// Why a world stands still, if one does.
    pub fn failure(&self) -> Option<&WorldError> {
        self.failure.as_ref()
    }

    /// From now on takes hashes of the worlds' states, every so many ticks.
    pub fn hash_every(&mut self, every: NonZeroU64) {
        self.worlds.iter_mut().for_each(|member| member.world.hash_every(every));
    }

    /// Takes the state hashes since the last call.
    pub fn take_hashes(&mut self) -> impl Iterator<Item = LoggedHash> + '_ {
        self.worlds.iter_mut().flat_map(|member| logged_hashes(&mut member.world))
    }

    /// From now on notes episodes to keep in up to `worlds` of its worlds; in how many.
    pub fn record_episodes(&mut self, worlds: usize, settings: &RecorderSettings) -> usize {
        self.worlds.iter_mut().take(worlds).map(|member| member.start_recorder(settings.clone())).count()
    }

    /// What notes episodes, world by world.
    pub fn recorders(&mut self) -> impl Iterator<Item = &mut Recorder> {
        self.worlds.iter_mut().filter_map(|member| member.recorder.as_mut())
    }

    /// The time of all steps since the last call.
    pub fn take_times(&mut self) -> StepTimes {
        std::mem::take(&mut self.times)
    }

    /// Takes one step with the actions that stand in the rows, without copying anything.
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
        let mut first_row = 0;
        for member in &mut self.worlds {
            member.collect_episodes(RowsBefore { steps: self.steps, rows: first_row }, &mut self.episodes);
            first_row += member.rows as u32;
        }
    }

    /// Weighs the reward's terms anew, in the order of the spec.
    pub fn set_weights(&mut self, weights: &[f32]) {
        for member in &mut self.worlds {
            member.world.set_weights(weights);
            // Episodes that are going on have counted others until now.
            member.recorder.iter_mut().for_each(Recorder::restart);
        }
    }

    /// The arena of each row's agent, by its index in its world; 0 for agents that are in none.
    pub fn arenas(&self) -> Vec<u32> {
        self.worlds.iter().flat_map(|member| arenas_of_rows(member.world.world(), member.rows)).collect()
    }

    /// Writes what the last step led to `[rows]`.
    pub fn write_outcomes(&self, mut outcomes: &mut [Outcome]) {
        for member in &self.worlds {
            outcomes = write(outcomes, &member.world.rows().outcomes()[..member.rows]);
        }
    }

    /// The worlds, to look at.
    pub fn worlds(&self) -> impl Iterator<Item = &PooledWorld> {
        self.worlds.iter().map(|member| &member.world)
    }

    /// Rows of each world.
    pub fn world_rows(&self) -> impl Iterator<Item = usize> + '_ {
        self.worlds.iter().map(|member| member.rows)
    }

    /// The rows of each world, to write actions.
    pub fn rows_mut(&mut self) -> impl Iterator<Item = &mut Rows> {
        self.worlds.iter_mut().map(|member| member.world.rows_mut())
    }
}

/// What a group has before a world's rows: steps that are over, and rows of other worlds.
#[derive(Clone, Copy)]
struct RowsBefore {
    steps: u64,
    rows: u32,
}

/// Numbers in the rows of a world.
#[derive(Clone, Copy)]
struct Shape {
    observations: usize,
    masks: usize,
    actions: usize,
}

impl Member {
    fn new(world: PooledWorld) -> Self {
        let rows = world.rows().len();
        Self { world, rows, built: 0, sense_score_before: 0, faults_before: 0, is_broken: false, recorder: None }
    }

    fn fault_count(&self) -> u64 {
        self.faults_before + self.world.rows().fault_count()
    }

    /// Of the rows that the group was made with: a world that was built anew may have got more.
    fn shape(&self) -> Shape {
        let spec = self.world.spec();
        Shape {
            observations: self.rows * spec.observation_width(),
            masks: self.rows * spec.mask_width(),
            actions: self.rows * spec.action_width(),
        }
    }

    /// Steps, and builds the world anew if it panics. One that can't be built anew keeps its faulty rows.
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

    /// Builds the world anew, with one seed after the other until one serves.
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

    /// The first episodes begin before anyone steps.
    fn start_recorder(&mut self, settings: RecorderSettings) {
        self.recorder = Some(Recorder::new(&self.world, settings));
        self.record();
    }

    fn record(&mut self) {
        if let Some(recorder) = &mut self.recorder {
            recorder.record(&self.world);
        }
    }

    /// Takes the episodes that ended in the group's last step, those alone that the policy has played.
    fn collect_episodes(&mut self, before: RowsBefore, episodes: &mut Vec<EpisodeSummary>) {
        let (first, built) = (episodes.len(), self.built);
        self.world.rows_mut().drain_episodes(|episode, terms| {
            let began = before.steps.saturating_sub(episode.steps.into());
            episodes.push(EpisodeSummary {
                row: episode.row,
                began,
                is_first: began <= built,
                reward: episode.reward,
                steps: episode.steps,
                terms: terms.to_vec(),
            });
        });
        let outcomes = self.world.rows().outcomes();
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

fn arenas_of_rows(world: &World, rows: usize) -> Vec<u32> {
    let mut arenas = vec![0; rows];
    let Some(mut agents) = world.try_query::<(&Slot, &InArena)>() else { return arenas };
    for (slot, of) in agents.iter(world) {
        let arena = world.get::<Arena>(of.0);
        if let (Some(arena), Some(index)) = (arena, arenas.get_mut(slot.index())) {
            *index = arena.index;
        }
    }
    arenas
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

impl WorldGroup {
    /// Rows of all worlds.
    pub fn rows(&self) -> usize {
        self.worlds.iter().map(|member| member.rows).sum()
    }

    /// Writes what the rows observe now, and what they may do.
    fn write_sensed(&self, now: SensedRows<'_>) {
        let SensedRows { mut observations, mut masks, .. } = now;
        for member in &self.worlds {
            let (own, shape) = (member.world.rows(), member.shape());
            observations = write(observations, &own.observations()[..shape.observations]);
            if !masks.is_empty() {
                masks = write(masks, &own.masks()[..shape.masks]);
            }
        }
    }

    fn write_actions(&mut self, mut actions: &[f32]) {
        for member in &mut self.worlds {
            let (given, rest) = actions.split_at(member.shape().actions);
            write(member.world.rows_mut().actions_mut(), given);
            actions = rest;
        }
    }

    fn write_results(&self, rows: StepRows<'_>) {
        let StepRows { mut rewards, mut outcomes, next, .. } = rows;
        for member in &self.worlds {
            let own = member.world.rows();
            rewards = write(rewards, &own.rewards()[..member.rows]);
            outcomes = write(outcomes, &own.outcomes()[..member.rows]);
        }
        self.write_sensed(next);
    }
}

impl Simulation for WorldGroup {
    fn lane(&self, _: usize) -> LaneShape {
        let Some(first) = self.worlds.first() else { return LaneShape::default() };
        let spec = first.world.spec();
        LaneShape {
            rows: self.rows(),
            observation_width: spec.observation_width(),
            action_width: spec.action_width(),
            mask_width: spec.mask_width(),
            ..LaneShape::default()
        }
    }

    fn observe(&mut self, _: usize, now: SensedRows<'_>) {
        self.write_sensed(now);
    }

    fn step(&mut self, mut lanes: StepLanes<'_, '_>) {
        self.write_actions(lanes.lane(0).actions);
        self.step_in_place();
        self.write_results(lanes.lane(0));
    }
}

/// Writes `values` at the start of `out`; what is left of it.
fn write<'a, T: Copy>(out: &'a mut [T], values: &[T]) -> &'a mut [T] {
    let (start, rest) = out.split_at_mut(values.len());
    start.copy_from_slice(values);
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_have_enough_rows_and_are_enough() {
        let check =
            |worlds, rows, expected| assert_eq!(group_size(worlds, rows), expected, "{worlds} worlds, {rows} rows");
        check(4096, 4096, 64); // small worlds share a forward pass
        check(2, 32, 1); // too few to share a thread
        check(32, 32, 4);
        check(8, 8 * 256, 1); // large enough by themselves
        check(1, 1, 1);
        check(64, 0, 8);
    }
}
