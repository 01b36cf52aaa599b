//! Grids: blocks of numbers whose neighbourhood matters.

use core::ops::{Index, IndexMut};

use bevy::prelude::*;
use ludus_spec::{Block, GridShape, ObservationField, ObservationKind};

use super::Observation;

/// A grid of height × width cells with the same count of numbers (channels) each, as a field of an
/// [`Observation`](crate::Observation): a board, a map, an image.
///
/// Its shape is in the spec, for convolutional networks; for other networks it is a list of numbers. The numbers are
/// stored cell by cell, from left to right and from top to bottom, a cell's channels together. A run that normalises
/// observations does not shift or scale them, but clips them to ±10: write values of about -1 to 1.
///
/// ```
/// use bevy::prelude::*;
/// use ludus_agent::{Grid, Observation};
///
/// #[derive(Component, Observation, Default)]
/// struct BoardSenses {
///     /// 1 where the player stands, and 1 where a wall is.
///     #[observation(range = 0.0..=1.0)]
///     board: Grid<3, 4, 2>,
/// }
///
/// let mut senses = BoardSenses::default(); // all zeros
/// senses.board[(2, 3)] = [0.0, 1.0];
/// senses.board[(0, 0)][0] = 1.0;
///
/// let mut row = [0.0; BoardSenses::WIDTH];
/// senses.write(&mut row);
/// assert_eq!((row.len(), row[0], row[23]), (3 * 4 * 2, 1.0, 1.0));
/// ```
#[derive(Reflect, Clone, Debug, PartialEq)]
#[reflect(opaque)]
#[reflect(Default, Clone, Debug, PartialEq)]
pub struct Grid<const HEIGHT: usize, const WIDTH: usize, const CHANNELS: usize> {
    /// On the heap: a grid may be larger than a stack.
    cells: Vec<[f32; CHANNELS]>,
}

impl<const HEIGHT: usize, const WIDTH: usize, const CHANNELS: usize> Grid<HEIGHT, WIDTH, CHANNELS> {
    /// Sets all numbers to 0.
    pub fn clear(&mut self) {
        self.cells.fill([0.0; CHANNELS]);
    }

    /// All cells, from left to right and from top to bottom.
    pub fn cells(&self) -> &[[f32; CHANNELS]] {
        &self.cells
    }

    /// All cells, mutably, in the same order.
    pub fn cells_mut(&mut self) -> &mut [[f32; CHANNELS]] {
        &mut self.cells
    }

    #[track_caller]
    fn place(y: usize, x: usize) -> usize {
        assert!(y < HEIGHT && x < WIDTH, "cell ({y}, {x}) is outside a grid of height {HEIGHT} and width {WIDTH}");
        y * WIDTH + x
    }
}

impl<const HEIGHT: usize, const WIDTH: usize, const CHANNELS: usize> Default for Grid<HEIGHT, WIDTH, CHANNELS> {
    fn default() -> Self {
        Self { cells: vec![[0.0; CHANNELS]; HEIGHT * WIDTH] }
    }
}

/// The numbers of the cell at (y, x), counted downwards and to the right from 0.
///
/// # Panics
///
/// If there is none.
impl<const HEIGHT: usize, const WIDTH: usize, const CHANNELS: usize> Index<(usize, usize)>
    for Grid<HEIGHT, WIDTH, CHANNELS>
{
    type Output = [f32; CHANNELS];

    #[inline]
    #[track_caller]
    fn index(&self, (y, x): (usize, usize)) -> &Self::Output {
        &self.cells[Self::place(y, x)]
    }
}

impl<const HEIGHT: usize, const WIDTH: usize, const CHANNELS: usize> IndexMut<(usize, usize)>
    for Grid<HEIGHT, WIDTH, CHANNELS>
{
    #[inline]
    #[track_caller]
    fn index_mut(&mut self, (y, x): (usize, usize)) -> &mut Self::Output {
        &mut self.cells[Self::place(y, x)]
    }
}

// `do_not_recommend`, because the trait's own note lists the types that can be observed.
#[diagnostic::do_not_recommend]
impl<const HEIGHT: usize, const WIDTH: usize, const CHANNELS: usize> Observation for Grid<HEIGHT, WIDTH, CHANNELS> {
    const WIDTH: usize = {
        assert!(
            HEIGHT * WIDTH * CHANNELS > 0,
            "a grid without cells or channels is no observation: give it some of each"
        );
        HEIGHT * WIDTH * CHANNELS
    };
    const HAS_BLOCKS: bool = true;

    fn fields(name: &str, doc: &str, fields: &mut Vec<ObservationField>) {
        fields.push(ObservationField {
            name: name.to_owned(),
            doc: doc.to_owned(),
            block: Block::Grid(GridShape { height: HEIGHT, width: WIDTH, channels: CHANNELS }),
            range: None,
            kind: ObservationKind::Number,
            is_critic: false,
        });
    }

    #[inline]
    fn write(&self, row: &mut [f32]) {
        row[..<Self as Observation>::WIDTH].copy_from_slice(self.cells.as_flattened());
    }
}
