//! The layout of a network's weights in its flat parameter array.

use std::ops::Range;

use ludus_spec::{AgentSpec, Head};

use crate::encoder::{Convolution, Encoders};
use crate::panels::{Panels, padded};
use crate::{GridBlock, NetError, NetworkConfig};

/// Heads of up to this many outputs are computed as dot products: cheaper than padding them to a vector.
const NARROW: usize = 8;

/// The maximum number of parameters: a gigabyte, far more than a CPU can train.
const PARAMETER_LIMIT: usize = 1 << 28;

/// The shape of an actor-critic network, and the places of its parameters in one flat array.
///
/// The array holds all weights and biases and the Gaussian heads' `log_std`, padded with zeros as the kernels need it;
/// its order is the same on every machine. [`Layout::tensors`] names its parts. [`export`](Layout::export) and
/// [`import`](Layout::import) convert to and from plain `[out, in]` matrices.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    inputs: usize,
    heads: Vec<Head>,
    config: NetworkConfig,
    log_std: Range<usize>,
    parameter_count: usize,
    pub(crate) encoders: Encoders,
    pub(crate) trunk: Vec<Dense>,
    pub(crate) actor: Vec<Dense>,
    pub(crate) critic: Vec<Dense>,
    pub(crate) transposed_count: usize,
}

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

/// A named part of the parameter array.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor<'a> {
    /// The tensor's name, such as `actor.0.weight`, `trunk.1.bias` or `log_std`.
    pub name: String,
    /// The tensor's shape: `[out, in]` of a weight, `[out, in, height, width]` of a convolution's, `[out]` of a bias,
    /// `[dimensions]` of `log_std`.
    pub shape: Vec<usize>,
    place: TensorRange<'a>,
}

#[derive(Clone, Debug, PartialEq)]
enum TensorRange<'a> {
    Weight(&'a Dense),
    Kernel(&'a Convolution),
    Row(usize),
}

impl Layout {
    /// Lays out a perceptron with `inputs` numbers per row and these heads.
    ///
    /// # Errors
    ///
    /// If there are no inputs or heads, if a head or a layer has no width, if the network is too large, or if the
    /// config has convolutions, which need [grids](Self::with_grids).
    pub fn new(inputs: usize, heads: &[Head], config: &NetworkConfig) -> Result<Self, NetError> {
        Self::with_grids(inputs, &[], heads, config)
    }

    /// Lays out the network of agents with these observations and actions.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), and if there are convolutions but the agents observe no grid, or one that is too large.
    pub fn of_agent(spec: &AgentSpec, config: &NetworkConfig) -> Result<Self, NetError> {
        let mut first = 0_usize;
        let mut grids = Vec::new();
        for field in &spec.observation {
            if let Some(grid) = field.grid {
                grids.push(GridBlock { first, height: grid.height, width: grid.width, channels: grid.channels });
            }
            first = first.saturating_add(field.width());
        }
        Self::with_grids(first, &grids, &spec.heads(), config)
    }

    /// Lays out a network with convolutions over these grids, in the order of their columns, if its config has any.
    ///
    /// The dense layers read the columns outside grids, then the convolutions' outputs of each grid, channel by
    /// channel.
    ///
    /// # Errors
    ///
    /// As [`of_agent`](Self::of_agent).
    pub fn with_grids(
        inputs: usize,
        grids: &[GridBlock],
        heads: &[Head],
        config: &NetworkConfig,
    ) -> Result<Self, NetError> {
        check(inputs, heads, config)?;
        let mut cursor = Cursor::default();
        let encoders = Encoders::new(inputs, grids, &config.convolutions, |count| cursor.take(count))?;
        let width = if encoders.grids.is_empty() { inputs } else { encoders.width() };
        let (shared, own) = if config.shared { (&config.hidden[..], &[][..]) } else { (&[][..], &config.hidden[..]) };
        let raw = Source { width, is_raw: true };
        let trunk = cursor.chain("trunk", raw, shared, None);
        let features = trunk.last().map_or(raw, |last| Source { width: last.outputs, is_raw: false });
        let output_width = saturating_sum(heads.iter().map(|head| head.output_width()));
        let actor = cursor.chain("actor", features, own, Some(output_width));
        let critic = cursor.chain("critic", features, own, Some(1));
        let log_std = cursor.take(saturating_sum(heads.iter().copied().map(gaussian_width)));
        let layout = Self {
            inputs,
            heads: heads.to_vec(),
            config: config.clone(),
            log_std,
            parameter_count: cursor.parameters,
            encoders,
            trunk,
            actor,
            critic,
            transposed_count: cursor.transposed,
        };
        layout.check_size()
    }

    /// Returns the length of the flat parameter array, padding included.
    pub fn parameter_count(&self) -> usize {
        self.parameter_count
    }

    /// Returns the columns of an input row.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Returns the columns of an output row: means and logits, head after head.
    pub fn output_width(&self) -> usize {
        self.heads.iter().map(|head| head.output_width()).sum()
    }

    /// Returns the columns of an action row.
    pub fn action_width(&self) -> usize {
        self.heads.iter().map(|head| head.action_width()).sum()
    }

    /// Returns the heads: the distributions that an output row describes.
    pub fn heads(&self) -> &[Head] {
        &self.heads
    }

    /// Returns the config that the network was made from.
    pub fn config(&self) -> &NetworkConfig {
        &self.config
    }

    /// Returns the range of the logarithms of the Gaussian heads' standard deviations, head after head; empty without
    /// such heads.
    pub fn log_std(&self) -> Range<usize> {
        self.log_std.clone()
    }

    /// Returns the grids that are convolved, in order; none for a perceptron.
    pub fn grids(&self) -> impl Iterator<Item = GridBlock> {
        self.encoders.grids.iter().map(|grid| grid.block)
    }

    /// Returns the ranges of columns outside grids, which the dense layers read directly; empty for a perceptron.
    pub fn columns_outside_grids(&self) -> &[Range<usize>] {
        self.encoders.rest()
    }

    /// Returns the input width of the first dense layers.
    pub fn dense_inputs(&self) -> usize {
        if self.encoders.grids.is_empty() { self.inputs } else { self.encoders.width() }
    }

    /// Returns the count of all convolutions' outputs per row.
    pub fn map_numbers(&self) -> usize {
        self.encoders.map_numbers()
    }

    /// Returns all named parts of the parameter array, in a fixed order.
    pub fn tensors(&self) -> impl Iterator<Item = Tensor<'_>> {
        let log_std = (!self.log_std.is_empty()).then(|| Tensor {
            name: "log_std".to_owned(),
            shape: vec![self.log_std.len()],
            place: TensorRange::Row(self.log_std.start),
        });
        let convolutions = self.encoders.convolutions().flat_map(convolution_tensors);
        convolutions.chain(self.layers().flat_map(Dense::tensors)).chain(log_std)
    }

    pub(crate) fn layers(&self) -> impl Iterator<Item = &Dense> {
        self.trunk.iter().chain(&self.actor).chain(&self.critic)
    }

    fn check_size(self) -> Result<Self, NetError> {
        let count = self.parameter_count;
        if count > PARAMETER_LIMIT {
            return Err(NetError::TooLarge { count, limit: PARAMETER_LIMIT });
        }
        Ok(self)
    }
}

impl Tensor<'_> {
    /// Returns the position in the parameter array of the element with this row-major index.
    pub fn position(&self, element: usize) -> usize {
        match &self.place {
            TensorRange::Weight(dense) => dense.position(element / dense.inputs, element % dense.inputs),
            TensorRange::Kernel(convolution) => convolution.position(element),
            TensorRange::Row(start) => start + element,
        }
    }

    /// Returns the number of elements, without padding.
    pub fn element_count(&self) -> usize {
        self.shape.iter().product()
    }
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

    fn position(&self, output: usize, input: usize) -> usize {
        let (row, column) = match self.form {
            Form::Wide => (input, output),
            Form::Narrow => (output, input),
        };
        self.weight.start + self.panels().index(row, column)
    }

    fn tensors(&self) -> [Tensor<'_>; 2] {
        let weight = Tensor {
            name: format!("{}.weight", self.name),
            shape: vec![self.outputs, self.inputs],
            place: TensorRange::Weight(self),
        };
        let bias = Tensor {
            name: format!("{}.bias", self.name),
            shape: vec![self.outputs],
            place: TensorRange::Row(self.bias.start),
        };
        [weight, bias]
    }
}

fn convolution_tensors(convolution: &Convolution) -> [Tensor<'_>; 2] {
    let weight = Tensor {
        name: format!("{}.weight", convolution.name),
        shape: convolution.shape(),
        place: TensorRange::Kernel(convolution),
    };
    let bias = Tensor {
        name: format!("{}.bias", convolution.name),
        shape: vec![convolution.output.channels],
        place: TensorRange::Row(convolution.bias.start),
    };
    [weight, bias]
}

/// Allocates ranges of the parameter array, each starting on a multiple of [`LANES`](crate::panels::LANES).
#[derive(Default)]
struct Cursor {
    parameters: usize,
    transposed: usize,
}

impl Cursor {
    fn take(&mut self, len: usize) -> Range<usize> {
        let start = self.parameters;
        self.parameters = start.saturating_add(padded(len));
        start..start.saturating_add(len)
    }

    /// Lays out consecutive hidden layers of these widths, and the head behind them if there is one.
    fn chain(&mut self, name: &str, source: Source, hidden: &[usize], head: Option<usize>) -> Vec<Dense> {
        let mut layers = Vec::with_capacity(hidden.len() + 1);
        let mut source = source;
        for (index, &outputs) in hidden.iter().chain(&head).enumerate() {
            let is_narrow = index == hidden.len() && outputs <= NARROW && !source.is_raw;
            let form = if is_narrow { Form::Narrow } else { Form::Wide };
            layers.push(self.dense(format!("{name}.{index}"), source, outputs, form));
            source = Source { width: outputs, is_raw: false };
        }
        layers
    }

    fn dense(&mut self, name: String, source: Source, outputs: usize, form: Form) -> Dense {
        let mut dense = Dense {
            name,
            inputs: source.width,
            outputs,
            form,
            weight: 0..0,
            bias: 0..0,
            transposed: self.transposed..self.transposed,
        };
        dense.weight = self.take(dense.panels().len());
        dense.bias = self.take(padded(outputs));
        if form == Form::Wide && !source.is_raw {
            self.transposed = self.transposed.saturating_add(dense.transposed_panels().len());
            dense.transposed.end = self.transposed;
        }
        dense
    }
}

/// The input of a layer.
#[derive(Clone, Copy)]
struct Source {
    width: usize,
    /// True for the network's inputs: their rows have no padding, and no gradient flows back to them.
    is_raw: bool,
}

fn check(inputs: usize, heads: &[Head], config: &NetworkConfig) -> Result<(), NetError> {
    if inputs == 0 {
        return Err(NetError::NoInputs);
    }
    if heads.is_empty() {
        return Err(NetError::NoHeads);
    }
    for (index, &head) in heads.iter().enumerate() {
        check_head(index, head)?;
    }
    match config.problems().into_iter().next() {
        Some(problem) => Err(NetError::Config(problem)),
        None => Ok(()),
    }
}

fn check_head(head: usize, shape: Head) -> Result<(), NetError> {
    match shape {
        Head::Gaussian { width: 0 } => Err(NetError::EmptyGaussian { head }),
        Head::Categorical { choices } if choices < 2 => Err(NetError::TooFewChoices { head, choices }),
        Head::Gaussian { .. } | Head::Categorical { .. } => Ok(()),
    }
}

/// Returns the saturating sum, so that an absurd width becomes an error and not a wrong size.
fn saturating_sum(numbers: impl Iterator<Item = usize>) -> usize {
    numbers.fold(0, usize::saturating_add)
}

fn gaussian_width(head: Head) -> usize {
    match head {
        Head::Gaussian { width } => width,
        Head::Categorical { .. } => 0,
    }
}
