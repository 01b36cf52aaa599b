//! The valley, how a car moves in it, where it starts, and what its driver observes.

use bevy::prelude::*;
use bevy_ludus::agent::Agent;
use bevy_ludus::prelude::*;
use rand::RngExt;

/// The positions at the edges of the valley. At the left one there is a wall.
pub const EDGES: [f32; 2] = [-1.2, 0.6];
/// The highest speed, per tick.
const MAX_SPEED: f32 = 0.07;
/// The speed that gravity adds in a tick, where the slope is steepest.
const GRAVITY: f32 = 0.0025;
/// The positions at which a car starts, at rest.
const STARTS: core::ops::Range<f32> = -0.6..-0.4;

/// The position and velocity of a car.
#[derive(Component, Reflect, Default, Clone, Copy, Debug, PartialEq)]
pub struct Motion {
    /// Along the valley, as seen on a map.
    pub position: f32,
    /// Per tick.
    pub velocity: f32,
}

/// The agent's observation: the whole state.
#[derive(Component, Observation, Reflect, Default, Clone)]
pub struct ValleySenses {
    /// Along the valley.
    #[observation(range = -1.2..=0.6)]
    pub position: f32,
    /// Per tick.
    #[observation(range = -0.07..=0.07)]
    pub velocity: f32,
}

/// The part that both games share: cars of a kind that start in the valley and observe their motion.
pub fn valley<Driver: Agent + Default>(app: &mut App) {
    app.insert_resource(Time::<Fixed>::from_hz(30.0))
        .hash_component::<Motion>()
        .add_observer(build_arena::<Driver>)
        .add_observer(restart::<Driver>)
        .add_systems(SenseAgents, sense);
}

fn build_arena<Driver: Agent + Default>(on: On<Add, Arena>, mut commands: Commands) {
    commands.spawn((Driver::default(), InArena(on.entity)));
}

fn restart<Driver: Agent>(on: On<EpisodeStart<Driver>>, mut cars: Query<(&mut Motion, &mut EpisodeRng)>) -> Result {
    let (mut motion, mut rng) = cars.get_mut(on.entity)?;
    *motion = Motion { position: rng.random_range(STARTS), velocity: 0.0 };
    Ok(())
}

impl Motion {
    /// Returns the motion after a tick in which the engine adds this much speed.
    pub fn after_one_tick(self, force: f32) -> Self {
        let velocity = self.velocity + force - GRAVITY * (3.0 * self.position).cos();
        let velocity = velocity.clamp(-MAX_SPEED, MAX_SPEED);
        let [wall, end] = EDGES;
        let position = (self.position + velocity).clamp(wall, end);
        let is_stopped = position == wall && velocity < 0.0;
        Self { position, velocity: if is_stopped { 0.0 } else { velocity } }
    }

    /// True if the car is at a goal or beyond it, and not on its way back.
    pub fn is_at(self, goal: f32) -> bool {
        self.position >= goal && self.velocity >= 0.0
    }
}

fn sense(mut cars: Query<(&Motion, &mut ValleySenses)>) {
    for (motion, mut senses) in &mut cars {
        *senses = ValleySenses { position: motion.position, velocity: motion.velocity };
    }
}
