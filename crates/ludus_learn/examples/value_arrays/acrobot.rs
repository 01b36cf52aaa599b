//! Gymnasium's Acrobot-v1: swing two links up by a torque at the joint between them.

use std::f32::consts::{PI, TAU};

use ludus_spec::{Head, Seed};

use crate::games::Game;

/// The duration of a step [s].
const TIMESTEP: f32 = 0.2;

/// Two links of 1 m and 1 kg, whose centres of mass are in their middles, with a moment of inertia of 1 kg·m². Every
/// step costs 1, but for the last.
pub struct Acrobot(State);

/// The angles of the first link from hanging and of the second from the first [rad], and their velocities [rad/s].
type State = [f32; 4];

impl Game for Acrobot {
    const WIDTH: usize = 6;
    const HEAD: Head = Head::Categorical { choices: 3 };
    const EPISODE_LIMIT: u32 = 500;

    fn start(seed: Seed) -> Self {
        Self([1, 2, 3, 4].map(|column| 0.2 * seed.derive(column).uniform() - 0.1))
    }

    /// One step of the classical Runge-Kutta method of order 4, with a constant torque [N·m].
    fn step(&mut self, action: f32) -> (f32, bool) {
        let (state, torque) = (self.0, action - 1.0);
        let k1 = rate(state, torque);
        let k2 = rate(moved(state, TIMESTEP / 2.0, k1), torque);
        let k3 = rate(moved(state, TIMESTEP / 2.0, k2), torque);
        let k4 = rate(moved(state, TIMESTEP, k3), torque);
        let mean = [0, 1, 2, 3].map(|i| (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]) / 6.0);
        let [first, second, first_velocity, second_velocity] = moved(state, TIMESTEP, mean);
        self.0 = [
            wrapped(first),
            wrapped(second),
            first_velocity.clamp(-4.0 * PI, 4.0 * PI),
            second_velocity.clamp(-9.0 * PI, 9.0 * PI),
        ];
        let [first, second, ..] = self.0;
        let is_up = -first.cos() - (first + second).cos() > 1.0;
        (if is_up { 0.0 } else { -1.0 }, is_up)
    }

    fn sense(&self, observation: &mut [f32]) {
        let [first, second, first_velocity, second_velocity] = self.0;
        let angles = [first.cos(), first.sin(), second.cos(), second.sin()];
        observation[..4].copy_from_slice(&angles);
        observation[4..].copy_from_slice(&[first_velocity, second_velocity]);
    }
}

/// Returns the state after a time at a constant rate of change.
fn moved(state: State, seconds: f32, rate: State) -> State {
    [0, 1, 2, 3].map(|i| state[i] + seconds * rate[i])
}

/// Returns the rate of change under a torque.
///
/// Sutton and Barto 1998, "Reinforcement Learning: An Introduction", figure 11.6.
fn rate([first, second, first_velocity, second_velocity]: State, torque: f32) -> State {
    let (sin, cos) = second.sin_cos();
    let d2 = 1.25 + 0.5 * cos;
    let d1 = d2 + 2.25 + 0.5 * cos;
    let phi2 = 0.5 * 9.8 * (first + second).sin();
    let phi1 = 1.5 * 9.8 * first.sin() + phi2 - 0.5 * second_velocity * (second_velocity + 2.0 * first_velocity) * sin;
    let push = torque + d2 / d1 * phi1 - 0.5 * first_velocity * first_velocity * sin - phi2;
    let second_acceleration = push / (1.25 - d2 * d2 / d1);
    [first_velocity, second_velocity, -(d2 * second_acceleration + phi1) / d1, second_acceleration]
}

/// Returns the same angle in -π..=π.
fn wrapped(angle: f32) -> f32 {
    angle - TAU * (angle / TAU).round()
}
