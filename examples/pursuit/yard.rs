//! The yard and its walls: what blocks the way, and what blocks the sight.

use bevy::prelude::*;
use rand::{Rng, RngExt};

/// From the middle of the yard to its edges [m].
pub const YARD: f32 = 6.0;

/// A rectangle along the axes.
#[derive(Clone, Copy, Debug)]
pub struct Wall {
    /// [m]
    pub centre: Vec2,
    /// From the centre to the sides [m].
    pub half: Vec2,
}

const fn wall(x: f32, y: f32, half_x: f32, half_y: f32) -> Wall {
    Wall { centre: Vec2::new(x, y), half: Vec2::new(half_x, half_y) }
}

/// A block in the middle and four bars around it: a quarter turn changes nothing.
pub const WALLS: [Wall; 5] = [
    wall(0.0, 0.0, 1.0, 1.0),
    wall(-3.0, 2.4, 1.4, 0.2),
    wall(-2.4, -3.0, 0.2, 1.4),
    wall(3.0, -2.4, 1.4, 0.2),
    wall(2.4, 3.0, 0.2, 1.4),
];

impl Wall {
    /// The share of `way` from `from` at which the wall begins; above 1 or infinite if it is not in the way.
    fn hit(&self, from: Vec2, way: Vec2) -> f32 {
        let (near, far) = ((self.centre - self.half - from) / way, (self.centre + self.half - from) / way);
        let (enter, leave) = (near.min(far).max_element(), near.max(far).min_element());
        if enter <= leave && leave >= 0.0 { enter.max(0.0) } else { f32::INFINITY }
    }

    /// The place of a circle at `place` once it is pushed out.
    fn push_out(&self, place: Vec2, radius: f32) -> Vec2 {
        let offset = place - self.centre;
        let nearest = offset.clamp(-self.half, self.half);
        let gap = offset - nearest;
        let distance_squared = gap.length_squared();
        if distance_squared >= radius * radius {
            place
        } else if distance_squared > 0.0 {
            self.centre + nearest + gap * (radius / distance_squared.sqrt())
        } else {
            // The centre is inside: out by the nearest side.
            let depth = self.half - offset.abs();
            let along = if depth.x < depth.y { Vec2::X } else { Vec2::Y };
            self.centre + offset * (Vec2::ONE - along) + (self.half + radius) * along * offset.signum()
        }
    }
}

/// True if no wall stands between two places.
pub fn sees(from: Vec2, to: Vec2) -> bool {
    WALLS.iter().all(|wall| wall.hit(from, to - from) > 1.0)
}

/// The distance to the next wall or to the edge [m].
pub fn clear_way(from: Vec2, direction: Vec2) -> f32 {
    let edge = ((Vec2::splat(YARD).copysign(direction) - from) / direction).min_element();
    WALLS.iter().map(|wall| wall.hit(from, direction)).fold(edge.max(0.0), f32::min)
}

/// The nearest place to `place` for a circle that is in the yard and in no wall.
pub fn keep_out(place: Vec2, radius: f32) -> Vec2 {
    let inside = YARD - radius;
    let place = WALLS.iter().fold(place, |place, wall| wall.push_out(place, radius));
    place.clamp(Vec2::splat(-inside), Vec2::splat(inside))
}

/// A place where a circle stands free, and at least as far from all of `others` as `distance` says, if there is one
/// such place among a few draws [m].
pub fn free_place(rng: &mut impl Rng, radius: f32, others: impl Iterator<Item = Vec2> + Clone, distance: f32) -> Vec2 {
    const DRAWS: usize = 32;
    let inside = YARD - radius;
    let mut draw = || Vec2::new(rng.random_range(-inside..=inside), rng.random_range(-inside..=inside));
    let mut place = draw();
    for _ in 0..DRAWS {
        if keep_out(place, radius) == place && others.clone().all(|other| other.distance(place) > distance) {
            break;
        }
        place = draw();
    }
    keep_out(place, radius)
}
