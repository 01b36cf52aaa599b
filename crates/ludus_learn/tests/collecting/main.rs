//! Collections for other algorithms and policies than PPO, which need no change to `collect`.

#![expect(clippy::unwrap_used, reason = "what a test needs has to be there")]

mod batches;
mod drivers;
mod heads;
mod memory;
mod q_learner;
mod turns;

use std::any::Any;
use std::sync::Arc;

use ludus_learn::{
    CollectedLane, Collector, Decider, DecisionRows, GroupDecider, LaneShape, Machine, PhaseTimer, Rollout,
    RolloutShape, SensedRows, Simulation, StepLanes,
};
use ludus_spec::{Outcome, Seed, stopped_clock};

fn collector(threads: usize) -> Collector {
    let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap());
    Collector::new(Machine { pool, clock: stopped_clock })
}

/// A policy that is a function of a row's observation, memory and seed.
struct Function<F> {
    act: F,
    value_heads: usize,
}

impl<F: Fn(&[f32], &mut [f32], Seed) -> f32 + Sync> GroupDecider for Function<F> {
    fn scratch(&self) -> Box<dyn Any + Send> {
        Box::new(())
    }

    fn decide(&self, _: &mut dyn Any, rows: DecisionRows<'_>, _: &mut PhaseTimer) {
        let count = rows.actions.len();
        let [width, memory] = [rows.observations.len(), rows.memory.len()].map(|numbers| numbers / count);
        for row in 0..count {
            let observation = &rows.observations[row * width..][..width];
            rows.actions[row] = (self.act)(observation, &mut rows.memory[row * memory..][..memory], rows.seeds.of(row));
        }
        self.evaluate(&mut (), DecisionRows { actions: &mut [], ..rows }, &mut PhaseTimer::start(stopped_clock));
    }

    /// Head `h` estimates `h + 1` times the first column of the observation.
    fn evaluate(&self, _: &mut dyn Any, rows: DecisionRows<'_>, _: &mut PhaseTimer) {
        let width = rows.observations.len() / (rows.values.len() / self.value_heads);
        for (value, index) in rows.values.iter_mut().zip(0..) {
            let (row, head) = (index / self.value_heads, index % self.value_heads);
            *value = (head + 1) as f32 * rows.observations[row * width];
        }
    }
}

fn function<F: Fn(&[f32], &mut [f32], Seed) -> f32 + Sync>(act: F) -> Function<F> {
    Function { act, value_heads: 1 }
}

/// Rows that count the steps of their episodes, observe that count, and are rewarded with their action. An episode of
/// row `r` lasts `r % 3 + 2` steps. With drivers, driver 1 drives every other episode of a row.
#[derive(Clone)]
struct Counters {
    first_row: usize,
    counts: Vec<u32>,
    episodes: Vec<u32>,
    has_drivers: bool,
    /// True if agents do not decide in step 2 of their episode, unless it is the last.
    is_waiting: bool,
    /// The actions of the last step.
    actions: Vec<f32>,
}

impl Counters {
    fn new(first_row: usize, rows: usize, has_drivers: bool) -> Self {
        let zeros = || vec![0; rows];
        let (counts, episodes) = (zeros(), zeros());
        Self { first_row, counts, episodes, has_drivers, is_waiting: false, actions: vec![0.0; rows] }
    }

    fn length(&self, row: usize) -> u32 {
        ((self.first_row + row) % 3 + 2) as u32
    }
}

impl Simulation for Counters {
    fn lane(&self, _: usize) -> LaneShape {
        let (rows, has_drivers) = (self.counts.len(), self.has_drivers);
        LaneShape { rows, observation_width: 1, action_width: 1, has_drivers, ..LaneShape::default() }
    }

    /// Writes wrong drivers on purpose where no episode begins.
    fn observe(&mut self, _: usize, now: SensedRows<'_>) {
        for (observation, &count) in now.observations.iter_mut().zip(&self.counts) {
            *observation = count as f32;
        }
        for ((driver, &count), &episode) in now.drivers.iter_mut().zip(&self.counts).zip(&self.episodes) {
            *driver = if count == 1 { (episode % 2) as u8 } else { (episode + count) as u8 % 2 };
        }
    }

    /// Count 0 is the restart step.
    fn step(&mut self, mut lanes: StepLanes<'_, '_>) {
        let rows = lanes.lane(0);
        self.actions.copy_from_slice(rows.actions);
        rows.rewards.copy_from_slice(rows.actions);
        for row in 0..self.counts.len() {
            let length = self.length(row);
            let count = &mut self.counts[row];
            rows.outcomes[row] = match *count {
                0 => Outcome::Restart,
                count if count == length => Outcome::Terminated,
                2 if self.is_waiting => Outcome::Waiting,
                _ => Outcome::Running,
            };
            *count = if *count == length { 0 } else { *count + 1 };
            self.episodes[row] += u32::from(*count == 1);
        }
        self.observe(0, rows.next);
    }
}

/// Collects steps into a rollout that has room for them.
fn collect<S: Simulation>(
    threads: usize,
    simulations: &mut [S],
    rollout: &mut Rollout,
    decider: &dyn GroupDecider,
    others: &[&dyn GroupDecider],
) {
    rollout.restart();
    let steps = rollout.missing_steps();
    let lane = CollectedLane { decider: Decider::PerGroup(decider), others, rollout, seed: Seed::new(1) };
    collector(threads).collect(simulations, &mut [lane], steps).unwrap();
}

fn rollout<S: Simulation>(steps: usize, simulations: &[S]) -> Rollout {
    Rollout::new(shape(steps, simulations))
}

fn shape<S: Simulation>(steps: usize, simulations: &[S]) -> RolloutShape {
    let lanes: Vec<LaneShape> = simulations.iter().map(|simulation| simulation.lane(0)).collect();
    RolloutShape::of_lane(steps, &lanes).unwrap()
}
