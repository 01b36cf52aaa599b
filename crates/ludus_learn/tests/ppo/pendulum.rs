//! Gymnasium's Pendulum-v1 on plain arrays, without Bevy: rewards that add up to some hundreds.

use std::f32::consts::PI;

use ludus_learn::{LaneShape, SensedRows, Simulation, StepLanes, StepRows};
use ludus_spec::{Outcome, Seed};

/// Columns of an observation: cosine and sine of the angle from upright, angular velocity [rad/s].
pub const WIDTH: usize = 3;

const EPISODE_LIMIT: u32 = 200;
/// The maximum angular velocity [rad/s].
const MAX_SPIN: f32 = 8.0;
/// The maximum torque [N·m].
const MAX_TORQUE: f32 = 2.0;
/// The duration of a step [s].
const TIMESTEP: f32 = 0.05;

/// Some pendulums. The first step of each one's episode is a restart step.
pub struct Pendulums {
    /// Angle from upright [rad] and angular velocity [rad/s].
    states: Vec<[f32; 2]>,
    lengths: Vec<u32>,
    returns: Vec<f32>,
    has_ended: Vec<bool>,
    seeds: Vec<Seed>,
    /// Returns of all episodes that ended.
    finished: Vec<f32>,
}

impl Pendulums {
    /// Makes this many pendulums.
    pub fn new(count: usize, seed: Seed) -> Self {
        Self {
            states: vec![[0.0; 2]; count],
            lengths: vec![0; count],
            returns: vec![0.0; count],
            has_ended: vec![true; count],
            seeds: (0..count).map(|index| seed.derive(index as u64)).collect(),
            finished: Vec::new(),
        }
    }

    /// Returns the mean return of the last episodes, this many of them.
    pub fn mean_return(&self, episodes: usize) -> f32 {
        let last = &self.finished[self.finished.len().saturating_sub(episodes)..];
        last.iter().sum::<f32>() / last.len() as f32
    }

    fn step_row(&mut self, row: usize, action: f32) -> (f32, Outcome) {
        if std::mem::take(&mut self.has_ended[row]) {
            self.restart(row);
            return (0.0, Outcome::Restart);
        }
        let reward = swing(&mut self.states[row], action.clamp(-1.0, 1.0) * MAX_TORQUE);
        self.lengths[row] += 1;
        self.returns[row] += reward;
        self.has_ended[row] = self.lengths[row] == EPISODE_LIMIT;
        if !self.has_ended[row] {
            return (reward, Outcome::Running);
        }
        self.finished.push(self.returns[row]);
        (reward, Outcome::Truncated)
    }

    fn sense(&self, observations: &mut [f32]) {
        for (row, [angle, spin]) in observations.chunks_exact_mut(WIDTH).zip(&self.states) {
            row.copy_from_slice(&[angle.cos(), angle.sin(), *spin]);
        }
    }

    fn restart(&mut self, row: usize) {
        let seed = &mut self.seeds[row];
        *seed = seed.derive(0);
        (self.lengths[row], self.returns[row]) = (0, 0.0);
        let draw = |column, limit: f32| limit * (2.0 * seed.derive(column).uniform() - 1.0);
        self.states[row] = [draw(1, PI), draw(2, 1.0)];
    }
}

impl Simulation for Pendulums {
    fn lane(&self, _: usize) -> LaneShape {
        LaneShape { rows: self.states.len(), observation_width: WIDTH, action_width: 1, ..LaneShape::default() }
    }

    fn observe(&mut self, _: usize, now: SensedRows<'_>) {
        self.sense(now.observations);
    }

    fn step(&mut self, mut lanes: StepLanes<'_, '_>) {
        let StepRows { actions, rewards, outcomes, next, .. } = lanes.lane(0);
        for (row, &action) in actions.iter().enumerate() {
            (rewards[row], outcomes[row]) = self.step_row(row, action);
        }
        self.sense(next.observations);
    }
}

/// Takes one step under a torque \[N·m\] and returns its reward. A rod of 1 kg and 1 m, g = 10 m/s², as in Gymnasium.
fn swing(state: &mut [f32; 2], torque: f32) -> f32 {
    let [angle, spin] = *state;
    let from_upright = (angle + PI).rem_euclid(2.0 * PI) - PI;
    let cost = from_upright * from_upright + 0.1 * spin * spin + 0.001 * torque * torque;
    let spin = (spin + (15.0 * angle.sin() + 3.0 * torque) * TIMESTEP).clamp(-MAX_SPIN, MAX_SPIN);
    *state = [angle + spin * TIMESTEP, spin];
    -cost
}
