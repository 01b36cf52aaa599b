//! Gymnasium's `MountainCarContinuous-v0`: the engine is stronger, its force is dosed and costs, and only the goal is
//! rewarded.

use bevy::prelude::*;
use bevy_ludus::prelude::*;

use super::valley::{self, Motion, ValleySenses};

/// The position of the goal.
const GOAL: f32 = 0.45;
/// The speed that the engine adds in a tick at full force.
const POWER: f32 = 0.0015;

/// Drives to the right edge of the valley, with an engine whose force is dosed.
#[derive(Component, Agent, Reflect, Default, Clone)]
#[require(Motion)]
#[agent(observation = ValleySenses, action = Drive, reward = DosedCarReward)]
pub struct DosedCar;

/// The agent's action.
#[derive(Component, Action, Reflect, Default, Clone, Copy, Debug, PartialEq)]
pub struct Drive {
    /// Towards positive positions; 1 is full force.
    #[action(continuous)]
    pub force: f32,
}

/// The terms of the agent's reward.
#[derive(Component, Reward, Reflect, Default, Clone)]
pub struct DosedCarReward {
    /// 1 for reaching the goal.
    pub goal: f32,
    /// The square of the force, every step.
    pub force: f32,
}

/// The whole game: no window, no policy.
pub fn mountain_car_continuous(app: &mut App) {
    app.add_plugins(valley::valley::<DosedCar>)
        .add_agent::<DosedCar>()
        .add_systems(FixedUpdate, drive)
        .add_systems(ScoreAgents, score);
}

/// Skips the restart step, in which gravity would move the cars.
fn drive(mut cars: Query<(&mut Motion, &Drive, &Episode)>) {
    for (mut motion, drive, episode) in &mut cars {
        if episode.is_running() {
            *motion = motion.after_one_tick(drive.force * POWER);
        }
    }
}

fn score(mut cars: Query<(&Motion, &Drive, &mut DosedCarReward, &mut Episode)>) {
    for (motion, drive, mut reward, mut episode) in &mut cars {
        reward.force = drive.force * drive.force;
        if motion.is_at(GOAL) {
            reward.goal = 1.0;
            episode.terminate();
        }
    }
}
