//! The working memory of one thread.

use crate::Layout;
use crate::aligned::Aligned;
use crate::dense::Form;
use crate::encoder::EncoderScratch;
use crate::hidden::HiddenScratch;
use crate::layout::Chain;
use crate::memory::{MemoryScratch, Recurrence};
use crate::padded_block::Padded;
use crate::panels::row_stride;

/// Working memory for one thread, allocated once.
///
/// Fits every [`Network`](crate::Network) of the [`Layout`] that it was made for.
#[derive(Clone, Debug)]
pub struct Scratch {
    /// Rows of the largest block that fits.
    rows: usize,
    pub(crate) chains: Chains,
    pub(crate) heads: Heads,
    /// The gradients with respect to the sums of a layer and of the layer before it, alternately.
    pub(crate) deltas: [Aligned; 2],
    /// The gradient with respect to the sums of the trunk's last layer, added up from actor and critic.
    pub(crate) trunk_delta: Aligned,
}

/// The outputs of all layers.
#[derive(Clone, Debug)]
pub(crate) struct Chains {
    pub encoder: EncoderScratch,
    pub trunk: ChainScratch,
    pub actor: ChainScratch,
    pub critic: ChainScratch,
}

/// The outputs of a chain's layers.
#[derive(Clone, Debug)]
pub(crate) struct ChainScratch {
    pub hidden: Vec<HiddenScratch>,
    pub memory: Option<MemoryScratch>,
    /// A wide head's outputs, then the gradient with respect to them. Empty for narrow heads.
    pub head: Padded,
}

/// Results and their gradients, without padding.
#[derive(Clone, Debug)]
pub(crate) struct Heads {
    width: usize,
    value_width: usize,
    pub outputs: Vec<f32>,
    pub values: Vec<f32>,
    pub d_outputs: Vec<f32>,
    pub d_values: Vec<f32>,
}

/// The first rows of [`Heads`].
pub(crate) struct HeadRows<'a> {
    pub outputs: &'a mut [f32],
    pub values: &'a mut [f32],
    pub d_outputs: &'a mut [f32],
    pub d_values: &'a mut [f32],
}

impl Scratch {
    /// Allocates working memory for networks of this layout.
    pub fn new(layout: &Layout) -> Self {
        Self::with_rows(layout, layout.encoders.block_rows())
    }

    /// Allocates working memory for blocks of this many rows.
    fn with_rows(layout: &Layout, rows: usize) -> Self {
        let widest = layout.layers().map(|layer| layer.outputs).max().unwrap_or(0);
        let delta = || Aligned::zeros(rows * row_stride(widest));
        Self {
            rows,
            chains: Chains {
                encoder: EncoderScratch::new(&layout.encoders, rows),
                trunk: ChainScratch::new(&layout.trunk, rows),
                actor: ChainScratch::new(&layout.actor, rows),
                critic: ChainScratch::new(&layout.critic, rows),
            },
            heads: Heads::new(layout, rows),
            deltas: [delta(), delta()],
            trunk_delta: delta(),
        }
    }

    /// Makes room for a block of this many rows: all steps of some rows with memory are one block.
    pub(crate) fn reserve(&mut self, layout: &Layout, rows: usize) {
        if self.rows < rows {
            *self = Self::with_rows(layout, rows);
        }
    }
}

impl Chains {
    /// Returns the memories of a network, with their working memory.
    pub fn memories<'a>(
        &'a mut self,
        layout: &'a Layout,
    ) -> impl Iterator<Item = (&'a Recurrence, &'a mut MemoryScratch)> {
        let chains =
            [(&layout.trunk, &mut self.trunk), (&layout.actor, &mut self.actor), (&layout.critic, &mut self.critic)];
        chains.into_iter().filter_map(|(chain, scratch)| chain.memory.as_ref().zip(scratch.memory.as_mut()))
    }
}

impl Heads {
    fn new(layout: &Layout, rows: usize) -> Self {
        let (width, value_width) = (layout.output_width(), layout.value_heads());
        let (outputs, values) = (vec![0.0; rows * width], vec![0.0; rows * value_width]);
        let (d_outputs, d_values) = (outputs.clone(), values.clone());
        Self { width, value_width, outputs, values, d_outputs, d_values }
    }

    pub fn first_rows(&mut self, row_count: usize) -> HeadRows<'_> {
        HeadRows {
            outputs: &mut self.outputs[..row_count * self.width],
            values: &mut self.values[..row_count * self.value_width],
            d_outputs: &mut self.d_outputs[..row_count * self.width],
            d_values: &mut self.d_values[..row_count * self.value_width],
        }
    }
}

impl ChainScratch {
    fn new(chain: &Chain, rows: usize) -> Self {
        let wide_head = chain.head.as_ref().filter(|head| head.form == Form::Wide);
        Self {
            hidden: chain.hidden.iter().map(|layer| HiddenScratch::new(layer, rows)).collect(),
            memory: chain.memory.as_ref().map(|layer| MemoryScratch::new(layer, rows)),
            head: Padded::new(rows, wide_head.map_or(0, |head| head.outputs)),
        }
    }
}
