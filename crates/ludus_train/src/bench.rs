//! How fast a game and its learner are, by phase.

mod decision;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ludus_agent::Rows;
use ludus_spec::{ActionKind, AgentSpec, Seed};
use rand::RngExt;
use rayon::iter::{IndexedParallelIterator, IntoParallelRefMutIterator, ParallelIterator};
use serde::Serialize;

use crate::blueprint::Blueprint;
use crate::clock;
use crate::cpu;
use crate::error::TrainError;
use crate::group::WorldGroup;
use crate::incidents::{IncidentTeller, Incidents};
use crate::lookout::slowed;
use crate::phases::Phases;
use crate::training::Training;

pub use decision::DecisionSpeed;
use decision::Players;

/// Rows of random actions that are drawn beforehand, besides one for each row: steps take them from different places.
const SPARE_ACTIONS: usize = 1021;

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Benchmark {
    /// Worlds.
    pub worlds: u32,
    /// Agents that step at once.
    pub rows: usize,
    /// Threads.
    pub threads: usize,
    /// Which learner, where it computes, and why.
    pub learner: String,
    /// Building all worlds and their first step \[s\].
    pub build_seconds: f64,
    /// Memory that a world took \[bytes\], where the system tells.
    pub bytes_per_world: Option<f64>,
    /// Numbers that were not finite.
    pub faults: u64,
    /// Worlds that panicked and were built anew.
    pub panics: u64,
    /// The game with all of the library's part, with random actions.
    pub simulation: SimulationSpeed,
    /// Whole iterations.
    pub training: TrainingSpeed,
    /// The policy in a game that is played.
    pub decision: DecisionSpeed,
}

/// How fast worlds step.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct SimulationSpeed {
    /// Rows stepped per second, those of restart steps included: in them nobody decides, but the game works as much.
    ///
    /// So it is somewhat above the steps per second that `train` counts, the more so the shorter episodes are.
    pub agent_steps_per_second: f64,
    /// Ticks of arenas per second.
    pub arena_ticks_per_second: f64,
    /// The part of the time that sensing and scoring took.
    pub sense_score_share: f64,
}

/// How fast a policy learns. All speeds are in samples per second of wall time.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct TrainingSpeed {
    /// Samples per second of all phases together.
    pub steps_per_second: f64,
    /// The same for each second of processor time, where the system tells.
    pub steps_per_cpu_second: Option<f64>,
    /// While the network computes and draws actions.
    pub forward_per_second: f64,
    /// While worlds step.
    pub simulate_per_second: f64,
    /// While the learner learns; every sample counts once, however many epochs there are.
    pub learn_per_second: f64,
    /// Where the time went.
    #[serde(skip)]
    pub phases: Phases,
    /// Samples.
    #[serde(skip)]
    pub steps: u64,
    /// Seconds.
    #[serde(skip)]
    pub seconds: f64,
    /// Processor time.
    #[serde(skip)]
    pub cpu_seconds: Option<f64>,
}

/// Builds the worlds of a run, steps them with random actions, then trains; each for this long \[s\]. Writes nothing.
///
/// Tells what went wrong on the way, one sentence for each.
pub(crate) fn bench(
    blueprint: Blueprint,
    seconds: f64,
    interrupted: &AtomicBool,
    tell: &mut dyn FnMut(String),
) -> Result<Benchmark, TrainError> {
    let (start, memory_before) = (clock::seconds(), cpu::resident_bytes());
    let config = blueprint.config.clone();
    let threads = blueprint.pool.current_num_threads();
    let mut training = Training::build(blueprint)?;
    let build_seconds = clock::seconds() - start;
    let worlds = config.worlds.resolve().get();
    let memory = memory_before.and_then(|before| Some(cpu::resident_bytes()?.saturating_sub(before)));
    let until = Until { seconds, interrupted };
    let mut incidents = IncidentTeller::of_training();
    let simulation = simulate(&mut training, until);
    check(&mut training, &mut incidents, tell)?;
    let speed = train(&mut training, until);
    check(&mut training, &mut incidents, tell)?;
    let speed = speed?;
    let obstacles = training.learned_lanes().filter_map(|(_, lane)| lane.algorithm().obstacle());
    obstacles.map(slowed).for_each(|finding| tell(finding.sentence()));
    let mut players = Players::build(&training.blueprint, training.policies(), training.rows())?;
    let decision = players.play(until);
    incidents.tell(Incidents::take([&mut players.group]), &training.blueprint.specs, tell);
    if let Some(failure) = players.group.failure() {
        return Err(failure.clone().into());
    }
    Ok(Benchmark {
        worlds,
        rows: training.rows(),
        threads,
        learner: training.learner_sentences().join("; "),
        build_seconds,
        bytes_per_world: memory.map(|bytes| bytes as f64 / f64::from(worlds)),
        faults: training.fault_count(),
        panics: incidents.panics(),
        simulation,
        training: speed,
        decision,
    })
}

/// Tells what went wrong since the last call, and fails if a world stands still: it would count as the fastest.
fn check(
    training: &mut Training,
    incidents: &mut IncidentTeller,
    tell: &mut dyn FnMut(String),
) -> Result<(), TrainError> {
    incidents.tell(training.take_incidents(), &training.blueprint.specs, tell);
    training.failure().map_or(Ok(()), |failure| Err(failure.clone().into()))
}

#[derive(Clone, Copy)]
struct Until<'a> {
    seconds: f64,
    interrupted: &'a AtomicBool,
}

impl Until<'_> {
    fn is_over(&self, start: f64) -> bool {
        clock::seconds() - start >= self.seconds || self.interrupted.load(Ordering::Relaxed)
    }
}

/// A group of worlds and the random actions for it.
struct Drive<'a> {
    group: &'a mut WorldGroup,
    /// The kinds that it decides for, each with its spec and actions.
    kinds: Vec<(usize, Arc<AgentSpec>, Vec<f32>)>,
    steps: u64,
}

fn simulate(training: &mut Training, until: Until<'_>) -> SimulationSpeed {
    let blueprint = training.blueprint.clone();
    let config = &blueprint.config;
    let ticks_per_row = f64::from(config.ticks_per_step().get())
        * f64::from(config.arenas.get())
        * f64::from(config.worlds.resolve().get())
        / training.rows().max(1) as f64;
    let seed = blueprint.evaluation_seed();
    let groups = training.groups.iter_mut().enumerate();
    let mut drives: Vec<_> =
        groups.map(|(index, group)| Drive::new(group, &blueprint, seed.derive(index as u64))).collect();
    let start = clock::seconds();
    blueprint.pool.install(|| drives.par_iter_mut().with_max_len(1).for_each(|drive| drive.drive(until, start)));
    let seconds = clock::seconds() - start;
    let agent_steps = drives.iter().map(Drive::agent_steps).sum::<u64>() as f64;
    let times = training.take_times();
    SimulationSpeed {
        agent_steps_per_second: agent_steps / seconds,
        arena_ticks_per_second: agent_steps * ticks_per_row / seconds,
        sense_score_share: times.sense_score as f64 / times.total.max(1) as f64,
    }
}

impl<'a> Drive<'a> {
    fn new(group: &'a mut WorldGroup, blueprint: &Blueprint, seed: Seed) -> Self {
        let actions = |(index, kind): (u64, usize)| {
            let (spec, seed) = (blueprint.specs[kind].clone(), if index == 0 { seed } else { seed.derive(index) });
            let actions = random_actions(&spec, group.row_count(kind) + SPARE_ACTIONS, seed);
            (kind, spec, actions)
        };
        Self { kinds: (0..).zip(blueprint.driven_kinds()).map(actions).collect(), group, steps: 0 }
    }

    fn agent_steps(&self) -> u64 {
        let rows: usize = self.kinds.iter().map(|(kind, ..)| self.group.row_count(*kind)).sum();
        self.steps * rows as u64
    }

    fn drive(&mut self, until: Until<'_>, start: f64) {
        while !until.is_over(start) {
            for (kind, spec, actions) in &self.kinds {
                let width = spec.action_width();
                let mut row = self.steps as usize * 7 % SPARE_ACTIONS;
                for rows in self.group.rows_mut(*kind) {
                    let own = rows.actions_mut();
                    own.copy_from_slice(&actions[row * width..][..own.len()]);
                    row += own.len() / width.max(1);
                }
                if spec.masked {
                    self.group.rows_mut(*kind).for_each(Rows::heed_masks);
                }
            }
            self.group.step_in_place();
            self.group.drain_episodes().for_each(drop);
            self.steps += 1;
        }
    }
}

/// Uniform over -1..=1 and over the choices.
pub(crate) fn random_actions(spec: &AgentSpec, rows: usize, seed: Seed) -> Vec<f32> {
    let mut rng = seed.generator();
    let mut actions = Vec::with_capacity(rows * spec.action_width());
    for _ in 0..rows {
        for field in &spec.action {
            match field.kind {
                ActionKind::Discrete => actions.push(rng.random_range(0..field.parts.len()) as f32),
                ActionKind::Continuous { .. } => {
                    actions.extend((0..field.parts.len()).map(|_| rng.random_range(-1.0..=1.0_f32)));
                }
            }
        }
    }
    actions
}

fn train(training: &mut Training, until: Until<'_>) -> Result<TrainingSpeed, TrainError> {
    // The first iteration brings everything into the caches.
    training.iterate(0.0).map_err(TrainError::Learner)?;
    let steps_before = training.steps;
    training.phases = Phases::default();
    let (start, cpu_before) = (clock::seconds(), cpu::seconds());
    while !until.is_over(start) {
        training.iterate(0.0).map_err(TrainError::Learner)?;
    }
    let seconds = clock::seconds() - start;
    let cpu_seconds = cpu_before.and_then(|before| Some(cpu::seconds()? - before));
    let (steps, phases) = (training.steps - steps_before, training.phases);
    let per_second = |time: u64| steps as f64 / (time.max(1) as f64 * 1e-9);
    Ok(TrainingSpeed {
        steps_per_second: steps as f64 / seconds.max(1e-9),
        steps_per_cpu_second: cpu_seconds.map(|cpu| steps as f64 / cpu.max(1e-9)),
        forward_per_second: per_second(phases.forward),
        simulate_per_second: per_second(phases.simulate + phases.sense_score),
        learn_per_second: per_second(phases.learn),
        phases,
        steps,
        seconds,
        cpu_seconds,
    })
}
