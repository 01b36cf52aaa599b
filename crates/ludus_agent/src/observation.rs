//! Observations: the values that an agent senses, and their columns in a row.

mod grid;
mod set;

use bevy::math::{Quat, Vec2, Vec3, Vec3A, Vec4};
use ludus_spec::{Block, ObservationField, ObservationKind, joined};

pub use grid::Grid;
pub use ludus_derive::Observation;
pub use set::SetOf;

/// A value that a policy can observe: a fixed count of numbers, each with a name.
///
/// A number, a vector, an array, a [`Grid`], a [`SetOf`] elements, a unit enum (one column per variant), or a struct of
/// such. Derive it; the [derive](macro@Observation) lists what a field can be. A `bool` and an enum's variants are flags, which a run that
/// normalises observations leaves as they are. An agent's observation is a component besides:
///
/// ```
/// use bevy::prelude::*;
/// use ludus_agent::Observation;
///
/// #[derive(Component, Observation, Default)]
/// struct PlateSenses {
///     /// Plate tilt about x and z [rad].
///     #[observation(range = -0.25..=0.25)]
///     tilt: Vec2,
///     /// Whether the ball touches the plate.
///     touching: bool,
///     ball: Motion,
/// }
///
/// #[derive(Observation, Default)]
/// struct Motion {
///     /// Relative to the plate's centre [m].
///     position: Vec3,
///     /// [m/s].
///     velocity: Vec3,
/// }
///
/// let mut fields = Vec::new();
/// PlateSenses::fields("", "", &mut fields);
/// let names: Vec<_> = fields.iter().map(|field| field.name.as_str()).collect();
/// assert_eq!(names, ["tilt", "touching", "ball.position", "ball.velocity"]);
///
/// let senses = PlateSenses { tilt: Vec2::new(0.1, 0.2), touching: true, ..default() };
/// let mut row = [0.0; PlateSenses::WIDTH];
/// senses.write(&mut row);
/// assert_eq!(row[..4], [0.1, 0.2, 1.0, 0.0]);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is nothing that a policy can see",
    label = "not an `Observation`",
    note = "an observation is f32, bool, Vec2, Vec3, Vec3A, Vec4, Quat, an array of these, or a type that derives `Observation`",
    note = "write another number as `f32`, and your own struct or unit enum with `#[derive(Observation)]`"
)]
pub trait Observation {
    /// The count of columns that a value takes in a row.
    const WIDTH: usize;

    /// True if it has a [`Grid`] or a [`SetOf`] inside, so that it can't be an element of a set.
    const HAS_BLOCKS: bool = false;

    /// True if a field is marked `#[observation(critic)]`, so that it can't be an element of a set.
    const HAS_CRITIC_FIELDS: bool = false;

    /// Appends a description of each field to `fields`, in the order of the columns.
    ///
    /// `name` is the path of the parent, empty for a whole observation; `doc` is the documentation of fields that have
    /// none of their own.
    fn fields(name: &str, doc: &str, fields: &mut Vec<ObservationField>);

    /// Writes the value to the first [`WIDTH`](Self::WIDTH) columns of `row`.
    ///
    /// # Panics
    ///
    /// If `row` is shorter.
    fn write(&self, row: &mut [f32]);

    /// Calls `report` for each [`SetOf`] inside that was given more elements than fit, with the column of its count.
    ///
    /// `first` is the value's first column.
    fn overflows(&self, first: usize, report: &mut dyn FnMut(usize)) {
        let _ = (first, report);
    }
}

impl Observation for f32 {
    const WIDTH: usize = 1;

    fn fields(name: &str, doc: &str, fields: &mut Vec<ObservationField>) {
        fields.push(field(name, doc, &[""], None));
    }

    #[inline]
    fn write(&self, row: &mut [f32]) {
        row[0] = *self;
    }
}

impl Observation for bool {
    const WIDTH: usize = 1;

    fn fields(name: &str, doc: &str, fields: &mut Vec<ObservationField>) {
        let flag = field(name, doc, &[""], Some((0.0, 1.0)));
        fields.push(ObservationField { kind: ObservationKind::Flag, ..flag });
    }

    #[inline]
    fn write(&self, row: &mut [f32]) {
        row[0] = f32::from(u8::from(*self));
    }
}

impl<T: Observation, const N: usize> Observation for [T; N] {
    const WIDTH: usize = {
        assert!(N * T::WIDTH > 0, "an array without elements is no observation: give it a length");
        N * T::WIDTH
    };
    const HAS_BLOCKS: bool = T::HAS_BLOCKS;
    const HAS_CRITIC_FIELDS: bool = T::HAS_CRITIC_FIELDS;

    fn fields(name: &str, doc: &str, fields: &mut Vec<ObservationField>) {
        let mut element = Vec::new();
        T::fields("", doc, &mut element);
        match element.pop() {
            Some(number) if element.is_empty() && number.name.is_empty() && number.block == Block::values([""]) => {
                let block = Block::values((0..N).map(|index| index.to_string()));
                fields.push(ObservationField { name: name.to_owned(), block, ..number });
            }
            _ => (0..N).for_each(|index| T::fields(&joined(name, &index.to_string()), doc, fields)),
        }
    }

    #[inline]
    fn write(&self, row: &mut [f32]) {
        for (element, columns) in self.iter().zip(row[..Self::WIDTH].chunks_exact_mut(T::WIDTH)) {
            element.write(columns);
        }
    }

    fn overflows(&self, first: usize, report: &mut dyn FnMut(usize)) {
        for (index, element) in self.iter().enumerate() {
            element.overflows(first + index * T::WIDTH, report);
        }
    }
}

// `do_not_recommend`, because the trait's own note lists these types under the names that a game uses.
macro_rules! observe_vector {
    ($vector:ty, $parts:expr, $range:expr) => {
        #[diagnostic::do_not_recommend]
        impl Observation for $vector {
            const WIDTH: usize = $parts.len();

            fn fields(name: &str, doc: &str, fields: &mut Vec<ObservationField>) {
                fields.push(field(name, doc, &$parts, $range));
            }

            #[inline]
            fn write(&self, row: &mut [f32]) {
                row[..Self::WIDTH].copy_from_slice(&self.to_array());
            }
        }
    };
}

observe_vector!(Vec2, ["x", "y"], None);
observe_vector!(Vec3, ["x", "y", "z"], None);
observe_vector!(Vec3A, ["x", "y", "z"], None);
observe_vector!(Vec4, ["x", "y", "z", "w"], None);
// Bevy's rotations have unit length.
observe_vector!(Quat, ["x", "y", "z", "w"], Some((-1.0, 1.0)));

fn field(name: &str, doc: &str, parts: &[&str], range: Option<(f32, f32)>) -> ObservationField {
    let (name, doc) = (name.to_owned(), doc.to_owned());
    ObservationField {
        name,
        doc,
        block: Block::values(parts.iter().copied()),
        range,
        kind: ObservationKind::Number,
        is_critic: false,
    }
}
