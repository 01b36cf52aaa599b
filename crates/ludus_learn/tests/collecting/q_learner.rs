//! Q-learning without replay as an [`Algorithm`]: a table, one step at a time, in the loop that PPO uses.

use std::any::Any;

use ludus_learn::{
    Algorithm, AlgorithmState, CollectedLane, Collector, Decider, DecisionRows, GroupDecider, IteratedLane,
    IterationPlan, LaneShape, LearnError, LearnedPolicy, Machine, Metric, MetricInfo, PhaseTimer, Report, Rollout,
    RolloutShape, SavedAlgorithm, Schedule, SensedRows, Simulation, StepLanes,
};
use ludus_spec::{Outcome, Seed};

use crate::collector;

/// Cells of a corridor; the reward is at its end.
const CELLS: usize = 6;
const GAMMA: f32 = 0.9;
const METRICS: [MetricInfo; 1] = [MetricInfo { name: "losses/td_error", title: "TD error", unit: "reward" }];

/// The value of going left and right from each cell, and the probability of a random choice.
struct Table {
    values: Vec<[f32; 2]>,
    epsilon: f32,
}

impl Table {
    fn best(&self, cell: usize) -> usize {
        let [left, right] = self.values[cell];
        usize::from(right > left)
    }
}

impl GroupDecider for Table {
    fn scratch(&self) -> Box<dyn Any + Send> {
        Box::new(())
    }

    fn decide(&self, _: &mut dyn Any, rows: DecisionRows<'_>, _: &mut PhaseTimer) {
        for (row, (action, &cell)) in rows.actions.iter_mut().zip(rows.observations).enumerate() {
            let draws = [0, 1].map(|draw| rows.seeds.of(row).derive(draw).uniform());
            let is_random = draws[0] < self.epsilon;
            *action = if is_random { (2.0 * draws[1]).floor() } else { self.best(cell as usize) as f32 };
        }
    }
}

struct QLearner {
    table: Table,
    rollout: Rollout,
    machine: Machine,
    rate: f32,
    seed: Seed,
    iteration: u64,
    good: Option<(Vec<[f32; 2]>, u64)>,
}

impl QLearner {
    fn new(lanes: &[LaneShape], machine: &Machine) -> Self {
        Self {
            table: Table { values: vec![[0.0; 2]; CELLS], epsilon: 0.3 },
            rollout: Rollout::new(RolloutShape::of_lane(1, lanes).unwrap()),
            machine: machine.clone(),
            rate: 0.2,
            seed: Seed::new(7),
            iteration: 0,
            good: None,
        }
    }

    /// Updates the table by `Q(s, a) += α (r + γ max Q(s', ·) − Q(s, a))` for each experience. Returns the number of
    /// experiences and the greatest error.
    fn learn_step(&mut self) -> (usize, f32) {
        let samples = self.rollout.samples();
        let (mut experience, mut greatest) = (0, 0.0_f32);
        for (slab, &rows) in self.rollout.slab_places().zip(&self.rollout.shape().rows) {
            for sample in slab.start..slab.start + rows {
                let outcome = samples.outcomes[sample];
                if !outcome.is_experience() {
                    continue;
                }
                let [cell, next] = [sample, sample + rows].map(|sample| samples.observations[sample] as usize);
                let action = samples.actions[sample] as usize;
                let follows = if outcome == Outcome::Terminated { 0.0 } else { GAMMA };
                let target = samples.rewards[sample] + follows * self.table.values[next][self.table.best(next)];
                let value = &mut self.table.values[cell][action];
                greatest = greatest.max((target - *value).abs());
                *value += self.rate * (target - *value);
                experience += 1;
            }
        }
        (experience, greatest)
    }
}

impl Algorithm for QLearner {
    fn collected_lane(&mut self) -> CollectedLane<'_> {
        let seed = self.seed.derive(self.iteration);
        CollectedLane { decider: Decider::PerGroup(&self.table), others: &[], rollout: &mut self.rollout, seed }
    }

    fn wanted_steps(&self) -> usize {
        self.rollout.missing_steps()
    }

    fn learn(&mut self, _: f32) -> Result<Report, LearnError> {
        let (experience, error) = self.learn_step();
        self.rollout.restart();
        self.iteration += 1;
        let metrics = vec![Metric { info: METRICS[0], value: error }];
        Ok(Report { experience, faulty: 0, gradient_steps: 1, metrics })
    }

    fn metrics(&self) -> &'static [MetricInfo] {
        &METRICS
    }

    fn rollout(&self) -> &Rollout {
        &self.rollout
    }

    fn iteration(&self) -> u64 {
        self.iteration
    }

    fn machine(&self) -> &Machine {
        &self.machine
    }

    fn set_learning_rate(&mut self, rate: Schedule) -> Result<(), LearnError> {
        self.rate = rate.at(0.0);
        Ok(())
    }

    fn mark(&mut self) -> Result<(), LearnError> {
        self.good = Some((self.table.values.clone(), self.iteration));
        Ok(())
    }

    fn rewind(&mut self) {
        if let Some((values, iteration)) = &self.good {
            self.table.values.clone_from(values);
            self.iteration = *iteration;
        }
    }

    fn skip(&mut self) {
        self.iteration += 1;
    }

    fn policy(&self) -> LearnedPolicy {
        LearnedPolicy { parameters: self.table.values.as_flattened().to_vec(), normalizer: None }
    }

    fn save(&self) -> SavedAlgorithm {
        let state = AlgorithmState { seed: self.seed, iteration: self.iteration, ..AlgorithmState::default() };
        SavedAlgorithm { policy: self.policy(), state }
    }

    fn restore(&mut self, saved: &SavedAlgorithm) -> Result<(), LearnError> {
        self.table.values = saved.policy.parameters.as_chunks().0.to_vec();
        (self.seed, self.iteration) = (saved.state.seed, saved.state.iteration);
        Ok(())
    }
}

/// Agents in corridors with a reward at the right end.
#[derive(Clone)]
struct Corridors {
    cells: Vec<usize>,
    has_ended: Vec<bool>,
}

impl Simulation for Corridors {
    fn lane(&self, _: usize) -> LaneShape {
        LaneShape { rows: self.cells.len(), observation_width: 1, action_width: 1, ..LaneShape::default() }
    }

    fn observe(&mut self, _: usize, now: SensedRows<'_>) {
        now.observations.iter_mut().zip(&self.cells).for_each(|(observation, &cell)| *observation = cell as f32);
    }

    fn step(&mut self, mut lanes: StepLanes<'_, '_>) {
        let rows = lanes.lane(0);
        for row in 0..self.cells.len() {
            let cell = &mut self.cells[row];
            if std::mem::take(&mut self.has_ended[row]) {
                (*cell, rows.outcomes[row]) = (0, Outcome::Restart);
                continue;
            }
            *cell = if rows.actions[row] > 0.5 { *cell + 1 } else { cell.saturating_sub(1) };
            self.has_ended[row] = *cell == CELLS - 1;
            rows.rewards[row] = f32::from(self.has_ended[row]);
            rows.outcomes[row] = if self.has_ended[row] { Outcome::Terminated } else { Outcome::Running };
        }
        self.observe(0, rows.next);
    }
}

fn trained(threads: usize, iterations: usize) -> QLearner {
    let mut worlds: Vec<Corridors> =
        [3, 2].map(|rows| Corridors { cells: vec![0; rows], has_ended: vec![true; rows] }).into();
    let lanes: Vec<LaneShape> = worlds.iter().map(|world| world.lane(0)).collect();
    let collector: Collector = collector(threads);
    let mut learner = QLearner::new(&lanes, collector.machine());
    for _ in 0..iterations {
        let plan = IterationPlan { progress: 0.0, least_steps: 16 };
        let result = collector.iterate(&mut worlds, &mut [IteratedLane::learned(&mut learner)], plan).unwrap();
        assert_eq!((result.steps, result.reports[0].as_ref().unwrap().gradient_steps), (16, 16));
    }
    learner
}

#[test]
fn a_table_of_values_is_learned_in_the_same_loop() {
    let learner = trained(1, 100);
    assert!((0..CELLS - 1).all(|cell| learner.table.best(cell) == 1), "{:?}", learner.table.values);
    // One step before the end is worth 1, and γ less for each step before it.
    for (steps, cell) in (0..CELLS - 1).rev().enumerate() {
        let expected = GAMMA.powi(steps as i32);
        assert!((learner.table.values[cell][1] - expected).abs() < 0.02, "{:?}", learner.table.values);
    }
    assert_eq!(learner.iteration(), 1600);
}

#[test]
fn it_learns_the_same_with_any_number_of_threads() {
    assert_eq!(trained(1, 5).policy(), trained(3, 5).policy());
}
