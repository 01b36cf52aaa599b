//! The observation of a pusher: all that is on its floor, as seen from its place.

use bevy::prelude::*;
use bevy_ludus::prelude::*;

use super::Number;
use super::floor::{CRATES, Floor, PUSHERS};

/// The observation of a pusher. All places are along the floor towards the goal, and across it to the left.
#[derive(Component, Observation, Reflect, Default, Clone, Debug, PartialEq)]
pub struct PusherSenses {
    /// Its place, from the middle of the floor [m].
    #[observation(range = -6.0..=6.0)]
    pub place: Vec2,
    /// Its velocity: without it, a pusher that is stuck would never know [m/s].
    #[observation(range = -6.0..=6.0)]
    pub velocity: Vec2,
    /// The places of the other pushers, from its own, the nearer one first [m].
    #[observation(range = -12.0..=12.0)]
    pub others: [Vec2; PUSHERS - 1],
    /// The crates: two that take one pusher, one that takes two, one that takes three.
    pub crates: [CrateSight; CRATES],
}

/// A crate as a pusher sees it. All is 0 once it is delivered.
#[derive(Observation, Reflect, Default, Clone, Copy, Debug, PartialEq)]
pub struct CrateSight {
    /// True until it is delivered.
    pub is_left: bool,
    /// Its middle, from the pusher's place [m].
    #[observation(range = -12.0..=12.0)]
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
        let crates = core::array::from_fn(|index| self.sight_of(index, own));
        PusherSenses { place: own, velocity: self.velocities[number], others, crates }
    }

    fn sight_of(&self, index: usize, from: Vec2) -> CrateSight {
        let seen = self.crates[index];
        if seen.is_delivered {
            return CrateSight::default();
        }
        let pushes = (0..PUSHERS).filter(|&number| self.push_of(number, index).x > 0.0).count() as f32;
        CrateSight { is_left: true, place: seen.place - from, pushes }
    }
}

pub fn sense(floors: Query<&Floor>, mut pushers: Query<(&InArena, &Number, &mut PusherSenses)>) -> Result {
    for (home, number, mut senses) in &mut pushers {
        *senses = floors.get(home.0)?.seen_by(number.0);
    }
    Ok(())
}
