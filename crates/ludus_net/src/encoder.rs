//! Encoders: the layers between the observation and the dense layers.

mod attention;
mod convolution;
mod grid;
mod history;
mod last_action;
mod linear;
mod map;
mod set;
mod stack;

use std::ops::Range;

use ludus_spec::Head;

use crate::aligned::Aligned;
use crate::config::shared_problem;
use crate::cursor::Cursor;
use crate::kernel::{Rows, RowsMut};
use crate::panels::{padded, row_stride};
use crate::pass::{BLOCK_ROWS, Pass};
use crate::{BlockColumns, Encoder, InputBlock, NetError, NetworkConfig};

pub(crate) use convolution::Convolution;
use grid::GridEncoder;
use grid::GridScratch;
use last_action::LastAction;
pub(crate) use linear::Linear;
use map::{Bordered, MapSize};
use set::{SetEncoder, SetScratch};
use stack::StackEncoder;

/// The maximum number of layers of all encoders together. The names of their tensors are compared pairwise.
const LAYER_LIMIT: usize = 256;

/// The reason that an encoder finds the working memory of its own kind.
const OTHER_SCRATCH: &str = "the scratch memory was made for another layout";

/// The maximum count of a row's numbers in the encoders, with borders and padding: 64 MiB.
const MAP_LIMIT: usize = 1 << 24;

/// The count of numbers of a block of rows: they must stay in the cache.
const BLOCK_NUMBERS: usize = 1 << 18;

/// The layers between an observation and the dense layers: none for a perceptron.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Encoders {
    /// In the order of their columns, but those for the critic alone last.
    pub blocks: Vec<BlockEncoder>,
    /// The count of blocks that the policy reads.
    policy_blocks: usize,
    /// Columns without an encoder that policy and critic read.
    rest: Vec<Range<usize>>,
    /// The last action, if the dense layers read it.
    last_action: Option<LastAction>,
    /// Columns for the critic alone, encoded or not.
    critic_columns: Vec<Range<usize>>,
    /// Those that the critic reads without an encoder.
    critic_rest: Vec<Range<usize>>,
}

/// The results that are computed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoded {
    /// Those that the policy reads.
    OfPolicy,
    /// Those that policy and critic read.
    OfAll,
}

/// A block of the observation, with its layers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum BlockEncoder {
    Stack(StackEncoder),
    Grid(GridEncoder),
    Set(Box<SetEncoder>),
}

/// A layer of an encoder.
#[derive(Clone, Copy, Debug)]
pub(crate) enum EncoderLayer<'a> {
    Convolution(&'a Convolution),
    Linear(&'a Linear),
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
    /// Earlier steps that encoders read `[rows, history width]`.
    history: Vec<f32>,
    history_width: usize,
    blocks: Vec<BlockScratch>,
}

/// Working memory of one encoder.
#[derive(Clone, Debug)]
enum BlockScratch {
    None,
    Grid(GridScratch),
    Set(Box<SetScratch>),
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
        config: &NetworkConfig,
        cursor: &mut Cursor,
    ) -> Result<Self, NetError> {
        let encoders = &config.encoders;
        let is_there = |field: &String| {
            blocks.iter().any(|block| block.field == *field && !(block.is_critic && config.without_critic))
        };
        if let Some(field) = encoders.keys().find(|&field| !is_there(field)) {
            return Err(NetError::NoBlock { field: field.clone() });
        }
        let of_critic = blocks.iter().filter(|block| block.is_critic).collect::<Vec<_>>();
        if encoders.is_empty() && of_critic.is_empty() {
            return Ok(Self::default());
        }
        let mut encoded =
            blocks.iter().filter_map(|block| Some((block, encoders.get(&block.field)?))).collect::<Vec<_>>();
        check(inputs, &encoded)?;
        check_critic(inputs, &of_critic, config)?;
        let is_read = |block: &&InputBlock| block.is_critic || encoders.contains_key(&block.field);
        let ranges = blocks.iter().filter(is_read).map(|block| block.columns.range());
        let rest = rest(inputs, &ranges.collect::<Vec<_>>());
        let critic_columns = of_critic.iter().map(|block| block.columns.range()).collect();
        let is_plain = |block: &&&InputBlock| !config.without_critic && !encoders.contains_key(&block.field);
        let critic_rest = of_critic.iter().filter(is_plain).map(|block| block.columns.range()).collect();
        encoded.sort_by_key(|(block, _)| block.is_critic);
        let policy_blocks = encoded.iter().filter(|(block, _)| !block.is_critic).count();
        let blocks = encoded.into_iter().map(|(block, encoder)| match (block.columns, encoder) {
            (BlockColumns::Values(values), &Encoder::Stack(steps)) => {
                BlockEncoder::Stack(StackEncoder::new(&block.field, values, steps, cursor))
            }
            (BlockColumns::Grid(grid), Encoder::Convolve(channels)) => {
                BlockEncoder::Grid(GridEncoder::new(&block.field, grid, channels, cursor))
            }
            (BlockColumns::Set(set), encoder) => {
                BlockEncoder::Set(Box::new(SetEncoder::new(&block.field, set, encoder, cursor)))
            }
            (BlockColumns::Values(_) | BlockColumns::Grid(_), _) => unreachable!("checked above"),
        });
        Ok(Self { blocks: blocks.collect(), policy_blocks, rest, last_action: None, critic_columns, critic_rest })
    }

    /// Lets the dense layers read the last action too, behind all other inputs.
    pub fn observe_last_action(&mut self, inputs: usize, heads: &[Head], cursor: &mut Cursor) {
        if self.is_empty() {
            self.rest = rest(inputs, &[]);
        }
        self.last_action = Some(LastAction::new(heads, cursor));
    }

    /// True for a perceptron whose actor and critic read the same.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty() && self.last_action.is_none() && self.critic_columns.is_empty()
    }

    /// True if some columns are for the critic alone.
    pub fn has_critic_columns(&self) -> bool {
        !self.critic_columns.is_empty()
    }

    /// True for one of its blocks if only the critic reads it.
    pub fn is_of_critic(&self, block: &BlockEncoder) -> bool {
        self.critic_columns.contains(&block.columns().range())
    }

    /// True if an encoder has parameters.
    pub fn has_layers(&self) -> bool {
        self.layers().next().is_some()
    }

    /// Returns all layers, in the order of their tensors.
    pub fn layers(&self) -> impl Iterator<Item = EncoderLayer<'_>> {
        self.blocks.iter().flat_map(BlockEncoder::layers)
    }

    /// Columns without an encoder that policy and critic read.
    pub fn rest(&self) -> &[Range<usize>] {
        &self.rest
    }

    /// Columns without an encoder that only the critic reads.
    pub fn critic_rest(&self) -> &[Range<usize>] {
        &self.critic_rest
    }

    /// Returns the input width of the policy's dense layers; 0 for a perceptron.
    pub fn policy_width(&self) -> usize {
        let features = self.blocks[..self.policy_blocks].iter().map(BlockEncoder::features);
        let own = self.last_action.iter().map(|action| action.columns.len());
        features.chain(own).fold(self.rest.iter().map(Range::len).sum(), usize::saturating_add)
    }

    /// Returns the input width of the critic's dense layers, whose first inputs are those of the policy; 0 for a
    /// perceptron.
    pub fn width(&self) -> usize {
        let features = self.blocks[self.policy_blocks..].iter().map(BlockEncoder::features);
        let own = self.critic_rest.iter().map(Range::len);
        own.chain(features).fold(self.policy_width(), usize::saturating_add)
    }

    /// Returns the blocks that are computed, each with its index and the first of its results in the inputs of the dense
    /// layers.
    fn placed(&self, encoded: Encoded) -> impl Iterator<Item = (usize, &BlockEncoder, usize)> {
        let count = match encoded {
            Encoded::OfPolicy => self.policy_blocks,
            Encoded::OfAll => self.blocks.len(),
        };
        let mut next = self.rest.iter().map(Range::len).sum::<usize>();
        self.blocks[..count].iter().enumerate().map(move |(index, block)| {
            if index == self.policy_blocks {
                next = self.policy_width() + self.critic_rest.iter().map(Range::len).sum::<usize>();
            }
            let first = next;
            next += block.features();
            (index, block, first)
        })
    }

    /// Returns the count of the outputs of all layers per row, where every set is full.
    pub fn map_numbers(&self) -> usize {
        self.blocks.iter().map(BlockEncoder::outputs).fold(0, usize::saturating_add)
    }

    /// Returns the count of multiplications per row beyond the first of each parameter, where every set is full.
    pub fn repeated_multiplications(&self) -> usize {
        self.blocks.iter().map(BlockEncoder::repeated_multiplications).fold(0, usize::saturating_add)
    }

    /// Returns the rows that are computed together.
    ///
    /// A whole number of register tiles if possible, and so few that what they need stays in the cache from the forward
    /// to the backward pass.
    pub fn block_rows(&self) -> usize {
        let numbers = self.blocks.iter().fold(2 * self.width(), |sum, block| sum.saturating_add(block.memory()));
        match BLOCK_NUMBERS / numbers.max(1) {
            BLOCK_ROWS.. => BLOCK_ROWS,
            0 => 1,
            few @ 1..6 => few,
            rows => rows - rows % 6,
        }
    }

    /// Computes the inputs of the dense layers: the columns without an encoder, then the outputs of each encoder; those of
    /// convolutions channel by channel; then the last action. For a perceptron, these are the inputs themselves.
    /// What the critic reads in addition stands behind all this.
    pub fn encode<'a>(
        &self,
        pass: Pass<'_>,
        input: Rows<'a>,
        encoded: Encoded,
        scratch: &'a mut EncoderScratch,
    ) -> Rows<'a> {
        if self.is_empty() {
            return input;
        }
        for rows in self.blocks(pass.row_count) {
            self.encode_block(pass, input, (rows, encoded), scratch);
        }
        scratch.rows()
    }

    /// Adds the gradients of all parameters to `gradient`. `scratch` holds the results of the last
    /// [`encode`](Self::encode), and the gradients with respect to them.
    pub fn backward(&self, pass: Pass<'_>, input: Rows<'_>, scratch: &mut EncoderScratch, gradient: &mut [f32]) {
        for rows in self.blocks(pass.row_count).filter(|_| self.has_layers()) {
            // Of several blocks, as there are with memory, only the last one's maps are still there.
            if rows.len() < pass.row_count {
                self.encode_block(pass, input, (rows.clone(), Encoded::OfAll), scratch);
            }
            self.block_backward(pass, input, rows, scratch, gradient);
        }
    }

    /// Returns the rows of each block.
    fn blocks(&self, row_count: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let block = self.block_rows();
        (0..row_count).step_by(block).map(move |first| first..row_count.min(first + block))
    }

    fn encode_block(
        &self,
        pass: Pass<'_>,
        input: Rows<'_>,
        (rows, encoded): (Range<usize>, Encoded),
        scratch: &mut EncoderScratch,
    ) {
        let pass = Pass { row_count: rows.len(), ..pass };
        let input = Rows { data: &input.data[rows.start * input.stride..], stride: input.stride };
        let EncoderScratch { features, widths: (width, _), blocks, history, history_width, .. } = scratch;
        let history = EncoderScratch::history_from(history, *history_width, rows.start);
        let features = &mut features[rows.start * *width..];
        let policy_width = self.policy_width();
        for (row, features) in features.chunks_exact_mut(*width).take(pass.row_count).enumerate() {
            let observed = &input.data[row * input.stride..];
            copy_columns(observed, &self.rest, features);
            if encoded == Encoded::OfAll {
                copy_columns(observed, &self.critic_rest, &mut features[policy_width..]);
            }
        }
        for (index, block, first) in self.placed(encoded) {
            let rows = features.chunks_exact_mut(*width).map(|features| &mut features[first..]);
            match (block, &mut blocks[index]) {
                (BlockEncoder::Stack(stack), _) => stack.encode(input, history, rows.take(pass.row_count)),
                (BlockEncoder::Grid(grid), BlockScratch::Grid(scratch)) => grid.encode(pass, input, scratch, rows),
                (BlockEncoder::Set(set), BlockScratch::Set(scratch)) => set.encode(pass, input, scratch, rows),
                _ => unreachable!("{OTHER_SCRATCH}"),
            }
        }
        if let Some(LastAction { columns, .. }) = &self.last_action {
            let own = policy_width - columns.len()..policy_width;
            for (row, features) in features.chunks_exact_mut(*width).take(pass.row_count).enumerate() {
                features[own.clone()].copy_from_slice(&history.data[row * history.stride..][columns.clone()]);
            }
        }
    }

    fn block_backward(
        &self,
        pass: Pass<'_>,
        input: Rows<'_>,
        rows: Range<usize>,
        scratch: &mut EncoderScratch,
        gradient: &mut [f32],
    ) {
        let pass = Pass { row_count: rows.len(), ..pass };
        let input = Rows { data: &input.data[rows.start * input.stride..], stride: input.stride };
        let EncoderScratch { d_features, widths: (_, stride), blocks, .. } = scratch;
        let d_features = &d_features[rows.start * *stride..];
        for (index, block, first) in self.placed(Encoded::OfAll) {
            let rows = d_features.chunks_exact(*stride).map(|features| &features[first..]);
            match (block, &mut blocks[index]) {
                (BlockEncoder::Stack(_), _) => {}
                (BlockEncoder::Grid(grid), BlockScratch::Grid(scratch)) => grid.backward(pass, rows, scratch, gradient),
                (BlockEncoder::Set(set), BlockScratch::Set(scratch)) => {
                    set.backward(pass, input, rows, scratch, gradient);
                }
                _ => unreachable!("{OTHER_SCRATCH}"),
            }
        }
    }

    /// Sets the padding to 0, and copies the weights into their transposed copies.
    pub fn refresh(&self, parameters: &mut [f32], transposed: &mut [f32]) {
        for layer in self.layers() {
            match layer {
                EncoderLayer::Convolution(convolution) => convolution.refresh(parameters, transposed),
                EncoderLayer::Linear(linear) => linear.refresh(parameters, transposed),
            }
        }
    }
}

impl BlockEncoder {
    /// Returns the name of the field that is read.
    pub fn field(&self) -> &str {
        match self {
            Self::Stack(stack) => &stack.field,
            Self::Grid(grid) => &grid.field,
            Self::Set(set) => &set.field,
        }
    }

    pub fn columns(&self) -> BlockColumns {
        match self {
            Self::Stack(stack) => BlockColumns::Values(stack.block),
            Self::Grid(grid) => BlockColumns::Grid(grid.block),
            Self::Set(set) => BlockColumns::Set(set.block),
        }
    }

    /// Returns the columns of a row's memory that are read.
    pub fn memory_columns(&self) -> Range<usize> {
        match self {
            Self::Stack(stack) => stack.columns.clone(),
            Self::Grid(_) | Self::Set(_) => 0..0,
        }
    }

    fn layers(&self) -> impl Iterator<Item = EncoderLayer<'_>> {
        let (convolutions, linears) = match self {
            Self::Stack(_) => (&[][..], None),
            Self::Grid(grid) => (&grid.layers[..], None),
            Self::Set(set) => (&[][..], Some(set.layers())),
        };
        let linears = linears.into_iter().flatten().map(EncoderLayer::Linear);
        convolutions.iter().map(EncoderLayer::Convolution).chain(linears)
    }

    /// Returns the count of results per row.
    pub fn features(&self) -> usize {
        match self {
            Self::Stack(stack) => stack.features(),
            Self::Grid(grid) => grid.output().count(),
            Self::Set(set) => set.features(),
        }
    }

    fn outputs(&self) -> usize {
        match self {
            Self::Stack(_) => 0,
            Self::Grid(grid) => {
                grid.layers.iter().map(|layer| layer.output.size.count()).fold(0, usize::saturating_add)
            }
            Self::Set(set) => set.memory(),
        }
    }

    fn memory(&self) -> usize {
        match self {
            Self::Stack(_) => 0,
            Self::Grid(grid) => grid.memory(),
            Self::Set(set) => set.memory(),
        }
    }

    fn repeated_multiplications(&self) -> usize {
        let repeated = |times: usize, weight: &Range<usize>| (times.max(1) - 1).saturating_mul(weight.len());
        match self {
            Self::Stack(_) => 0,
            Self::Grid(grid) => {
                let layers = grid.layers.iter().map(|layer| repeated(layer.output.size.cells(), &layer.weight));
                layers.fold(0, usize::saturating_add)
            }
            Self::Set(set) => {
                let layers = set.layers().map(|layer| repeated(set.block.capacity, &layer.weight));
                layers.fold(0, usize::saturating_add)
            }
        }
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
            history: vec![0.0; rows * encoders.history_width()],
            history_width: encoders.history_width(),
            blocks: encoders.blocks.iter().map(|encoder| BlockScratch::new(encoder, block)).collect(),
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

impl BlockScratch {
    fn new(block: &BlockEncoder, rows: usize) -> Self {
        match block {
            BlockEncoder::Stack(_) => Self::None,
            BlockEncoder::Grid(grid) => Self::Grid(GridScratch::new(grid, rows)),
            BlockEncoder::Set(set) => Self::Set(Box::new(SetScratch::new(set, rows))),
        }
    }
}

fn check(inputs: usize, encoded: &[(&InputBlock, &Encoder)]) -> Result<(), NetError> {
    let convolutions = encoded.iter().map(|(_, encoder)| match encoder {
        Encoder::Stack(_) => 0,
        Encoder::Convolve(channels) => channels.len(),
        Encoder::Pool(_) => 1,
        // A layer for each head's values.
        Encoder::Attend { heads, .. } => heads.saturating_add(4),
    });
    let count = convolutions.fold(0, usize::saturating_add);
    if count > LAYER_LIMIT {
        return Err(NetError::TooManyLayers { count, limit: LAYER_LIMIT });
    }
    let (mut end, mut numbers) = (0, 0_usize);
    for (block, encoder) in encoded {
        if !block.columns.fits(encoder) {
            return Err(NetError::NoBlock { field: block.field.clone() });
        }
        let Range { start, end: after } = block.columns.range();
        if is_empty(block.columns) || start < end || after > inputs {
            return Err(NetError::InputBlock { block: (*block).clone(), inputs });
        }
        end = after;
        numbers = numbers.saturating_add(numbers_of(block.columns, encoder));
    }
    if numbers > MAP_LIMIT {
        return Err(NetError::LargeMap { numbers, limit: MAP_LIMIT });
    }
    Ok(())
}

/// Checks the blocks for the critic alone.
fn check_critic(inputs: usize, of_critic: &[&InputBlock], config: &NetworkConfig) -> Result<(), NetError> {
    let mut end = 0;
    for block in of_critic {
        let Range { start, end: after } = block.columns.range();
        if is_empty(block.columns) || start < end || after > inputs {
            return Err(NetError::InputBlock { block: (*block).clone(), inputs });
        }
        end = after;
        if let Some(Encoder::Stack(_)) = config.encoders.get(&block.field) {
            return Err(NetError::NoBlock { field: block.field.clone() });
        }
    }
    match of_critic.first().filter(|_| config.shared) {
        Some(block) => Err(NetError::Config(shared_problem(&block.field).message)),
        None => Ok(()),
    }
}

/// Copies these columns of an observation to the first places of `features`.
fn copy_columns(observed: &[f32], columns: &[Range<usize>], features: &mut [f32]) {
    let mut first = 0;
    for columns in columns {
        let own = &observed[columns.clone()];
        features[first..first + own.len()].copy_from_slice(own);
        first += own.len();
    }
}

const fn is_empty(columns: BlockColumns) -> bool {
    match columns {
        BlockColumns::Values(values) => values.width == 0,
        BlockColumns::Grid(grid) => grid.count() == 0,
        BlockColumns::Set(set) => set.capacity == 0 || set.parts == 0,
    }
}

/// Returns about the count of numbers of a row in memory. Saturates.
fn numbers_of(columns: BlockColumns, encoder: &Encoder) -> usize {
    match (columns, encoder) {
        (BlockColumns::Grid(grid), Encoder::Convolve(channels)) => map_numbers(MapSize::of(grid), channels),
        (BlockColumns::Set(set), Encoder::Attend { width, heads }) => {
            let scores = heads.saturating_mul(set.capacity).saturating_mul(padded(set.capacity));
            let of_heads = heads.saturating_mul(padded(width / heads.max(&1)));
            let of_element = padded(*width).saturating_mul(2).saturating_add(of_heads.saturating_mul(4));
            let mixed = heads.saturating_mul(padded(*width)).saturating_mul(2);
            set.capacity.saturating_mul(of_element).saturating_add(scores).saturating_add(mixed)
        }
        (BlockColumns::Set(set), Encoder::Pool(width)) => set.capacity.saturating_mul(padded(*width)).saturating_mul(2),
        (BlockColumns::Values(values), &Encoder::Stack(steps)) => values.width.saturating_mul(steps),
        (BlockColumns::Values(_) | BlockColumns::Grid(_), _) | (BlockColumns::Set(_), _) => 0,
    }
}

/// Returns the count of numbers of a grid and of its convolutions' outputs in memory. Saturates.
fn map_numbers(grid: MapSize, channels: &[usize]) -> usize {
    let mut size = grid;
    let maps = channels.iter().map(|&channels| {
        size = size.halved(channels);
        Bordered::of_map(size).len()
    });
    maps.fold(Bordered::of_grid(grid).len(), usize::saturating_add)
}

/// Returns the ranges of columns without an encoder.
fn rest(inputs: usize, encoded: &[Range<usize>]) -> Vec<Range<usize>> {
    let ends = encoded.iter().map(|columns| columns.end);
    let starts = encoded.iter().map(|columns| columns.start).chain([inputs]);
    std::iter::once(0).chain(ends).zip(starts).map(|(start, end)| start..end).filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::GridBlock;

    const GRID: GridBlock = GridBlock { first: 2, height: 5, width: 4, channels: 3 };

    fn encoders(inputs: usize, grids: &[GridBlock], channels: &[usize]) -> Result<Encoders, NetError> {
        let name = |index: usize| format!("grid {index}");
        let blocks = grids.iter().enumerate().map(|(index, &grid)| InputBlock::grid(&name(index), grid));
        let blocks = blocks.collect::<Vec<_>>();
        let encoders = (0..grids.len().max(1)).map(|index| (name(index), Encoder::Convolve(channels.to_vec())));
        let config = NetworkConfig { encoders: encoders.collect(), ..NetworkConfig::default() };
        Encoders::new(inputs, &blocks, &config, &mut Cursor::default())
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
        let BlockEncoder::Grid(grid) = &encoders.blocks[0] else { unreachable!("it is a grid") };
        let sizes = grid.layers.iter().map(|layer| (layer.output.size.height, layer.output.size.width));
        let sizes = sizes.collect::<Vec<_>>();
        assert_eq!(sizes, [(3, 2), (2, 1)]);
        assert_eq!((encoders.width(), encoders.map_numbers()), (4 + 12, 24 + 12));
    }

    #[test]
    fn what_can_not_be_is_refused() {
        let refused =
            |inputs, grid: GridBlock, channels: &[usize]| encoders(inputs, &[grid], channels).unwrap_err().to_string();
        assert!(encoders(64, &[], &[4]).unwrap_err().to_string().contains("`grid 0`, which is no field"));
        assert!(refused(61, GRID, &[4]).contains("columns 2 to 61 of 61"), "{}", refused(61, GRID, &[4]));
        assert!(refused(64, GridBlock { height: 0, ..GRID }, &[4]).contains("can't be `grid 0`"));
        assert!(refused(64, GRID, &[4; 257]).contains("257 layers"));
        assert!(refused(64, GRID, &[usize::MAX]).contains("numbers of a row"));
        let large = GridBlock { first: 0, height: 1 << 13, width: 1 << 12, channels: 1 };
        assert!(refused(large.count(), large, &[1]).contains("numbers of a row"));
        let huge = GridBlock { first: 0, height: usize::MAX, width: usize::MAX, channels: 1 };
        assert!(refused(usize::MAX, huge, &[1]).contains("numbers of a row"));
    }
}
