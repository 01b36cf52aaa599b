//! Episodes of worlds with one or several kinds of agents, which are recorded and played again.

pub(super) mod chase;
mod kept;
mod kinds;
mod old_files;

use std::num::NonZeroU32;
use std::sync::Arc;

use ludus_spec::{Generator, Outcome, Seed, stopped_clock};
use ludus_worlds::{AgentSettings, Game, PooledWorld, WorldSettings};
use rand::RngExt;

use super::log::choices_of;
use super::recorder::{Recorder, RecorderSettings};
use super::{EpisodeLog, Replay};
use chase::{Cast, PANIC, chase};

/// Ticks per step, unless a test says otherwise.
const TICKS: u32 = 3;
const LIMIT: u32 = 40;

/// A game with chasers and runners.
pub(super) const BOTH: Cast =
    Cast { has_runner: true, has_wind: false, is_first_arena_special: false, is_apart: false };

pub(super) fn chaser() -> AgentSettings {
    AgentSettings {
        name: "Chaser".to_owned(),
        weights: vec![0.5],
        episode_limit: NonZeroU32::new(LIMIT),
        stagger: true,
        ..AgentSettings::default()
    }
}

pub(super) fn runner() -> AgentSettings {
    AgentSettings { name: "Runner".to_owned(), weights: vec![1.0, 0.25], ..chaser() }
}

/// The same agents, which decide in every `every`-th step.
fn slow(agent: AgentSettings, every: u32) -> AgentSettings {
    AgentSettings { decision_interval: NonZeroU32::new(every * TICKS), ..agent }
}

fn settings(agents: Vec<AgentSettings>) -> WorldSettings {
    WorldSettings {
        seed: Seed::new(5),
        world: 3,
        arenas: 0..4,
        decision_interval: NonZeroU32::new(TICKS).unwrap(),
        agents,
        parameters: Arc::default(),
        clock: stopped_clock,
    }
}

pub(super) fn world(cast: Cast, agents: Vec<AgentSettings>) -> PooledWorld {
    PooledWorld::build(&chase(cast), settings(agents)).unwrap()
}

pub(super) fn recorder(world: &PooledWorld) -> Recorder {
    let mut recorder = Recorder::new(world, RecorderSettings { program: "chase".to_owned(), arenas: 4 });
    recorder.record(world);
    recorder
}

/// Writes random actions for a kind.
fn draw(world: &mut PooledWorld, kind: usize, draws: &mut Generator) {
    let choices = choices_of(world.spec(kind));
    for (index, action) in world.rows_mut(kind).actions_mut().iter_mut().enumerate() {
        *action = match choices[index % choices.len()] {
            0 => draws.random_range(-1.5..1.5),
            choices => draws.random_range(0..choices) as f32,
        };
    }
}

/// Takes `steps` steps with random actions; returns an episode of each step in which any ended.
pub(super) fn record(world: &mut PooledWorld, recorder: &mut Recorder, steps: u32) -> Vec<EpisodeLog> {
    let mut draws = Seed::new(8).derive(world.steps()).generator();
    let mut logs = Vec::new();
    let kinds = world.kinds().len();
    for _ in 0..steps {
        for kind in 0..kinds {
            if world.is_listed(kind) {
                draw(world, kind, &mut draws);
            }
        }
        world.step().unwrap();
        recorder.wants_any = true;
        recorder.record(world);
        logs.extend(recorder.take().any);
    }
    logs
}

/// Records episodes in `steps` steps of a new world, and checks that each is played again exactly.
fn exact(cast: Cast, agents: Vec<AgentSettings>, steps: u32) -> Vec<EpisodeLog> {
    let mut world = world(cast, agents);
    let mut recorder = recorder(&world);
    let logs = record(&mut world, &mut recorder, steps);
    logs.iter().for_each(|log| check_exact(&chase(cast), log));
    logs
}

/// Checks that an episode is the same after writing and reading, and that its replay is exact.
fn check_exact(game: &Game, log: &EpisodeLog) {
    let read = EpisodeLog::from_bytes(&log.to_bytes()).unwrap();
    assert_eq!(read, *log);
    let difference = Replay::open(game, read).unwrap().verify().unwrap();
    assert_eq!(difference, None, "{:?}", log.head);
}

fn names(log: &EpisodeLog) -> Vec<&str> {
    log.head.kinds.iter().map(|kind| &*kind.name).collect()
}

fn outcomes(logs: &[EpisodeLog]) -> [usize; 2] {
    [Outcome::Terminated, Outcome::Truncated].map(|end| logs.iter().filter(|log| log.head.outcome == end).count())
}
