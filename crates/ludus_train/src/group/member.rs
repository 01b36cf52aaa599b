//! A world of a group.

use ludus_replay::{Recorder, RecorderSettings};
use ludus_spec::Outcome;
use ludus_worlds::{PooledWorld, WorldError, WorldPanic};

use super::accident::Accident;
use super::matches::WorldMatches;
use crate::episodes::{EpisodeSummary, TermSums};

/// Limit on the seeds that are tried when a world is built anew: a game that panics with all of them is likely to panic
/// with any.
const MOST_REBUILDS: u32 = 64;

/// A world of a group, which is built anew if it panics.
pub(super) struct Member {
    pub world: PooledWorld,
    sense_score_before: u64,
    /// The group's step after which the world was built.
    built: u64,
    /// Faults of the worlds that were there before this one was built anew.
    faults_before: u64,
    /// True if it panicked and could not be built anew. It is no longer stepped.
    is_broken: bool,
    /// Records the world's episodes, if this world is one of those that are recorded.
    pub recorder: Option<Recorder>,
    /// The matches of the world, if policies play matches in it.
    pub matches: Option<WorldMatches>,
}

/// The number of a group's steps so far, and that of its rows of a kind in the worlds before a given one.
#[derive(Clone, Copy)]
pub(super) struct RowsBefore {
    pub steps: u64,
    pub rows: u32,
}

impl Member {
    pub fn new(world: PooledWorld) -> Self {
        Self {
            world,
            built: 0,
            sense_score_before: 0,
            faults_before: 0,
            is_broken: false,
            recorder: None,
            matches: None,
        }
    }

    pub fn fault_count(&self) -> u64 {
        let kinds = (0..self.world.kinds().len()).filter(|&kind| self.world.is_listed(kind));
        self.faults_before + kinds.map(|kind| self.world.rows(kind).fault_count()).sum::<u64>()
    }

    /// Steps the world, and builds it anew if it panics. A world that can't be built anew keeps its faulty rows.
    ///
    /// `steps` is the number of the group's step, from 1.
    pub fn step(&mut self, steps: u64, panics: &mut Vec<Accident>) -> Result<(), WorldError> {
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
    pub fn start_recorder(&mut self, settings: RecorderSettings) {
        self.recorder = Some(Recorder::new(&self.world, settings));
        self.record();
    }

    pub fn record(&mut self) {
        if let Some(recorder) = &mut self.recorder {
            recorder.record(&self.world);
        }
    }

    /// Adds the episodes that ended in the group's last step to `episodes`, except those of vacant rows, which no
    /// policy played.
    pub fn collect_episodes(&mut self, kind: usize, before: RowsBefore, episodes: &mut Vec<EpisodeSummary>) {
        let (first, built) = (episodes.len(), self.built);
        self.world.rows_mut(kind).drain_episodes(|episode, numbers| {
            let began = before.steps.saturating_sub(episode.steps.into());
            episodes.push(EpisodeSummary {
                kind,
                row: episode.row,
                began,
                is_first: began <= built,
                reward: episode.reward,
                steps: episode.steps,
                terms: TermSums::from_slice(numbers.terms),
                success: episode.success,
                plan: episode.plan,
                parameters: numbers.parameters.to_vec(),
            });
        });
        let outcomes = self.world.rows(kind).outcomes();
        let drivers = self.drivers(kind);
        let is_policys = |episode: &EpisodeSummary| {
            let row = episode.row as usize;
            outcomes.get(row) != Some(&Outcome::Vacant) && drivers.get(row).is_none_or(|&driver| driver == 0)
        };
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

    /// The driver of each row of a kind in its episode `[rows]`; empty if no matches are played.
    pub fn drivers(&self, kind: usize) -> &[u8] {
        self.matches.as_ref().map_or(&[], |matches| matches.drivers(kind))
    }

    pub fn take_sense_score_time(&mut self) -> u64 {
        let total = self.world.sense_score_time();
        let before = std::mem::replace(&mut self.sense_score_before, total);
        total.saturating_sub(before)
    }
}
