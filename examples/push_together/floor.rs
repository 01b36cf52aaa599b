//! The floor: crates that move if enough pushers push them, and pushers that make room for crates and for each other.

use bevy::prelude::*;
use rand::{Rng, RngExt};

pub const PUSHERS: usize = 3;
pub const CRATES: usize = 4;
/// Half of the floor's length and width [m].
pub const HALF_FLOOR: f32 = 6.0;
/// A crate is delivered once its middle is beyond this line across the floor [m].
pub const GOAL_LINE: f32 = 4.0;
pub const PUSHER_RADIUS: f32 = 0.35;
/// The number of pushers that each crate takes.
pub const EFFORTS: [u8; CRATES] = [1, 1, 2, 3];
/// The speed of a pusher [m/s].
pub const WALK_SPEED: f32 = 4.0;
/// The speed of a crate along a side [m/s].
pub const CRATE_SPEED: f32 = 2.0;
/// A pusher that is nearer to a crate can push it [m].
const REACH: f32 = 0.05;
/// The least cosine of the angle between a pusher's way and the way into the side of a crate that it pushes.
const LEAST_COSINE: f32 = 0.5;
/// Between a crate and a wall, there is always room for a pusher [m].
const ROOM: f32 = 2.0 * PUSHER_RADIUS + 0.1;
/// A crate that is nearer to another one in its way is stopped by it [m].
const CLEARANCE: f32 = 0.1;
/// The range along the floor in which crates start [m].
const START: (f32, f32) = (-3.0, 2.0);

/// A crate: a square that does not turn.
#[derive(Reflect, Default, Clone, Copy, Debug, PartialEq)]
pub struct Crate {
    /// Its middle, from the middle of the floor [m].
    pub place: Vec2,
    /// True if it has been delivered: then it is in nobody's way.
    pub is_delivered: bool,
}

/// The crates and the pushers of an arena, and what has happened in the last tick.
#[derive(Component, Reflect, Default, Clone, Copy, Debug, PartialEq)]
pub struct Floor {
    pub crates: [Crate; CRATES],
    /// The places of the pushers, from the middle of the floor [m].
    pub pushers: [Vec2; PUSHERS],
    /// The ways of the pushers: unit vectors, or zero.
    pub walks: [Vec2; PUSHERS],
    /// The velocities of the pushers, after crates and other pushers have stopped them [m/s].
    pub velocities: [Vec2; PUSHERS],
    /// The number of pushers that each crate takes, summed over those that were delivered.
    pub delivered: f32,
    /// The way of the crates towards the goal, times the number of pushers that each takes [m].
    pub advance: f32,
}

/// Half of a side of a crate [m].
pub const fn half_side(index: usize) -> f32 {
    match EFFORTS[index] {
        1 => 0.5,
        2 => 0.8,
        _ => 1.1,
    }
}

/// Draws places for the crates at which none is in the way of another.
pub fn draw_crates(rng: &mut impl Rng) -> [Crate; CRATES] {
    loop {
        let crates = core::array::from_fn(|index| {
            let most = most_across(index);
            let place = Vec2::new(rng.random_range(START.0..=START.1), rng.random_range(-most..=most));
            Crate { place, is_delivered: false }
        });
        if (0..CRATES).all(|index| (0..index).all(|other| gap(&crates, index, other) >= ROOM)) {
            return crates;
        }
    }
}

/// The largest distance of a crate from the middle, across the floor [m].
fn most_across(index: usize) -> f32 {
    HALF_FLOOR - half_side(index) - ROOM
}

/// The gap between two crates along the side on which they are farther apart [m]; less than 0 if they overlap.
fn gap(crates: &[Crate; CRATES], one: usize, other: usize) -> f32 {
    let between = (crates[one].place - crates[other].place).abs();
    between.max_element() - half_side(one) - half_side(other)
}

impl Floor {
    /// Moves crates and pushers for some time [s].
    pub fn step(&mut self, seconds: f32) {
        (self.delivered, self.advance) = (0.0, 0.0);
        for index in 0..CRATES {
            self.push(index, seconds);
        }
        let before = self.pushers;
        for (number, place) in self.pushers.iter_mut().enumerate() {
            *place += self.walks[number] * WALK_SPEED * seconds + aside(&before, number);
        }
        for (number, before) in before.into_iter().enumerate() {
            self.pushers[number] = self.make_room(self.pushers[number]);
            self.velocities[number] = (self.pushers[number] - before) / seconds;
        }
    }

    /// Moves a crate along each side on which enough pushers push it.
    fn push(&mut self, index: usize, seconds: f32) {
        if self.crates[index].is_delivered {
            return;
        }
        let pushes: Vec2 = (0..PUSHERS).map(|number| self.push_of(number, index)).sum();
        for axis in [Vec2::X, Vec2::Y] {
            let push = pushes.dot(axis);
            if push.abs() >= f32::from(EFFORTS[index]) {
                self.slide(index, axis * push.signum() * CRATE_SPEED * seconds);
            }
        }
        if self.crates[index].place.x > GOAL_LINE {
            self.crates[index].is_delivered = true;
            self.delivered += f32::from(EFFORTS[index]);
        }
    }

    /// The direction in which a pusher pushes a crate, along one of its sides; zero if it doesn't.
    pub fn push_of(&self, number: usize, index: usize) -> Vec2 {
        let Crate { place, is_delivered } = self.crates[index];
        let from_crate = self.pushers[number] - place;
        let half = half_side(index);
        let gap = from_crate.distance(from_crate.clamp(Vec2::splat(-half), Vec2::splat(half)));
        let into = if from_crate.x.abs() > from_crate.y.abs() {
            Vec2::new(-from_crate.x.signum(), 0.0)
        } else {
            Vec2::new(0.0, -from_crate.y.signum())
        };
        let pushes = !is_delivered && gap <= PUSHER_RADIUS + REACH && self.walks[number].dot(into) >= LEAST_COSINE;
        if pushes { into } else { Vec2::ZERO }
    }

    /// True if a pusher pushes a crate towards the goal that no other crate stops. More pushers may be needed to move it.
    pub fn pushes_towards_goal(&self, number: usize) -> bool {
        let pushed = (0..CRATES).find(|&index| self.push_of(number, index).x > 0.0);
        pushed.is_some_and(|index| self.is_free(index, self.crates[index].place + Vec2::X * CLEARANCE))
    }

    /// Moves a crate, unless another one is in its way. Beside the walls there is room for pushers.
    fn slide(&mut self, index: usize, way: Vec2) {
        let before = self.crates[index].place;
        let most = most_across(index);
        let place = (before + way).clamp(Vec2::splat(-most), Vec2::new(HALF_FLOOR, most));
        if self.is_free(index, place) {
            self.crates[index].place = place;
            self.advance += (place.x - before.x) * f32::from(EFFORTS[index]);
        }
    }

    /// True if a crate at this place would overlap no other one.
    fn is_free(&self, index: usize, place: Vec2) -> bool {
        let mut crates = self.crates;
        crates[index].place = place;
        (0..CRATES).all(|other| other == index || crates[other].is_delivered || gap(&crates, index, other) > 0.0)
    }

    /// The place nearest to this one at which a pusher is in no crate, and on the floor.
    fn make_room(&self, place: Vec2) -> Vec2 {
        let mut place = place;
        for (index, block) in self.crates.iter().enumerate().filter(|(_, block)| !block.is_delivered) {
            place = block.place + out_of_square(place - block.place, half_side(index));
        }
        let most = HALF_FLOOR - PUSHER_RADIUS;
        place.clamp(Vec2::splat(-most), Vec2::splat(most))
    }
}

/// Pushers push each other aside, each by half of what they overlap.
fn aside(pushers: &[Vec2; PUSHERS], number: usize) -> Vec2 {
    let by = |other: Vec2| {
        let gap = pushers[number] - other;
        gap.normalize_or_zero() * (2.0 * PUSHER_RADIUS - gap.length()).max(0.0) / 2.0
    };
    pushers.iter().enumerate().filter(|(other, _)| *other != number).map(|(_, &other)| by(other)).sum()
}

/// The place nearest to this one, both from the middle of a square, at which a pusher does not overlap the square.
fn out_of_square(place: Vec2, half: f32) -> Vec2 {
    let on_square = place.clamp(Vec2::splat(-half), Vec2::splat(half));
    let outwards = place - on_square;
    if outwards != Vec2::ZERO {
        let most = outwards.length().max(PUSHER_RADIUS);
        return on_square + outwards.normalize() * most;
    }
    let beyond = half + PUSHER_RADIUS;
    if place.x.abs() > place.y.abs() {
        Vec2::new(beyond.copysign(place.x), place.y)
    } else {
        Vec2::new(place.x, beyond.copysign(place.y))
    }
}
