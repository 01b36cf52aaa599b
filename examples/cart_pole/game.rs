//! Gymnasium's `CartPole-v1`: push a cart left or right so that the pole on it stays up.
//!
//! Same dynamics, limits and reward as the original (Barto, Sutton and Anderson 1983, doi:10.1109/TSMC.1983.6313077),
//! integrated by the explicit Euler method at 50 Hz, one decision per tick.

use bevy::prelude::*;
use bevy_ludus::prelude::*;
use rand::RngExt;

/// Beyond this distance from the centre the task has failed [m].
pub const MAX_POSITION: f32 = 2.4;
/// Beyond this lean the task has failed [rad]: 12°.
const MAX_ANGLE: f32 = 12.0 * core::f32::consts::PI / 180.0;
/// Each number of a starting state is within ± this.
const START: f32 = 0.05;

const GRAVITY: f32 = 9.8;
const CART_MASS: f32 = 1.0;
const POLE_MASS: f32 = 0.1;
const TOTAL_MASS: f32 = CART_MASS + POLE_MASS;
/// Half of the pole's length [m].
pub const HALF_LENGTH: f32 = 0.5;
const FORCE: f32 = 10.0;
const TIMESTEP: f32 = 0.02;

/// Pushes a cart to keep its pole upright.
#[derive(Component, Agent, Reflect, Default, Clone)]
#[require(Motion)]
#[agent(observation = CartPoleSenses, action = Push, reward = CartPoleReward)]
pub struct CartPole;

/// The positions and velocities of cart and pole.
#[derive(Component, Reflect, Default, Clone, Copy, Debug, PartialEq)]
pub struct Motion {
    /// Of the cart, from the centre [m].
    pub position: f32,
    /// Of the cart [m/s].
    pub velocity: f32,
    /// Of the pole, from upright [rad].
    pub angle: f32,
    /// Of the pole [rad/s].
    pub angular_velocity: f32,
}

/// The agent's observation: the whole state.
#[derive(Component, Observation, Reflect, Default, Clone)]
pub struct CartPoleSenses {
    /// Cart position [m].
    #[observation(range = -4.8..=4.8)]
    pub position: f32,
    /// Cart velocity [m/s].
    pub velocity: f32,
    /// Pole angle [rad].
    #[observation(range = -0.418..=0.418)]
    pub angle: f32,
    /// Pole angular velocity [rad/s].
    pub angular_velocity: f32,
}

/// The agent's action.
#[derive(Component, Action, Reflect, Default, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Push {
    /// With 10 N towards negative positions.
    #[default]
    Left,
    /// With 10 N towards positive positions.
    Right,
}

/// The term of the agent's reward.
#[derive(Component, Reward, Reflect, Default, Clone)]
pub struct CartPoleReward {
    /// 1 for every step, the last included.
    pub upright: f32,
}

/// The whole game: no window, no policy.
pub fn cart_pole(app: &mut App) {
    app.insert_resource(Time::<Fixed>::from_hz(50.0))
        .add_agent::<CartPole>()
        .hash_component::<Motion>()
        .add_observer(build_arena)
        .add_observer(restart)
        .add_systems(FixedUpdate, move_carts)
        .add_systems(ScoreAgents, score)
        .add_systems(SenseAgents, sense);
}

fn build_arena(on: On<Add, Arena>, mut commands: Commands) {
    commands.spawn((CartPole, InArena(on.entity)));
}

fn restart(on: On<EpisodeStart<CartPole>>, mut carts: Query<(&mut Motion, &mut EpisodeRng)>) -> Result {
    let (mut motion, mut rng) = carts.get_mut(on.entity)?;
    let mut draw = || rng.random_range(-START..START);
    *motion = Motion { position: draw(), velocity: draw(), angle: draw(), angular_velocity: draw() };
    Ok(())
}

/// Skips the restart step: no policy decides in it, and even the default action pushes the cart.
fn move_carts(mut carts: Query<(&mut Motion, &Push, &Episode)>) {
    for (mut motion, push, episode) in &mut carts {
        if episode.is_running() {
            *motion = after_one_tick(*motion, *push);
        }
    }
}

/// One Euler step. Florian 2007, "Correct equations for the dynamics of the cart-pole system", eq. 23 and 24,
/// without friction.
fn after_one_tick(motion: Motion, push: Push) -> Motion {
    let Motion { position, velocity, angle, angular_velocity } = motion;
    let force = if push == Push::Right { FORCE } else { -FORCE };
    let (sin, cos) = angle.sin_cos();
    let pull = (force + POLE_MASS * HALF_LENGTH * angular_velocity * angular_velocity * sin) / TOTAL_MASS;
    let inertia = HALF_LENGTH * (4.0 / 3.0 - POLE_MASS * cos * cos / TOTAL_MASS);
    let angular_acceleration = (GRAVITY * sin - cos * pull) / inertia;
    let acceleration = pull - POLE_MASS * HALF_LENGTH * angular_acceleration * cos / TOTAL_MASS;
    Motion {
        position: position + TIMESTEP * velocity,
        velocity: velocity + TIMESTEP * acceleration,
        angle: angle + TIMESTEP * angular_velocity,
        angular_velocity: angular_velocity + TIMESTEP * angular_acceleration,
    }
}

fn score(mut carts: Query<(&Motion, &mut CartPoleReward, &mut Episode)>) {
    for (motion, mut reward, mut episode) in &mut carts {
        reward.upright = 1.0;
        if motion.position.abs() > MAX_POSITION || motion.angle.abs() > MAX_ANGLE {
            episode.terminate();
        }
    }
}

/// Observes the whole state.
pub fn sense(mut carts: Query<(&Motion, &mut CartPoleSenses)>) {
    for (motion, mut senses) in &mut carts {
        let Motion { position, velocity, angle, angular_velocity } = *motion;
        *senses = CartPoleSenses { position, velocity, angle, angular_velocity };
    }
}
