//! The description of a network.

use serde::{Deserialize, Serialize};

/// The description of an actor-critic network. With the inputs and heads of a spec, it determines the network's shape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkConfig {
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
    /// Output channels of each convolution over the observation's grids, in front of the hidden layers. Empty means no
    /// convolutions.
    ///
    /// Each has 3×3 kernels, halves the grid, and is rectified. A run's config has them beside `network`.
    #[serde(skip)]
    pub convolutions: Vec<usize>,
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
    /// A minimal gated recurrent unit: its gates depend on the input alone, so it learns and decides faster.
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

impl Default for NetworkConfig {
    fn default() -> Self {
        Self {
            hidden: vec![64, 64],
            activation: Activation::Tanh,
            shared: false,
            memory: None,
            convolutions: Vec::new(),
        }
    }
}

impl NetworkConfig {
    /// Returns one sentence for each invalid value; empty if the config is valid.
    pub fn problems(&self) -> Vec<String> {
        let zero = |(layer, &width): (usize, &usize)| {
            (width == 0)
                .then(|| format!("`hidden[{layer}]` is 0; give the layer a width of at least 1, or leave it out"))
        };
        let no_channels = |(layer, &channels): (usize, &usize)| {
            (channels == 0)
                .then(|| format!("`convolutions[{layer}]` is 0; give it at least 1 channel, or leave it out"))
        };
        let convolutions = self.convolutions.iter().enumerate().filter_map(no_channels);
        let memory = self.memory.filter(|memory| memory.width() == 0).map(|memory| {
            format!("`memory: {memory:?}` remembers nothing; give it a width of at least 1, or leave it out")
        });
        self.hidden.iter().enumerate().filter_map(zero).chain(convolutions).chain(memory).collect()
    }
}
