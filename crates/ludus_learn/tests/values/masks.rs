//! Choices that are not allowed are never made, and are in no target.

use ludus_learn::{Algorithm, Dqn, DqnConfig, LaneShape, Pqn, PqnConfig, Schedule, SensedRows, Simulation, StepLanes};
use ludus_spec::{Head, Outcome, Seed};

use crate::{lanes, learn, machine, network};

const CHOICES: usize = 3;

/// Agents that walk a circle of three cells for ever. In each cell, one choice is forbidden and would be paid 1000; the
/// choice after it is paid 1, the other 0.
struct Carousel {
    cells: Vec<usize>,
    has_begun: bool,
    forbidden: usize,
}

impl Carousel {
    fn write(&self, next: SensedRows<'_>) {
        next.masks.fill(true);
        for (row, &cell) in self.cells.iter().enumerate() {
            next.observations[row * CHOICES..(row + 1) * CHOICES].fill(0.0);
            next.observations[row * CHOICES + cell] = 1.0;
            next.masks[row * CHOICES + cell] = false;
        }
    }
}

impl Simulation for Carousel {
    fn lane(&self, _: usize) -> LaneShape {
        let rows = self.cells.len();
        LaneShape { rows, observation_width: CHOICES, action_width: 1, mask_width: CHOICES, ..LaneShape::default() }
    }

    fn observe(&mut self, _: usize, now: SensedRows<'_>) {
        self.write(now);
    }

    fn step(&mut self, mut lanes: StepLanes<'_, '_>) {
        let rows = lanes.lane(0);
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        for (row, cell) in self.cells.iter_mut().enumerate() {
            let distance = (rows.actions[row] as usize + CHOICES - *cell) % CHOICES;
            self.forbidden += usize::from(distance == 0);
            rows.rewards[row] = [1000.0, 1.0, 0.0][distance];
            rows.outcomes[row] = if is_first { Outcome::Restart } else { Outcome::Running };
            *cell = (*cell + 1) % CHOICES;
        }
        self.write(rows.next);
    }
}

fn carousel() -> Carousel {
    Carousel { cells: (0..12).map(|row| row % CHOICES).collect(), has_begun: false, forbidden: 0 }
}

/// The value of the best choice is 1 / (1 − γ) = 2 in all cells.
fn check(algorithm: &mut dyn Algorithm, worlds: &mut [Carousel; 1]) {
    let reports = learn(algorithm, worlds, 150, 8);
    assert_eq!(worlds[0].forbidden, 0);
    let value = reports.last().unwrap().metric("losses/q_values").unwrap();
    assert!((1.5..2.05).contains(&value), "{value}");
}

#[test]
fn a_forbidden_choice_is_never_made_and_in_no_maximum() {
    let heads = [Head::Categorical { choices: CHOICES }];
    let mut worlds = [carousel()];
    let config = PqnConfig {
        gamma: 0.5,
        learning_rate: Schedule::Constant(3e-3),
        minibatch: 48,
        rollout_steps: 8,
        normalize_observations: false,
        ..PqnConfig::default()
    };
    let shapes = lanes(&worlds);
    let mut pqn = Pqn::new(config, network(CHOICES, &heads), None, machine(1), &shapes, Seed::new(3)).unwrap();
    check(&mut pqn, &mut worlds);

    let mut worlds = [carousel()];
    let config = DqnConfig {
        gamma: 0.5,
        learning_rate: Schedule::Constant(3e-3),
        learning_starts: 200,
        replay: 2_000,
        normalize_observations: false,
        target_rate: 0.05,
        ..DqnConfig::default()
    };
    for double in [false, true] {
        let config = DqnConfig { double, ..config.clone() };
        let mut dqn = Dqn::new(config, network(CHOICES, &heads), None, machine(1), &shapes, Seed::new(3)).unwrap();
        check(&mut dqn, &mut worlds);
    }
}
