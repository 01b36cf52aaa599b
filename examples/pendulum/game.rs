//! Gymnasium's `Pendulum-v1`: swing a pendulum up and hold it there, with a torque that is too weak to lift it at once.
//!
//! Same dynamics, limits and reward as the original, at 20 Hz, one decision per tick.

use core::f32::consts::{PI, TAU};

use bevy::prelude::*;
use bevy_ludus::prelude::*;
use rand::RngExt;

/// The length of the pendulum, a rod [m].
pub const LENGTH: f32 = 1.0;
const MASS: f32 = 1.0;
const GRAVITY: f32 = 10.0;
const TIMESTEP: f32 = 0.05;
/// The highest speed [rad/s].
const MAX_SPEED: f32 = 8.0;
/// The speed at the start is within ± this [rad/s].
const START_SPEED: f32 = 1.0;

/// Swings up, and stays there.
#[derive(Component, Agent, Reflect, Default, Clone)]
#[require(Motion)]
#[agent(observation = PendulumSenses, action = Twist, reward = PendulumReward)]
pub struct Pendulum;

/// The angle and velocity of the pendulum.
#[derive(Component, Reflect, Default, Clone, Copy, Debug, PartialEq)]
pub struct Motion {
    /// From upright, counterclockwise; it counts whole turns [rad].
    pub angle: f32,
    /// [rad/s]
    pub velocity: f32,
}

/// The agent's observation: the whole state.
#[derive(Component, Observation, Reflect, Default, Clone)]
pub struct PendulumSenses {
    /// The cosine of the angle: 1 is upright.
    #[observation(range = -1.0..=1.0)]
    pub cos: f32,
    /// The sine of the angle.
    #[observation(range = -1.0..=1.0)]
    pub sin: f32,
    /// The angular velocity [rad/s].
    #[observation(range = -8.0..=8.0)]
    pub velocity: f32,
}

/// The agent's action.
#[derive(Component, Action, Reflect, Default, Clone, Copy, Debug, PartialEq)]
pub struct Twist {
    /// Counterclockwise [N·m].
    #[action(continuous, range = -2.0..=2.0)]
    pub torque: f32,
}

/// The terms of the agent's reward: costs of each step, of the state and the torque with which it began.
#[derive(Component, Reward, Reflect, Default, Clone)]
pub struct PendulumReward {
    /// The square of the angle from upright, the short way round [rad²].
    pub angle: f32,
    /// The square of the angular velocity [rad²/s²].
    pub velocity: f32,
    /// The square of the torque [N²·m²].
    pub torque: f32,
}

/// The whole game: no window, no policy.
pub fn pendulum(app: &mut App) {
    app.insert_resource(Time::<Fixed>::from_hz(20.0))
        .add_agent::<Pendulum>()
        .hash_component::<Motion>()
        .add_observer(build_arena)
        .add_observer(restart)
        .add_systems(FixedUpdate, swing)
        .add_systems(SenseAgents, sense);
}

fn build_arena(on: On<Add, Arena>, mut commands: Commands) {
    commands.spawn((Pendulum, InArena(on.entity)));
}

fn restart(on: On<EpisodeStart<Pendulum>>, mut pendulums: Query<(&mut Motion, &mut EpisodeRng)>) -> Result {
    let (mut motion, mut rng) = pendulums.get_mut(on.entity)?;
    *motion = Motion { angle: rng.random_range(-PI..PI), velocity: rng.random_range(-START_SPEED..START_SPEED) };
    Ok(())
}

/// Scores and moves the pendulums. The original scores the state in which the torque was chosen, not the one that
/// follows. Skips the restart step, in which gravity would move them.
fn swing(mut pendulums: Query<(&mut Motion, &Twist, &mut PendulumReward, &Episode)>) {
    for (mut motion, twist, mut reward, episode) in &mut pendulums {
        if episode.is_running() {
            *reward = costs(*motion, twist.torque);
            *motion = after_one_tick(*motion, twist.torque);
        }
    }
}

fn costs(motion: Motion, torque: f32) -> PendulumReward {
    let angle = motion.angle - TAU * (motion.angle / TAU).round();
    PendulumReward { angle: angle * angle, velocity: motion.velocity * motion.velocity, torque: torque * torque }
}

/// One semi-implicit Euler step: a rod that turns about its end.
fn after_one_tick(motion: Motion, torque: f32) -> Motion {
    let gravity = 1.5 * GRAVITY / LENGTH * motion.angle.sin();
    let acceleration = gravity + 3.0 / (MASS * LENGTH * LENGTH) * torque;
    let velocity = (motion.velocity + acceleration * TIMESTEP).clamp(-MAX_SPEED, MAX_SPEED);
    Motion { angle: motion.angle + velocity * TIMESTEP, velocity }
}

fn sense(mut pendulums: Query<(&Motion, &mut PendulumSenses)>) {
    for (motion, mut senses) in &mut pendulums {
        let (sin, cos) = motion.angle.sin_cos();
        *senses = PendulumSenses { cos, sin, velocity: motion.velocity };
    }
}
