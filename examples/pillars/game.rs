//! Drive to the flag between pillars that are seen by rays, and are elsewhere in every episode.

use core::f32::consts::PI;

use bevy::prelude::*;
use bevy_ludus::prelude::*;
use bevy_ludus::rapier::{ArenaPhysicsPlugin, RayCaster, RaySensor, Rays};
use bevy_rapier3d::prelude::*;
use rand::{Rng, RngExt};

/// The distance from the middle of the yard to its walls [m].
pub const YARD: f32 = 6.0;
/// The thickness of the walls [m].
pub const WALL_THICKNESS: f32 = 0.3;
/// The height of walls and pillars [m].
pub const HEIGHT: f32 = 1.2;
pub const PILLARS: usize = 5;
/// The radius of a pillar [m].
pub const PILLAR_RADIUS: f32 = 0.6;
/// The radius of the rover [m].
pub const ROVER_RADIUS: f32 = 0.35;
/// The distance from the rover's centre to the flag at which the flag is reached [m].
pub const FLAG_RADIUS: f32 = 0.6;
/// The greatest speed forwards, four times the one backwards [m/s].
const SPEED: f32 = 3.0;
/// The angular velocity at full lock [rad/s].
const TURN: f32 = 3.0;
/// The count of rays, from 120° left of the driving direction to 120° right of it.
const RAYS: usize = 13;
const SPREAD: f32 = 240.0 * PI / 180.0;
/// The length of the rays [m].
const SIGHT: f32 = 5.0;
/// The least distance between things when an episode starts [m].
const CLEARANCE: f32 = 0.5;
/// Between the centres of neighbouring arenas [m].
const SPACING: f32 = 16.0;

/// Drives to the flag.
#[derive(Component, Agent, Reflect, Default, Clone)]
#[require(FlagDistance)]
#[agent(observation = RoverSenses, action = Drive, reward = RoverReward)]
pub struct Rover;

/// The agent's observation.
#[derive(Component, Observation, Reflect, Default, Clone)]
pub struct RoverSenses {
    /// What is around it: pillars and walls.
    pub eyes: Rays<RAYS>,
    /// Where the flag is, to the right and ahead, as a share of the yard's width.
    #[observation(range = -1.5..=1.5)]
    pub flag: Vec2,
}

/// The agent's action.
#[derive(Component, Action, Reflect, Default, Clone)]
pub struct Drive {
    /// Forwards, as a share of the full speed.
    #[action(continuous, range = -0.25..=1.0)]
    pub speed: f32,
    /// To the left, as a share of the full lock.
    #[action(continuous)]
    pub turn: f32,
}

/// The terms of the agent's reward.
#[derive(Component, Reward, Reflect, Default, Clone)]
pub struct RoverReward {
    /// 1 for reaching the flag.
    pub arrived: f32,
    /// 1 for driving into a pillar or a wall.
    pub crashed: f32,
    /// How much nearer the flag came in this tick [m].
    pub approach: f32,
}

/// The distance to the flag a tick ago [m].
#[derive(Component, Reflect, Default, Clone, Copy)]
struct FlagDistance(f32);

/// The centre of a rover's yard, and the other things in it.
#[derive(Component, Reflect, Clone, Copy)]
struct Yard {
    centre: Vec3,
    flag: Entity,
    pillars: [Entity; PILLARS],
}

/// An obstacle at a random place in the yard.
#[derive(Component, Reflect, Default, Clone)]
pub struct Pillar;

/// A wall around the yard.
#[derive(Component, Reflect, Default, Clone)]
pub struct Wall;

/// The goal, which has no collider.
#[derive(Component, Reflect, Default, Clone)]
#[require(Transform)]
pub struct Flag;

/// The whole game: no window, no policy.
pub fn pillars(app: &mut App) {
    app.insert_resource(Time::<Fixed>::from_hz(50.0))
        .add_plugins(ArenaPhysicsPlugin::shared(SPACING))
        .add_agent::<Rover>()
        .hash_component::<Transform>()
        .add_observer(build_arena)
        .add_observer(restart)
        .add_systems(FixedUpdate, drive)
        .add_systems(ScoreAgents, score)
        .add_systems(SenseAgents, sense);
}

fn build_arena(on: On<Add, Arena>, arenas: Query<&Transform>, mut commands: Commands) -> Result {
    let arena = InArena(on.entity);
    let centre = *arenas.get(on.entity)?;
    for side in 0..4 {
        let turned = Quat::from_rotation_y(side as f32 * PI / 2.0);
        let place = Transform::from_translation(centre.translation + turned * Vec3::Z * (YARD + WALL_THICKNESS / 2.0));
        let wall = Collider::cuboid(YARD + WALL_THICKNESS, HEIGHT / 2.0, WALL_THICKNESS / 2.0);
        commands.spawn((Wall, RigidBody::Fixed, wall, place.with_rotation(turned), arena));
    }
    let pillar = || (Pillar, RigidBody::Fixed, Collider::cylinder(HEIGHT / 2.0, PILLAR_RADIUS), centre, arena);
    let pillars = core::array::from_fn(|_| commands.spawn(pillar()).id());
    let flag = commands.spawn((Flag, centre, arena)).id();
    let body = (RigidBody::KinematicPositionBased, Collider::ball(ROVER_RADIUS));
    let yard = Yard { centre: centre.translation, flag, pillars };
    commands.spawn((Rover, yard, RaySensor::<RAYS>::fan(SPREAD, SIGHT), body, centre, arena));
    Ok(())
}

/// Places the pillars, the flag and the rover at random, apart from each other.
fn restart(
    on: On<EpisodeStart<Rover>>,
    mut rovers: Query<(&Yard, &mut EpisodeRng, &mut FlagDistance)>,
    mut places: Query<&mut Transform>,
) -> Result {
    let (yard, mut rng, mut distance) = rovers.get_mut(on.entity)?;
    let mut taken = Vec::new();
    for entity in yard.pillars.into_iter().chain([yard.flag, on.entity]) {
        let place = free_place(&mut **rng, &taken);
        let turn = Quat::from_rotation_y(rng.random_range(-PI..=PI));
        *places.get_mut(entity)? = Transform::from_translation(yard.centre + place).with_rotation(turn);
        taken.push(place);
    }
    distance.0 = places.get(on.entity)?.translation.distance(places.get(yard.flag)?.translation);
    Ok(())
}

/// Draws a place in the yard, away from its walls and from the places that are taken [m].
fn free_place(rng: &mut impl Rng, taken: &[Vec3]) -> Vec3 {
    let reach = YARD - PILLAR_RADIUS - CLEARANCE;
    loop {
        let place = Vec3::new(rng.random_range(-reach..=reach), 0.0, rng.random_range(-reach..=reach));
        if taken.iter().all(|other| other.distance(place) > 2.0 * PILLAR_RADIUS + CLEARANCE) {
            return place;
        }
    }
}

/// Skips the restart step: no policy decides in it, and the idle action drives forwards.
fn drive(time: Res<Time>, mut rovers: Query<(&mut Transform, &Drive, &Episode)>) {
    for (mut rover, drive, _) in rovers.iter_mut().filter(|(.., episode)| episode.is_running()) {
        rover.rotate_y(drive.turn * TURN * time.delta_secs());
        let ahead = rover.forward();
        rover.translation += ahead * drive.speed * SPEED * time.delta_secs();
    }
}

fn score(
    mut rovers: Query<(&Transform, &Yard, &mut FlagDistance, &mut RoverReward, &mut Episode)>,
    places: Query<&Transform>,
) -> Result {
    for (rover, yard, mut distance, mut reward, mut episode) in &mut rovers {
        let place = rover.translation;
        let now = place.distance(places.get(yard.flag)?.translation);
        reward.approach = distance.0 - now;
        distance.0 = now;
        let mut pillars = places.iter_many(yard.pillars);
        if now < FLAG_RADIUS {
            reward.arrived = 1.0;
            episode.terminate();
        } else if pillars.any(|pillar| place.distance(pillar.translation) < PILLAR_RADIUS + ROVER_RADIUS)
            || (place - yard.centre).abs().max_element() > YARD - ROVER_RADIUS
        {
            reward.crashed = 1.0;
            episode.terminate();
        }
    }
    Ok(())
}

fn sense(
    caster: RayCaster,
    mut rovers: Query<(Entity, &Transform, &Yard, &RaySensor<RAYS>, &mut RoverSenses)>,
    places: Query<&Transform>,
) -> Result {
    for (entity, rover, yard, sensor, mut senses) in &mut rovers {
        let flag = places.get(yard.flag)?.translation - rover.translation;
        let flag = rover.rotation.inverse() * flag / (2.0 * YARD);
        *senses = RoverSenses { eyes: caster.cast(entity, sensor)?, flag: Vec2::new(flag.x, -flag.z) };
    }
    Ok(())
}
