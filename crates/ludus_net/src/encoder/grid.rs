//! A grid of an observation, and the convolutions over it.

use super::convolution::{CellPlaces, Convolution, MapPair};
use super::map::{Bordered, MapSize};
use crate::GridBlock;
use crate::aligned::Aligned;
use crate::cursor::Cursor;
use crate::kernel::Rows;
use crate::pass::Pass;

/// A grid and the convolutions over it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GridEncoder {
    /// The name of the grid's field.
    pub field: String,
    pub block: GridBlock,
    pub layers: Vec<Convolution>,
}

/// Working memory of the convolutions over a grid.
#[derive(Clone, Debug)]
pub(crate) struct GridScratch {
    /// The grid, then the output of each convolution.
    maps: Vec<Aligned>,
    /// The gradients with respect to the sums of each convolution.
    deltas: Vec<Aligned>,
    places: Vec<CellPlaces>,
}

impl GridEncoder {
    /// Lays out the convolutions over a grid.
    pub fn new(field: &str, block: GridBlock, channels: &[usize], cursor: &mut Cursor) -> Self {
        let mut input = Bordered::of_grid(MapSize::of(block));
        let mut layers: Vec<Convolution> = Vec::with_capacity(channels.len());
        for (layer, &channels) in channels.iter().enumerate() {
            let mut convolution = Convolution::new(format!("encoder.{field}.{layer}"), input, channels, cursor);
            // No gradient flows back to the observation.
            if layer > 0 {
                convolution.transpose(cursor);
            }
            input = convolution.output;
            layers.push(convolution);
        }
        Self { field: field.to_owned(), block, layers }
    }

    /// Returns the output size of the last convolution.
    pub fn output(&self) -> MapSize {
        self.layers.last().map_or(MapSize::of(self.block), |layer| layer.output.size)
    }

    /// Returns the memory of the grid and of each convolution's output.
    fn maps(&self) -> impl Iterator<Item = Bordered> {
        std::iter::once(Bordered::of_grid(MapSize::of(self.block))).chain(self.layers.iter().map(|layer| layer.output))
    }

    /// Returns the count of numbers of a row in the scratch memory.
    pub fn memory(&self) -> usize {
        self.maps().fold(0, |sum, map| sum.saturating_add(map.len().saturating_mul(2)))
    }

    /// Convolves `pass.row_count` rows, and writes the results channel by channel to `features`.
    pub fn encode<'f>(
        &self,
        pass: Pass<'_>,
        input: Rows<'_>,
        scratch: &mut GridScratch,
        features: impl Iterator<Item = &'f mut [f32]>,
    ) {
        self.copy_grid(pass.row_count, input, &mut scratch.maps[0]);
        for (index, (layer, places)) in self.layers.iter().zip(&scratch.places).enumerate() {
            let (before, after) = scratch.maps.split_at_mut(index + 1);
            layer.forward(pass, places, &before[index], &mut after[0]);
        }
        if let (Some(last), Some(layer)) = (scratch.maps.last(), self.layers.last()) {
            to_features(layer.output, last, features.take(pass.row_count));
        }
    }

    /// Copies the grid of each row into its border of zeros.
    fn copy_grid(&self, row_count: usize, input: Rows<'_>, map: &mut [f32]) {
        let memory = Bordered::of_grid(MapSize::of(self.block));
        let len = memory.size.width * memory.cell_stride;
        for (map, row) in map.chunks_exact_mut(memory.len()).zip(input.data.chunks(input.stride)).take(row_count) {
            for (top, cells) in row[self.block.first..][..self.block.count()].chunks_exact(len).enumerate() {
                map[memory.cell(top, 0)..][..len].copy_from_slice(cells);
            }
        }
    }

    /// Adds the gradients of the parameters to `gradient`. `d_features` are the gradients with respect to the last
    /// results of [`encode`](Self::encode).
    pub fn backward<'f>(
        &self,
        pass: Pass<'_>,
        d_features: impl Iterator<Item = &'f [f32]>,
        scratch: &mut GridScratch,
        gradient: &mut [f32],
    ) {
        let GridScratch { maps, deltas, places } = scratch;
        if let (Some(layer), Some(delta), Some(map)) = (self.layers.last(), deltas.last_mut(), maps.last()) {
            from_features(layer.output, map, d_features.take(pass.row_count), delta);
        }
        for (index, (layer, places)) in self.layers.iter().zip(places).enumerate().rev() {
            let (before, delta) = deltas.split_at_mut(index);
            let maps = MapPair { input: &maps[index], delta: &delta[0] };
            layer.add_gradient(pass, places, maps, gradient);
            if let Some(before) = before.last_mut() {
                layer.pass_back(pass, places, maps, before);
            }
        }
    }
}

/// Channels that are copied together.
const GROUP: usize = 8;

/// Copies maps, which are ordered cell by cell, to rows that are ordered channel by channel.
fn to_features<'f>(memory: Bordered, maps: &[f32], rows: impl Iterator<Item = &'f mut [f32]>) {
    let MapSize { height, width, channels } = memory.size;
    for (map, row) in maps.chunks_exact(memory.len()).zip(rows) {
        let groups = row[..height * width * channels].chunks_mut(GROUP * height * width);
        for (features, first) in groups.zip((0..channels).step_by(GROUP)) {
            for top in 0..height {
                let cells = map[memory.cell(top, 0)..][..width * memory.cell_stride].chunks_exact(memory.cell_stride);
                for (cell, numbers) in (top * width..).zip(cells) {
                    copy_group(&numbers[first..channels], &mut features[cell..], height * width);
                }
            }
        }
    }
}

/// Copies numbers of a cell, at most [`GROUP`], to places at this distance from each other.
#[inline(always)]
fn copy_group(numbers: &[f32], features: &mut [f32], distance: usize) {
    // A group that is whole is copied without a loop.
    if let (Some(numbers), true) = (numbers.first_chunk::<GROUP>(), features.len() > (GROUP - 1) * distance) {
        (0..GROUP).for_each(|index| features[index * distance] = numbers[index]);
    } else {
        features.iter_mut().step_by(distance).zip(numbers).for_each(|(feature, &number)| *feature = number);
    }
}

/// Copies gradients with respect to outputs, ordered channel by channel, to gradients with respect to the sums of the
/// last convolution, ordered cell by cell. The slope of the rectifier is 1 where its output is positive, else 0.
fn from_features<'f>(memory: Bordered, maps: &[f32], rows: impl Iterator<Item = &'f [f32]>, deltas: &mut [f32]) {
    let cells = memory.size.cells();
    let maps = maps.chunks_exact(memory.len()).zip(deltas.chunks_exact_mut(memory.len()));
    for ((map, delta), row) in maps.zip(rows) {
        for (cell, (top, left)) in memory.size.places().enumerate() {
            let start = memory.cell(top, left);
            let numbers = map[start..][..memory.size.channels].iter().zip(&mut delta[start..]);
            for (&feature, (&number, delta)) in row[cell..].iter().step_by(cells).zip(numbers) {
                *delta = if number > 0.0 { feature } else { 0.0 };
            }
        }
    }
}

impl GridScratch {
    /// Allocates memory for blocks of this many rows.
    pub fn new(grid: &GridEncoder, rows: usize) -> Self {
        let map = |memory: Bordered| Aligned::zeros(rows * memory.len());
        Self {
            maps: grid.maps().map(map).collect(),
            deltas: grid.layers.iter().map(|layer| map(layer.output)).collect(),
            places: grid.layers.iter().map(|layer| CellPlaces::new(layer, rows)).collect(),
        }
    }
}
