//! Convolutions over the grids of an observation, in front of the dense layers.

use std::ops::Range;

use crate::aligned::Aligned;
use crate::kernel::{Finish, Product, Rows, RowsMut, Start};
use crate::panels::{Panels, padded, row_stride};
use crate::pass::{BLOCK_ROWS, Pass};
use crate::{Activation, GridBlock, NetError};

const KERNEL: usize = GridBlock::KERNEL;
const STRIDE: usize = GridBlock::STRIDE;
const PADDING: usize = GridBlock::PADDING;

/// The maximum number of convolutions over all grids together. The names of their tensors are compared pairwise.
const CONVOLUTION_LIMIT: usize = 256;

/// The maximum count of numbers of a grid or of a convolution's output, padding included: 64 MiB.
const MAP_LIMIT: usize = 1 << 24;

/// The maximum count of numbers of several rows' patches: they must stay in the cache.
const PATCH_NUMBERS: usize = 1 << 16;

/// Height, width and channels of a grid, or of a convolution's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MapSize {
    pub height: usize,
    pub width: usize,
    pub channels: usize,
}

/// A convolution with 3×3 kernels, a stride of 2 and a border of zeros, with the places of its parameters.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Convolution {
    pub name: String,
    pub input: MapSize,
    pub output: MapSize,
    pub weight: Range<usize>,
    pub bias: Range<usize>,
}

/// A grid and the convolutions over it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GridEncoder {
    pub block: GridBlock,
    pub layers: Vec<Convolution>,
}

/// The layers between an observation and the dense layers: none for a perceptron.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Encoders {
    pub grids: Vec<GridEncoder>,
    /// Columns outside grids.
    rest: Vec<Range<usize>>,
}

/// Working memory of the convolutions; of no size for a perceptron.
#[derive(Clone, Debug)]
pub(crate) struct EncoderScratch {
    /// Inputs of the dense layers: `[rows, features]`.
    features: Vec<f32>,
    /// Rows that are convolved together.
    group: usize,
    /// For each place of a kernel, the numbers under it: `[rows × cells, kernel × channels]`.
    patches: Vec<f32>,
    /// Outputs of the last convolution: `[rows × cells, channels]`, padded.
    maps: Aligned,
}

/// The cells of some rows in memory, the same number for each row.
#[derive(Clone, Copy)]
struct Cells<'a> {
    data: &'a [f32],
    row_stride: usize,
    cell_stride: usize,
}

impl MapSize {
    /// The size of the grid that is read.
    const fn of(block: GridBlock) -> Self {
        Self { height: block.height, width: block.width, channels: block.channels }
    }

    const fn cells(self) -> usize {
        self.height.saturating_mul(self.width)
    }

    const fn count(self) -> usize {
        self.cells().saturating_mul(self.channels)
    }

    /// Returns the size of the output of a convolution with this many channels.
    const fn halved(self, channels: usize) -> Self {
        Self { height: self.height.div_ceil(STRIDE), width: self.width.div_ceil(STRIDE), channels }
    }

    /// Returns the count of numbers in memory, padding included.
    fn memory(self) -> usize {
        self.cells().saturating_mul(padded(self.channels))
    }
}

impl Convolution {
    /// Returns the layout of the weight within its range: a row for each number of a patch, a column for each channel.
    pub fn panels(&self) -> Panels {
        Panels { depth: (KERNEL * KERNEL).saturating_mul(self.input.channels), width: self.output.channels }
    }

    /// Returns the weight's shape `[out, in, height, width]`, as in PyTorch.
    pub fn shape(&self) -> Vec<usize> {
        vec![self.output.channels, self.input.channels, KERNEL, KERNEL]
    }

    /// Returns the position in the parameter array of the weight's element with this row-major index.
    pub fn position(&self, element: usize) -> usize {
        let (place, channels) = (element % (KERNEL * KERNEL), element / (KERNEL * KERNEL));
        let (output, input) = (channels / self.input.channels, channels % self.input.channels);
        self.weight.start + self.panels().index(place * self.input.channels + input, output)
    }

    /// Copies the numbers under each place of the kernel, for some rows.
    fn gather(&self, rows: usize, from: Cells<'_>, patches: &mut [f32]) {
        let (input, channels) = (self.input, self.input.channels);
        let mut patches = patches.chunks_exact_mut(channels);
        for row in 0..rows {
            let cells = &from.data[row * from.row_stride..];
            for (top, left) in places(self.output) {
                for (down, right) in places(MapSize { height: KERNEL, width: KERNEL, channels }) {
                    let Some(patch) = patches.next() else { return };
                    // Above and left of the grid, the index wraps to one that is too large.
                    let y = (top * STRIDE + down).wrapping_sub(PADDING);
                    let x = (left * STRIDE + right).wrapping_sub(PADDING);
                    if y < input.height && x < input.width {
                        patch.copy_from_slice(&cells[(y * input.width + x) * from.cell_stride..][..channels]);
                    } else {
                        patch.fill(0.0);
                    }
                }
            }
        }
    }
}

/// Returns all places of a map, from left to right and from top to bottom.
fn places(size: MapSize) -> impl Iterator<Item = (usize, usize)> {
    (0..size.height).flat_map(move |top| (0..size.width).map(move |left| (top, left)))
}

impl GridEncoder {
    /// Returns the output size of the last convolution.
    fn output(&self) -> MapSize {
        self.layers.last().map_or(MapSize::of(self.block), |layer| layer.output)
    }

    /// Convolves `pass.row_count` rows from `row` on, and writes the results to `scratch.maps`.
    fn convolve(&self, pass: Pass<'_>, input: Rows<'_>, row: usize, scratch: &mut EncoderScratch) {
        for (index, layer) in self.layers.iter().enumerate() {
            let panels = layer.panels();
            let stride = row_stride(layer.output.channels);
            let cells = pass.row_count * layer.output.cells();
            let patches = &mut scratch.patches[..cells * panels.depth];
            let from = if index == 0 {
                let data = &input.data[row * input.stride + self.block.first..];
                Cells { data, row_stride: input.stride, cell_stride: self.block.channels }
            } else {
                let cell_stride = row_stride(layer.input.channels);
                Cells { data: &scratch.maps, row_stride: layer.input.cells() * cell_stride, cell_stride }
            };
            layer.gather(pass.row_count, from, patches);
            pass.level.run(Product {
                row_count: cells,
                a: Rows { data: patches, stride: panels.depth },
                b: &pass.parameters[layer.weight.clone()],
                panels,
                start: Start::Bias(&pass.parameters[layer.bias.clone()]),
                finish: Finish::Activate(Activation::Relu),
                out: RowsMut { data: &mut scratch.maps, stride },
            });
        }
    }
}

impl Encoders {
    /// Makes the convolutions over each grid. Grids are in the order of their columns. `take` allocates a range of the
    /// parameter array.
    ///
    /// # Errors
    ///
    /// If there are convolutions and no grids, if a grid is empty or out of order, or if there are too many
    /// convolutions or too large maps.
    pub fn new(
        inputs: usize,
        grids: &[GridBlock],
        channels: &[usize],
        mut take: impl FnMut(usize) -> Range<usize>,
    ) -> Result<Self, NetError> {
        if channels.is_empty() {
            return Ok(Self::default());
        }
        check(inputs, grids, channels)?;
        let grids = grids.iter().enumerate().map(|(index, &block)| {
            let mut input = MapSize::of(block);
            let layers = channels.iter().enumerate().map(|(layer, &channels)| {
                let output = input.halved(channels);
                let name = format!("grid.{index}.{layer}");
                let mut convolution = Convolution { name, input, output, weight: 0..0, bias: 0..0 };
                convolution.weight = take(convolution.panels().len());
                convolution.bias = take(padded(channels));
                input = output;
                convolution
            });
            GridEncoder { block, layers: layers.collect() }
        });
        let grids = grids.collect::<Vec<_>>();
        Ok(Self { rest: rest(inputs, &grids), grids })
    }

    pub fn convolutions(&self) -> impl Iterator<Item = &Convolution> {
        self.grids.iter().flat_map(|grid| &grid.layers)
    }

    /// Columns outside grids.
    pub fn rest(&self) -> &[Range<usize>] {
        &self.rest
    }

    /// Returns the input width of the dense layers; 0 for a perceptron.
    pub fn width(&self) -> usize {
        let maps = self.grids.iter().map(|grid| grid.output().count());
        maps.fold(self.rest.iter().map(Range::len).sum(), usize::saturating_add)
    }

    /// Returns the count of the convolutions' outputs per row, all maps together.
    pub fn map_numbers(&self) -> usize {
        self.convolutions().map(|layer| layer.output.count()).fold(0, usize::saturating_add)
    }

    /// Computes the inputs of the dense layers: the columns outside grids, then the outputs of the convolutions of each
    /// grid, channel by channel. For a perceptron, these are the inputs themselves.
    pub fn encode<'a>(&self, pass: Pass<'_>, input: Rows<'a>, scratch: &'a mut EncoderScratch) -> Rows<'a> {
        if self.grids.is_empty() {
            return input;
        }
        let width = self.width();
        for (row, features) in scratch.features.chunks_exact_mut(width).take(pass.row_count).enumerate() {
            let mut first = 0;
            for columns in &self.rest {
                let own = &input.data[row * input.stride..][columns.clone()];
                features[first..first + own.len()].copy_from_slice(own);
                first += own.len();
            }
        }
        let mut first = self.rest.iter().map(Range::len).sum();
        for grid in &self.grids {
            for row in (0..pass.row_count).step_by(scratch.group) {
                let row_count = scratch.group.min(pass.row_count - row);
                grid.convolve(Pass { row_count, ..pass }, input, row, scratch);
                let EncoderScratch { features, maps, .. } = scratch;
                let rows = features.chunks_exact_mut(width).skip(row).take(row_count);
                hand_out(grid.output(), maps, rows.map(|features| &mut features[first..]));
            }
            first += grid.output().count();
        }
        Rows { data: &scratch.features, stride: width }
    }
}

/// Copies maps, which are ordered cell by cell, to rows that are ordered channel by channel.
fn hand_out<'a>(size: MapSize, maps: &[f32], rows: impl Iterator<Item = &'a mut [f32]>) {
    let (cells, stride) = (size.cells(), row_stride(size.channels));
    for (map, row) in maps.chunks_exact(cells * stride).zip(rows) {
        for (cell, numbers) in map.chunks_exact(stride).enumerate() {
            for (channel, &number) in numbers[..size.channels].iter().enumerate() {
                row[channel * cells + cell] = number;
            }
        }
    }
}

fn check(inputs: usize, grids: &[GridBlock], channels: &[usize]) -> Result<(), NetError> {
    if grids.is_empty() {
        return Err(NetError::NoGrid);
    }
    let count = grids.len().saturating_mul(channels.len());
    if count > CONVOLUTION_LIMIT {
        return Err(NetError::TooManyConvolutions { count, limit: CONVOLUTION_LIMIT });
    }
    let mut end = 0;
    for grid in grids {
        let after = grid.first.saturating_add(grid.count());
        if grid.count() == 0 || grid.first < end || after > inputs {
            return Err(NetError::GridBlock { grid: *grid, inputs });
        }
        end = after;
        check_maps(MapSize::of(*grid), channels)?;
    }
    Ok(())
}

fn check_maps(grid: MapSize, channels: &[usize]) -> Result<(), NetError> {
    let maps = channels.iter().scan(grid, |size, &channels| {
        *size = size.halved(channels);
        Some(size.memory())
    });
    match maps.chain([grid.count()]).max() {
        Some(numbers) if numbers > MAP_LIMIT => Err(NetError::LargeMap { numbers, limit: MAP_LIMIT }),
        _ => Ok(()),
    }
}

/// Returns the ranges of columns that belong to no grid.
fn rest(inputs: usize, grids: &[GridEncoder]) -> Vec<Range<usize>> {
    let ends = grids.iter().map(|grid| grid.block.first + grid.block.count());
    let starts = grids.iter().map(|grid| grid.block.first).chain([inputs]);
    std::iter::once(0).chain(ends).zip(starts).map(|(start, end)| start..end).filter(|part| !part.is_empty()).collect()
}

impl EncoderScratch {
    pub fn new(encoders: &Encoders) -> Self {
        let most = |numbers: &dyn Fn(&Convolution) -> usize| encoders.convolutions().map(numbers).max().unwrap_or(0);
        let patches = most(&|layer| layer.output.cells() * layer.panels().depth);
        let maps = most(&|layer| layer.output.cells() * row_stride(layer.output.channels));
        let group = (PATCH_NUMBERS / patches.max(1)).clamp(1, BLOCK_ROWS);
        Self {
            features: vec![0.0; BLOCK_ROWS * encoders.width()],
            group,
            patches: vec![0.0; group * patches],
            maps: Aligned::zeros(group * maps),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRID: GridBlock = GridBlock { first: 2, height: 5, width: 4, channels: 3 };

    fn encoders(inputs: usize, grids: &[GridBlock], channels: &[usize]) -> Result<Encoders, NetError> {
        let mut end = 0;
        Encoders::new(inputs, grids, channels, |count| {
            end += count;
            end - count..end
        })
    }

    #[test]
    fn columns_outside_grids_are_kept() {
        let check = |inputs, grids: &[GridBlock], expected: &[(usize, usize)]| {
            let rest = encoders(inputs, grids, &[1]).unwrap().rest;
            assert!(rest.iter().map(|columns| (columns.start, columns.end)).eq(expected.iter().copied()), "{rest:?}");
        };
        check(64, &[GRID], &[(0, 2), (62, 64)]);
        check(62, &[GRID], &[(0, 2)]);
        check(122, &[GRID, GridBlock { first: 62, ..GRID }], &[(0, 2)]);
    }

    /// The sizes are 5×4 → 3×2 → 2×1 cells.
    #[test]
    fn every_convolution_halves_the_grid() {
        let encoders = encoders(64, &[GRID], &[4, 6]).unwrap();
        let sizes = encoders.convolutions().map(|layer| (layer.output.height, layer.output.width)).collect::<Vec<_>>();
        assert_eq!(sizes, [(3, 2), (2, 1)]);
        assert_eq!((encoders.width(), encoders.map_numbers()), (4 + 12, 24 + 12));
    }

    #[test]
    fn what_can_not_be_is_refused() {
        let refused =
            |inputs, grid: GridBlock, channels: &[usize]| encoders(inputs, &[grid], channels).unwrap_err().to_string();
        assert_eq!(encoders(64, &[], &[4]).unwrap_err(), NetError::NoGrid);
        assert!(refused(61, GRID, &[4]).contains("columns 2 to 61"), "{}", refused(61, GRID, &[4]));
        assert!(refused(64, GridBlock { height: 0, ..GRID }, &[4]).contains("0×4×3"));
        assert!(refused(64, GRID, &[4; 257]).contains("257 convolutions"));
        assert!(refused(64, GRID, &[usize::MAX]).contains("numbers of a grid"));
        let large = GridBlock { first: 0, height: 1 << 13, width: 1 << 12, channels: 1 };
        assert!(refused(large.count(), large, &[1]).contains("numbers of a grid"));
        let huge = GridBlock { first: 0, height: usize::MAX, width: usize::MAX, channels: 1 };
        assert!(refused(usize::MAX, huge, &[1]).contains("numbers of a grid"));
    }
}
