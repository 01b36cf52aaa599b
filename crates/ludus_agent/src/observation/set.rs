//! Sets: any number of elements up to a capacity, in no order.

use bevy::prelude::*;
use ludus_spec::{Block, ObservationField, ObservationKind, SetShape};

use super::Observation;

/// Up to `N` elements in no order, as a field of an [`Observation`](crate::Observation): the enemies in sight, the items
/// on the ground.
///
/// Its columns are those of each element in turn, then the count of the elements that are present. The columns of absent
/// elements are zeros. The encoders `Pool` and `Attend` of a network read the elements that are present, whatever their
/// order; a network without an encoder for the field reads the columns as they are. A run that normalises observations
/// takes the statistics of the elements from those that are present, one for all places, and leaves the count as it is.
///
/// An element is a number, a vector or a type that derives `Observation`. A grid or a set inside is a compile error:
///
/// ```compile_fail
/// use ludus_agent::{Grid, Observation, SetOf};
///
/// #[derive(Observation)]
/// struct Senses {
///     boards: SetOf<Board, 4>,
/// }
///
/// #[derive(Observation)]
/// struct Board {
///     cells: Grid<2, 2, 1>,
/// }
/// ```
///
/// [`fill`](Self::fill) and [`fill_nearest`](Self::fill_nearest) replace all elements. If a set gets more than `N`, the
/// world reports it once per field, with the agent and the field.
///
/// ```
/// use bevy::prelude::*;
/// use ludus_agent::{Observation, SetOf};
///
/// #[derive(Component, Observation, Default)]
/// struct Sight {
///     enemies: SetOf<Enemy, 2>,
/// }
///
/// #[derive(Observation)]
/// struct Enemy {
///     /// Relative to the agent [m].
///     position: Vec2,
/// }
///
/// let mut sight = Sight::default(); // an empty set
/// let seen = [Vec2::new(0.0, 9.0), Vec2::new(0.0, 1.0), Vec2::new(2.0, 0.0)];
/// sight.enemies.fill_nearest(seen.map(|position| (position.length(), Enemy { position })));
///
/// let mut row = [0.0; Sight::WIDTH];
/// sight.write(&mut row);
/// assert_eq!(row, [0.0, 1.0, 2.0, 0.0, 2.0]); // the nearest two, and their count
/// assert_eq!(sight.enemies.overflow(), 1);
/// ```
#[derive(Reflect, Clone, Debug, PartialEq)]
#[reflect(Default, Clone, Debug, PartialEq)]
#[reflect(where T: FromReflect + TypePath + bevy::reflect::Typed + bevy::reflect::GetTypeRegistration + Clone + core::fmt::Debug + PartialEq)]
pub struct SetOf<T, const N: usize> {
    /// Those that are present, `N` at most.
    elements: Vec<T>,
    /// The count of elements that found no room.
    overflow: usize,
    /// Working memory of [`fill_nearest`](Self::fill_nearest), empty outside of it.
    #[reflect(ignore)]
    distances: Vec<f32>,
}

impl<T, const N: usize> SetOf<T, N> {
    /// Replaces all elements. Only the first `N` are kept.
    pub fn fill(&mut self, elements: impl IntoIterator<Item = T>) {
        self.clear();
        for element in elements {
            if self.elements.len() < N {
                self.elements.push(element);
            } else {
                self.overflow += 1;
            }
        }
    }

    /// Replaces all elements. If there are more than `N`, the nearest are kept.
    ///
    /// Each element comes with its distance, in any unit. The nearest is the first; of elements at one distance, the
    /// first in the iterator is. A distance that is NaN counts as infinite.
    pub fn fill_nearest(&mut self, elements: impl IntoIterator<Item = (f32, T)>) {
        self.clear();
        for (distance, element) in elements {
            let distance = if distance.is_nan() { f32::INFINITY } else { distance };
            let place = self.distances.partition_point(|&other| other <= distance);
            if self.elements.len() == N {
                self.overflow += 1;
                if place == N {
                    continue;
                }
                self.elements.pop();
                self.distances.pop();
            }
            self.elements.insert(place, element);
            self.distances.insert(place, distance);
        }
        self.distances.clear();
    }

    /// Removes all elements.
    pub fn clear(&mut self) {
        self.elements.clear();
        self.distances.clear();
        self.overflow = 0;
        // Room for all, so that later steps don't allocate.
        self.elements.reserve(N);
        self.distances.reserve(N);
    }

    /// Returns the elements that are present.
    pub fn elements(&self) -> &[T] {
        &self.elements
    }

    /// Returns the count of elements of the last [`fill`](Self::fill) or [`fill_nearest`](Self::fill_nearest) that
    /// found no room.
    pub const fn overflow(&self) -> usize {
        self.overflow
    }
}

impl<T, const N: usize> Default for SetOf<T, N> {
    fn default() -> Self {
        Self { elements: Vec::with_capacity(N), overflow: 0, distances: Vec::new() }
    }
}

// `do_not_recommend`, because the trait's own note lists the types that can be observed.
#[diagnostic::do_not_recommend]
impl<T: Observation, const N: usize> Observation for SetOf<T, N> {
    const WIDTH: usize = {
        assert!(
            !T::HAS_BLOCKS,
            "an element of a `SetOf` can have no `Grid` and no `SetOf` inside: keep them beside the set"
        );
        assert!(
            !T::HAS_CRITIC_FIELDS,
            "an element of a `SetOf` can have no field for the critic alone: mark the whole set `#[observation(critic)]`, \
             or keep the field in a set beside it"
        );
        assert!(N * T::WIDTH > 0, "a set of capacity 0 is no observation: give it room for at least one element");
        N * T::WIDTH + 1
    };
    const HAS_BLOCKS: bool = true;

    fn fields(name: &str, doc: &str, fields: &mut Vec<ObservationField>) {
        let mut element = Vec::new();
        T::fields("", doc, &mut element);
        fields.push(ObservationField {
            name: name.to_owned(),
            doc: doc.to_owned(),
            block: Block::Set(SetShape { capacity: N, element }),
            range: None,
            kind: ObservationKind::Number,
            is_critic: false,
        });
    }

    #[inline]
    fn write(&self, row: &mut [f32]) {
        let (columns, count) = row[..Self::WIDTH].split_at_mut(N * T::WIDTH);
        let (present, absent) = columns.split_at_mut(self.elements.len() * T::WIDTH);
        for (element, columns) in self.elements.iter().zip(present.chunks_exact_mut(T::WIDTH)) {
            element.write(columns);
        }
        absent.fill(0.0);
        count[0] = self.elements.len() as f32;
    }

    fn overflows(&self, first: usize, report: &mut dyn FnMut(usize)) {
        if self.overflow > 0 {
            report(first + N * T::WIDTH);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row<T: Observation, const N: usize>(set: &SetOf<T, N>) -> Vec<f32> {
        let mut row = vec![f32::NAN; SetOf::<T, N>::WIDTH];
        set.write(&mut row);
        row
    }

    #[test]
    fn an_empty_set_is_zeros_and_an_element_of_zeros_counts() {
        let mut set = SetOf::<Vec2, 2>::default();
        assert_eq!(row(&set), [0.0; 5]);
        set.fill([Vec2::ZERO]);
        assert_eq!(row(&set), [0.0, 0.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn nothing_is_left_over_of_what_was_there() {
        let mut set = SetOf::<f32, 3>::default();
        set.fill([1.0, 2.0, 3.0, 4.0]);
        assert_eq!((row(&set), set.overflow()), (vec![1.0, 2.0, 3.0, 3.0], 1));
        set.fill_nearest([(1.0, 5.0)]);
        assert_eq!((row(&set), set.overflow()), (vec![5.0, 0.0, 0.0, 1.0], 0));
        set.clear();
        assert_eq!(row(&set), [0.0; 4]);
    }

    #[test]
    fn the_nearest_are_kept_and_ties_stay_in_their_order() {
        let check = |given: &[(f32, f32)], expected: &[f32], overflow: usize| {
            let mut set = SetOf::<f32, 3>::default();
            set.fill_nearest(given.iter().copied());
            assert_eq!((set.elements(), set.overflow()), (expected, overflow), "{given:?}");
        };
        check(&[(2.0, 1.0), (1.0, 2.0)], &[2.0, 1.0], 0);
        check(&[(5.0, 1.0), (1.0, 2.0), (1.0, 3.0), (1.0, 4.0), (1.0, 5.0)], &[2.0, 3.0, 4.0], 2);
        check(&[(f32::NAN, 1.0), (f32::INFINITY, 2.0), (0.0, 3.0), (-1.0, 4.0)], &[4.0, 3.0, 1.0], 1);
        check(&[(-f32::NAN, 1.0), (7.0, 2.0), (6.0, 3.0), (5.0, 4.0)], &[4.0, 3.0, 2.0], 1);
    }

    /// The elements as they are restored from a saved game.
    #[test]
    fn a_set_is_cloned_by_reflection() {
        let mut set = SetOf::<f32, 3>::default();
        set.fill([1.0, 2.0, 3.0, 4.0]);
        let copy = set.reflect_clone().unwrap().take::<SetOf<f32, 3>>().unwrap();
        assert_eq!(copy, set);
        assert_eq!(SetOf::<f32, 3>::from_reflect(&set), Some(set));
    }

    #[test]
    fn a_set_is_one_field_with_the_fields_of_its_elements() {
        let mut fields = Vec::new();
        <[SetOf<Vec2, 2>; 2]>::fields("seen", "doc", &mut fields);
        let names = |field: &ObservationField| field.columns().map(|column| column.name()).collect::<Vec<_>>();
        assert_eq!((fields.len(), &*fields[0].doc), (2, "doc"));
        assert_eq!(names(&fields[1]), ["seen.1.0.x", "seen.1.0.y", "seen.1.1.x", "seen.1.1.y", "seen.1.count"]);
    }
}
