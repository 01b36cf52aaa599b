//! The settings of a ray sensor, and its readings.

use bevy::prelude::*;
use bevy_rapier3d::prelude::*;
use ludus_agent::Observation;

use super::sketch;

/// Rays that start at an entity and turn with it.
///
/// It has only the settings of the rays. [`RayCaster`](crate::RayCaster) casts them, in a system of the
/// [`SenseAgents`](ludus_agent::SenseAgents) schedule.
///
/// ```
/// use bevy_rapier3d::prelude::CollisionGroups;
/// use ludus_rapier::RaySensor;
///
/// /// Five rays, from 60° left to 60° right, 8 m long, at the height of the eyes.
/// let sensor = RaySensor::<5> { offset: 1.6 * bevy::math::Vec3::Y, ..RaySensor::fan(120_f32.to_radians(), 8.0) };
/// assert_eq!(sensor.groups, CollisionGroups::default(), "sees everything");
/// ```
#[derive(Component, Clone, Debug)]
#[component(on_add = sketch::note::<N>)]
pub struct RaySensor<const N: usize> {
    /// The directions of the rays, in the entity's own space.
    pub directions: [Dir3; N],
    /// The length of the rays \[m\], above 0.
    pub length: f32,
    /// The start of the rays, in the entity's own space \[m\].
    pub offset: Vec3,
    /// The collision groups: rays hit only colliders whose groups match.
    pub groups: CollisionGroups,
    /// The colliders that rays ignore; by default sensors (colliders that collide with nothing).
    pub excluded: QueryFilterFlags,
}

impl<const N: usize> RaySensor<N> {
    /// Creates rays in these directions, of this length \[m\], from the entity's origin.
    pub fn new(directions: [Dir3; N], length: f32) -> Self {
        Self {
            directions,
            length,
            offset: Vec3::ZERO,
            groups: CollisionGroups::default(),
            excluded: QueryFilterFlags::EXCLUDE_SENSORS,
        }
    }

    /// Creates rays in the horizontal plane, evenly from `spread / 2` radians left of forward (-Z) to `spread / 2`
    /// right of it.
    ///
    /// Over a full turn the first and the last are one ray apart, so that none is cast twice.
    pub fn fan(spread: f32, length: f32) -> Self {
        let is_full_turn = spread >= core::f32::consts::TAU;
        let gaps = if is_full_turn { N } else { N.saturating_sub(1) }.max(1);
        let first = if N == 1 { 0.0 } else { spread / 2.0 };
        let direction = |ray: usize| Quat::from_rotation_y(first - spread * ray as f32 / gaps as f32) * Dir3::NEG_Z;
        Self::new(core::array::from_fn(direction), length)
    }
}

/// The readings of a [`RaySensor`]; a field of the agent's observation.
///
/// ```
/// use bevy::prelude::*;
/// use ludus_agent::Observation;
/// use ludus_rapier::Rays;
///
/// #[derive(Component, Observation, Default)]
/// struct MouseSenses {
///     eyes: Rays<8>,
/// }
///
/// assert_eq!(MouseSenses::WIDTH, 16);
/// ```
#[derive(Observation, Reflect, Clone, Copy, Debug, PartialEq)]
pub struct Rays<const N: usize> {
    /// Distance to what each ray hit, as a share of the ray's length; 1 where it hit nothing.
    #[observation(range = 0.0..=1.0)]
    pub distances: [f32; N],
    /// Whether each ray hit something.
    pub hits: [bool; N],
}

impl<const N: usize> Default for Rays<N> {
    /// The readings without a hit.
    fn default() -> Self {
        Self { distances: [1.0; N], hits: [false; N] }
    }
}

#[cfg(test)]
mod tests {
    use core::f32::consts::{PI, TAU};

    use super::*;

    fn check<const N: usize>(spread: f32, expected: [Vec3; N]) {
        let fan = RaySensor::<N>::fan(spread, 1.0);
        for (direction, expected) in fan.directions.iter().zip(expected) {
            assert!(direction.abs_diff_eq(expected, 1e-6), "{direction:?} is not {expected}");
        }
    }

    #[test]
    fn a_fan_goes_from_left_to_right() {
        check(PI, [Vec3::NEG_X, Vec3::NEG_Z, Vec3::X]);
        check(PI, [Vec3::NEG_X, Vec3::X]);
        check(PI, [Vec3::NEG_Z]);
    }

    #[test]
    fn a_full_turn_has_no_ray_twice() {
        check(TAU, [Vec3::Z, Vec3::NEG_X, Vec3::NEG_Z, Vec3::X]);
    }

    #[test]
    fn rays_are_two_fields_of_an_observation() {
        let mut fields = Vec::new();
        Rays::<3>::fields("eyes", "", &mut fields);
        let names: Vec<_> = fields.iter().map(|field| (field.name.as_str(), field.range)).collect();
        assert_eq!(names, [("eyes.distances", Some((0.0, 1.0))), ("eyes.hits", Some((0.0, 1.0)))]);
        let mut row = [0.0; 6];
        Rays { distances: [0.5, 1.0, 0.0], hits: [true, false, true] }.write(&mut row);
        assert_eq!(row, [0.5, 1.0, 0.0, 1.0, 0.0, 1.0]);
    }
}
