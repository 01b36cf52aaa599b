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
    /// True if the last action is an input too: for each number its value in -1..=1, and for each choice 1 if it was
    /// made, else 0. All are 0 where an episode starts.
    ///
    /// Usually with a memory, for agents that can't see what they did.
    pub observe_last_action: bool,
    /// Width of each hidden layer, from the observation on.
    ///
    /// Each at least 1; multiples of 16 waste nothing. Usually `[64, 64]`; empty makes the policy linear.
    pub hidden: Vec<usize>,
    /// The activation function of every hidden layer.
    pub activation: Activation,
    /// True if the sums of every hidden layer are normalised before its activation: to mean 0 and variance 1 over the
    /// layer's units, then scaled and shifted by a learned gain and bias of each unit.
    ///
    /// Off for PPO as a rule. Q-learning without a target network needs it. Encoders and memories have none.
    /// Ba et al. 2016, arXiv:1607.06450, §3.
    pub layer_norm: bool,
    /// True if actor and critic share their hidden layers.
    ///
    /// Separate layers are the safer default; sharing halves the time. Andrychowicz et al. 2021, arXiv:2006.05990,
    /// §3.2.
    pub shared: bool,
    /// The memory between the hidden layers and the heads; `None` for a network that sees only the present observation.
    ///
    /// Actor and critic have a memory each, unless they share their layers.
    pub memory: Option<Memory>,
    /// True if the numbers of a continuous action are squashed into -1..=1, and their deviation depends on the
    /// observation, as soft actor-critic needs them. Its runs set this themselves.
    ///
    /// Haarnoja et al. 2018, arXiv:1801.01290, appendix C.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub squashed: bool,
    /// True for the network of a policy that was shipped without its critic: it has outputs and no values, and can't
    /// learn. No config sets it.
    #[serde(skip)]
    pub without_critic: bool,
}

/// The layers between a field of the observation and the hidden layers. Actor and critic share them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encoder {
    /// The values of a field in the last steps, this many with the present one; zeros before an episode's start.
    ///
    /// At least 2; usually 2 to 8. Mnih et al. 2015, doi:10.1038/nature14236.
    Stack(usize),
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
        Self {
            encoders: BTreeMap::new(),
            observe_last_action: false,
            hidden: vec![64, 64],
            activation: Activation::Tanh,
            layer_norm: false,
            shared: false,
            memory: None,
            squashed: false,
            without_critic: false,
        }
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

    /// Returns the name and value of the first setting by which the network remembers earlier steps; `None` if its
    /// outputs depend on the present observation alone.
    ///
    /// Algorithms that learn from single steps can't train a network that remembers.
    pub fn remembers(&self) -> Option<String> {
        let memory = self.memory.map(|memory| format!("memory: {memory:?}"));
        let stacks = self.encoders.iter().filter(|(_, encoder)| matches!(encoder, Encoder::Stack(_)));
        let mut stacks = stacks.map(|(field, encoder)| format!("encoders: {{{field:?}: {encoder}}}"));
        memory
            .or_else(|| stacks.next())
            .or_else(|| self.observe_last_action.then(|| "observe_last_action: true".to_owned()))
    }

    /// As [`problems`](Self::problems), and one for each encoder that does not fit the observations of these agents, and
    /// for shared layers if the critic reads more than the policy.
    pub fn problems_for(&self, spec: &AgentSpec) -> Vec<NetworkProblem> {
        let of_encoder = |(name, encoder): (&String, &Encoder)| {
            let field = spec.observation.iter().find(|field| field.name == *name);
            let message = match field {
                Some(field) => encoder.misfit(field).or_else(|| self.critic_misfit(encoder, field))?,
                None => unknown_field(name, spec),
            };
            Some(encoder_problem(name, message))
        };
        let mut problems = self.problems();
        problems.extend(self.encoders.iter().filter_map(of_encoder));
        problems.extend(spec.critic_fields().next().filter(|_| self.shared).map(|field| shared_problem(&field.name)));
        problems
    }

    /// Returns the description of the same network without its critic: what a policy needs to decide. `spec` is that of
    /// its agents.
    #[must_use]
    pub fn without_critic(&self, spec: &AgentSpec) -> Self {
        let is_read = |field: &str| spec.critic_fields().all(|of_critic| of_critic.name != field);
        let encoders = self.encoders.iter().filter(|(field, _)| is_read(field));
        let encoders = encoders.map(|(field, encoder)| (field.clone(), encoder.clone())).collect();
        Self { encoders, without_critic: true, ..self.clone() }
    }

    /// Returns a sentence if the encoder can't read a field for the critic alone.
    fn critic_misfit(&self, encoder: &Encoder, field: &ObservationField) -> Option<String> {
        let name = &field.name;
        match encoder {
            _ if !field.is_critic => None,
            Encoder::Stack(_) => Some(format!(
                "`{encoder}` keeps the last steps in what the policy remembers, and `{name}` is for the critic alone; leave \
                 the encoder out, or observe `{name}` without `critic`"
            )),
            _ if self.without_critic => {
                Some(format!("`{name}` is for the critic alone, and the network has no critic; leave the encoder out"))
            }
            Encoder::Convolve(_) | Encoder::Pool(_) | Encoder::Attend { .. } => None,
        }
    }
}

/// Returns the problem of layers that are shared although only the critic reads `field`.
pub(crate) fn shared_problem(field: &str) -> NetworkProblem {
    let message = format!(
        "with `shared: true` actor and critic read the same, and `{field}` is for the critic alone; set `shared: false`, \
         or observe `{field}` without `critic`"
    );
    NetworkProblem { path: vec!["shared".to_owned()], message }
}

fn encoder_problem(field: &str, message: String) -> NetworkProblem {
    NetworkProblem { path: vec!["encoders".to_owned(), field.to_owned()], message }
}

fn unknown_field(name: &str, spec: &AgentSpec) -> String {
    let fields = spec.observation.iter().map(|field| format!("`{}`", field.name));
    let fields = fields.collect::<Vec<_>>().join(", ");
    format!("`{}` observes no field `{name}`; valid: {fields}", spec.name)
}

impl Encoder {
    /// Returns a sentence if a value is invalid.
    fn problem(&self) -> Option<String> {
        match self {
            Self::Stack(0 | 1) => {
                Some(format!("`{self}` reads the present step alone; give it at least 2, or leave it out"))
            }
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
            Self::Stack(_) | Self::Pool(_) | Self::Attend { .. } => None,
        }
    }

    /// Returns a sentence if the encoder can't read this field.
    fn misfit(&self, field: &ObservationField) -> Option<String> {
        let reads = match self {
            Self::Stack(_) => "values",
            Self::Convolve(_) => "a grid",
            Self::Pool(_) | Self::Attend { .. } => "a set",
        };
        let remedy = match (self, &field.block) {
            (Self::Stack(_), Block::Values { .. })
            | (Self::Convolve(_), Block::Grid(_))
            | (Self::Pool(_) | Self::Attend { .. }, Block::Set(_)) => return None,
            (_, Block::Grid(_)) => "use `Convolve` for a grid",
            (_, Block::Set(_)) => "use `Pool` or `Attend` for a set",
            (_, Block::Values { .. }) => {
                "leave it out: fields without an encoder go into the hidden layers as they are; or use `Stack` for their \
                 last steps"
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
            Self::Stack(steps) => write!(formatter, "Stack({steps})"),
            Self::Convolve(channels) => write!(formatter, "Convolve({channels:?})"),
            Self::Pool(width) => write!(formatter, "Pool({width})"),
            Self::Attend { width, heads } => write!(formatter, "Attend(width: {width}, heads: {heads})"),
        }
    }
}
