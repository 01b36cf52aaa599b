//! One residual block of self-attention over the elements of a set, and their mean.
//!
//! ```text
//! q = Wq·x + bq    k = Wk·x    v = Wv·x + bv            for each element x, in heads of d numbers
//! P[i][j] = softmax over j of q[i]·k[j]/√d               for each head
//! y[i] = x[i] + Wo·(Σⱼ P[i][j]·v[j]) + bo                result: the mean of y over the elements
//! ```
//!
//! The mean is linear in `v`, so only the mean of `P` over `i` is needed after the softmax: with `p[j]` as this mean and
//! `z = Σⱼ p[j]·x[j]`, the result is `mean of x + Wo·(Wv·z + bv) + bo`. Keys have no bias: it would add the same number
//! to all scores of an element, which the softmax ignores.
//!
//! # Source
//!
//! Vaswani et al. 2017, arXiv:1706.03762, §3.2, without normalisation of layers.

use super::linear::{Groups, Linear, LinearParts};
use crate::aligned::Aligned;
use crate::cursor::Cursor;
use crate::kernel::{
    AddOuter, Elements, Finish, OuterSum, Product, RowDots, Rows, RowsMut, Softmax, SoftmaxBackward, Start, WeightedSum,
};
use crate::panels::{Panels, padded, row_stride};
use crate::pass::{Gradients, Pass};

/// The layers of an attention. Heads are groups of columns.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Attention {
    width: usize,
    heads: Groups,
    query: Linear,
    key: Linear,
    /// One layer for each head, which reads that head's mean of the elements.
    value: Vec<Linear>,
    output: Linear,
}

/// Working memory of an attention.
#[derive(Clone, Debug)]
pub(crate) struct AttentionScratch {
    capacity: usize,
    /// Queries and keys of all elements, and the gradients with respect to them: `[elements, heads]`.
    queries: Aligned,
    keys: Aligned,
    d_queries: Aligned,
    d_keys: Aligned,
    /// The keys of one row and head, transposed; in the backward pass those keys one below the other.
    packed: Aligned,
    /// For each row and head, `P`: `[capacity, padded capacity]`.
    weights: Aligned,
    /// For each row and head, the mean of `P`, `[padded capacity]`.
    means: Aligned,
    /// For each row, `z` of each head, and the gradients with respect to it: `[rows, heads × width]`.
    mixed: Aligned,
    d_mixed: Aligned,
    /// For each row, `Wv·z + bv`, and the gradients with respect to it: `[rows, heads]`.
    values: Aligned,
    d_values: Aligned,
    /// The gradient with respect to a mean of `P`, or equal shares of a row's elements.
    shares: Aligned,
}

impl Attention {
    /// Lays out the layers for elements of this width. `heads` divides `width`.
    pub fn new(name: &str, width: usize, heads: usize, cursor: &mut Cursor) -> Self {
        let (single, heads) = (Groups::single(width), Groups { count: heads, size: width / heads });
        let with_bias = LinearParts { has_bias: true, is_learned: true };
        let query = Linear::new(format!("{name}.query"), single, heads, with_bias, cursor);
        let without_bias = LinearParts { has_bias: false, ..with_bias };
        let key = Linear::new(format!("{name}.key"), single, heads, without_bias, cursor);
        let of_head =
            |head| Linear::new(format!("{name}.value.{head}"), single, Groups::single(heads.size), with_bias, cursor);
        let value = (0..heads.count).map(of_head).collect();
        let output = Linear::new(format!("{name}.output"), heads, single, with_bias, cursor);
        Self { width, heads, query, key, value, output }
    }

    pub fn layers(&self) -> impl Iterator<Item = &Linear> {
        [&self.query, &self.key].into_iter().chain(&self.value).chain([&self.output])
    }

    /// Returns the count of numbers of a row in the scratch memory.
    pub fn memory(&self, capacity: usize) -> usize {
        let of_element = 4_usize.saturating_mul(self.head_stride());
        let of_head = capacity.saturating_add(1).saturating_mul(padded(capacity));
        let mixed = 2 * self.heads.count * row_stride(self.width);
        of_element
            .saturating_mul(capacity)
            .saturating_add(of_head.saturating_mul(self.heads.count))
            .saturating_add(mixed)
    }

    /// The distance between neighbouring rows of all heads.
    fn head_stride(&self) -> usize {
        self.heads.count * self.heads.stride()
    }

    fn mixed_stride(&self) -> usize {
        self.heads.count * row_stride(self.width)
    }

    fn scale(&self) -> f32 {
        1.0 / (self.heads.size as f32).sqrt()
    }

    /// Writes the results of `pass.row_count` rows: `[rows, width]`; 0 for a row without elements.
    pub fn forward(&self, pass: Pass<'_>, elements: Elements<'_>, scratch: &mut AttentionScratch, out: &mut [f32]) {
        let (stride, width) = (self.head_stride(), row_stride(self.width));
        let of_elements = Pass { row_count: elements.bounds[pass.row_count] as usize, ..pass };
        for (layer, out) in [(&self.query, &mut scratch.queries), (&self.key, &mut scratch.keys)] {
            layer.forward(of_elements, elements.rows, Finish::Store, RowsMut { data: out, stride });
        }
        for row in 0..pass.row_count {
            let own = elements.of_row(row);
            if own.is_empty() {
                scratch.mixed[row * self.mixed_stride()..][..self.mixed_stride()].fill(0.0);
                out[row * width..][..width].fill(0.0);
                continue;
            }
            for head in 0..self.heads.count {
                self.mix(pass, (elements, row), head, scratch);
            }
            let shares = &mut scratch.shares[..own.len()];
            shares.fill(1.0 / own.len() as f32);
            let rows = rows_from(elements.rows, own.start);
            let out = &mut out[row * width..][..padded(self.width)];
            pass.level.run(WeightedSum { weights: shares, rows, out });
            let bias = &pass.parameters[self.output.bias.clone()];
            out.iter_mut().zip(bias).for_each(|(out, bias)| *out += bias);
        }
        let AttentionScratch { mixed, values, .. } = scratch;
        for (head, layer) in self.value.iter().enumerate() {
            let input = Rows { data: &mixed[head * width..], stride: self.mixed_stride() };
            let out = RowsMut { data: &mut values[head * self.heads.stride()..], stride };
            layer.forward(pass, input, Finish::Store, out);
        }
        pass.level.run(Product {
            row_count: pass.row_count,
            a: Rows { data: values, stride },
            b: &pass.parameters[self.output.weight.clone()],
            panels: self.output.panels(),
            start: Start::Out,
            finish: Finish::Store,
            out: RowsMut { data: out, stride: width },
        });
        for row in (0..pass.row_count).filter(|&row| elements.of_row(row).is_empty()) {
            out[row * width..][..width].fill(0.0);
        }
    }

    /// Computes the weights of a row's elements for a head, and their mean `z` with these weights.
    fn mix(&self, pass: Pass<'_>, (elements, row): (Elements<'_>, usize), head: usize, scratch: &mut AttentionScratch) {
        let own = elements.of_row(row);
        let place = scratch.place(self, row, head);
        let AttentionScratch { queries, keys, packed, weights, means, mixed, .. } = scratch;
        let (first, stride) = (own.start * self.head_stride() + head * self.heads.stride(), self.head_stride());
        let panels = Panels { depth: self.heads.size, width: own.len() };
        let width = panels.padded_width();
        for (element, key) in keys[first..].chunks(stride).take(own.len()).enumerate() {
            for (number, &key) in key[..self.heads.size].iter().enumerate() {
                packed[panels.index(number, element)] = key;
            }
        }
        // The padding was left by another row; its scores are not read.
        let rows = &mut weights[place.weights..][..own.len() * width];
        pass.level.run(Product {
            row_count: own.len(),
            a: Rows { data: &queries[first..], stride },
            b: packed,
            panels,
            start: Start::Zero,
            finish: Finish::Store,
            out: RowsMut { data: rows, stride: width },
        });
        let mean = &mut means[place.means..][..width];
        pass.level.run(Softmax { rows, width: own.len(), padded: width, scale: self.scale(), mean });
        let (rows, out) = (rows_from(elements.rows, own.start), &mut mixed[place.mixed..][..padded(self.width)]);
        pass.level.run(WeightedSum { weights: &means[place.means..][..own.len()], rows, out });
    }

    /// Adds the gradients of the parameters to `gradient`, and writes those with respect to the sums of the embedding.
    ///
    /// `d_out` are the gradients with respect to the last results of [`forward`](Self::forward).
    pub fn backward(
        &self,
        pass: Pass<'_>,
        elements: Elements<'_>,
        scratch: &mut AttentionScratch,
        (d_out, deltas): (&mut [f32], &mut [f32]),
        gradient: &mut [f32],
    ) {
        let (stride, width) = (self.head_stride(), row_stride(self.width));
        for row in (0..pass.row_count).filter(|&row| elements.of_row(row).is_empty()) {
            d_out[row * width..][..width].fill(0.0);
        }
        let d_out = Rows { data: d_out, stride: width };
        let AttentionScratch { values, d_values, mixed, d_mixed, .. } = scratch;
        self.output.add_gradient(pass, Rows { data: values, stride }, d_out, gradient);
        self.output.pass_back(pass, d_out, (Start::Zero, Finish::Store), RowsMut { data: d_values, stride });
        for (head, layer) in self.value.iter().enumerate() {
            let (of_mixed, of_values) = (head * width, head * self.heads.stride());
            let input = Rows { data: &mixed[of_mixed..], stride: self.mixed_stride() };
            let delta = Rows { data: &d_values[of_values..], stride };
            layer.add_gradient(pass, input, delta, gradient);
            let out = RowsMut { data: &mut d_mixed[of_mixed..], stride: self.mixed_stride() };
            layer.pass_back(pass, delta, (Start::Zero, Finish::Store), out);
        }
        for row in (0..pass.row_count).filter(|&row| !elements.of_row(row).is_empty()) {
            let own = elements.of_row(row);
            let share = 1.0 / own.len() as f32;
            let of_row = &d_out.data[row * width..][..width];
            for delta in deltas[own.start * width..own.end * width].chunks_exact_mut(width) {
                delta.iter_mut().zip(of_row).for_each(|(delta, own)| *delta = share * own);
            }
            for head in 0..self.heads.count {
                self.mix_backward(pass, (elements, row), head, (scratch, &mut *deltas));
            }
        }
        let of_elements = Pass { row_count: elements.bounds[pass.row_count] as usize, ..pass };
        let AttentionScratch { d_queries, d_keys, .. } = scratch;
        let slope = Finish::Slope(pass.activation, elements.rows.data);
        for (layer, delta, finish) in [(&self.query, d_queries, Finish::Store), (&self.key, d_keys, slope)] {
            let delta = Rows { data: delta, stride };
            layer.add_gradient(of_elements, elements.rows, delta, gradient);
            layer.pass_back(of_elements, delta, (Start::Out, finish), RowsMut { data: deltas, stride: width });
        }
    }

    /// Writes the gradients with respect to the queries and keys of a row's elements for a head, and adds those with
    /// respect to the elements themselves.
    fn mix_backward(
        &self,
        pass: Pass<'_>,
        (elements, row): (Elements<'_>, usize),
        head: usize,
        (scratch, deltas): (&mut AttentionScratch, &mut [f32]),
    ) {
        let own = elements.of_row(row);
        let place = scratch.place(self, row, head);
        let AttentionScratch { queries, keys, d_queries, d_keys, packed, weights, means, d_mixed, shares, .. } =
            scratch;
        let (first, stride) = (own.start * self.head_stride() + head * self.heads.stride(), self.head_stride());
        let (count, width, size) = (own.len(), padded(own.len()), self.heads.stride());
        let rows = rows_from(elements.rows, own.start);
        let d_mixed = &d_mixed[place.mixed..][..padded(self.width)];
        pass.level.run(RowDots { rows, vector: d_mixed, out: &mut shares[..count] });
        shares[count..width].fill(0.0);
        let out_stride = rows.stride;
        let out = RowsMut { data: &mut deltas[own.start * out_stride..], stride: out_stride };
        pass.level.run(AddOuter { weights: &means[place.means..][..count], vector: d_mixed, out });

        let scores = &mut weights[place.weights..][..count * width];
        pass.level.run(SoftmaxBackward { rows: scores, padded: width, scale: self.scale(), d_mean: &shares[..width] });
        let panels = Panels { depth: count, width: self.heads.size };
        for (element, key) in keys[first..].chunks(stride).take(count).enumerate() {
            for (number, &key) in key[..size].iter().enumerate() {
                packed[panels.index(element, number)] = key;
            }
        }
        let scores = Rows { data: scores, stride: width };
        pass.level.run(Product {
            row_count: count,
            a: scores,
            b: packed,
            panels,
            start: Start::Zero,
            finish: Finish::Store,
            out: RowsMut { data: &mut d_queries[first..], stride },
        });
        pass.level.run(OuterSum {
            row_count: count,
            a: scores,
            b: Rows { data: &queries[first..], stride },
            panels,
            gradients: Gradients::Write,
            sum: &mut packed[..panels.len()],
        });
        for (element, d_key) in d_keys[first..].chunks_mut(stride).take(count).enumerate() {
            for (number, d_key) in d_key[..size].iter_mut().enumerate() {
                *d_key = packed[panels.index(element, number)];
            }
        }
    }
}

/// The starts of a row's and head's numbers in the scratch memory.
struct Place {
    weights: usize,
    means: usize,
    mixed: usize,
}

impl AttentionScratch {
    /// Allocates memory for blocks of this many rows, with this many elements each.
    pub fn new(attention: &Attention, (rows, capacity): (usize, usize)) -> Self {
        let of_elements = || Aligned::zeros(rows * capacity * attention.head_stride());
        let of_rows = |stride: usize| Aligned::zeros(rows * stride);
        let width = padded(capacity);
        Self {
            capacity,
            queries: of_elements(),
            keys: of_elements(),
            d_queries: of_elements(),
            d_keys: of_elements(),
            packed: Aligned::zeros(width.max(capacity) * attention.heads.stride().max(attention.heads.size)),
            weights: of_rows(attention.heads.count * capacity * width),
            means: of_rows(attention.heads.count * width),
            mixed: of_rows(attention.mixed_stride()),
            d_mixed: of_rows(attention.mixed_stride()),
            values: of_rows(attention.head_stride()),
            d_values: of_rows(attention.head_stride()),
            shares: Aligned::zeros(width),
        }
    }

    fn place(&self, attention: &Attention, row: usize, head: usize) -> Place {
        let (index, width) = (row * attention.heads.count + head, padded(self.capacity));
        Place {
            weights: index * self.capacity * width,
            means: index * width,
            mixed: index * row_stride(attention.width),
        }
    }
}

/// The rows from this one on.
fn rows_from(rows: Rows<'_>, first: usize) -> Rows<'_> {
    Rows { data: &rows.data[first * rows.stride..], ..rows }
}
