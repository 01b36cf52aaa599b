//! Actions: the values that a policy decides on, and their columns in a row.

mod continuous;
mod discrete;

use ludus_spec::ActionField;

use crate::mask::Mask;

pub use continuous::ContinuousAction;
pub use discrete::{DiscreteAction, DiscreteNumber};
pub use ludus_derive::Action;

/// A value that a policy can decide on.
///
/// A struct of continuous and discrete fields, or a unit enum: one choice among its variants. Derive it; the
/// [derive](macro@Action) lists what a field can be. An agent's action is a component besides:
///
/// ```
/// use bevy::prelude::*;
/// use ludus_agent::Action;
///
/// #[derive(Component, Action, Default)]
/// struct Drive {
///     /// Left is -1.
///     #[action(continuous)]
///     steer: f32,
///     /// Share of full power.
///     #[action(continuous, range = 0.0..=2.0)]
///     throttle: f32,
///     #[action(discrete)]
///     gear: Gear,
/// }
///
/// #[derive(Action, Default, PartialEq, Debug)]
/// enum Gear {
///     #[default]
///     Neutral,
///     Forward,
///     Reverse,
/// }
///
/// let mut drive = Drive::default();
/// drive.read(&[-0.5, 0.5, 2.0]);
/// assert_eq!((drive.steer, drive.throttle, drive.gear), (-0.5, 1.5, Gear::Reverse));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is nothing that a policy can decide on",
    label = "not an `Action`",
    note = "write `#[derive(Action)]` on your struct or unit enum",
    note = "a number or vector is decided as a field of one: `#[action(continuous)] rate: Vec2`"
)]
pub trait Action: 'static {
    /// Columns of an action row: one per continuous dimension, one per choice to make.
    const WIDTH: usize;

    /// The type of its mask: the choices that can be forbidden, see [`ActionMask`](crate::ActionMask).
    type Mask: Mask + Default + Send + Sync + 'static;

    /// Appends a description of each field to `fields`, in the order of the columns.
    ///
    /// `name` is the path of the parent, empty for a whole action; `doc` is the documentation of fields that have none
    /// of their own.
    fn fields(name: &str, doc: &str, fields: &mut Vec<ActionField>);

    /// Sets the action from the first [`WIDTH`](Self::WIDTH) columns of `row`, as a policy wrote them.
    ///
    /// Every row makes a valid action. A number is clamped to -1..=1 and then stretched to its field's range; NaN is
    /// the range's middle. A choice is the index in its column; one that does not exist, or NaN, is the first.
    ///
    /// # Panics
    ///
    /// If `row` is shorter.
    fn read(&mut self, row: &[f32]);

    /// Writes the columns from which [`read`](Self::read) restores this action, as far as the action is valid.
    ///
    /// A number outside its range is written as the nearest end of it.
    ///
    /// # Panics
    ///
    /// If `row` is shorter than [`WIDTH`](Self::WIDTH).
    fn write(&self, row: &mut [f32]);
}
