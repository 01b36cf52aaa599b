//! The observation of a pusher: what is near it on its floor, as seen from its place.

use bevy::prelude::*;
use bevy_ludus::prelude::*;

use super::Number;
use super::floor::{CRATES, Floor, PUSHERS};

/// The distance up to which a pusher sees others and crates [m].
pub const SIGHT: f32 = 5.0;

/// The observation of a pusher. All places are along the floor towards the goal, and across it to the left.
#[derive(Component, Observation, Reflect, Default, Clone, Debug, PartialEq)]
pub struct PusherSenses {
    /// Its place, from the middle of the floor [m].
    #[observation(range = -6.0..=6.0)]
    pub place: Vec2,
    /// Its velocity: without it, a pusher that is stuck would never know [m/s].
    #[observation(range = -6.0..=6.0)]
    pub velocity: Vec2,
    /// The other pushers, the nearer one first.
    pub others: [PusherSight; PUSHERS - 1],
    /// The crates: two that take one pusher, one that takes two, one that takes three.
    pub crates: [CrateSight; CRATES],
}

/// Another pusher. All is 0 if it is not seen.
#[derive(Observation, Reflect, Default, Clone, Copy, Debug, PartialEq)]
pub struct PusherSight {
    /// True if it is near enough.
    pub is_seen: bool,
    /// Its place, from the one who looks [m].
    #[observation(range = -5.0..=5.0)]
    pub place: Vec2,
}

/// A crate as a pusher sees it. All is 0 if it is not seen.
#[derive(Observation, Reflect, Default, Clone, Copy, Debug, PartialEq)]
pub struct CrateSight {
    /// True if its middle is near enough, until it is delivered.
    pub is_seen: bool,
    /// Its middle, from the pusher's place [m].
    #[observation(range = -5.0..=5.0)]
    pub place: Vec2,
    /// The number of pushers who pushed it towards the goal in the last tick.
    #[observation(range = 0.0..=3.0)]
    pub pushes: f32,
}

impl Floor {
    /// Returns the observation of a pusher.
    pub fn seen_by(&self, number: usize) -> PusherSenses {
        let own = self.pushers[number];
        let mut others: [Vec2; PUSHERS - 1] =
            core::array::from_fn(|other| self.pushers[other + usize::from(other >= number)] - own);
        others.sort_by(|one, other| one.length_squared().total_cmp(&other.length_squared()));
        PusherSenses {
            place: own,
            velocity: self.velocities[number],
            others: others.map(|place| {
                if is_near(place) { PusherSight { is_seen: true, place } } else { PusherSight::default() }
            }),
            crates: core::array::from_fn(|index| self.sight_of(index, own)),
        }
    }

    fn sight_of(&self, index: usize, from: Vec2) -> CrateSight {
        let place = self.crates[index].place - from;
        if self.crates[index].is_delivered || !is_near(place) {
            return CrateSight::default();
        }
        let pushes = (0..PUSHERS).filter(|&number| self.push_of(number, index).x > 0.0).count() as f32;
        CrateSight { is_seen: true, place, pushes }
    }
}

fn is_near(place: Vec2) -> bool {
    place.length_squared() <= SIGHT * SIGHT
}

pub fn sense(floors: Query<&Floor>, mut pushers: Query<(&InArena, &Number, &mut PusherSenses)>) -> Result {
    for (home, number, mut senses) in &mut pushers {
        *senses = floors.get(home.0)?.seen_by(number.0);
    }
    Ok(())
}
