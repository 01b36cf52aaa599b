//! Gymnasium's MountainCar-v0 and MountainCarContinuous-v0: a weak car in a valley.
//!
//! Moore 1990, "Efficient memory-based learning for robot control", as in Gymnasium.

use ludus_spec::{Head, Seed};

use crate::games::Game;

/// A car whose engine is on or off. Every step costs 1.
pub struct Car(Motion);

/// A car whose engine is stronger, and whose force is dosed and costs. Random actions never find the goal's reward.
pub struct DosedCar(Motion);

/// Position and velocity.
struct Motion([f32; 2]);

impl Game for Car {
    const WIDTH: usize = 2;
    const HEAD: Head = Head::Categorical { choices: 3 };
    const EPISODE_LIMIT: u32 = 200;

    fn start(seed: Seed) -> Self {
        Self(Motion::start(seed))
    }

    fn step(&mut self, action: f32) -> (f32, bool) {
        self.0.drive(0.001 * (action - 1.0));
        (-1.0, self.0.is_at(0.5))
    }

    fn sense(&self, observation: &mut [f32]) {
        observation.copy_from_slice(&self.0.0);
    }
}

impl Game for DosedCar {
    const WIDTH: usize = 2;
    const HEAD: Head = Head::Gaussian { width: 1 };
    const EPISODE_LIMIT: u32 = 999;

    fn start(seed: Seed) -> Self {
        Self(Motion::start(seed))
    }

    fn step(&mut self, action: f32) -> (f32, bool) {
        let force = action.clamp(-1.0, 1.0);
        self.0.drive(0.0015 * force);
        let is_there = self.0.is_at(0.45);
        (if is_there { 100.0 } else { 0.0 } - 0.1 * force * force, is_there)
    }

    fn sense(&self, observation: &mut [f32]) {
        observation.copy_from_slice(&self.0.0);
    }
}

impl Motion {
    fn start(seed: Seed) -> Self {
        Self([0.2 * seed.derive(1).uniform() - 0.6, 0.0])
    }

    fn drive(&mut self, push: f32) {
        let [position, velocity] = self.0;
        let velocity = (velocity + push - 0.0025 * (3.0 * position).cos()).clamp(-0.07, 0.07);
        let position = (position + velocity).clamp(-1.2, 0.6);
        let is_stopped = position == -1.2 && velocity < 0.0;
        self.0 = [position, if is_stopped { 0.0 } else { velocity }];
    }

    fn is_at(&self, goal: f32) -> bool {
        let [position, velocity] = self.0;
        position >= goal && velocity >= 0.0
    }
}
