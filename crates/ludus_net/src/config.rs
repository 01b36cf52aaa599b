//! The description of a network.

use std::collections::BTreeMap;
use std::fmt;

use ludus_spec::{AgentSpec, Block, ObservationField};
use serde::{Deserialize, Serialize};

/// The description of an actor-critic network. With the inputs and heads of a spec, it determines the network's shape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkConfig {
    /// Layers in front of the hidden layers, each for the field of the observation that it is named after.
    ///
    /// Fields without an encoder go into the hidden layers as they are.
    pub encoders: BTreeMap<String, Encoder>,
    /// Width of each hidden layer, from the observation on.
    ///
    /// Each at least 1; multiples of 16 waste nothing. Usually `[64, 64]`; empty makes the policy linear.
    pub hidden: Vec<usize>,
    /// The activation function of every hidden layer.
    pub activation: Activation,
    /// True if actor and critic share their hidden layers.
    ///
    /// Separate layers are the safer default; sharing halves the time. Andrychowicz et al. 2021, arXiv:2006.05990,
    /// §3.2.
    pub shared: bool,
    /// The memory between the hidden layers and the heads; `None` for a network that sees only the present observation.
    ///
    /// Actor and critic have a memory each, unless they share their layers.
    pub memory: Option<Memory>,
}

/// The layers between a field of the observation and the hidden layers. Actor and critic share them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encoder {
    /// Convolutions over a grid, with these counts of channels.
    ///
    /// Each has 3×3 kernels, halves the grid, and is rectified. Each at least 1; usually two to four of 16 to 64. Mnih
    /// et al. 2015, doi:10.1038/nature14236.
    Convolve(Vec<usize>),
    /// A layer of this width for each element of a set, then mean and maximum over the elements that are present, and
    /// their count.
    ///
    /// At least 1; usually 16 to 64. Zaheer et al. 2017, arXiv:1703.06114.
    Pool(usize),
    /// A layer for each element of a set, then a residual block of self-attention between those that are present, then
    /// their mean and their count.
    ///
    /// Vaswani et al. 2017, arXiv:1706.03762, §3.2; Baker et al. 2020, arXiv:1909.07528, appendix B.
    Attend {
        /// Width of the layer and of the attention. At least 1; usually 32 or 64.
        width: usize,
        /// Heads of the attention, a divisor of the width; usually 1 to 4.
        heads: usize,
    },
}

/// The activation functions of hidden layers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Activation {
    /// Hyperbolic tangent: bounded, smooth, the usual choice for small control policies.
    #[default]
    Tanh,
    /// `max(x, 0)`: a little faster.
    Relu,
}

/// The kinds of memory, each with its width: the count of numbers that it remembers.
///
/// A width is at least 1; multiples of 16 waste nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Memory {
    /// A minimal gated recurrent unit: its gates depend on the input alone, so it learns and decides faster. A dense
    /// layer of its width behind it combines what is remembered with what is seen.
    ///
    /// Feng et al. 2024, arXiv:2410.01201, §3.1, in the form of appendix B.
    MinGru(usize),
    /// A gated recurrent unit, as in PyTorch and ONNX (`linear_before_reset = 1`): its gates depend on what it
    /// remembers too.
    ///
    /// Cho et al. 2014, arXiv:1406.1078.
    Gru(usize),
}

impl Memory {
    /// Returns the count of numbers that are remembered.
    pub const fn width(self) -> usize {
        match self {
            Self::MinGru(width) | Self::Gru(width) => width,
        }
    }
}

/// An invalid value of a network's description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkProblem {
    /// The names of the sections around the value, from the outermost on, and its own: `encoders`, `board`.
    pub path: Vec<String>,
    /// A sentence that names the value and the remedy.
    pub message: String,
}

impl Default for NetworkConfig {
    fn default() -> Self {
        let (encoders, activation) = (BTreeMap::new(), Activation::Tanh);
        Self { encoders, hidden: vec![64, 64], activation, shared: false, memory: None }
    }
}

impl NetworkConfig {
    /// Returns one problem for each invalid value; empty if the config is valid.
    pub fn problems(&self) -> Vec<NetworkProblem> {
        let zero = |(layer, &width): (usize, &usize)| {
            let message = || format!("`hidden[{layer}]` is 0; give the layer a width of at least 1, or leave it out");
            (width == 0).then(|| NetworkProblem { path: vec!["hidden".to_owned()], message: message() })
        };
        let hidden = self.hidden.iter().enumerate().filter_map(zero);
        let of_encoder = |(field, encoder): (&String, &Encoder)| Some(encoder_problem(field, encoder.problem()?));
        let memory = self.memory.filter(|memory| memory.width() == 0).map(|memory| {
            let message =
                format!("`memory: {memory:?}` remembers nothing; give it a width of at least 1, or leave it out");
            NetworkProblem { path: vec!["memory".to_owned()], message }
        });
        hidden.chain(self.encoders.iter().filter_map(of_encoder)).chain(memory).collect()
    }

    /// As [`problems`](Self::problems), and one for each encoder that does not fit the observations of these agents.
    pub fn problems_for(&self, spec: &AgentSpec) -> Vec<NetworkProblem> {
        let of_encoder = |(name, encoder): (&String, &Encoder)| {
            let field = spec.observation.iter().find(|field| field.name == *name);
            let message = match field {
                Some(field) => encoder.misfit(field)?,
                None => unknown_field(name, spec),
            };
            Some(encoder_problem(name, message))
        };
        let mut problems = self.problems();
        problems.extend(self.encoders.iter().filter_map(of_encoder));
        problems
    }
}

fn encoder_problem(field: &str, message: String) -> NetworkProblem {
    NetworkProblem { path: vec!["encoders".to_owned(), field.to_owned()], message }
}

fn unknown_field(name: &str, spec: &AgentSpec) -> String {
    let can_have_one = |field: &&ObservationField| !matches!(field.block, Block::Values { .. });
    let fields = spec.observation.iter().filter(can_have_one).map(|field| format!("`{}`", field.name));
    let fields = fields.collect::<Vec<_>>().join(", ");
    let valid = if fields.is_empty() {
        "it has neither grids nor sets, so leave `encoders` out".to_owned()
    } else {
        format!("valid: {fields}")
    };
    format!("`{}` observes no field `{name}`; {valid}", spec.name)
}

impl Encoder {
    /// Returns a sentence if a value is invalid.
    fn problem(&self) -> Option<String> {
        match self {
            Self::Convolve(channels) if channels.is_empty() => {
                Some(format!("`{self}` has no convolutions; write their channels, such as `Convolve([16, 32])`"))
            }
            Self::Convolve(channels) => {
                let zero = channels.iter().position(|&channels| channels == 0)?;
                let remedy = "give the convolution at least 1 channel, or leave it out";
                Some(format!("channel count {zero} of `{self}` is 0; {remedy}"))
            }
            Self::Pool(0) | Self::Attend { width: 0, .. } => {
                Some(format!("the width of `{self}` is 0; give it at least 1, usually 32"))
            }
            Self::Attend { width, heads } if *heads == 0 || !width.is_multiple_of(*heads) => {
                let valid = (1..=*width.min(&64)).filter(|heads| width.is_multiple_of(*heads));
                let valid = valid.map(|heads| heads.to_string()).collect::<Vec<_>>().join(", ");
                Some(format!("{heads} heads do not divide the width of `{self}`; valid: {valid}"))
            }
            Self::Pool(_) | Self::Attend { .. } => None,
        }
    }

    /// Returns a sentence if the encoder can't read this field.
    fn misfit(&self, field: &ObservationField) -> Option<String> {
        let (reads, remedy) = match (self, &field.block) {
            (Self::Convolve(_), Block::Grid(_)) | (Self::Pool(_) | Self::Attend { .. }, Block::Set(_)) => return None,
            (_, Block::Grid(_)) => ("a set", "use `Convolve` for a grid"),
            (_, Block::Set(_)) => ("a grid", "use `Pool` or `Attend` for a set"),
            (_, Block::Values { .. }) => {
                let reads = if matches!(self, Self::Convolve(_)) { "a grid" } else { "a set" };
                (reads, "leave it out: fields without an encoder go into the hidden layers as they are")
            }
        };
        let is = match &field.block {
            Block::Values { parts } => format!("has {} values", parts.len()),
            Block::Grid(shape) => format!("is a grid of {shape}"),
            Block::Set(shape) => format!("is a set of {shape}"),
        };
        Some(format!("`{self}` reads {reads}, and `{}` {is}; {remedy}", field.name))
    }
}

/// As in a config.
impl fmt::Display for Encoder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Convolve(channels) => write!(formatter, "Convolve({channels:?})"),
            Self::Pool(width) => write!(formatter, "Pool({width})"),
            Self::Attend { width, heads } => write!(formatter, "Attend(width: {width}, heads: {heads})"),
        }
    }
}
