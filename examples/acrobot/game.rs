//! Gymnasium's `Acrobot-v1`: swing two links up by a torque at the joint between them.
//!
//! Same dynamics, limits and reward as the original in its default form, which follows the book (Sutton and Barto 1998,
//! "Reinforcement Learning: An Introduction", §11.3), at 5 Hz, one decision per tick.

use core::f32::consts::{PI, TAU};

use bevy::prelude::*;
use bevy_ludus::prelude::*;
use rand::RngExt;

/// The length of a link [m].
pub const LENGTH: f32 = 1.0;
/// The height of the line that the tip must pass, above the fixed joint [m].
pub const GOAL_HEIGHT: f32 = 1.0;
/// The mass of a link [kg].
const MASS: f32 = 1.0;
/// The distance from a link's joint to its centre of mass [m].
const CENTRE: f32 = 0.5;
/// The moment of inertia of a link [kg·m²].
const INERTIA: f32 = 1.0;
const GRAVITY: f32 = 9.8;
const TIMESTEP: f32 = 0.2;
/// The highest speeds of the two links [rad/s].
const MAX_SPEEDS: Vec2 = Vec2::new(4.0 * PI, 9.0 * PI);
/// Each number of a starting state is within ± this.
const START: f32 = 0.1;

/// Swings its tip up.
#[derive(Component, Agent, Reflect, Default, Clone)]
#[require(Motion)]
#[agent(observation = AcrobotSenses, action = Torque, reward = AcrobotReward)]
pub struct Acrobot;

/// The angles and velocities of the two links: x of the one at the fixed joint, y of the other one.
#[derive(Component, Reflect, Default, Clone, Copy, Debug, PartialEq)]
pub struct Motion {
    /// Of the first link from hanging, of the second from the direction of the first, counterclockwise [rad].
    pub angles: Vec2,
    /// [rad/s]
    pub velocities: Vec2,
}

/// The agent's observation: the whole state.
#[derive(Component, Observation, Reflect, Default, Clone)]
pub struct AcrobotSenses {
    /// The cosine of the first link's angle.
    #[observation(range = -1.0..=1.0)]
    pub first_cos: f32,
    /// The sine of the first link's angle.
    #[observation(range = -1.0..=1.0)]
    pub first_sin: f32,
    /// The cosine of the second link's angle.
    #[observation(range = -1.0..=1.0)]
    pub second_cos: f32,
    /// The sine of the second link's angle.
    #[observation(range = -1.0..=1.0)]
    pub second_sin: f32,
    /// The first link's angular velocity [rad/s].
    #[observation(range = -12.567..=12.567)]
    pub first_velocity: f32,
    /// The second link's angular velocity, relative to the first [rad/s].
    #[observation(range = -28.275..=28.275)]
    pub second_velocity: f32,
}

/// The agent's action: the torque on the second link.
#[derive(Component, Action, Reflect, Default, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Torque {
    /// -1 N·m.
    #[default]
    Clockwise,
    /// 0 N·m.
    Off,
    /// 1 N·m.
    Counterclockwise,
}

/// The term of the agent's reward.
#[derive(Component, Reward, Reflect, Default, Clone)]
pub struct AcrobotReward {
    /// 1 for every step after which the tip is below the line.
    pub time: f32,
}

/// The whole game: no window, no policy.
pub fn acrobot(app: &mut App) {
    app.insert_resource(Time::<Fixed>::from_hz(5.0))
        .add_agent::<Acrobot>()
        .hash_component::<Motion>()
        .add_observer(build_arena)
        .add_observer(restart)
        .add_systems(FixedUpdate, move_links)
        .add_systems(ScoreAgents, score)
        .add_systems(SenseAgents, sense);
}

fn build_arena(on: On<Add, Arena>, mut commands: Commands) {
    commands.spawn((Acrobot, InArena(on.entity)));
}

fn restart(on: On<EpisodeStart<Acrobot>>, mut acrobots: Query<(&mut Motion, &mut EpisodeRng)>) -> Result {
    let (mut motion, mut rng) = acrobots.get_mut(on.entity)?;
    let mut draw = || rng.random_range(-START..START);
    *motion = Motion { angles: Vec2::new(draw(), draw()), velocities: Vec2::new(draw(), draw()) };
    Ok(())
}

/// Skips the restart step, in which gravity would move the links.
fn move_links(mut acrobots: Query<(&mut Motion, &Torque, &Episode)>) {
    for (mut motion, torque, episode) in &mut acrobots {
        if episode.is_running() {
            *motion = motion.after_one_tick(torque.newton_metres());
        }
    }
}

impl Torque {
    const fn newton_metres(self) -> f32 {
        match self {
            Self::Clockwise => -1.0,
            Self::Off => 0.0,
            Self::Counterclockwise => 1.0,
        }
    }
}

impl Motion {
    /// Returns the height of the tip above the fixed joint [m].
    pub fn tip_height(self) -> f32 {
        let Vec2 { x: first, y: second } = self.angles;
        -LENGTH * (first.cos() + (first + second).cos())
    }

    /// One step of the classical Runge-Kutta method of order 4, with a constant torque [N·m].
    fn after_one_tick(self, torque: f32) -> Self {
        let half = TIMESTEP / 2.0;
        let k1 = self.rate(torque);
        let k2 = self.moved(half, k1).rate(torque);
        let k3 = self.moved(half, k2).rate(torque);
        let k4 = self.moved(TIMESTEP, k3).rate(torque);
        let mean = |k: fn(Self) -> Vec2| (k(k1) + 2.0 * k(k2) + 2.0 * k(k3) + k(k4)) / 6.0;
        let rate = Self { angles: mean(|k| k.angles), velocities: mean(|k| k.velocities) };
        let Self { angles, velocities } = self.moved(TIMESTEP, rate);
        Self { angles: angles.map(wrapped), velocities: velocities.clamp(-MAX_SPEEDS, MAX_SPEEDS) }
    }

    /// Returns the state after a time at a constant rate of change.
    fn moved(self, seconds: f32, rate: Self) -> Self {
        Self { angles: self.angles + seconds * rate.angles, velocities: self.velocities + seconds * rate.velocities }
    }

    /// Returns the rate of change: velocities and accelerations. The equations of the book's figure 11.6.
    fn rate(self, torque: f32) -> Self {
        let Vec2 { x: first, y: second } = self.angles;
        let Vec2 { x: first_velocity, y: second_velocity } = self.velocities;
        let coupling = MASS * LENGTH * CENTRE;
        let (sin, cos) = second.sin_cos();
        let d2 = MASS * CENTRE * CENTRE + INERTIA + coupling * cos;
        let d1 = d2 + MASS * (CENTRE * CENTRE + LENGTH * LENGTH) + INERTIA + coupling * cos;
        let phi2 = MASS * CENTRE * GRAVITY * (first + second).sin();
        let phi1 = MASS * (CENTRE + LENGTH) * GRAVITY * first.sin() + phi2
            - coupling * second_velocity * (second_velocity + 2.0 * first_velocity) * sin;
        let push = torque + d2 / d1 * phi1 - coupling * first_velocity * first_velocity * sin - phi2;
        let second_acceleration = push / (MASS * CENTRE * CENTRE + INERTIA - d2 * d2 / d1);
        let first_acceleration = -(d2 * second_acceleration + phi1) / d1;
        Self { angles: self.velocities, velocities: Vec2::new(first_acceleration, second_acceleration) }
    }
}

/// Returns the same angle in -π..=π.
fn wrapped(angle: f32) -> f32 {
    angle - TAU * (angle / TAU).round()
}

fn score(mut acrobots: Query<(&Motion, &mut AcrobotReward, &mut Episode)>) {
    for (motion, mut reward, mut episode) in &mut acrobots {
        if motion.tip_height() > GOAL_HEIGHT {
            episode.terminate();
        } else {
            reward.time = 1.0;
        }
    }
}

fn sense(mut acrobots: Query<(&Motion, &mut AcrobotSenses)>) {
    for (motion, mut senses) in &mut acrobots {
        let [(first_sin, first_cos), (second_sin, second_cos)] = motion.angles.to_array().map(f32::sin_cos);
        let [first_velocity, second_velocity] = motion.velocities.to_array();
        *senses = AcrobotSenses { first_cos, first_sin, second_cos, second_sin, first_velocity, second_velocity };
    }
}
