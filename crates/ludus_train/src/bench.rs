//! The benchmark of a game and its learner: speed of simulation, learning and decisions.

mod decision;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ludus_agent::Rows;
use ludus_spec::{AgentSpec, Seed};
use rayon::iter::{IndexedParallelIterator, IntoParallelRefMutIterator, ParallelIterator};
use serde::Serialize;

use crate::blueprint::Blueprint;
use crate::clock;
use crate::cpu;
use crate::diagnostics::slowed;
use crate::error::TrainError;
use crate::group::WorldGroup;
use crate::incidents::{IncidentTeller, Incidents};
use crate::phases::Phases;
use crate::random_actions::random_actions;
use crate::training::Training;

pub use decision::DecisionSpeed;
use decision::Players;

/// Rows of random actions that are drawn beforehand, besides one for each row: steps take them from different places.
const SPARE_ACTIONS: usize = 1021;

/// Results of a benchmark.
#[derive(Clone, Debug, Serialize)]
pub struct Benchmark {
    /// Number of worlds.
    pub worlds: u32,
    /// Rows of all worlds: agents that step at once.
    pub rows: usize,
    /// Number of threads.
    pub threads: usize,
    /// The learner of each policy, the device that it computes on, and the reason for that choice.
    pub learner: String,
    /// Time to build all worlds, their first step included \[s\].
    pub build_seconds: f64,
    /// Memory per world \[bytes\]; `None` if the operating system does not report it.
    pub bytes_per_world: Option<f64>,
    /// Numbers that were not finite.
    pub faults: u64,
    /// Worlds that panicked and were built anew.
    pub panics: u64,
    /// Speed of the worlds with random actions, sensing and scoring included.
    pub simulation: SimulationSpeed,
    /// Speed of whole iterations: rollouts and learning.
    pub training: TrainingSpeed,
    /// Time that the policies take to decide in a game that is played.
    pub decision: DecisionSpeed,
}

/// Speed of worlds that step with random actions.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct SimulationSpeed {
    /// Rows stepped per second, those of restart steps included: in them no agent decides, but the game computes alike.
    ///
    /// This is above the steps per second that `train` counts. The shorter the episodes, the larger the difference.
    pub agent_steps_per_second: f64,
    /// Ticks per second, summed over all arenas.
    pub arena_ticks_per_second: f64,
    /// Share of the stepping time that sensing and scoring took, from 0 to 1.
    pub sense_score_share: f64,
}

/// Speed of training. All speeds are in samples per second of wall time, unless the field says otherwise.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct TrainingSpeed {
    /// Samples per second of all phases together.
    pub steps_per_second: f64,
    /// Samples per second of processor time; `None` if the operating system does not report it.
    pub steps_per_cpu_second: Option<f64>,
    /// Samples per second of forward passes and of drawing actions.
    pub forward_per_second: f64,
    /// Samples per second of stepping the worlds, sensing and scoring included.
    pub simulate_per_second: f64,
    /// Samples per second of learning. Every sample counts once, whatever the number of epochs.
    pub learn_per_second: f64,
    /// Time by phase.
    #[serde(skip)]
    pub phases: Phases,
    /// Number of samples.
    #[serde(skip)]
    pub steps: u64,
    /// Wall time \[s\].
    #[serde(skip)]
    pub seconds: f64,
    /// Processor time of all threads \[s\]; `None` if the operating system does not report it.
    #[serde(skip)]
    pub cpu_seconds: Option<f64>,
}

/// Builds the worlds of a run, steps them with random actions, trains, then plays with the policies. Writes no files.
///
/// Each measurement takes `seconds` \[s\]. `tell` is called with a sentence for each problem on the way.
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

/// Reports the problems since the last call. Fails if a world no longer steps: it would raise the measured speed.
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
    /// The kinds that get random actions, each with its spec and actions.
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
