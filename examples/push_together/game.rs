//! ML-Agents' `Cooperative PushBlock` without a physics engine: three pushers bring crates beyond a line.
//!
//! As in the original, a crate moves if enough pushers push it at the same time: one, two or three. The episode is a
//! success once all crates are delivered. What is delivered counts for all pushers, and each sees what is near it.

use bevy::prelude::*;
use bevy_ludus::prelude::*;
use rand::RngExt;

// Named by file, so that tests find them from where they are.
#[path = "floor.rs"]
pub mod floor;
#[path = "senses.rs"]
pub mod senses;

use floor::{Floor, HALF_FLOOR, PUSHER_RADIUS, PUSHERS};
use senses::PusherSenses;

/// Half of the range of places across the floor, about its own lane, at which a pusher starts [m].
const HALF_LANE: f32 = 1.5;

/// Pushes crates.
#[derive(Component, Agent, Reflect, Default, Clone)]
#[require(EpisodeScope::Arena, Number)]
#[agent(observation = PusherSenses, action = Walk, reward = PusherReward)]
pub struct Pusher;

/// The number of a pusher on its floor.
#[derive(Component, Reflect, Default, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number(pub usize);

/// The action of a pusher: a direction at full speed, counted from the goal to the left, or none.
#[derive(Component, Action, Reflect, Default, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Walk {
    #[default]
    Stay,
    East,
    NorthEast,
    North,
    NorthWest,
    West,
    SouthWest,
    South,
    SouthEast,
}

/// The reward of a pusher.
#[derive(Component, Reward, Reflect, Default, Clone)]
pub struct PusherReward {
    /// The number of pushers that a crate takes, for each one that is delivered in this tick.
    #[reward(team)]
    pub delivered: f32,
    /// The way of the crates towards the goal in this tick, times the number of pushers that each takes [m].
    #[reward(team)]
    pub advance: f32,
    /// The time for which it pushes a crate towards the goal, alone or together with others, unless another crate stops
    /// the crate [s].
    pub pushing: f32,
}

/// The whole game: no window, no policy.
pub fn push_together(app: &mut App) {
    app.insert_resource(Time::<Fixed>::from_hz(30.0))
        .add_agent::<Pusher>()
        .hash_component::<Floor>()
        .add_observer(build_arena)
        .add_observer(place_crates)
        .add_observer(place_pusher)
        .add_systems(FixedUpdate, walk)
        .add_systems(ScoreAgents, score)
        .add_systems(SenseAgents, senses::sense);
}

impl Walk {
    /// The direction as a unit vector; zero for none.
    pub fn direction(self) -> Vec2 {
        const DIAGONAL: f32 = core::f32::consts::FRAC_1_SQRT_2;
        match self {
            Self::Stay => Vec2::ZERO,
            Self::East => Vec2::X,
            Self::NorthEast => Vec2::splat(DIAGONAL),
            Self::North => Vec2::Y,
            Self::NorthWest => Vec2::new(-DIAGONAL, DIAGONAL),
            Self::West => Vec2::NEG_X,
            Self::SouthWest => Vec2::splat(-DIAGONAL),
            Self::South => Vec2::NEG_Y,
            Self::SouthEast => Vec2::new(DIAGONAL, -DIAGONAL),
        }
    }
}

fn build_arena(on: On<Add, Arena>, mut commands: Commands) {
    commands.entity(on.entity).insert(Floor::default());
    for number in 0..PUSHERS {
        commands.spawn((Pusher, Number(number), InArena(on.entity)));
    }
}

fn place_crates(on: On<EpisodeStart<Arena>>, mut floors: Query<(&mut Floor, &mut EpisodeRng)>) -> Result {
    let (mut floor, mut rng) = floors.get_mut(on.entity)?;
    floor.crates = floor::draw_crates(&mut **rng);
    Ok(())
}

/// Places a pusher in its lane behind the crates.
fn place_pusher(
    on: On<EpisodeStart<Pusher>>,
    mut pushers: Query<(&InArena, &Number, &mut EpisodeRng), With<Pusher>>,
    mut floors: Query<&mut Floor>,
) -> Result {
    let (home, number, mut rng) = pushers.get_mut(on.entity)?;
    let lane = (number.0 as f32 - 1.0) * 3.0;
    let most = HALF_FLOOR - PUSHER_RADIUS;
    let across = lane + rng.random_range(-HALF_LANE + PUSHER_RADIUS..=HALF_LANE - PUSHER_RADIUS);
    floors.get_mut(home.0)?.pushers[number.0] = Vec2::new(rng.random_range(-most..=1.0 - most), across);
    Ok(())
}

/// Moves pushers and crates. On a floor whose episode does not run, nobody moves.
fn walk(
    time: Res<Time>,
    mut floors: Query<&mut Floor>,
    pushers: Query<(&InArena, &Number, &Walk, &Episode)>,
) -> Result {
    for mut floor in &mut floors {
        floor.walks = [Vec2::ZERO; PUSHERS];
    }
    for (home, number, walk, _) in pushers.iter().filter(|(.., episode)| episode.is_running()) {
        floors.get_mut(home.0)?.walks[number.0] = walk.direction();
    }
    for mut floor in &mut floors {
        floor.step(time.delta_secs());
    }
    Ok(())
}

/// The first pusher of a floor writes what all have done.
fn score(
    time: Res<Time>,
    floors: Query<&Floor>,
    mut pushers: Query<(&InArena, &Number, &mut PusherReward, &mut Episode)>,
) -> Result {
    for (home, number, mut reward, mut episode) in &mut pushers {
        let floor = floors.get(home.0)?;
        reward.pushing = if floor.pushes_towards_goal(number.0) { time.delta_secs() } else { 0.0 };
        if number.0 == 0 {
            (reward.delivered, reward.advance) = (floor.delivered, floor.advance);
            if floor.crates.iter().all(|seen| seen.is_delivered) {
                episode.succeed();
            }
        }
    }
    Ok(())
}
