//! Numbers that a policy decides on.

use bevy::math::{Vec2, Vec3, Vec4};
use ludus_spec::stretched;

/// One or several numbers, as a field of an [`Action`](crate::Action).
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be a continuous action",
    label = "not a number, a vector or an array of numbers",
    note = "`#[action(continuous)]` goes with f32, Vec2, Vec3, Vec4 and [f32; N]",
    note = "for bool and unit enums write `#[action(discrete)]`, for whole numbers `#[action(discrete = 5)]`"
)]
pub trait ContinuousAction {
    /// The count of numbers; each has a column.
    const WIDTH: usize;

    /// Returns the names of the numbers, one each; a single empty one for `f32`.
    fn parts() -> Vec<String>;

    /// Reads every number from its column of `row`, stretched from -1..=1 to the range `low..=high`.
    fn read(&mut self, row: &[f32], range: (f32, f32));

    /// Writes every number to its column of `row`, the inverse of [`read`](Self::read).
    fn write(&self, row: &mut [f32], range: (f32, f32));
}

impl<const N: usize> ContinuousAction for [f32; N] {
    const WIDTH: usize = {
        assert!(N > 0, "an array without elements is no action: give it a length");
        N
    };

    fn parts() -> Vec<String> {
        (0..N).map(|index| index.to_string()).collect()
    }

    #[inline]
    fn read(&mut self, row: &[f32], range: (f32, f32)) {
        for (number, column) in self.iter_mut().zip(&row[..N]) {
            *number = stretched(*column, range);
        }
    }

    #[inline]
    fn write(&self, row: &mut [f32], range: (f32, f32)) {
        for (number, column) in self.iter().zip(&mut row[..N]) {
            *column = shrunk(*number, range);
        }
    }
}

impl ContinuousAction for f32 {
    const WIDTH: usize = 1;

    fn parts() -> Vec<String> {
        vec![String::new()]
    }

    #[inline]
    fn read(&mut self, row: &[f32], range: (f32, f32)) {
        *self = stretched(row[0], range);
    }

    #[inline]
    fn write(&self, row: &mut [f32], range: (f32, f32)) {
        row[0] = shrunk(*self, range);
    }
}

// `do_not_recommend`, because the trait's own note lists these types under the names that a game uses.
macro_rules! decide_vector {
    ($vector:ty, $parts:expr) => {
        #[diagnostic::do_not_recommend]
        impl ContinuousAction for $vector {
            const WIDTH: usize = $parts.len();

            fn parts() -> Vec<String> {
                $parts.map(str::to_owned).to_vec()
            }

            #[inline]
            fn read(&mut self, row: &[f32], range: (f32, f32)) {
                let mut numbers = self.to_array();
                numbers.read(row, range);
                *self = Self::from_array(numbers);
            }

            #[inline]
            fn write(&self, row: &mut [f32], range: (f32, f32)) {
                self.to_array().write(row, range);
            }
        }
    };
}

decide_vector!(Vec2, ["x", "y"]);
decide_vector!(Vec3, ["x", "y", "z"]);
decide_vector!(Vec4, ["x", "y", "z", "w"]);

#[inline]
fn shrunk(number: f32, (low, high): (f32, f32)) -> f32 {
    clamped((number - low.midpoint(high)) / half(low, high))
}

/// Returns half the length of a range. Each end is halved before the subtraction, which could overflow otherwise.
#[inline]
fn half(low: f32, high: f32) -> f32 {
    high * 0.5 - low * 0.5
}

/// Clamps to -1..=1. NaN becomes 0, so that no later code has to handle it.
#[inline]
fn clamped(number: f32) -> f32 {
    if number.is_nan() { 0.0 } else { number.clamp(-1.0, 1.0) }
}
