//! A convolution over a map, forward and backward.
//!
//! ```text
//! z[y][x] = b + Σ over places (d, r) of the kernel: W[d][r]·input[2y + d − 1][2x + r − 1],    output = max(z, 0)
//! δ = ∂L/∂z        ∂L/∂W[d][r] += input[2y + d − 1][2x + r − 1]ᵀ·δ[y][x]        ∂L/∂b += δ[y][x]
//! ∂L/∂input[2y + d − 1][2x + r − 1] += δ[y][x]·W[d][r]ᵀ
//! ```
//!
//! In the last line, the places of the kernel that reach a cell depend on whether its row and its column are even. So
//! there are four kinds of cells, and each cell's gradient is one sum over neighbouring `δ`.

use std::ops::Range;

use super::map::{Bordered, STRIDE};
use crate::cursor::Cursor;
use crate::kernel::{Finish, PatchOuterSum, PatchProduct, Patches, RowSum, Segment, Start};
use crate::panels::{Panels, padded};
use crate::pass::Pass;
use crate::{Activation, GridBlock};

const KERNEL: usize = GridBlock::KERNEL;

/// Rows and columns of cells that are even (0) or odd (1).
const PARITIES: [(usize, usize); STRIDE * STRIDE] = [(0, 0), (0, 1), (1, 0), (1, 1)];

/// The maximum count of numbers of the rows whose weight gradients are added up at once: they must stay in the cache.
const OUTER_NUMBERS: usize = 1 << 13;

/// A convolution with 3×3 kernels, a stride of 2 and a border of zeros, with the places of its parameters.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Convolution {
    pub name: String,
    pub weight: Range<usize>,
    pub bias: Range<usize>,
    /// The place of the weight's transposed copy among all copies; empty if the backward pass ends here.
    pub transposed: Range<usize>,
    pub input: Bordered,
    pub output: Bordered,
    /// The numbers under a kernel.
    segments: Vec<Segment>,
}

/// The input of a convolution, and the gradient with respect to its sums.
#[derive(Clone, Copy)]
pub(crate) struct MapPair<'a> {
    pub input: &'a [f32],
    pub delta: &'a [f32],
}

/// The places of a convolution's cells in the memory of a block of rows.
#[derive(Clone, Debug)]
pub(crate) struct CellPlaces {
    /// For each cell of the output, the patch of the input under its kernel.
    forward: PatchPlaces,
    /// For each cell of the input, the patch of the output that its kernels reach; empty if the backward pass ends
    /// here. Cells of even and odd rows and columns have patches of different shapes.
    back: Vec<(Vec<Segment>, PatchPlaces)>,
}

/// Cells and the patches that they are computed from, row after row.
#[derive(Clone, Debug, Default)]
struct PatchPlaces {
    per_row: usize,
    patches: Vec<u32>,
    cells: Vec<u32>,
}

impl Convolution {
    /// Lays out a convolution with this many channels. `input` is a grid or the output of another convolution.
    pub fn new(name: String, input: Bordered, channels: usize, cursor: &mut Cursor) -> Self {
        let output = Bordered::of_map(input.size.halved(channels));
        let segments = forward_segments(input);
        let mut convolution = Self { name, weight: 0..0, bias: 0..0, transposed: 0..0, input, output, segments };
        convolution.weight = cursor.take(convolution.panels().len());
        convolution.bias = cursor.take(padded(channels));
        convolution
    }

    /// Lays out a transposed copy of the weight, for the gradient with respect to the input.
    pub fn transpose(&mut self, cursor: &mut Cursor) {
        self.transposed = cursor.take_transposed(self.transposed_panels().len());
    }

    /// Returns the layout of the weight within its range: a row for each number of a patch, a column for each channel.
    pub fn panels(&self) -> Panels {
        Panels { depth: (KERNEL * KERNEL).saturating_mul(self.input.size.channels), width: self.channels() }
    }

    /// Returns the layout of the transposed copy: for each place of the kernel, a row for each channel of the output.
    fn transposed_panels(&self) -> Panels {
        Panels { depth: (KERNEL * KERNEL).saturating_mul(self.channels()), width: self.input.size.channels }
    }

    pub fn channels(&self) -> usize {
        self.output.size.channels
    }

    /// The output's numbers that depend on a cell of the input, if its row and column are even (0) or odd (1).
    ///
    /// The kernel of row `y` of the output covers rows `2y − 1` to `2y + 1` of the input. So row `2m` is under the
    /// middle of kernel `m`, and row `2m + 1` is under the end of kernel `m` and the start of kernel `m + 1`.
    fn back_segments(&self, odd_row: usize, odd_column: usize) -> Vec<Segment> {
        let reached = |odd: usize| if odd == 0 { &[(1, 0)][..] } else { &[(2, 0), (0, 1)] };
        let (channels, output) = (self.channels(), self.output);
        let of_row = |&(down, below): &(usize, usize)| {
            let segment = move |&(right, beside): &(usize, usize)| Segment {
                offset: output.patch(below, beside),
                len: channels,
                row: (down * KERNEL + right) * channels,
            };
            reached(odd_column).iter().map(segment)
        };
        reached(odd_row).iter().flat_map(of_row).collect()
    }

    /// Returns the weight's shape `[out, in, height, width]`, as in PyTorch.
    pub fn shape(&self) -> Vec<usize> {
        vec![self.channels(), self.input.size.channels, KERNEL, KERNEL]
    }

    /// Returns the position in the parameter array of the weight's element with this row-major index.
    pub fn position(&self, element: usize) -> usize {
        let inputs = self.input.size.channels;
        let (place, channels) = (element % (KERNEL * KERNEL), element / (KERNEL * KERNEL));
        let (output, input) = (channels / inputs, channels % inputs);
        self.weight.start + self.panels().index(place * inputs + input, output)
    }

    /// Sets the padding to 0, and copies the weight into its transposed copy if it has one.
    pub fn refresh(&self, parameters: &mut [f32], transposed: &mut [f32]) {
        let (panels, turned) = (self.panels(), self.transposed_panels());
        panels.clear_padding(&mut parameters[self.weight.clone()]);
        parameters[self.bias.clone()][self.channels()..].fill(0.0);
        let (weight, copy) = (&parameters[self.weight.clone()], &mut transposed[self.transposed.clone()]);
        if copy.is_empty() {
            return;
        }
        let (inputs, outputs) = (self.input.size.channels, self.channels());
        for place in 0..KERNEL * KERNEL {
            for input in 0..inputs {
                for output in 0..outputs {
                    let from = panels.index(place * inputs + input, output);
                    copy[turned.index(place * outputs + output, input)] = weight[from];
                }
            }
        }
    }

    /// Computes the output of `pass.row_count` rows.
    pub fn forward(&self, pass: Pass<'_>, places: &CellPlaces, input: &[f32], output: &mut [f32]) {
        let (patches, cells) = places.forward.of_rows(0..pass.row_count);
        pass.level.run(PatchProduct {
            patches: Patches { data: input, starts: patches, segments: &self.segments },
            b: &pass.parameters[self.weight.clone()],
            panels: self.panels(),
            start: Start::Bias(&pass.parameters[self.bias.clone()]),
            finish: Finish::Activate(Activation::Relu),
            out: output,
            out_starts: cells,
        });
    }

    /// Adds the gradients of the parameters to `gradient`. `delta` is the gradient with respect to the sums.
    pub fn add_gradient(&self, pass: Pass<'_>, places: &CellPlaces, maps: MapPair<'_>, gradient: &mut [f32]) {
        let group = (OUTER_NUMBERS / (self.input.len() + self.output.len())).max(1);
        for first in (0..pass.row_count).step_by(group) {
            let (patches, cells) = places.forward.of_rows(first..pass.row_count.min(first + group));
            pass.level.run(PatchOuterSum {
                patches: Patches { data: maps.input, starts: patches, segments: &self.segments },
                b: maps.delta,
                b_starts: cells,
                panels: self.panels(),
                sum: &mut gradient[self.weight.clone()],
            });
            let sum = &mut gradient[self.bias.clone()];
            pass.level.run(RowSum { rows: maps.delta, starts: cells, sum });
        }
    }

    /// Writes the gradient with respect to the sums of the convolution before.
    pub fn pass_back(&self, pass: Pass<'_>, places: &CellPlaces, maps: MapPair<'_>, out: &mut [f32]) {
        for (segments, places) in &places.back {
            let (patches, cells) = places.of_rows(0..pass.row_count);
            pass.level.run(PatchProduct {
                patches: Patches { data: maps.delta, starts: patches, segments },
                b: &pass.transposed[self.transposed.clone()],
                panels: self.transposed_panels(),
                start: Start::Zero,
                finish: Finish::Slope(Activation::Relu, maps.input),
                out,
                out_starts: cells,
            });
        }
    }
}

impl CellPlaces {
    /// Lists the places of a block of this many rows.
    pub fn new(convolution: &Convolution, rows: usize) -> Self {
        let (input, output) = (convolution.input, convolution.output);
        let patch = |(top, left)| (input.patch(STRIDE * top, STRIDE * left), output.cell(top, left));
        let forward = PatchPlaces::new(rows, (input.len(), output.len()), output.size.places().map(patch));
        let parities = if convolution.transposed.is_empty() { [].iter() } else { PARITIES.iter() };
        let back = parities.map(|&(odd_row, odd_column)| {
            let is_kind = move |&(top, left): &(usize, usize)| (top % STRIDE, left % STRIDE) == (odd_row, odd_column);
            let patch = |(top, left)| (output.cell(top / STRIDE, left / STRIDE), input.cell(top, left));
            let cells = input.size.places().filter(is_kind).map(patch);
            (convolution.back_segments(odd_row, odd_column), PatchPlaces::new(rows, (output.len(), input.len()), cells))
        });
        Self { forward, back: back.collect() }
    }
}

impl PatchPlaces {
    /// Repeats the places of one row for each row. `lens` are the lengths of a row's patches and cells in memory.
    fn new(rows: usize, lens: (usize, usize), places: impl Iterator<Item = (usize, usize)>) -> Self {
        let of_row = places.collect::<Vec<_>>();
        let index = |start: usize| u32::try_from(start).expect("the layout limits the memory of a block of rows");
        let mut all = Self { per_row: of_row.len(), ..Self::default() };
        for row in 0..rows {
            all.patches.extend(of_row.iter().map(|&(patch, _)| index(row * lens.0 + patch)));
            all.cells.extend(of_row.iter().map(|&(_, cell)| index(row * lens.1 + cell)));
        }
        all
    }

    /// Returns the starts of the patches and of the cells of these rows.
    fn of_rows(&self, rows: Range<usize>) -> (&[u32], &[u32]) {
        let places = rows.start * self.per_row..rows.end * self.per_row;
        (&self.patches[places.clone()], &self.cells[places])
    }
}

/// The numbers under a kernel: neighbouring cells are one segment if there is no padding between them.
fn forward_segments(input: Bordered) -> Vec<Segment> {
    let channels = input.size.channels;
    let is_dense = channels == input.cell_stride;
    let cells = if is_dense { KERNEL } else { 1 };
    let segment = |place: usize| Segment {
        offset: input.patch(place / KERNEL, place % KERNEL),
        len: cells.saturating_mul(channels),
        row: place.saturating_mul(channels),
    };
    (0..KERNEL * KERNEL).step_by(cells).map(segment).collect()
}
