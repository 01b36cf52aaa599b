//! Choices that are not allowed are never made, and are in no expectation.

use ludus_learn::{LaneShape, Sac, SacConfig, Schedule, SensedRows, Simulation, StepLanes, Temperature};
use ludus_spec::{Head, Outcome, Seed};

use crate::{lanes, learn, machine, network};

const CHOICES: usize = 3;

/// Agents that walk a circle of three cells for ever. In each cell, one choice is forbidden and would be paid 1000; the
/// choice after it is paid 1, the other 0.
struct Carousel {
    cells: Vec<usize>,
    has_begun: bool,
    forbidden: usize,
    /// Mean reward of the last step.
    mean_reward: f32,
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
        self.mean_reward = rows.rewards.iter().sum::<f32>() / rows.rewards.len() as f32;
        self.write(rows.next);
    }
}

/// The value of the best choice is 1 / (1 − γ) = 2 in all cells.
#[test]
fn a_forbidden_choice_is_never_made_and_in_no_expectation() {
    let mut worlds = [Carousel {
        cells: (0..12).map(|row| row % CHOICES).collect(),
        has_begun: false,
        forbidden: 0,
        mean_reward: 0.0,
    }];
    let config = SacConfig {
        gamma: 0.5,
        learning_rate: Schedule::Constant(3e-3),
        learning_starts: 200,
        replay: 2_000,
        replay_ratio: 0.2,
        minibatch: 64,
        target_rate: 0.05,
        choice_temperature: Temperature::Fixed(0.05),
        normalize_observations: false,
        ..SacConfig::default()
    };
    let network = network(CHOICES, &[Head::Categorical { choices: CHOICES }]);
    let mut sac = Sac::new(config, network, None, machine(1), &lanes(&worlds), Seed::new(3)).unwrap();
    let reports = learn(&mut sac, &mut worlds, 40, 10);
    assert_eq!(worlds[0].forbidden, 0);
    assert!(worlds[0].mean_reward > 0.7, "{}", worlds[0].mean_reward);
    let value = reports.last().unwrap().metric("losses/qf_values").unwrap();
    assert!((1.0..2.2).contains(&value), "{value}");
}
