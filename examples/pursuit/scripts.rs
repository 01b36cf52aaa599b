//! What decides where no policy does: a script for each kind, from what the agent itself senses.
//!
//! They are the yardsticks of what is learned. See [`left_to_the_game`](bevy_ludus::agent::left_to_the_game).

use core::f32::consts::TAU;

use bevy::prelude::*;
use bevy_ludus::agent::StepClock;
use bevy_ludus::prelude::*;

use super::senses::{ChaserSenses, RAYS, RunnerSenses, SIGHT, Sighting};
use super::yard::YARD;
use super::{CHASER_SPEED, Dash, Drive, RUNNER_SPEED, Runner};

/// The distance that a chaser keeps from a wall that it drives at [m].
const BERTH: f32 = 2.0;
/// So near a place it is there [m].
const ARRIVED: f32 = 0.5;
/// The radius of a chaser's round, as a share of half the yard's side.
const ROUND: f32 = 0.8;
/// The time that a runner thinks ahead [s].
const FORESIGHT: f32 = 0.3;
/// The distance from a wall at which a runner likes to be [m].
const ROOM: f32 = 4.0;

pub fn decide_chasers(clock: Res<StepClock>, mut chasers: Query<(&ChaserSenses, &mut Drive)>) {
    if clock.is_first_tick() {
        chasers.iter_mut().for_each(|(senses, mut drive)| *drive = chase(senses));
    }
}

pub fn decide_runners(
    clock: Res<StepClock>,
    mut runners: Query<(&RunnerSenses, &ActionMask<Dash>, &mut Dash), With<Runner>>,
) {
    if clock.is_first_tick() {
        runners.iter_mut().for_each(|(senses, mask, mut dash)| *dash = flee(senses, |dash| mask.is_allowed(dash)));
    }
}

/// Drives to where the nearest runner will be, else to where one was, else around the yard; and around walls.
pub fn chase(senses: &ChaserSenses) -> Drive {
    let [nearest, ..] = senses.runners;
    let goal = if nearest.seen {
        lead(nearest)
    } else if senses.freshness > 0.0 && senses.trail.length() * SIGHT > ARRIVED {
        senses.trail * SIGHT
    } else {
        round(senses)
    };
    let way = if nearest.seen { goal } else { around_walls(goal, &senses.rays) };
    let angle = way.to_angle();
    // It slows down where its turning circle would lead past.
    Drive { speed: (2.0 - angle.abs()).clamp(0.2, 1.0), turn: (2.0 * angle).clamp(-1.0, 1.0) }
}

/// The place at which a runner will be when a chaser gets there [m].
fn lead(runner: Sighting) -> Vec2 {
    let place = runner.place * SIGHT;
    place + runner.velocity * CHASER_SPEED * (place.length() / CHASER_SPEED).min(1.0)
}

/// The next corner of a square round, to the left about the middle [m].
fn round(senses: &ChaserSenses) -> Vec2 {
    let angle = senses.place.to_angle() + TAU / 12.0;
    let onwards = Vec2::from_angle(angle);
    let corner = onwards / onwards.abs().max_element() * ROUND;
    let offset = (corner - senses.place) * YARD;
    Vec2::new(offset.dot(senses.ahead), offset.dot(senses.ahead.perp()))
}

/// The free direction that is nearest to that of the goal.
fn around_walls(goal: Vec2, rays: &[f32; RAYS]) -> Vec2 {
    let direction = |ray: usize| Vec2::from_angle(TAU / RAYS as f32 * ray as f32);
    let towards = goal.normalize_or(Vec2::X);
    let nearest = |free: &mut dyn Iterator<Item = usize>| {
        free.max_by(|one, other| direction(*one).dot(towards).total_cmp(&direction(*other).dot(towards)))
    };
    let is_free = |ray: &usize| rays[*ray] * SIGHT > goal.length().min(BERTH);
    if nearest(&mut (0..RAYS)).is_some_and(|ray| is_free(&ray)) {
        return goal;
    }
    nearest(&mut (0..RAYS).filter(is_free)).map_or(goal, direction)
}

/// Runs where it will be farthest from the chasers that it sees, and not close to a wall; stays where it sees none.
pub fn flee(senses: &RunnerSenses, is_allowed: impl Fn(Dash) -> bool) -> Dash {
    if !senses.chasers[0].seen {
        return Dash::Stay;
    }
    let ways = Dash::DIRECTIONS.into_iter().zip(senses.rays).filter(|&(dash, _)| is_allowed(dash));
    let fears = ways.map(|(dash, ray)| (dash, fear(senses, dash, ray * SIGHT)));
    fears.min_by(|one, other| one.1.total_cmp(&other.1)).map_or(Dash::Stay, |(dash, _)| dash)
}

/// The cost of running in a direction in which it is so far to the next wall [m].
fn fear(senses: &RunnerSenses, dash: Dash, clear_way: f32) -> f32 {
    let place = dash.direction() * (RUNNER_SPEED * FORESIGHT).min(clear_way);
    let of_chaser = |chaser: &Sighting| {
        let then = chaser.place * SIGHT + chaser.velocity * CHASER_SPEED * FORESIGHT;
        1.0 / then.distance(place).max(0.1)
    };
    let chasers: f32 = senses.chasers.iter().filter(|chaser| chaser.seen).map(of_chaser).sum();
    chasers + 0.3 * (1.0 - clear_way / ROOM).max(0.0)
}
