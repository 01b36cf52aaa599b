//! ML-Agents' Sorter: up to 20 numbered tiles are seen as a set, and are visited in ascending order.

use core::f32::consts::TAU;
use core::ops::RangeInclusive;

use bevy::prelude::*;
use bevy_ludus::prelude::*;
use bevy_ludus::rapier::{ArenaPhysicsPlugin, ProximityQuery, ProximitySensor};
use bevy_rapier3d::prelude::*;
use rand::RngExt;
use rand::seq::SliceRandom;

/// The highest number of a tile, and the count of places on the ring.
pub const TILES: usize = 20;
/// The distance from the middle of an arena to its tiles [m].
pub const RING: f32 = 5.0;
/// The distance from the middle of an arena to its edge [m].
pub const EDGE: f32 = 6.0;
/// The radius of a tile [m].
pub const TILE_RADIUS: f32 = 0.35;
/// The radius of the roller [m].
pub const ROLLER_RADIUS: f32 = 0.25;
/// The distance from the roller's centre to that of a tile at which the tile is visited [m].
const REACHED: f32 = TILE_RADIUS + ROLLER_RADIUS;
/// The height of a tile's collider [m].
pub const HEIGHT: f32 = 0.2;
/// The greatest distance from the middle of the arena at which a roller starts [m].
const START: f32 = 2.0;
/// The greatest speed [m/s].
const SPEED: f32 = 8.0;
/// The radius of the sensor [m]: it reaches every tile on the ring, and none of those below the floor.
const SIGHT: f32 = RING + EDGE;
/// The height of tiles that are not on the ring [m].
const BELOW: f32 = -2.0 * SIGHT;
/// Between the origins of neighbouring arenas [m].
const SPACING: f32 = 2.5 * EDGE;

/// Rolls to the tiles in the order of their numbers.
#[derive(Component, Agent, Reflect, Default, Clone)]
#[agent(observation = RollerSenses, action = Roll, reward = RollerReward)]
pub struct Roller;

/// The agent's observation.
#[derive(Component, Observation, Reflect, Default, Clone)]
pub struct RollerSenses {
    /// Position from the middle of the arena, as a share of the distance to the edge.
    #[observation(range = -1.0..=1.0)]
    pub place: Vec2,
    /// The tiles that are still to be visited.
    pub tiles: SetOf<SeenTile, TILES>,
}

/// A tile, as the agent observes it.
#[derive(Observation, Reflect, Clone, Debug, PartialEq)]
pub struct SeenTile {
    /// Position from the roller, as a share of the arena's width.
    #[observation(range = -1.0..=1.0)]
    pub position: Vec2,
    /// Its number, from -1 for the lowest to 1 for the highest, times 2.5: numbers that follow each other have to be told
    /// apart, so they span more than positions.
    #[observation(range = -2.5..=2.5)]
    pub number: f32,
}

/// The agent's action.
#[derive(Component, Action, Reflect, Default, Clone)]
pub struct Roll {
    /// The velocity along x and z, as a share of the full speed.
    #[action(continuous)]
    pub velocity: Vec2,
}

/// The terms of the agent's reward.
#[derive(Component, Reward, Reflect, Default, Clone)]
pub struct RollerReward {
    /// 1 for each tile that is visited in order.
    pub tile: f32,
    /// 1 for the last tile.
    pub sorted: f32,
    /// 1 for a tile that is visited before its turn.
    pub wrong: f32,
    /// Distance by which the next tile came nearer in this tick [m].
    pub approach: f32,
}

/// The counts of tiles that are drawn; each episode has one of them.
#[derive(Resource, Reflect, Clone, Debug)]
pub struct TileCounts(pub RangeInclusive<usize>);

/// A tile with its number, from 1.
#[derive(Component, Reflect, Default, Clone, Copy, Debug)]
pub struct Tile {
    /// The number.
    pub number: usize,
}

/// The tiles around a roller.
#[derive(Component, Reflect, Clone, Debug)]
pub struct Ring {
    /// The middle of the arena.
    centre: Vec3,
    /// The tiles by their numbers.
    pub tiles: [Entity; TILES],
    /// The numbers that are still to be visited: bit 0 for the first.
    left: u32,
    /// The tile that the roller has come to in this tick.
    visit: Visit,
    /// Distance by which the next tile came nearer in this tick [m].
    approach: f32,
}

#[derive(Reflect, Clone, Copy, Debug, PartialEq, Eq)]
enum Visit {
    None,
    InOrder,
    Wrong,
}

/// The whole game: no window, no policy.
pub fn sorter(app: &mut App) {
    app.insert_resource(Time::<Fixed>::from_hz(30.0))
        .init_resource::<TileCounts>()
        .add_plugins(ArenaPhysicsPlugin::shared(SPACING))
        .add_agent::<Roller>()
        .hash_component::<Transform>()
        .add_observer(build_arena)
        .add_observer(restart)
        .add_systems(FixedUpdate, roll)
        .add_systems(ScoreAgents, score)
        .add_systems(SenseAgents, sense);
}

impl Default for TileCounts {
    fn default() -> Self {
        Self(1..=TILES)
    }
}

fn build_arena(on: On<Add, Arena>, arenas: Query<&Transform>, mut commands: Commands) -> Result {
    let (start, arena) = (*arenas.get(on.entity)?, InArena(on.entity));
    let tile = |index: usize| {
        let body = (RigidBody::Fixed, Collider::cylinder(HEIGHT / 2.0, TILE_RADIUS));
        commands.spawn((Tile { number: index + 1 }, body, start, arena)).id()
    };
    let tiles = core::array::from_fn(tile);
    let ring = Ring { centre: start.translation, tiles, left: 0, visit: Visit::None, approach: 0.0 };
    commands.spawn((Roller, ring, ProximitySensor::<With<Tile>>::new(SIGHT), start, arena));
    Ok(())
}

/// Draws how many tiles there are, their numbers and their places.
fn restart(
    on: On<EpisodeStart<Roller>>,
    counts: Res<TileCounts>,
    mut rollers: Query<(&mut Ring, &mut EpisodeRng)>,
    mut places: Query<&mut Transform>,
) -> Result {
    let (mut ring, mut rng) = rollers.get_mut(on.entity)?;
    let count = rng.random_range(counts.0.clone()).clamp(1, TILES);
    let mut numbers: [usize; TILES] = core::array::from_fn(|index| index);
    numbers.shuffle(&mut *rng);
    let mut slots = numbers;
    slots.shuffle(&mut *rng);
    (ring.left, ring.visit, ring.approach) = (0, Visit::None, 0.0);
    for (index, (number, slot)) in numbers.into_iter().zip(slots).enumerate() {
        let mut place = places.get_mut(ring.tiles[number])?;
        if index < count {
            ring.left |= 1 << number;
            place.translation = ring.centre + RING * on_circle(slot as f32 / TILES as f32);
        } else {
            place.translation = ring.centre + BELOW * Vec3::Y;
        }
    }
    let start = rng.random_range(0.0..=START) * on_circle(rng.random());
    places.get_mut(on.entity)?.translation = ring.centre + start;
    Ok(())
}

/// The point of a circle of radius 1, at this share of a turn.
fn on_circle(turn: f32) -> Vec3 {
    let direction = Vec2::from_angle(turn * TAU);
    Vec3::new(direction.x, 0.0, direction.y)
}

impl Ring {
    /// The lowest number that is still to be visited, from 0.
    fn next(&self) -> Option<usize> {
        (self.left != 0).then(|| self.left.trailing_zeros() as usize)
    }

    fn is_left(&self, number: usize) -> bool {
        self.left >> number & 1 == 1
    }
}

/// Moves the rollers, and removes the tile that they come to if it is the next.
fn roll(
    time: Res<Time>,
    mut rollers: Query<(&mut Transform, &Roll, &mut Ring, &Episode)>,
    mut tiles: Query<&mut Transform, Without<Ring>>,
) -> Result {
    for (mut roller, roll, mut ring, _) in rollers.iter_mut().filter(|(.., episode)| episode.is_running()) {
        (ring.visit, ring.approach) = (Visit::None, 0.0);
        let Some(next) = ring.next() else { continue };
        let target = tiles.get(ring.tiles[next])?.translation;
        let distance = roller.translation.distance(target);
        let velocity = roll.velocity.clamp_length_max(1.0) * SPEED;
        let place = roller.translation - ring.centre + velocity.extend(0.0).xzy() * time.delta_secs();
        roller.translation = ring.centre + place.clamp_length_max(EDGE);
        ring.approach = distance - roller.translation.distance(target);
        for number in (next..TILES).filter(|&number| ring.is_left(number)) {
            if roller.translation.distance(tiles.get(ring.tiles[number])?.translation) < REACHED {
                ring.visit = if number == next { Visit::InOrder } else { Visit::Wrong };
                break;
            }
        }
        if ring.visit == Visit::InOrder {
            ring.left &= ring.left - 1;
            tiles.get_mut(ring.tiles[next])?.translation = ring.centre + BELOW * Vec3::Y;
        }
    }
    Ok(())
}

fn score(mut rollers: Query<(&Ring, &mut RollerReward, &mut Episode)>) {
    for (ring, mut reward, mut episode) in &mut rollers {
        reward.approach = ring.approach;
        match ring.visit {
            Visit::None => {}
            Visit::InOrder => reward.tile = 1.0,
            Visit::Wrong => reward.wrong = 1.0,
        }
        if ring.next().is_none() {
            reward.sorted = 1.0;
        }
        if ring.next().is_none() || ring.visit == Visit::Wrong {
            episode.terminate();
        }
    }
}

/// Sees the tiles near a roller.
type TileSensor = ProximitySensor<With<Tile>>;

/// A number as it is observed.
fn scaled(number: usize) -> f32 {
    let middle = (TILES + 1) as f32 / 2.0;
    2.5 * (number as f32 - middle) / (middle - 1.0)
}

fn sense(
    mut near: ProximityQuery<&Tile, With<Tile>>,
    mut rollers: Query<(Entity, &Transform, &Ring, &TileSensor, &mut RollerSenses)>,
) -> Result {
    for (entity, roller, ring, sensor, mut senses) in &mut rollers {
        senses.place = (roller.translation - ring.centre).xz() / EDGE;
        near.fill(entity, sensor, &mut senses.tiles, |near, tile| SeenTile {
            position: near.position.xz() / (2.0 * EDGE),
            number: scaled(tile.number),
        })?;
    }
    Ok(())
}
