//! Hidden layers: a dense layer, its layer normalisation, its activation.
//!
//! ```text
//! n = (z − mean(z)) / √(var(z) + ε)    h = f(gain·n + bias)        over the units of the layer
//! ```
//!
//! # Source
//!
//! Ba et al. 2016, arXiv:1607.06450, §3; ε as in PyTorch and ONNX.

use std::ops::Range;

use crate::dense::Dense;
use crate::kernel::{Finish, Normalize, NormalizeBackward, Rows, RowsMut};
use crate::padded_block::Padded;
use crate::pass::Pass;

/// A hidden layer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Hidden {
    pub dense: Dense,
    pub norm: Option<LayerNorm>,
}

/// The places of the parameters of a layer normalisation, padded.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LayerNorm {
    pub gain: Range<usize>,
    pub bias: Range<usize>,
}

/// The numbers of a hidden layer in a block of rows.
#[derive(Clone, Debug)]
pub(crate) struct HiddenScratch {
    /// The outputs, after the activation.
    pub out: Padded,
    pub norm: Option<NormScratch>,
}

/// The numbers of a layer normalisation that the backward pass needs.
#[derive(Clone, Debug)]
pub(crate) struct NormScratch {
    /// The sums of the layer, then the same with mean 0 and variance 1.
    normalized: Padded,
    /// The inverse of the deviation of each row's sums.
    inverses: Vec<f32>,
}

impl HiddenScratch {
    pub fn new(layer: &Hidden, rows: usize) -> Self {
        let out = || Padded::new(rows, layer.dense.outputs);
        let norm = layer.norm.as_ref().map(|_| NormScratch { normalized: out(), inverses: vec![0.0; rows] });
        Self { out: out(), norm }
    }

    /// Moves the numbers of these rows, in ascending order, to the front.
    pub fn keep_rows(&mut self, rows: &[usize]) {
        self.out.keep_rows(rows);
        if let Some(NormScratch { normalized, inverses }) = &mut self.norm {
            normalized.keep_rows(rows);
            rows.iter().enumerate().for_each(|(to, &from)| inverses[to] = inverses[from]);
        }
    }
}

impl Pass<'_> {
    /// Computes hidden layers. Returns the input of the next layer.
    pub fn hidden<'s>(self, layers: &[Hidden], input: Rows<'s>, blocks: &'s mut [HiddenScratch]) -> Rows<'s> {
        let mut input = input;
        for (layer, HiddenScratch { out, norm: scratch }) in layers.iter().zip(blocks) {
            match (&layer.norm, scratch) {
                (Some(norm), Some(scratch)) => {
                    self.wide(&layer.dense, input, Finish::Store, scratch.normalized.rows_mut());
                    self.normalize(layer.dense.outputs, norm, scratch, out.rows_mut());
                }
                _ => self.wide(&layer.dense, input, Finish::Activate(self.activation), out.rows_mut()),
            }
            input = out.rows();
        }
        input
    }

    fn normalize(self, width: usize, norm: &LayerNorm, scratch: &mut NormScratch, out: RowsMut<'_>) {
        self.level.run(Normalize {
            row_count: self.row_count,
            width,
            activation: self.activation,
            gain: &self.parameters[norm.gain.clone()],
            bias: &self.parameters[norm.bias.clone()],
            numbers: scratch.normalized.rows_mut(),
            inverses: &mut scratch.inverses,
            out,
        });
    }

    /// Replaces the gradient with respect to the inputs of a layer's activation by that with respect to its sums, and
    /// adds the gradients of the normalisation's parameters to `gradient`, if they are needed.
    pub fn normalize_backward(
        self,
        width: usize,
        norm: &LayerNorm,
        scratch: &NormScratch,
        deltas: RowsMut<'_>,
        gradient: Option<&mut [f32]>,
    ) {
        let sums = gradient.map(|gradient| {
            // The ranges follow each other.
            let (before, after) = gradient.split_at_mut(norm.bias.start);
            [&mut before[norm.gain.clone()], &mut after[..norm.bias.len()]]
        });
        self.level.run(NormalizeBackward {
            row_count: self.row_count,
            width,
            gain: &self.parameters[norm.gain.clone()],
            normalized: scratch.normalized.rows(),
            inverses: &scratch.inverses,
            deltas,
            sums,
        });
    }
}
