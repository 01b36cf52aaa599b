//! A layer of an encoder of sets.

use std::ops::Range;

use crate::cursor::Cursor;
use crate::kernel::{Finish, OuterSum, Product, Rows, RowsMut, Start};
use crate::panels::{Panels, padded};
use crate::pass::{Gradients, Pass};

/// A linear layer, with the places of its parameters.
///
/// Its inputs and outputs may be cut into groups of equal size, each of which is padded: the heads of an attention.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Linear {
    pub name: String,
    pub inputs: Groups,
    pub outputs: Groups,
    pub weight: Range<usize>,
    /// Empty for a layer without a bias.
    pub bias: Range<usize>,
    /// The place of the weight's transposed copy among all copies; empty if the backward pass ends here.
    pub transposed: Range<usize>,
}

/// Columns in groups of equal size, each padded if there are several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Groups {
    pub count: usize,
    pub size: usize,
}

/// The parts of a layer besides its weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LinearParts {
    pub has_bias: bool,
    /// True if a gradient flows back to what the layer reads.
    pub is_learned: bool,
}

impl Groups {
    pub const fn single(size: usize) -> Self {
        Self { count: 1, size }
    }

    /// Returns the count of columns without padding.
    pub const fn total(self) -> usize {
        self.count * self.size
    }

    /// Returns the count of columns from the start of a group to the next.
    pub fn stride(self) -> usize {
        padded(self.size)
    }

    /// Returns the count of columns, with the padding between groups.
    pub fn width(self) -> usize {
        if self.count == 1 { self.size } else { self.count * self.stride() }
    }

    /// Returns the column of an element.
    fn column(self, index: usize) -> usize {
        index / self.size * self.stride() + index % self.size
    }
}

impl Linear {
    pub fn new(name: String, inputs: Groups, outputs: Groups, parts: LinearParts, cursor: &mut Cursor) -> Self {
        let mut linear = Self { name, inputs, outputs, weight: 0..0, bias: 0..0, transposed: 0..0 };
        linear.weight = cursor.take(linear.panels().len());
        if parts.has_bias {
            linear.bias = cursor.take(padded(outputs.width()));
        }
        if parts.is_learned {
            linear.transposed = cursor.take_transposed(linear.transposed_panels().len());
        }
        linear
    }

    pub fn panels(&self) -> Panels {
        Panels { depth: self.inputs.width(), width: self.outputs.width() }
    }

    fn transposed_panels(&self) -> Panels {
        Panels { depth: self.outputs.width(), width: self.inputs.width() }
    }

    /// Returns the position in the parameter array of the weight's element with this row-major index.
    pub fn position(&self, element: usize) -> usize {
        let (output, input) = (element / self.inputs.total(), element % self.inputs.total());
        self.weight.start + self.panels().index(self.inputs.column(input), self.outputs.column(output))
    }

    /// Returns the position in the parameter array of an element of the bias.
    pub fn bias_position(&self, output: usize) -> usize {
        self.bias.start + self.outputs.column(output)
    }

    /// Sets the padding to 0, and copies the weight into its transposed copy if it has one.
    pub fn refresh(&self, parameters: &mut [f32], transposed: &mut [f32]) {
        let panels = self.panels();
        let is_used = |groups: Groups, column: usize| {
            column < groups.width() && (groups.count == 1 || column % groups.stride() < groups.size)
        };
        for column in 0..panels.padded_width() {
            for row in 0..panels.depth {
                if !(is_used(self.outputs, column) && is_used(self.inputs, row)) {
                    parameters[self.weight.start + panels.index(row, column)] = 0.0;
                }
            }
        }
        for (column, bias) in parameters[self.bias.clone()].iter_mut().enumerate() {
            *bias = if is_used(self.outputs, column) { *bias } else { 0.0 };
        }
        let copy = &mut transposed[self.transposed.clone()];
        if !copy.is_empty() {
            crate::transpose::transpose(&parameters[self.weight.clone()], panels, copy);
        }
    }

    /// Computes `out = finish(start + input·W)`. Without a bias, `start` is the layer's bias or 0.
    pub fn forward(&self, pass: Pass<'_>, input: Rows<'_>, finish: Finish<'_>, out: RowsMut<'_>) {
        let bias = &pass.parameters[self.bias.clone()];
        pass.level.run(Product {
            row_count: pass.row_count,
            a: input,
            b: &pass.parameters[self.weight.clone()],
            panels: self.panels(),
            start: if bias.is_empty() { Start::Zero } else { Start::Bias(bias) },
            finish,
            out,
        });
    }

    /// Writes `out = finish(start + delta·Wᵀ)`: the gradient with respect to the input.
    pub fn pass_back(
        &self,
        pass: Pass<'_>,
        delta: Rows<'_>,
        (start, finish): (Start<'_>, Finish<'_>),
        out: RowsMut<'_>,
    ) {
        let (b, panels) = (&pass.transposed[self.transposed.clone()], self.transposed_panels());
        pass.level.run(Product { row_count: pass.row_count, a: delta, b, panels, start, finish, out });
    }

    /// Adds the gradients of the parameters to `gradient`.
    pub fn add_gradient(&self, pass: Pass<'_>, input: Rows<'_>, delta: Rows<'_>, gradient: &mut [f32]) {
        let (row_count, panels) = (pass.row_count, self.panels());
        let sum = &mut gradient[self.weight.clone()];
        pass.level.run(OuterSum { row_count, a: input, b: delta, panels, gradients: Gradients::Add, sum });
        self.add_bias_gradient(pass, delta, gradient);
    }

    /// Adds the gradient of the bias to `gradient`. A bias is the weight of an input that is always 1.
    pub fn add_bias_gradient(&self, pass: Pass<'_>, delta: Rows<'_>, gradient: &mut [f32]) {
        if self.bias.is_empty() {
            return;
        }
        pass.level.run(OuterSum {
            row_count: pass.row_count,
            a: Rows { data: &[1.0], stride: 0 },
            b: delta,
            panels: Panels { depth: 1, width: self.outputs.width() },
            gradients: Gradients::Add,
            sum: &mut gradient[self.bias.clone()],
        });
    }
}
