//! ML-Agents' Pyramids: a switch far away raises a pyramid with a golden brick on its top, among pyramids of stone. Only
//! the golden brick is rewarded, so an agent that moves at random hardly ever learns about it.

use core::f32::consts::PI;

use bevy::prelude::*;
use bevy_ludus::prelude::*;
use bevy_ludus::rapier::{ArenaPhysicsPlugin, RayCaster, RaySensor, Rays};
use bevy_rapier3d::prelude::*;
use rand::RngExt;
use rand::seq::SliceRandom;

/// The distance from the middle of the room to its walls [m].
pub const HALF_ROOM: f32 = 15.0;
/// The thickness of the walls [m].
pub const WALL_THICKNESS: f32 = 0.5;
/// The height of walls, stones and the switch [m]. Golden bricks stand above it.
pub const HEIGHT: f32 = 1.2;
/// Half of the side of a pyramid, which is square [m].
pub const HALF_PYRAMID: f32 = 1.4;
/// Half of the side of a golden brick, a cube [m].
pub const HALF_BRICK: f32 = 0.5;
/// The radius of the switch [m].
pub const SWITCH_RADIUS: f32 = 0.5;
/// The radius of the seeker [m].
pub const RADIUS: f32 = 0.4;
/// The pyramids of stone in a room.
const STONES: usize = 4;
/// The room has 3 × 3 areas, whose middles are so far apart [m]. What stands in one is up to so far from its middle [m].
const APART: f32 = 10.0;
const SCATTER: f32 = 2.5;
/// The speed [m/s] and the angular velocity [rad/s].
const SPEED: f32 = 6.0;
const TURN: f32 = 3.5;
/// The count of rays, from 100° left of the walking direction to 100° right of it, and their length [m].
const RAYS: usize = 11;
const SPREAD: f32 = 200.0 * PI / 180.0;
const SIGHT: f32 = 20.0;
/// A place that no ray reaches: so far below the floor [m].
const BELOW: f32 = 10.0;
/// Between the middles of neighbouring rooms [m].
const SPACING: f32 = 40.0;

/// Looks for the switch, then for the golden brick.
#[derive(Component, Agent, Reflect, Default, Clone)]
#[agent(observation = SeekerSenses, action = Walk, reward = SeekerReward)]
pub struct Seeker;

/// The agent's observation.
#[derive(Component, Observation, Reflect, Default, Clone)]
pub struct SeekerSenses {
    /// Walls and pyramids.
    pub obstacles: Rays<RAYS>,
    /// The switch, unless an obstacle hides it.
    pub switch: Rays<RAYS>,
    /// The golden brick, which stands higher than all obstacles.
    pub gold: Rays<RAYS>,
    /// True once the switch was pressed.
    pub is_pressed: bool,
}

/// The agent's action.
#[derive(Component, Action, Reflect, Default, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Walk {
    /// Walks forwards.
    #[default]
    Forward,
    /// Walks backwards.
    Backward,
    /// Turns to the left.
    Left,
    /// Turns to the right.
    Right,
}

/// The terms of the agent's reward.
#[derive(Component, Reward, Reflect, Default, Clone)]
pub struct SeekerReward {
    /// 1 for reaching the pyramid with the golden brick.
    pub gold: f32,
    /// 1 for every tick.
    pub time: f32,
}

/// The things in a seeker's room.
#[derive(Component, Reflect, Clone, Copy)]
pub struct Room {
    /// The middle of the room.
    middle: Vec3,
    switch: Entity,
    stones: [Entity; STONES],
    /// The pyramid that the switch raises, and the brick on it.
    golden: Entity,
    brick: Entity,
    /// The place at which it will stand.
    rises_at: Vec3,
    is_pressed: bool,
}

/// A pyramid.
#[derive(Component, Reflect, Default, Clone)]
pub struct Pyramid;

/// The golden brick.
#[derive(Component, Reflect, Default, Clone)]
pub struct Brick;

/// The switch, and if it was pressed.
#[derive(Component, Reflect, Default, Clone)]
pub struct Switch(pub bool);

/// A wall of the room.
#[derive(Component, Reflect, Default, Clone)]
pub struct Wall;

/// The whole game: no window, no policy.
pub fn pyramids(app: &mut App) {
    app.insert_resource(Time::<Fixed>::from_hz(50.0))
        .add_plugins(ArenaPhysicsPlugin::shared(SPACING))
        .add_agent::<Seeker>()
        .hash_component::<Transform>()
        .add_observer(build_arena)
        .add_observer(restart)
        .add_systems(FixedUpdate, (walk, press).chain())
        .add_systems(ScoreAgents, score)
        .add_systems(SenseAgents, sense);
}

const OBSTACLES: CollisionGroups = CollisionGroups::new(Group::GROUP_1, Group::GROUP_1);
const SWITCHES: CollisionGroups = CollisionGroups::new(Group::GROUP_2, Group::GROUP_2);
const GOLD: CollisionGroups = CollisionGroups::new(Group::GROUP_3, Group::GROUP_3);

fn build_arena(on: On<Add, Arena>, arenas: Query<&Transform>, mut commands: Commands) -> Result {
    let arena = InArena(on.entity);
    let middle = *arenas.get(on.entity)?;
    for side in 0..4 {
        let turned = Quat::from_rotation_y(side as f32 * PI / 2.0);
        let away = turned * Vec3::Z * (HALF_ROOM + WALL_THICKNESS / 2.0);
        let wall = Collider::cuboid(HALF_ROOM + WALL_THICKNESS, HEIGHT / 2.0, WALL_THICKNESS / 2.0);
        let place = Transform::from_translation(middle.translation + away).with_rotation(turned);
        commands.spawn((Wall, RigidBody::Fixed, wall, OBSTACLES, place, arena));
    }
    let foot = || Collider::cuboid(HALF_PYRAMID, HEIGHT / 2.0, HALF_PYRAMID);
    let pyramid = || (Pyramid, RigidBody::Fixed, foot(), OBSTACLES, middle, arena);
    let stones = core::array::from_fn(|_| commands.spawn(pyramid()).id());
    let golden = commands.spawn(pyramid()).id();
    let cube = Collider::cuboid(HALF_BRICK, HALF_BRICK, HALF_BRICK);
    let brick = commands.spawn((Brick, RigidBody::Fixed, cube, GOLD, middle, arena)).id();
    let button = Collider::cylinder(HEIGHT / 2.0, SWITCH_RADIUS);
    let switch = commands.spawn((Switch(false), RigidBody::Fixed, button, SWITCHES, middle, arena)).id();
    let (middle, rises_at) = (middle.translation, middle.translation);
    let room = Room { middle, switch, stones, golden, brick, rises_at, is_pressed: false };
    let place = Transform::from_translation(middle);
    commands.spawn((Seeker, room, RaySensor::<RAYS>::fan(SPREAD, SIGHT), place, arena));
    Ok(())
}

/// Draws the areas of all things: first that of the seeker, then one for the switch that is no neighbour of it.
fn restart(
    on: On<EpisodeStart<Seeker>>,
    mut seekers: Query<(&mut Room, &mut EpisodeRng)>,
    mut switches: Query<&mut Switch>,
    mut places: Query<&mut Transform>,
) -> Result {
    let (mut room, mut rng) = seekers.get_mut(on.entity)?;
    // The area in the middle is last: all others are its neighbours.
    let mut areas = [[-1, -1], [-1, 0], [-1, 1], [0, 1], [1, 1], [1, 0], [1, -1], [0, -1], [0, 0]];
    areas[..8].shuffle(&mut **rng);
    let far = (1..8).find(|&area| is_far(areas[0], areas[area])).expect("three areas are far from each at the wall");
    areas.swap(1, far);
    areas[2..].shuffle(&mut **rng);
    let middle = room.middle;
    let mut scatter = || rng.random_range(-SCATTER..=SCATTER);
    let drawn = areas.map(|[x, z]| middle + Vec3::new(x as f32 * APART + scatter(), 0.0, z as f32 * APART + scatter()));
    let heading = Quat::from_rotation_y(rng.random_range(-PI..=PI));
    *places.get_mut(on.entity)? = Transform::from_translation(drawn[0]).with_rotation(heading);
    places.get_mut(room.switch)?.translation = drawn[1];
    (room.rises_at, room.is_pressed) = (drawn[2], false);
    switches.get_mut(room.switch)?.0 = false;
    for hidden in [room.golden, room.brick] {
        places.get_mut(hidden)?.translation = room.middle - BELOW * Vec3::Y;
    }
    for (stone, place) in room.stones.into_iter().zip(&drawn[3..]) {
        places.get_mut(stone)?.translation = *place;
    }
    Ok(())
}

/// True if two of the room's areas are not neighbours.
const fn is_far(one: [i32; 2], other: [i32; 2]) -> bool {
    (one[0] - other[0]).abs() == 2 || (one[1] - other[1]).abs() == 2
}

/// Moves the seekers within their walls and around the stones. Skips the restart step: the idle action walks forwards.
fn walk(
    time: Res<Time>,
    mut seekers: Query<(&mut Transform, &Walk, &Room, &Episode)>,
    stones: Query<&Transform, (With<Pyramid>, Without<Walk>)>,
) {
    for (mut seeker, walk, room, _) in seekers.iter_mut().filter(|(.., episode)| episode.is_running()) {
        let (turn, step) = (TURN * time.delta_secs(), SPEED * time.delta_secs());
        let ahead = seeker.forward();
        match walk {
            Walk::Forward => seeker.translation += ahead * step,
            Walk::Backward => seeker.translation -= ahead * step,
            Walk::Left => seeker.rotate_y(turn),
            Walk::Right => seeker.rotate_y(-turn),
        }
        for stone in stones.iter_many(room.stones) {
            seeker.translation = outside(seeker.translation, stone.translation);
        }
        let reach = Vec3::new(HALF_ROOM - RADIUS, 0.0, HALF_ROOM - RADIUS);
        seeker.translation = seeker.translation.clamp(room.middle - reach, room.middle + reach);
    }
}

/// Returns the nearest place at which a seeker does not stand in a pyramid.
fn outside(seeker: Vec3, pyramid: Vec3) -> Vec3 {
    let (away, reach) = (seeker - pyramid, HALF_PYRAMID + RADIUS);
    if away.x.abs() >= reach || away.z.abs() >= reach {
        seeker
    } else if away.x.abs() > away.z.abs() {
        Vec3 { x: pyramid.x + reach.copysign(away.x), ..seeker }
    } else {
        Vec3 { z: pyramid.z + reach.copysign(away.z), ..seeker }
    }
}

/// Raises the golden pyramid of a seeker that is at its switch.
fn press(
    mut seekers: Query<(Entity, &mut Room, &Episode)>,
    mut switches: Query<&mut Switch>,
    mut places: Query<&mut Transform>,
) -> Result {
    for (seeker, mut room, _) in
        seekers.iter_mut().filter(|(_, room, episode)| episode.is_running() && !room.is_pressed)
    {
        let away = places.get(seeker)?.translation.distance(places.get(room.switch)?.translation);
        if away < SWITCH_RADIUS + RADIUS {
            room.is_pressed = true;
            switches.get_mut(room.switch)?.0 = true;
            places.get_mut(room.golden)?.translation = room.rises_at;
            places.get_mut(room.brick)?.translation = room.rises_at + Vec3::Y * (HEIGHT / 2.0 + HALF_BRICK);
        }
    }
    Ok(())
}

fn score(mut seekers: Query<(&Transform, &Room, &mut SeekerReward, &mut Episode)>) {
    for (seeker, room, mut reward, mut episode) in &mut seekers {
        reward.time = 1.0;
        if room.is_pressed && outside(seeker.translation, room.rises_at) != seeker.translation {
            reward.gold = 1.0;
            episode.succeed();
        }
    }
}

fn sense(caster: RayCaster, mut seekers: Query<(Entity, &Room, &RaySensor<RAYS>, &mut SeekerSenses)>) -> Result {
    for (entity, room, sensor, mut senses) in &mut seekers {
        let see = |groups, offset| caster.cast(entity, &RaySensor { groups, offset, ..sensor.clone() });
        let obstacles = see(OBSTACLES, Vec3::ZERO)?;
        let switch = in_front(see(SWITCHES, Vec3::ZERO)?, &obstacles);
        let gold = if room.is_pressed { see(GOLD, Vec3::Y * (HEIGHT / 2.0 + HALF_BRICK))? } else { Rays::default() };
        *senses = SeekerSenses { obstacles, switch, gold, is_pressed: room.is_pressed };
    }
    Ok(())
}

/// Returns the readings without those that are behind an obstacle.
fn in_front(mut seen: Rays<RAYS>, obstacles: &Rays<RAYS>) -> Rays<RAYS> {
    for ray in 0..RAYS {
        if seen.distances[ray] > obstacles.distances[ray] {
            (seen.distances[ray], seen.hits[ray]) = (1.0, false);
        }
    }
    seen
}
