//! Gymnasium's `MountainCar-v0`: drive a weak car out of a valley, which takes a run-up on the other side.
//!
//! Same dynamics, limits and reward as the original (Moore 1990, "Efficient Memory-based Learning for Robot Control"),
//! one decision per tick. [`continuous`] has the game for a driver that doses the force. The originals have no unit of
//! time; here a tick is a 30th of a second, the pace at which they are shown.

use bevy::prelude::*;
use bevy_ludus::prelude::*;

// Named by file, so that tests find them from where they are.
#[path = "continuous.rs"]
pub mod continuous;
#[path = "valley.rs"]
pub mod valley;

use valley::{Motion, ValleySenses};

/// The position of the goal.
const GOAL: f32 = 0.5;
/// The speed that the engine adds in a tick.
const FORCE: f32 = 0.001;

/// Drives to the right edge of the valley, with an engine that is on or off.
#[derive(Component, Agent, Reflect, Default, Clone)]
#[require(Motion)]
#[agent(observation = ValleySenses, action = Throttle, reward = CarReward)]
pub struct Car;

/// The agent's action.
#[derive(Component, Action, Reflect, Default, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Throttle {
    /// Full force towards negative positions.
    #[default]
    Left,
    /// No force.
    Off,
    /// Full force towards positive positions.
    Right,
}

/// The term of the agent's reward.
#[derive(Component, Reward, Reflect, Default, Clone)]
pub struct CarReward {
    /// 1 for every step, the last included.
    pub time: f32,
}

/// The whole game: no window, no policy.
pub fn mountain_car(app: &mut App) {
    app.add_plugins(valley::valley::<Car>)
        .add_agent::<Car>()
        .add_systems(FixedUpdate, drive)
        .add_systems(ScoreAgents, score);
}

/// Skips the restart step, in which gravity would move the cars.
fn drive(mut cars: Query<(&mut Motion, &Throttle, &Episode)>) {
    for (mut motion, throttle, episode) in &mut cars {
        if episode.is_running() {
            *motion = motion.after_one_tick(throttle.force());
        }
    }
}

impl Throttle {
    const fn force(self) -> f32 {
        match self {
            Self::Left => -FORCE,
            Self::Off => 0.0,
            Self::Right => FORCE,
        }
    }
}

fn score(mut cars: Query<(&Motion, &mut CarReward, &mut Episode)>) {
    for (motion, mut reward, mut episode) in &mut cars {
        reward.time = 1.0;
        if motion.is_at(GOAL) {
            episode.terminate();
        }
    }
}
