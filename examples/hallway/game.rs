//! ML-Agents' Hallway: a sign at the start of a hall says which of two goals at its end is the right one. From the end,
//! the sign can't be seen any more.

use core::f32::consts::PI;

use bevy::prelude::*;
use bevy_ludus::prelude::*;
use bevy_ludus::rapier::{ArenaPhysicsPlugin, RayCaster, RaySensor, Rays};
use bevy_rapier3d::prelude::*;
use rand::RngExt;

/// The length of the hall [m]. It goes from its start at z = 0 towards -z.
pub const LENGTH: f32 = 16.0;
/// The distance from the middle of the hall to its side walls [m].
pub const HALF_WIDTH: f32 = 3.0;
/// The thickness of the walls [m].
pub const WALL_THICKNESS: f32 = 0.3;
/// The height of walls, sign and goals [m].
pub const HEIGHT: f32 = 1.2;
/// The radius of the sign [m].
pub const SIGN_RADIUS: f32 = 0.7;
/// The radius of a goal [m].
pub const GOAL_RADIUS: f32 = 0.8;
/// The radius of the walker [m].
pub const WALKER_RADIUS: f32 = 0.4;
/// The distance from the walker's centre to that of a goal at which the goal is reached [m].
const REACHED: f32 = GOAL_RADIUS + WALKER_RADIUS;
/// The distance of the goals from the middle of the hall [m], and from its end.
const GOAL_X: f32 = 1.9;
const GOAL_Z: f32 = 1.2;
/// The distances from the start of the hall at which walker and sign are placed [m].
const WALKER_PLACES: core::ops::RangeInclusive<f32> = 1.0..=2.0;
const SIGN_PLACES: core::ops::RangeInclusive<f32> = 3.0..=4.5;
/// The speed [m/s].
const SPEED: f32 = 6.0;
/// The angular velocity [rad/s].
const TURN: f32 = 3.5;
/// The count of rays, from 70° left of the walking direction to 70° right of it.
const RAYS: usize = 7;
const SPREAD: f32 = 140.0 * PI / 180.0;
/// The length of the rays [m]: the sign can't be seen from the goals.
const SIGHT: f32 = 6.0;
/// Between the origins of neighbouring arenas [m].
const SPACING: f32 = 24.0;

/// Walks to the goal that has the colour of the sign.
#[derive(Component, Agent, Reflect, Default, Clone)]
#[agent(observation = WalkerSenses, action = Walk, reward = WalkerReward)]
pub struct Walker;

/// The agent's observation.
#[derive(Component, Observation, Reflect, Default, Clone)]
pub struct WalkerSenses {
    /// The walls in sight.
    pub walls: Rays<RAYS>,
    /// Things that are red: the sign, or a goal.
    pub red: Rays<RAYS>,
    /// Things that are blue: the sign, or a goal.
    pub blue: Rays<RAYS>,
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
pub struct WalkerReward {
    /// 1 for reaching the goal that has the colour of the sign.
    pub right: f32,
    /// 1 for reaching the other goal.
    pub wrong: f32,
    /// 1 for every tick.
    pub time: f32,
}

/// The two colours.
#[derive(Component, Reflect, Default, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hue {
    /// Seen by the walker's rays for red things.
    #[default]
    Red,
    /// Seen by its rays for blue things.
    Blue,
}

/// The things in a walker's hall.
#[derive(Component, Reflect, Clone, Copy)]
struct Hall {
    /// The start of the hall, in its middle.
    origin: Vec3,
    /// The red sign and the blue one: one of them stands in the hall, the other below it.
    signs: [Entity; 2],
    /// The red goal and the blue one.
    goals: [Entity; 2],
    /// The colour of the sign in this episode.
    hue: Hue,
}

/// A post whose colour is that of the right goal.
#[derive(Component, Reflect, Default, Clone)]
pub struct Sign;

/// An end of the walk.
#[derive(Component, Reflect, Default, Clone)]
pub struct Goal;

/// A wall of the hall, and half of its size [m].
#[derive(Component, Reflect, Default, Clone)]
pub struct Wall(pub Vec3);

/// The whole game: no window, no policy.
pub fn hallway(app: &mut App) {
    app.insert_resource(Time::<Fixed>::from_hz(50.0))
        .add_plugins(ArenaPhysicsPlugin::shared(SPACING))
        .add_agent::<Walker>()
        .hash_component::<Transform>()
        .add_observer(build_arena)
        .add_observer(restart)
        .add_systems(FixedUpdate, walk)
        .add_systems(ScoreAgents, score)
        .add_systems(SenseAgents, sense);
}

impl Hue {
    /// The collision groups of things of this colour. Rays that look for the colour see nothing else.
    const fn groups(self) -> CollisionGroups {
        let own = match self {
            Self::Red => Group::GROUP_2,
            Self::Blue => Group::GROUP_3,
        };
        CollisionGroups::new(own, own)
    }
}

const WALLS: CollisionGroups = CollisionGroups::new(Group::GROUP_1, Group::GROUP_1);

fn build_arena(on: On<Add, Arena>, arenas: Query<&Transform>, mut commands: Commands) -> Result {
    let arena = InArena(on.entity);
    let start = *arenas.get(on.entity)?;
    let middle = start.translation - Vec3::Z * LENGTH / 2.0;
    let (side, end) = (HALF_WIDTH + WALL_THICKNESS / 2.0, (LENGTH + WALL_THICKNESS) / 2.0);
    let long = Vec3::new(WALL_THICKNESS / 2.0, HEIGHT / 2.0, LENGTH / 2.0 + WALL_THICKNESS);
    let short = Vec3::new(HALF_WIDTH, HEIGHT / 2.0, WALL_THICKNESS / 2.0);
    for (offset, half) in [(Vec3::X * side, long), (Vec3::Z * end, short)] {
        for place in [middle + offset, middle - offset] {
            let wall = (Wall(half), RigidBody::Fixed, Collider::cuboid(half.x, half.y, half.z), WALLS);
            commands.spawn((wall, Transform::from_translation(place), arena));
        }
    }
    let post = |hue: Hue, radius| {
        (hue, RigidBody::Fixed, Collider::cylinder(HEIGHT / 2.0, radius), hue.groups(), start, arena)
    };
    let hues = [Hue::Red, Hue::Blue];
    let signs = hues.map(|hue| commands.spawn((Sign, post(hue, SIGN_RADIUS))).id());
    let goals = hues.map(|hue| commands.spawn((Goal, post(hue, GOAL_RADIUS))).id());
    let hall = Hall { origin: start.translation, signs, goals, hue: Hue::Red };
    commands.spawn((Walker, hall, RaySensor::<RAYS>::fan(SPREAD, SIGHT), start, arena));
    Ok(())
}

/// Draws the colour of the sign, the order of the goals and all places.
fn restart(
    on: On<EpisodeStart<Walker>>,
    mut walkers: Query<(&mut Hall, &mut EpisodeRng)>,
    mut places: Query<&mut Transform>,
) -> Result {
    let (mut hall, mut rng) = walkers.get_mut(on.entity)?;
    let [is_red, is_swapped] = [(); 2].map(|()| rng.random_bool(0.5));
    hall.hue = if is_red { Hue::Red } else { Hue::Blue };
    let origin = hall.origin;
    let mut across = |reach: f32| rng.random_range(-reach..=reach);
    let sign_x = across(HALF_WIDTH - SIGN_RADIUS);
    let walker_x = across(HALF_WIDTH - WALKER_RADIUS);
    let place = |x: f32, z: f32| Transform::from_translation(origin + Vec3::new(x, 0.0, z));
    let sign = place(sign_x, -rng.random_range(SIGN_PLACES));
    // Below the floor, where no ray gets.
    let hidden = place(0.0, 0.0).with_translation(origin - 10.0 * Vec3::Y);
    let [shown, other] = if is_red { hall.signs } else { [hall.signs[1], hall.signs[0]] };
    *places.get_mut(shown)? = sign;
    *places.get_mut(other)? = hidden;
    let red_x = if is_swapped { GOAL_X } else { -GOAL_X };
    for (goal, x) in hall.goals.into_iter().zip([red_x, -red_x]) {
        *places.get_mut(goal)? = place(x, GOAL_Z - LENGTH);
    }
    let heading = Quat::from_rotation_y(rng.random_range(-PI / 2.0..=PI / 2.0));
    *places.get_mut(on.entity)? = place(walker_x, -rng.random_range(WALKER_PLACES)).with_rotation(heading);
    Ok(())
}

/// Moves the walkers within their walls. Skips the restart step: the idle action walks forwards.
fn walk(time: Res<Time>, mut walkers: Query<(&mut Transform, &Walk, &Hall, &Episode)>) {
    for (mut walker, walk, hall, _) in walkers.iter_mut().filter(|(.., episode)| episode.is_running()) {
        let (turn, step) = (TURN * time.delta_secs(), SPEED * time.delta_secs());
        let ahead = walker.forward();
        match walk {
            Walk::Forward => walker.translation += ahead * step,
            Walk::Backward => walker.translation -= ahead * step,
            Walk::Left => walker.rotate_y(turn),
            Walk::Right => walker.rotate_y(-turn),
        }
        let (side, place) = (HALF_WIDTH - WALKER_RADIUS, walker.translation - hall.origin);
        let x = place.x.clamp(-side, side);
        let z = place.z.clamp(WALKER_RADIUS - LENGTH, -WALKER_RADIUS);
        walker.translation = hall.origin + Vec3::new(x, 0.0, z);
    }
}

fn score(
    mut walkers: Query<(&Transform, &Hall, &mut WalkerReward, &mut Episode)>,
    places: Query<&Transform>,
) -> Result {
    for (walker, hall, mut reward, mut episode) in &mut walkers {
        reward.time = 1.0;
        for (goal, hue) in hall.goals.into_iter().zip([Hue::Red, Hue::Blue]) {
            if walker.translation.distance(places.get(goal)?.translation) < REACHED {
                let reached = if hue == hall.hue { &mut reward.right } else { &mut reward.wrong };
                *reached = 1.0;
                episode.terminate();
            }
        }
    }
    Ok(())
}

fn sense(caster: RayCaster, mut walkers: Query<(Entity, &RaySensor<RAYS>, &mut WalkerSenses)>) -> Result {
    for (entity, sensor, mut senses) in &mut walkers {
        let see = |groups| caster.cast(entity, &RaySensor { groups, ..sensor.clone() });
        *senses = WalkerSenses { walls: see(WALLS)?, red: see(Hue::Red.groups())?, blue: see(Hue::Blue.groups())? };
    }
    Ok(())
}
