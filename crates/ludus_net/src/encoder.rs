//! Encoders: the layers between the observation and the dense layers.

mod convolution;
mod grid;
mod map;

use std::collections::BTreeMap;
use std::ops::Range;

use crate::aligned::Aligned;
use crate::cursor::Cursor;
use crate::kernel::{Rows, RowsMut};
use crate::panels::row_stride;
use crate::pass::{BLOCK_ROWS, Pass};
use crate::{BlockColumns, Encoder, GridBlock, InputBlock, NetError};

pub(crate) use convolution::Convolution;
pub(crate) use grid::GridEncoder;
use grid::GridScratch;
use map::{Bordered, MapSize};

/// The maximum number of convolutions over all grids together. The names of their tensors are compared pairwise.
const CONVOLUTION_LIMIT: usize = 256;

/// The maximum count of numbers of a row's grids and maps, with border and padding: 64 MiB.
const MAP_LIMIT: usize = 1 << 24;

/// The count of numbers of a block of rows: they must stay in the cache.
const BLOCK_NUMBERS: usize = 1 << 18;

/// The layers between an observation and the dense layers: none for a perceptron.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Encoders {
    pub grids: Vec<GridEncoder>,
    /// Columns without an encoder.
    rest: Vec<Range<usize>>,
}

/// Working memory of the encoders; of no size for a perceptron.
#[derive(Clone, Debug)]
pub(crate) struct EncoderScratch {
    /// Inputs of the dense layers: `[rows, features]`.
    pub features: Vec<f32>,
    /// The gradients with respect to them, padded.
    pub d_features: Aligned,
    /// The count of features, and the distance between their rows of gradients.
    widths: (usize, usize),
    grids: Vec<GridScratch>,
}

impl Encoders {
    /// Makes the encoders of these blocks, which are in the order of their columns.
    ///
    /// # Errors
    ///
    /// If an encoder is for no block, if a block is empty or out of order, or if there are too many convolutions or too
    /// large maps.
    pub fn new(
        inputs: usize,
        blocks: &[InputBlock],
        encoders: &BTreeMap<String, Encoder>,
        cursor: &mut Cursor,
    ) -> Result<Self, NetError> {
        if let Some(field) = encoders.keys().find(|&field| blocks.iter().all(|block| block.field != *field)) {
            return Err(NetError::NoBlock { field: field.clone() });
        }
        if encoders.is_empty() {
            return Ok(Self::default());
        }
        let encoded = blocks.iter().filter_map(|block| {
            let Encoder::Convolve(channels) = encoders.get(&block.field)?;
            let BlockColumns::Grid(grid) = block.columns;
            Some((block.field.as_str(), grid, channels.as_slice()))
        });
        let encoded = encoded.collect::<Vec<_>>();
        check(inputs, &encoded)?;
        let grids = encoded.into_iter().map(|(field, grid, channels)| GridEncoder::new(field, grid, channels, cursor));
        let grids = grids.collect::<Vec<_>>();
        Ok(Self { rest: rest(inputs, &grids), grids })
    }

    /// True for a perceptron.
    pub fn is_empty(&self) -> bool {
        self.grids.is_empty()
    }

    pub fn convolutions(&self) -> impl Iterator<Item = &Convolution> {
        self.grids.iter().flat_map(|grid| &grid.layers)
    }

    /// Columns without an encoder.
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
        self.convolutions().map(|layer| layer.output.size.count()).fold(0, usize::saturating_add)
    }

    /// Returns the count of multiplications per row beyond the first of each parameter.
    pub fn repeated_multiplications(&self) -> usize {
        let repeated = |layer: &Convolution| (layer.output.size.cells() - 1).saturating_mul(layer.weight.len());
        self.convolutions().map(repeated).fold(0, usize::saturating_add)
    }

    /// Returns the rows that are computed together.
    ///
    /// A whole number of register tiles if possible, and so few that what they need stays in the cache from the forward
    /// to the backward pass.
    pub fn block_rows(&self) -> usize {
        let numbers = self.grids.iter().fold(2 * self.width(), |sum, grid| sum.saturating_add(grid.memory()));
        match BLOCK_NUMBERS / numbers.max(1) {
            BLOCK_ROWS.. => BLOCK_ROWS,
            0 => 1,
            few @ 1..6 => few,
            rows => rows - rows % 6,
        }
    }

    /// Computes the inputs of the dense layers: the columns without an encoder, then the outputs of the convolutions of
    /// each grid, channel by channel. For a perceptron, these are the inputs themselves.
    pub fn encode<'a>(&self, pass: Pass<'_>, input: Rows<'a>, scratch: &'a mut EncoderScratch) -> Rows<'a> {
        if self.is_empty() {
            return input;
        }
        for rows in self.blocks(pass.row_count) {
            self.encode_block(pass, input, rows, scratch);
        }
        scratch.rows()
    }

    /// Adds the gradients of all parameters to `gradient`. `scratch` holds the results of the last
    /// [`encode`](Self::encode), and the gradients with respect to them.
    pub fn backward(&self, pass: Pass<'_>, input: Rows<'_>, scratch: &mut EncoderScratch, gradient: &mut [f32]) {
        for rows in self.blocks(pass.row_count).filter(|_| !self.is_empty()) {
            // Of several blocks, as there are with memory, only the last one's maps are still there.
            if rows.len() < pass.row_count {
                self.encode_block(pass, input, rows.clone(), scratch);
            }
            self.block_backward(pass, rows, scratch, gradient);
        }
    }

    /// Returns the rows of each block.
    fn blocks(&self, row_count: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let block = self.block_rows();
        (0..row_count).step_by(block).map(move |first| first..row_count.min(first + block))
    }

    fn encode_block(&self, pass: Pass<'_>, input: Rows<'_>, rows: Range<usize>, scratch: &mut EncoderScratch) {
        let pass = Pass { row_count: rows.len(), ..pass };
        let input = Rows { data: &input.data[rows.start * input.stride..], stride: input.stride };
        let EncoderScratch { features, widths: (width, _), grids, .. } = scratch;
        let features = &mut features[rows.start * *width..];
        for (row, features) in features.chunks_exact_mut(*width).take(pass.row_count).enumerate() {
            let mut first = 0;
            for columns in &self.rest {
                let own = &input.data[row * input.stride..][columns.clone()];
                features[first..first + own.len()].copy_from_slice(own);
                first += own.len();
            }
        }
        let mut first = self.rest.iter().map(Range::len).sum();
        for (grid, scratch) in self.grids.iter().zip(grids) {
            let rows = features.chunks_exact_mut(*width).map(|features| &mut features[first..]);
            grid.encode(pass, input, scratch, rows);
            first += grid.output().count();
        }
    }

    fn block_backward(&self, pass: Pass<'_>, rows: Range<usize>, scratch: &mut EncoderScratch, gradient: &mut [f32]) {
        let pass = Pass { row_count: rows.len(), ..pass };
        let EncoderScratch { d_features, widths: (_, stride), grids, .. } = scratch;
        let d_features = &d_features[rows.start * *stride..];
        let mut first = self.rest.iter().map(Range::len).sum();
        for (grid, scratch) in self.grids.iter().zip(grids) {
            let rows = d_features.chunks_exact(*stride).map(|features| &features[first..]);
            grid.backward(pass, rows, scratch, gradient);
            first += grid.output().count();
        }
    }

    /// Copies the convolutions' weights into their transposed copies.
    pub fn refresh(&self, parameters: &[f32], transposed: &mut [f32]) {
        self.convolutions().for_each(|layer| layer.refresh(parameters, transposed));
    }
}

impl EncoderScratch {
    /// Allocates working memory for this many rows, and at least a block.
    pub fn new(encoders: &Encoders, rows: usize) -> Self {
        let (block, width) = (encoders.block_rows(), encoders.width());
        let (rows, stride) = (rows.max(block), row_stride(width));
        Self {
            features: vec![0.0; rows * width],
            d_features: Aligned::zeros(rows * stride),
            widths: (width, stride),
            grids: encoders.grids.iter().map(|grid| GridScratch::new(grid, block)).collect(),
        }
    }

    /// Returns the results of the last [`Encoders::encode`].
    pub fn rows(&self) -> Rows<'_> {
        Rows { data: &self.features, stride: self.widths.0 }
    }

    /// Returns those results, and the gradients with respect to them.
    pub fn rows_and_gradients(&mut self) -> (Rows<'_>, RowsMut<'_>) {
        let Self { features, d_features, widths: (width, stride), .. } = self;
        (Rows { data: features, stride: *width }, RowsMut { data: d_features, stride: *stride })
    }
}

fn check(inputs: usize, grids: &[(&str, GridBlock, &[usize])]) -> Result<(), NetError> {
    let count = grids.iter().map(|(_, _, channels)| channels.len()).fold(0, usize::saturating_add);
    if count > CONVOLUTION_LIMIT {
        return Err(NetError::TooManyConvolutions { count, limit: CONVOLUTION_LIMIT });
    }
    let (mut end, mut numbers) = (0, 0_usize);
    for (_, grid, channels) in grids {
        let after = grid.first.saturating_add(grid.count());
        if grid.count() == 0 || grid.first < end || after > inputs {
            return Err(NetError::GridBlock { grid: *grid, inputs });
        }
        end = after;
        numbers = numbers.saturating_add(map_numbers(MapSize::of(*grid), channels));
    }
    if numbers > MAP_LIMIT {
        return Err(NetError::LargeMap { numbers, limit: MAP_LIMIT });
    }
    Ok(())
}

/// Returns the count of numbers of a row's grids and of its convolutions' outputs in memory. Saturates.
fn map_numbers(grid: MapSize, channels: &[usize]) -> usize {
    let mut size = grid;
    let maps = channels.iter().map(|&channels| {
        size = size.halved(channels);
        Bordered::of_map(size).len()
    });
    maps.fold(Bordered::of_grid(grid).len(), usize::saturating_add)
}

/// Returns the ranges of columns without an encoder.
fn rest(inputs: usize, grids: &[GridEncoder]) -> Vec<Range<usize>> {
    let ends = grids.iter().map(|grid| grid.block.first + grid.block.count());
    let starts = grids.iter().map(|grid| grid.block.first).chain([inputs]);
    std::iter::once(0).chain(ends).zip(starts).map(|(start, end)| start..end).filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRID: GridBlock = GridBlock { first: 2, height: 5, width: 4, channels: 3 };

    fn encoders(inputs: usize, grids: &[GridBlock], channels: &[usize]) -> Result<Encoders, NetError> {
        let name = |index: usize| format!("grid {index}");
        let blocks = grids.iter().enumerate().map(|(index, &grid)| InputBlock::grid(&name(index), grid));
        let blocks = blocks.collect::<Vec<_>>();
        let encoders = (0..grids.len().max(1)).map(|index| (name(index), Encoder::Convolve(channels.to_vec())));
        Encoders::new(inputs, &blocks, &encoders.collect(), &mut Cursor::default())
    }

    #[test]
    fn columns_without_an_encoder_are_kept() {
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
        let sizes = encoders
            .convolutions()
            .map(|layer| (layer.output.size.height, layer.output.size.width))
            .collect::<Vec<_>>();
        assert_eq!(sizes, [(3, 2), (2, 1)]);
        assert_eq!((encoders.width(), encoders.map_numbers()), (4 + 12, 24 + 12));
    }

    #[test]
    fn what_can_not_be_is_refused() {
        let refused =
            |inputs, grid: GridBlock, channels: &[usize]| encoders(inputs, &[grid], channels).unwrap_err().to_string();
        assert!(encoders(64, &[], &[4]).unwrap_err().to_string().contains("`grid 0`, which is no grid"));
        assert!(refused(61, GRID, &[4]).contains("columns 2 to 61"), "{}", refused(61, GRID, &[4]));
        assert!(refused(64, GridBlock { height: 0, ..GRID }, &[4]).contains("0×4×3"));
        assert!(refused(64, GRID, &[4; 257]).contains("257 convolutions"));
        assert!(refused(64, GRID, &[usize::MAX]).contains("numbers of a row's grids"));
        let large = GridBlock { first: 0, height: 1 << 13, width: 1 << 12, channels: 1 };
        assert!(refused(large.count(), large, &[1]).contains("numbers of a row's grids"));
        let huge = GridBlock { first: 0, height: usize::MAX, width: usize::MAX, channels: 1 };
        assert!(refused(usize::MAX, huge, &[1]).contains("numbers of a row's grids"));
    }
}
