//! A set of an observation, and the layers over its elements.

use super::attention::{Attention, AttentionScratch};
use super::linear::{Groups, Linear, LinearParts};
use crate::aligned::Aligned;
use crate::cursor::Cursor;
use crate::kernel::RowsMut;
use crate::kernel::{
    Elements, Finish, PatchOuterSum, PatchProduct, Patches, Pool, PoolBackward, RowSum, Rows, Segment, Start,
};
use crate::panels::{padded, row_stride};
use crate::pass::Pass;
use crate::{Encoder, SetBlock};

/// A set and the layers over its elements.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SetEncoder {
    /// The name of the set's field.
    pub field: String,
    pub block: SetBlock,
    /// The layer over each element.
    pub embedding: Linear,
    /// The attention between the elements; without one, mean and maximum are taken.
    pub attention: Option<Attention>,
}

/// Working memory of a set's encoder.
#[derive(Clone, Debug)]
pub(crate) struct SetScratch {
    /// The elements that are present: their starts in the input, row after row.
    inputs: Vec<u32>,
    /// The first element of each row, then the count of all.
    bounds: Vec<u32>,
    /// The starts of the elements in `embedded`.
    places: Vec<u32>,
    /// Outputs of the embedding, `[elements, width]`.
    embedded: Aligned,
    /// The gradients with respect to the sums of the embedding.
    deltas: Aligned,
    /// Means and maxima `[rows, 2 × width]`, or the attention's results `[rows, width]`.
    pooled: Aligned,
    /// The gradients with respect to them.
    d_pooled: Aligned,
    attention: Option<AttentionScratch>,
}

impl SetEncoder {
    /// Lays out the layers of a set.
    ///
    /// # Panics
    ///
    /// If the encoder is not for sets.
    pub fn new(field: &str, block: SetBlock, encoder: &Encoder, cursor: &mut Cursor) -> Self {
        let (width, heads) = match *encoder {
            Encoder::Pool(width) => (width, None),
            Encoder::Attend { width, heads } => (width, Some(heads)),
            Encoder::Stack(_) | Encoder::Convolve(_) => unreachable!("checked before"),
        };
        let name = format!("encoder.{field}");
        // No gradient flows back to the observation.
        let parts = LinearParts { has_bias: true, is_learned: false };
        let (inputs, outputs) = (Groups::single(block.parts), Groups::single(width));
        let embedding = Linear::new(format!("{name}.embedding"), inputs, outputs, parts, cursor);
        let attention = heads.map(|heads| Attention::new(&name, width, heads, cursor));
        Self { field: field.to_owned(), block, embedding, attention }
    }

    /// Returns the layers, in the order of their tensors.
    pub fn layers(&self) -> impl Iterator<Item = &Linear> {
        std::iter::once(&self.embedding).chain(self.attention.iter().flat_map(Attention::layers))
    }

    fn width(&self) -> usize {
        self.embedding.outputs.size
    }

    /// Returns the count of numbers of a row's results, without the count of elements.
    fn pooled_width(&self) -> usize {
        if self.attention.is_some() { self.width() } else { 2 * self.width() }
    }

    /// Returns the count of features: the results, then the share of the capacity that is present.
    pub fn features(&self) -> usize {
        self.pooled_width().saturating_add(1)
    }

    /// Returns the count of numbers of a row in the scratch memory.
    pub fn memory(&self) -> usize {
        let embedded = self.block.capacity.saturating_mul(row_stride(self.width())).saturating_mul(2);
        let attended = self.attention.as_ref().map_or(0, |attention| attention.memory(self.block.capacity));
        embedded.saturating_add(attended).saturating_add(4 * padded(self.width()))
    }

    /// Encodes `pass.row_count` rows, and writes the results to `features`.
    pub fn encode<'f>(
        &self,
        pass: Pass<'_>,
        input: Rows<'_>,
        scratch: &mut SetScratch,
        features: impl Iterator<Item = &'f mut [f32]>,
    ) {
        self.list_elements(pass.row_count, input, scratch);
        let SetScratch { inputs, bounds, places, embedded, pooled, attention, .. } = scratch;
        let (width, stride) = (padded(self.width()), row_stride(self.width()));
        let count = bounds[pass.row_count] as usize;
        pass.level.run(PatchProduct {
            patches: Patches { data: input.data, starts: &inputs[..count], segments: &[self.segment()] },
            b: &pass.parameters[self.embedding.weight.clone()],
            panels: self.embedding.panels(),
            start: Start::Bias(&pass.parameters[self.embedding.bias.clone()]),
            finish: Finish::Activate(pass.activation),
            out: embedded,
            out_starts: &places[..count],
        });
        let rows = Rows { data: embedded, stride };
        let elements = Elements { rows, bounds: &bounds[..=pass.row_count] };
        let pooled_stride = self.pooled_stride();
        match (&self.attention, attention) {
            (Some(attention), Some(scratch)) => attention.forward(pass, elements, scratch, pooled),
            _ => pass.level.run(Pool { elements, width, out: RowsMut { data: pooled, stride: pooled_stride } }),
        }
        let own = self.width();
        for (row, features) in features.take(pass.row_count).enumerate() {
            let pooled = &pooled[row * pooled_stride..][..pooled_stride];
            features[..own].copy_from_slice(&pooled[..own]);
            if self.attention.is_none() {
                features[own..2 * own].copy_from_slice(&pooled[width..width + own]);
            }
            features[self.pooled_width()] = elements.of_row(row).len() as f32 / self.block.capacity as f32;
        }
    }

    /// Adds the gradients of the parameters to `gradient`. `d_features` are the gradients with respect to the last
    /// results of [`encode`](Self::encode).
    pub fn backward<'f>(
        &self,
        pass: Pass<'_>,
        input: Rows<'_>,
        d_features: impl Iterator<Item = &'f [f32]>,
        scratch: &mut SetScratch,
        gradient: &mut [f32],
    ) {
        let SetScratch { inputs, bounds, places, embedded, deltas, pooled, d_pooled, attention } = scratch;
        let (own, width, stride) = (self.width(), padded(self.width()), row_stride(self.width()));
        let pooled_stride = self.pooled_stride();
        for (row, features) in d_features.take(pass.row_count).enumerate() {
            let d_pooled = &mut d_pooled[row * pooled_stride..][..pooled_stride];
            d_pooled[..own].copy_from_slice(&features[..own]);
            if self.attention.is_none() {
                d_pooled[width..width + own].copy_from_slice(&features[own..2 * own]);
            }
        }
        let elements = Elements { rows: Rows { data: embedded, stride }, bounds: &bounds[..=pass.row_count] };
        match (&self.attention, attention) {
            (Some(attention), Some(scratch)) => {
                attention.backward(pass, elements, scratch, (&mut *d_pooled, &mut *deltas), gradient);
            }
            _ => pass.level.run(PoolBackward {
                elements,
                width,
                activation: pass.activation,
                pooled: Rows { data: pooled, stride: pooled_stride },
                d_pooled: Rows { data: d_pooled, stride: pooled_stride },
                out: deltas,
            }),
        }
        let count = bounds[pass.row_count] as usize;
        let (starts, places) = (&inputs[..count], &places[..count]);
        pass.level.run(PatchOuterSum {
            patches: Patches { data: input.data, starts, segments: &[self.segment()] },
            b: deltas,
            b_starts: places,
            panels: self.embedding.panels(),
            sum: &mut gradient[self.embedding.weight.clone()],
        });
        pass.level.run(RowSum { rows: deltas, starts: places, sum: &mut gradient[self.embedding.bias.clone()] });
    }

    /// Lists the elements that are present.
    fn list_elements(&self, row_count: usize, input: Rows<'_>, scratch: &mut SetScratch) {
        let SetScratch { inputs, bounds, .. } = scratch;
        let mut count = 0;
        bounds[0] = 0;
        for row in 0..row_count {
            let start = row * input.stride;
            let present = self.block.present(&input.data[start..][..self.block.first + self.block.count()]);
            for element in 0..present {
                inputs[count] = (start + self.block.first + element * self.block.parts) as u32;
                count += 1;
            }
            bounds[row + 1] = count as u32;
        }
    }

    /// An element's columns are one segment.
    fn segment(&self) -> Segment {
        Segment { offset: 0, len: self.block.parts, row: 0 }
    }

    fn pooled_stride(&self) -> usize {
        if self.attention.is_some() { row_stride(self.width()) } else { 2 * padded(self.width()) }
    }
}

impl SetScratch {
    /// Allocates memory for blocks of this many rows.
    pub fn new(set: &SetEncoder, rows: usize) -> Self {
        let (count, stride) = (rows * set.block.capacity, row_stride(set.width()));
        let pooled = || Aligned::zeros(rows * set.pooled_stride());
        Self {
            inputs: vec![0; count],
            bounds: vec![0; rows + 1],
            places: (0..count).map(|element| (element * stride) as u32).collect(),
            embedded: Aligned::zeros(count * stride),
            deltas: Aligned::zeros(count * stride),
            pooled: pooled(),
            d_pooled: pooled(),
            attention: set.attention.as_ref().map(|own| AttentionScratch::new(own, (rows, set.block.capacity))),
        }
    }
}
