//! Gymnasium's CartPole-v1 on plain arrays, without Bevy: for tests, and as a measure of speed.

use std::ops::Range;

use ludus_learn::{LaneShape, SensedRows, Simulation, StepLanes, StepRows};
use ludus_spec::{Outcome, Seed};

/// Columns of an observation: position [m], velocity [m/s], angle [rad], angular velocity [rad/s].
pub const WIDTH: usize = 4;

const EPISODE_LIMIT: u32 = 500;

/// Some cart-poles. The first step of each one's episode is a restart step.
#[derive(Clone)]
pub struct CartPoles {
    states: Vec<[f32; WIDTH]>,
    lengths: Vec<u32>,
    has_ended: Vec<bool>,
    seeds: Vec<Seed>,
    /// Lengths of all episodes that ended since the list was last cleared.
    pub finished: Vec<u32>,
}

impl CartPoles {
    /// Cart-poles with these indices among all.
    pub fn new(indices: Range<u64>, seed: Seed) -> Self {
        let seeds: Vec<Seed> = indices.map(|index| seed.derive(index)).collect();
        let count = seeds.len();
        Self {
            states: vec![[0.0; WIDTH]; count],
            lengths: vec![0; count],
            has_ended: vec![true; count],
            seeds,
            finished: Vec::with_capacity(8 * count),
        }
    }

    /// Takes one step of all cart-poles, which are the first of these rows.
    pub fn advance(&mut self, rows: StepRows<'_>) {
        let StepRows { actions, rewards, outcomes, next, .. } = rows;
        let count = self.states.len();
        for (row, &action) in actions[..count].iter().enumerate() {
            outcomes[row] = self.step_row(row, action);
            rewards[row] = 1.0;
        }
        next.observations[..count * WIDTH].copy_from_slice(self.states.as_flattened());
    }

    fn step_row(&mut self, row: usize, action: f32) -> Outcome {
        if std::mem::take(&mut self.has_ended[row]) {
            self.restart(row);
            return Outcome::Restart;
        }
        self.lengths[row] += 1;
        let state = &mut self.states[row];
        push(state, if action > 0.5 { 10.0 } else { -10.0 });
        let outcome = if state[0].abs() > 2.4 || state[2].abs() > 12_f32.to_radians() {
            Outcome::Terminated
        } else if self.lengths[row] == EPISODE_LIMIT {
            Outcome::Truncated
        } else {
            return Outcome::Running;
        };
        self.finished.push(self.lengths[row]);
        self.has_ended[row] = true;
        outcome
    }

    fn restart(&mut self, row: usize) {
        let seed = &mut self.seeds[row];
        *seed = seed.derive(0);
        self.lengths[row] = 0;
        self.states[row] = [1, 2, 3, 4].map(|column| seed.derive(column).uniform() * 0.1 - 0.05);
    }
}

impl Simulation for CartPoles {
    fn lane(&self, _: usize) -> LaneShape {
        LaneShape { rows: self.states.len(), observation_width: WIDTH, action_width: 1, ..LaneShape::default() }
    }

    fn observe(&mut self, _: usize, now: SensedRows<'_>) {
        now.observations.copy_from_slice(self.states.as_flattened());
    }

    fn step(&mut self, mut lanes: StepLanes<'_, '_>) {
        self.advance(lanes.lane(0));
    }
}

/// One Euler step of 20 ms under a force [N].
///
/// Barto, Sutton and Anderson 1983, doi:10.1109/TSMC.1983.6313077, without friction, as in Gymnasium.
fn push(state: &mut [f32; WIDTH], force: f32) {
    let [position, velocity, angle, spin] = *state;
    let (sin, cos) = angle.sin_cos();
    let push = (force + 0.05 * spin * spin * sin) / 1.1;
    let spin_up = (9.8 * sin - cos * push) / (0.5 * (4.0 / 3.0 - 0.1 * cos * cos / 1.1));
    let speed_up = push - 0.05 * spin_up * cos / 1.1;
    *state = [position + 0.02 * velocity, velocity + 0.02 * speed_up, angle + 0.02 * spin, spin + 0.02 * spin_up];
}
