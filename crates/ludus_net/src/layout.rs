//! The layout of a network's weights in its flat parameter array.

use std::ops::Range;

use ludus_spec::{AgentSpec, Head};

use crate::cursor::Cursor;
use crate::dense::{Dense, Form};
use crate::encoder::{Convolution, EncoderLayer, Encoders, Linear};
use crate::hidden::{Hidden, LayerNorm};
use crate::memory::Recurrence;
use crate::panels::padded;
use crate::{EncodedBlock, InputBlock, Memory, NetError, NetworkConfig};

/// Heads of up to this many outputs are computed as dot products: cheaper than padding them to a vector.
pub(crate) const NARROW: usize = 8;

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
    value_heads: usize,
    log_std: Range<usize>,
    parameter_count: usize,
    pub(crate) encoders: Encoders,
    pub(crate) trunk: Chain,
    pub(crate) actor: Chain,
    pub(crate) critic: Chain,
    pub(crate) transposed_count: usize,
}

/// Consecutive layers: hidden layers, a memory behind them, and a head.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Chain {
    pub hidden: Vec<Hidden>,
    pub memory: Option<Recurrence>,
    pub head: Option<Dense>,
}

/// A named part of the parameter array.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor<'a> {
    /// The tensor's name, such as `actor.0.weight`, `trunk.1.bias`, `trunk.1.norm.weight` or `log_std`.
    pub name: String,
    /// The tensor's shape: `[out, in]` of a weight, `[out, in, height, width]` of a convolution's, `[out]` of a bias and
    /// of a layer normalisation's gain, `[dimensions]` of `log_std`.
    pub shape: Vec<usize>,
    place: TensorRange<'a>,
}

#[derive(Clone, Debug, PartialEq)]
enum TensorRange<'a> {
    Weight(&'a Dense),
    Kernel(&'a Convolution),
    Linear(&'a Linear),
    LinearBias(&'a Linear),
    Row(usize),
}

impl Layout {
    /// Lays out a perceptron with `inputs` numbers per row and these heads.
    ///
    /// # Errors
    ///
    /// If there are no inputs or heads, if a head or a layer has no width, if the network is too large, or if the
    /// config has encoders, which need [blocks](Self::with_blocks).
    pub fn new(inputs: usize, heads: &[Head], config: &NetworkConfig) -> Result<Self, NetError> {
        Self::with_blocks(inputs, &[], heads, config)
    }

    /// Lays out the network of agents with these observations and actions.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), and if an encoder is for a field that the agents don't observe, or that it can't read, or
    /// that is too large.
    pub fn of_agent(spec: &AgentSpec, config: &NetworkConfig) -> Result<Self, NetError> {
        if let Some(problem) = config.problems_for(spec).into_iter().next() {
            return Err(NetError::Config(problem.message));
        }
        let inputs = spec.observation.iter().fold(0, |sum: usize, field| sum.saturating_add(field.width()));
        Self::with_blocks(inputs, &InputBlock::of_agent(spec), &spec.heads(), config)
    }

    /// Lays out a network for observations with these blocks, in the order of their columns.
    ///
    /// The dense layers read the columns without an encoder, then the outputs of each encoder; those of convolutions
    /// channel by channel; then the last action if the network observes it. Those of the critic also read, behind all
    /// this, the blocks for the critic alone in the same order.
    ///
    /// # Errors
    ///
    /// As [`of_agent`](Self::of_agent).
    pub fn with_blocks(
        inputs: usize,
        blocks: &[InputBlock],
        heads: &[Head],
        config: &NetworkConfig,
    ) -> Result<Self, NetError> {
        check(inputs, heads, config)?;
        let mut cursor = Cursor::default();
        let mut encoders = Encoders::new(inputs, blocks, config, &mut cursor)?;
        if config.observe_last_action {
            encoders.observe_last_action(inputs, heads, &mut cursor);
        }
        let heads: Vec<Head> = heads.iter().map(|&head| if config.squashed { head.squashed() } else { head }).collect();
        let [width, critic_width] =
            if encoders.is_empty() { [inputs; 2] } else { [encoders.policy_width(), encoders.width()] };
        if width == 0 {
            return Err(NetError::NoInputs);
        }
        let (shared, own) = if config.shared { (&config.hidden[..], &[][..]) } else { (&[][..], &config.hidden[..]) };
        let raw = Source { width, is_raw: true, is_learned: encoders.has_layers() };
        let (shared_memory, own_memory) = if config.shared { (config.memory, None) } else { (None, config.memory) };
        let layer_norm = config.layer_norm;
        let of_trunk = ChainShape { hidden: shared, layer_norm, memory: shared_memory, head: None };
        let trunk = cursor.chain("trunk", raw, of_trunk);
        let features = trunk.output(raw);
        let output_width = saturating_sum(heads.iter().map(|head| head.output_width()));
        let own = ChainShape { hidden: own, layer_norm, memory: own_memory, head: None };
        let actor = cursor.chain("actor", features, ChainShape { head: Some(output_width), ..own });
        let critic_raw = Source { width: critic_width, ..raw };
        let critic = match config.without_critic {
            true => Chain::default(),
            // If actor and critic read different columns, they share no layer.
            false => {
                let source = if critic_width == width { features } else { critic_raw };
                cursor.chain("critic", source, ChainShape { head: Some(1), ..own })
            }
        };
        let log_std = cursor.take(saturating_sum(heads.iter().copied().map(gaussian_width)));
        let layout = Self {
            inputs,
            heads,
            config: config.clone(),
            value_heads: 1,
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

    /// Lays out the same network with this many values of its critic, one for each stream of rewards.
    ///
    /// A new layout has one. With one, all parameters have the places that they have always had.
    ///
    /// # Errors
    ///
    /// [`NetError::NoValues`] if `count` is 0, and [`NetError::TooLarge`].
    pub fn with_value_heads(&self, count: usize) -> Result<Self, NetError> {
        if count == 0 {
            return Err(NetError::NoValues);
        }
        let mut layout = self.clone();
        let has_layers = |chain: &Chain| !chain.hidden.is_empty() || chain.memory.is_some();
        let is_raw = !has_layers(&self.trunk) && !has_layers(&self.critic);
        let head = self.value_head();
        let source = Source { width: head.inputs, is_raw, is_learned: !is_raw || self.encoders.has_layers() };
        let transposed = if head.transposed.is_empty() { self.transposed_count } else { head.transposed.start };
        // The head is the last of the layers, and only `log_std` stands behind it.
        let mut cursor = Cursor::behind(head.weight.start, transposed);
        layout.critic.head = Some(cursor.dense(head.name.clone(), source, count, head_form(count, is_raw)));
        layout.log_std = cursor.take(self.log_std.len());
        layout.value_heads = count;
        (layout.parameter_count, layout.transposed_count) = (cursor.parameters, cursor.transposed);
        layout.check_size()
    }

    /// Returns the number of the critic's values per row.
    pub fn value_heads(&self) -> usize {
        self.value_heads
    }

    /// Returns the length of the flat parameter array, padding included.
    pub fn parameter_count(&self) -> usize {
        self.parameter_count
    }

    /// Returns the columns of an input row.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Returns the columns of an output row: means, logits and the deviations of squashed heads, head after head.
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
    /// such heads. Those of squashed heads are outputs.
    pub fn log_std(&self) -> Range<usize> {
        self.log_std.clone()
    }

    /// Returns the blocks with an encoder, in the order of their columns, but those for the critic alone last; none for
    /// a perceptron.
    pub fn encoded_blocks(&self) -> impl Iterator<Item = EncodedBlock<'_>> {
        self.encoders.blocks.iter().map(|block| EncodedBlock {
            field: block.field(),
            columns: block.columns(),
            encoder: &self.config.encoders[block.field()],
            features: block.features(),
            memory: block.memory_columns(),
            is_critic: self.encoders.is_of_critic(block),
        })
    }

    /// Returns the ranges of columns without an encoder, which the dense layers read directly; empty for a perceptron.
    pub fn columns_without_encoder(&self) -> &[Range<usize>] {
        self.encoders.rest()
    }

    /// Returns the ranges of columns without an encoder that only the critic's dense layers read.
    pub fn critic_columns_without_encoder(&self) -> &[Range<usize>] {
        self.encoders.critic_rest()
    }

    /// True if some columns are for the critic alone, whether the network has a critic or not.
    pub fn has_critic_columns(&self) -> bool {
        self.encoders.has_critic_columns()
    }

    /// Returns the input width of the first dense layers of the policy.
    pub fn dense_inputs(&self) -> usize {
        if self.encoders.is_empty() { self.inputs } else { self.encoders.policy_width() }
    }

    /// Returns the count of all convolutions' outputs per row.
    pub fn map_numbers(&self) -> usize {
        self.encoders.map_numbers()
    }

    /// Returns the count of multiplications of a forward pass of one row, padding included: each parameter takes part in
    /// one, but that of a convolution in one for each cell of its output.
    pub fn multiplications(&self) -> usize {
        self.encoders.repeated_multiplications().saturating_add(self.parameter_count)
    }

    /// Returns all named parts of the parameter array, in a fixed order.
    pub fn tensors(&self) -> impl Iterator<Item = Tensor<'_>> {
        let log_std = (!self.log_std.is_empty()).then(|| Tensor {
            name: "log_std".to_owned(),
            shape: vec![self.log_std.len()],
            place: TensorRange::Row(self.log_std.start),
        });
        let encoders = self.encoders.layers().flat_map(encoder_tensors);
        let chains = [&self.trunk, &self.actor, &self.critic].into_iter().flat_map(Chain::tensors);
        encoders.chain(chains).chain(log_std)
    }

    /// Returns the count of numbers that a row's memory has: what encoders read of earlier steps, then the states of
    /// actor and critic, or of what they share.
    pub fn memory_width(&self) -> usize {
        self.history_width() + self.recurrences().map(|layer| layer.columns.len()).sum::<usize>()
    }

    /// Returns the count of numbers, the first of a row's memory, that encoders read of earlier steps.
    pub fn history_width(&self) -> usize {
        self.encoders.history_width()
    }

    /// Returns the columns of the last action in a row's memory, of which there are as many as outputs; empty if the
    /// network does not observe it.
    pub fn last_action_columns(&self) -> Range<usize> {
        self.encoders.last_action_columns()
    }

    /// Writes the actions of a step into the memory that the step has left, if the network observes its last action.
    ///
    /// # Shapes
    ///
    /// `actions` is `[rows, action_width]`, `memory` `[rows, memory_width]` or `[rows, policy_memory_width]`.
    ///
    /// # Panics
    ///
    /// If an action is not one of the choices.
    pub fn remember_actions(&self, actions: &[f32], memory: &mut [f32]) {
        self.encoders.remember_actions(actions, memory);
    }

    /// Returns the count of numbers, the first of a row's memory, that a policy needs without its critic.
    pub fn policy_memory_width(&self) -> usize {
        let own = self.trunk.memory.iter().chain(&self.actor.memory);
        self.history_width() + own.map(|layer| layer.columns.len()).sum::<usize>()
    }

    /// Returns the layer whose outputs are the critic's values.
    /// Returns the name of the critic's last layer, as in the names of its tensors.
    pub fn value_head_name(&self) -> &str {
        &self.value_head().name
    }

    pub(crate) fn value_head(&self) -> &Dense {
        self.critic.head.as_ref().expect("a critic ends in a head")
    }

    pub(crate) fn recurrences(&self) -> impl Iterator<Item = &Recurrence> {
        [&self.trunk, &self.actor, &self.critic].into_iter().filter_map(|chain| chain.memory.as_ref())
    }

    pub(crate) fn layers(&self) -> impl Iterator<Item = &Dense> {
        [&self.trunk, &self.actor, &self.critic].into_iter().flat_map(Chain::layers)
    }

    /// Returns the layer normalisations, each with the dense layer before it.
    pub(crate) fn norms(&self) -> impl Iterator<Item = (&Dense, &LayerNorm)> {
        let hidden = [&self.trunk, &self.actor, &self.critic].into_iter().flat_map(|chain| &chain.hidden);
        hidden.filter_map(|layer| Some((&layer.dense, layer.norm.as_ref()?)))
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
            TensorRange::Linear(linear) => linear.position(element),
            TensorRange::LinearBias(linear) => linear.bias_position(element),
            TensorRange::Row(start) => start + element,
        }
    }

    /// Returns the number of elements, without padding.
    pub fn element_count(&self) -> usize {
        self.shape.iter().product()
    }
}

impl Chain {
    /// Returns all dense layers, in the order of their parameters.
    pub fn layers(&self) -> impl Iterator<Item = &Dense> {
        self.hidden.iter().map(|layer| &layer.dense).chain(self.behind_hidden())
    }

    /// Returns the dense layers of the memory and the head.
    fn behind_hidden(&self) -> impl Iterator<Item = &Dense> {
        self.memory.iter().flat_map(Recurrence::layers).chain(&self.head)
    }

    fn tensors(&self) -> impl Iterator<Item = Tensor<'_>> {
        self.hidden.iter().flat_map(hidden_tensors).chain(self.behind_hidden().flat_map(dense_tensors))
    }

    /// Returns the source of the layer behind the chain's memory. `source` is that of the chain.
    fn output(&self, source: Source) -> Source {
        let hidden = self.hidden.last().map(|last| last.dense.outputs);
        let width = self.memory.as_ref().map(|layer| layer.memory.width()).or(hidden);
        width.map_or(source, |width| Source { width, is_raw: false, is_learned: true })
    }
}

fn dense_tensors(dense: &Dense) -> [Tensor<'_>; 2] {
    let weight = Tensor {
        name: format!("{}.weight", dense.name),
        shape: vec![dense.outputs, dense.inputs],
        place: TensorRange::Weight(dense),
    };
    let bias = Tensor {
        name: format!("{}.bias", dense.name),
        shape: vec![dense.outputs],
        place: TensorRange::Row(dense.bias.start),
    };
    [weight, bias]
}

fn hidden_tensors(layer: &Hidden) -> impl Iterator<Item = Tensor<'_>> {
    let norm = layer.norm.as_ref().map(|norm| norm_tensors(&layer.dense, norm));
    dense_tensors(&layer.dense).into_iter().chain(norm.into_iter().flatten())
}

fn norm_tensors<'a>(dense: &Dense, norm: &LayerNorm) -> [Tensor<'a>; 2] {
    [("weight", &norm.gain), ("bias", &norm.bias)].map(|(part, range)| Tensor {
        name: format!("{}.norm.{part}", dense.name),
        shape: vec![dense.outputs],
        place: TensorRange::Row(range.start),
    })
}

fn encoder_tensors(layer: EncoderLayer<'_>) -> Vec<Tensor<'_>> {
    match layer {
        EncoderLayer::Convolution(convolution) => convolution_tensors(convolution).into(),
        EncoderLayer::Linear(linear) => linear_tensors(linear),
    }
}

fn linear_tensors(linear: &Linear) -> Vec<Tensor<'_>> {
    let mut tensors = vec![Tensor {
        name: format!("{}.weight", linear.name),
        shape: vec![linear.outputs.total(), linear.inputs.total()],
        place: TensorRange::Linear(linear),
    }];
    if !linear.bias.is_empty() {
        let (name, shape) = (format!("{}.bias", linear.name), vec![linear.outputs.total()]);
        tensors.push(Tensor { name, shape, place: TensorRange::LinearBias(linear) });
    }
    tensors
}

fn convolution_tensors(convolution: &Convolution) -> [Tensor<'_>; 2] {
    let weight = Tensor {
        name: format!("{}.weight", convolution.name),
        shape: convolution.shape(),
        place: TensorRange::Kernel(convolution),
    };
    let bias = Tensor {
        name: format!("{}.bias", convolution.name),
        shape: vec![convolution.channels()],
        place: TensorRange::Row(convolution.bias.start),
    };
    [weight, bias]
}

/// The widths of a chain's layers.
#[derive(Clone, Copy)]
struct ChainShape<'a> {
    hidden: &'a [usize],
    layer_norm: bool,
    memory: Option<Memory>,
    head: Option<usize>,
}

impl Cursor {
    /// Lays out consecutive hidden layers of these widths, the memory behind them, and the head behind it.
    fn chain(&mut self, name: &str, source: Source, shape: ChainShape<'_>) -> Chain {
        let mut chain = Chain::default();
        for (index, &outputs) in shape.hidden.iter().enumerate() {
            let dense = self.dense(format!("{name}.{index}"), chain.output(source), outputs, Form::Wide);
            let norm = shape.layer_norm.then(|| self.layer_norm(outputs));
            chain.hidden.push(Hidden { dense, norm });
        }
        if let Some(memory) = shape.memory {
            let input = chain.output(source);
            let state = Source { width: memory.width(), is_raw: false, is_learned: true };
            let columns = self.take_memory(memory.width());
            chain.memory = Some(Recurrence::new(name, memory, columns, |name, is_of_input, width| {
                self.dense(name, if is_of_input { input } else { state }, width, Form::Wide)
            }));
        }
        if let Some(outputs) = shape.head {
            let source = chain.output(source);
            let form = head_form(outputs, source.is_raw);
            chain.head = Some(self.dense(format!("{name}.{}", shape.hidden.len()), source, outputs, form));
        }
        chain
    }

    fn dense(&mut self, name: String, source: Source, outputs: usize, form: Form) -> Dense {
        let inputs = source.width;
        let mut dense = Dense { name, inputs, outputs, form, weight: 0..0, bias: 0..0, transposed: 0..0 };
        dense.weight = self.take(dense.panels().len());
        dense.bias = self.take(padded(outputs));
        if form == Form::Wide && source.is_learned {
            dense.transposed = self.take_transposed(dense.transposed_panels().len());
        }
        dense
    }

    fn layer_norm(&mut self, width: usize) -> LayerNorm {
        LayerNorm { gain: self.take(padded(width)), bias: self.take(padded(width)) }
    }
}

/// Returns the orientation of the weight of a head with this many outputs. `is_raw` is that of its [`Source`].
fn head_form(outputs: usize, is_raw: bool) -> Form {
    if outputs <= NARROW && !is_raw { Form::Narrow } else { Form::Wide }
}

/// The input of a layer.
#[derive(Clone, Copy)]
struct Source {
    width: usize,
    /// True for the network's inputs and the outputs of encoders: their rows have no padding.
    is_raw: bool,
    /// True if a gradient flows back to what the layer reads.
    is_learned: bool,
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
        Some(problem) => Err(NetError::Config(problem.message)),
        None => Ok(()),
    }
}

fn check_head(head: usize, shape: Head) -> Result<(), NetError> {
    match shape {
        Head::Gaussian { width: 0 } | Head::SquashedGaussian { width: 0 } => Err(NetError::EmptyGaussian { head }),
        Head::Categorical { choices } if choices < 2 => Err(NetError::TooFewChoices { head, choices }),
        Head::Gaussian { .. } | Head::SquashedGaussian { .. } | Head::Categorical { .. } => Ok(()),
    }
}

/// Returns the saturating sum, so that an absurd width becomes an error and not a wrong size.
fn saturating_sum(numbers: impl Iterator<Item = usize>) -> usize {
    numbers.fold(0, usize::saturating_add)
}

fn gaussian_width(head: Head) -> usize {
    match head {
        Head::Gaussian { width } => width,
        Head::SquashedGaussian { .. } | Head::Categorical { .. } => 0,
    }
}
