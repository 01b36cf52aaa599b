//! Working memory of one thread.

use crate::Layout;
use crate::aligned::Aligned;
use crate::kernel::{Rows, RowsMut};
use crate::layout::{Dense, Form};
use crate::panels::row_stride;

/// Rows that are computed together.
///
/// Enough to amortise reading the weights, few enough that the activations of a small network stay in the cache. A
/// multiple of six, the rows of a register tile.
pub(crate) const BLOCK_ROWS: usize = 96;

/// Working memory for one thread; made once, so that nothing allocates later.
///
/// Fits every [`Network`](crate::Network) of the [`Layout`] that it was made for.
#[derive(Clone, Debug)]
pub struct Scratch {
    pub(crate) trunk: ChainScratch,
    pub(crate) actor: ChainScratch,
    pub(crate) critic: ChainScratch,
    /// The gradient by a layer's sums, and that by the sums of the layer before it.
    pub(crate) gradients: [Aligned; 2],
    /// The gradient by the trunk's last sums, gathered from both heads.
    pub(crate) trunk_gradient: Aligned,
    pub(crate) outputs: Vec<f32>,
    pub(crate) values: Vec<f32>,
    pub(crate) d_outputs: Vec<f32>,
    pub(crate) d_values: Vec<f32>,
}

/// What the layers of a chain computed.
#[derive(Clone, Debug)]
pub(crate) struct ChainScratch {
    pub hidden: Vec<Block>,
    /// A wide head's outputs, padded; empty for narrow heads.
    pub head: Block,
}

/// A block of padded rows.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub data: Aligned,
    pub stride: usize,
}

impl Scratch {
    /// Working memory for networks of this layout.
    pub fn new(layout: &Layout) -> Self {
        let widest = layout.layers().map(|layer| layer.outputs.max(layer.inputs)).max().unwrap_or(0);
        let gradient = || Aligned::zeros(BLOCK_ROWS * row_stride(widest));
        Self {
            trunk: ChainScratch::new(&layout.trunk, false),
            actor: ChainScratch::new(&layout.actor, true),
            critic: ChainScratch::new(&layout.critic, true),
            gradients: [gradient(), gradient()],
            trunk_gradient: gradient(),
            outputs: vec![0.0; BLOCK_ROWS * layout.output_width()],
            values: vec![0.0; BLOCK_ROWS],
            d_outputs: vec![0.0; BLOCK_ROWS * layout.output_width()],
            d_values: vec![0.0; BLOCK_ROWS],
        }
    }
}

impl ChainScratch {
    fn new(layers: &[Dense], has_head: bool) -> Self {
        let (hidden, head) = layers.split_at(layers.len() - usize::from(has_head));
        let wide_head = head.first().filter(|head| head.form == Form::Wide);
        Self {
            hidden: hidden.iter().map(|layer| Block::new(layer.outputs)).collect(),
            head: Block::new(wide_head.map_or(0, |head| head.outputs)),
        }
    }
}

impl Block {
    fn new(width: usize) -> Self {
        let stride = row_stride(width);
        Self { data: Aligned::zeros(BLOCK_ROWS * stride), stride }
    }

    /// Copies the first `width` columns to rows without padding.
    pub fn copy_to(&self, width: usize, out: &mut [f32]) {
        for (out, row) in out.chunks_exact_mut(width).zip(self.data.chunks_exact(self.stride)) {
            out.copy_from_slice(&row[..width]);
        }
    }

    /// Copies rows without padding to the first `width` columns.
    pub fn copy_from(&mut self, width: usize, rows: &[f32]) {
        for (row, given) in self.data.chunks_exact_mut(self.stride).zip(rows.chunks_exact(width)) {
            row[..width].copy_from_slice(given);
        }
    }

    pub fn rows(&self) -> Rows<'_> {
        Rows { data: &self.data, stride: self.stride }
    }

    pub fn rows_mut(&mut self) -> RowsMut<'_> {
        RowsMut { data: &mut self.data, stride: self.stride }
    }
}
