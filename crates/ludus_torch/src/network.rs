//! The interface of networks on libtorch.

use ludus_net::Layout;
use ludus_spec::Head;
use tch::Tensor;

/// A network of policy and critic, written with tensors.
///
/// Everything that libtorch can differentiate is possible: convolutions, attention, embeddings. The library owns the
/// parameters; the network lists them and defines the forward pass.
pub trait TorchNetwork: Send + Sync {
    /// Returns the columns of an observation.
    fn inputs(&self) -> usize;

    /// Returns the heads: the distributions that the outputs describe.
    fn heads(&self) -> &[Head];

    /// Returns all parameters, with the numbers that training starts from.
    ///
    /// The logarithms of Gaussian heads' standard deviations come last, as `log_std`, if they are to start from other
    /// numbers than 0; else the learner adds them. They are not passed to [`forward`](Self::forward) in either case.
    fn parameters(&self) -> Vec<Parameter>;

    /// Computes outputs and values of some observations.
    ///
    /// `parameters` are the current tensors in the order and with the shapes of [`parameters`](Self::parameters),
    /// without `log_std`; gradients flow back to them. Create tensors from the given ones only, so that all are on one
    /// device.
    ///
    /// On a GPU the same seed gives the same bits only if libtorch's kernels are deterministic. Some whose gradients
    /// are scattered, such as those of indexing and of upsampling, are not. On the CPU all are. Code that reads a
    /// tensor back to the host can't be recorded as a CUDA graph, and is slow on a GPU.
    ///
    /// # Shapes
    ///
    /// `observations` is `[rows, inputs]`, normalised if there is a normaliser.
    fn forward(&self, parameters: &[Tensor], observations: &Tensor) -> Forward;

    /// Returns the approximate number of activations of a forward pass per observation. A GPU's memory is checked with
    /// it before a run.
    ///
    /// The default is the sum of the first dimensions of all parameters. Override it where a parameter is used in many
    /// places, as in a convolution.
    fn activations(&self) -> usize {
        self.parameters().iter().filter_map(|parameter| parameter.shape.first()).sum()
    }

    /// Returns the layout of the equal network of `ludus_net`, if there is one: then its policies run without libtorch.
    fn layout(&self) -> Option<&Layout> {
        None
    }

    /// Returns the name of the network in policy files, by which users of a file can identify it. The default is the
    /// name of its type.
    fn name(&self) -> &str {
        std::any::type_name::<Self>()
    }
}

/// The results of a network's forward pass.
#[derive(Debug)]
pub struct Forward {
    /// Means and logits, head after head: `[rows, output width]`.
    pub outputs: Tensor,
    /// The critic's estimates: `[rows]`.
    pub values: Tensor,
}

/// A parameter, with the numbers that training starts from.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// The parameter's name in files, such as `actor.0.weight`.
    pub name: String,
    /// Its dimensions; `[out, in]` of a layer's weight.
    pub shape: Vec<usize>,
    /// Its numbers, in row-major order.
    pub values: Vec<f32>,
}

/// The parameter name of the logarithms of Gaussian heads' standard deviations.
pub(crate) const LOG_STD: &str = "log_std";

impl Parameter {
    /// Makes a parameter of zeros, the usual start of biases.
    pub fn zeros(name: &str, shape: &[usize]) -> Self {
        Self { name: name.to_owned(), shape: shape.to_vec(), values: vec![0.0; shape.iter().product()] }
    }

    /// Returns the number of elements.
    pub fn count(&self) -> usize {
        self.values.len()
    }
}
