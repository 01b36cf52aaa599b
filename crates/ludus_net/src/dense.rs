//! Fully connected layers and the places of their parameters.

use std::ops::Range;

use crate::panels::Panels;

/// A fully connected layer, with the places of its parameters.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Dense {
    pub name: String,
    pub inputs: usize,
    pub outputs: usize,
    pub form: Form,
    pub weight: Range<usize>,
    pub bias: Range<usize>,
    /// The place of a wide weight's transposed copy among all copies; empty if the backward pass ends here.
    pub transposed: Range<usize>,
}

/// The kinds of orientation of a layer's weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `[in, out]`: outputs side by side, for a product of matrices.
    Wide,
    /// `[out, in]`: inputs side by side, for a dot product per output.
    Narrow,
}

impl Dense {
    /// Returns the layout of the weight within its range.
    pub fn panels(&self) -> Panels {
        match self.form {
            Form::Wide => Panels { depth: self.inputs, width: self.outputs },
            Form::Narrow => Panels { depth: self.outputs, width: self.inputs },
        }
    }

    /// Returns the layout of a wide weight's transposed copy within its range.
    pub fn transposed_panels(&self) -> Panels {
        Panels { depth: self.outputs, width: self.inputs }
    }

    pub fn position(&self, output: usize, input: usize) -> usize {
        let (row, column) = match self.form {
            Form::Wide => (input, output),
            Form::Narrow => (output, input),
        };
        self.weight.start + self.panels().index(row, column)
    }
}
