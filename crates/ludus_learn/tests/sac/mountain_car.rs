//! Gymnasium's MountainCarContinuous-v0 on plain arrays, without Bevy: a reward that random actions never find.

use ludus_learn::{LaneShape, SensedRows, Simulation, StepLanes, StepRows};
use ludus_spec::{Outcome, Seed};

/// Columns of an observation: position and velocity.
pub const WIDTH: usize = 2;

const EPISODE_LIMIT: u32 = 999;

/// Some cars. The first step of each one's episode is a restart step.
pub struct MountainCars {
    states: Vec<[f32; WIDTH]>,
    lengths: Vec<u32>,
    returns: Vec<f32>,
    has_ended: Vec<bool>,
    seeds: Vec<Seed>,
    /// Returns of all episodes that ended.
    pub finished: Vec<f32>,
}

impl MountainCars {
    /// Makes this many cars.
    pub fn new(count: usize, seed: Seed) -> Self {
        Self {
            states: vec![[0.0; WIDTH]; count],
            lengths: vec![0; count],
            returns: vec![0.0; count],
            has_ended: vec![true; count],
            seeds: (0..count).map(|index| seed.derive(index as u64)).collect(),
            finished: Vec::new(),
        }
    }

    fn step_row(&mut self, row: usize, action: f32) -> (f32, Outcome) {
        if std::mem::take(&mut self.has_ended[row]) {
            self.restart(row);
            return (0.0, Outcome::Restart);
        }
        let is_there = drive(&mut self.states[row], action.clamp(-1.0, 1.0));
        let reward = if is_there { 100.0 } else { 0.0 } - 0.1 * action * action;
        self.lengths[row] += 1;
        self.returns[row] += reward;
        let outcome = match (is_there, self.lengths[row] == EPISODE_LIMIT) {
            (true, _) => Outcome::Terminated,
            (false, true) => Outcome::Truncated,
            (false, false) => return (reward, Outcome::Running),
        };
        self.has_ended[row] = true;
        self.finished.push(self.returns[row]);
        (reward, outcome)
    }

    fn restart(&mut self, row: usize) {
        let seed = &mut self.seeds[row];
        *seed = seed.derive(0);
        (self.lengths[row], self.returns[row]) = (0, 0.0);
        self.states[row] = [0.2 * seed.derive(1).uniform() - 0.6, 0.0];
    }
}

impl Simulation for MountainCars {
    fn lane(&self, _: usize) -> LaneShape {
        LaneShape { rows: self.states.len(), observation_width: WIDTH, action_width: 1, ..LaneShape::default() }
    }

    fn observe(&mut self, _: usize, now: SensedRows<'_>) {
        now.observations.copy_from_slice(self.states.as_flattened());
    }

    fn step(&mut self, mut lanes: StepLanes<'_, '_>) {
        let StepRows { actions, rewards, outcomes, next, .. } = lanes.lane(0);
        for (row, &action) in actions.iter().enumerate() {
            (rewards[row], outcomes[row]) = self.step_row(row, action);
        }
        self.observe(0, next);
    }
}

/// Takes one step under a force in -1..=1. Returns true if the car is at its goal.
///
/// Moore 1990, "Efficient memory-based learning for robot control", as in Gymnasium.
fn drive(state: &mut [f32; WIDTH], force: f32) -> bool {
    let [position, velocity] = *state;
    let velocity = (velocity + 0.0015 * force - 0.0025 * (3.0 * position).cos()).clamp(-0.07, 0.07);
    let position = (position + velocity).clamp(-1.2, 0.6);
    let is_at_wall = position == -1.2 && velocity < 0.0;
    *state = [position, if is_at_wall { 0.0 } else { velocity }];
    position >= 0.45
}
