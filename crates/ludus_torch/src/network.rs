//! What a network on libtorch is.

use ludus_net::Layout;
use ludus_spec::Head;
use tch::Tensor;

/// A network of policy and critic, written with tensors.
///
/// Whatever libtorch can derive can be one: convolutions, attention, embeddings. The library owns the parameters; the
/// network says which there are and what it makes of them.
pub trait TorchNetwork: Send + Sync {
    /// Columns of an observation.
    fn inputs(&self) -> usize;

    /// The distributions that the outputs describe.
    fn heads(&self) -> &[Head];

    /// All parameters, with the numbers that training starts from.
    ///
    /// The logarithms of Gaussian heads' standard deviations come last, as `log_std`, if they are to start from other
    /// numbers than 0; else the learner adds them. It keeps them from [`forward`](Self::forward) either way.
    fn parameters(&self) -> Vec<Parameter>;

    /// What the network makes of some observations.
    ///
    /// `parameters` are as [`parameters`](Self::parameters) listed them, without `log_std`, with their shapes, wherever they are by now;
    /// gradients flow back to them. Create no tensors here but from those that are given, so that all are on one device.
    ///
    /// On a GPU the same seed gives the same bits as long as libtorch's kernels do: not all do whose gradients are scattered,
    /// such as those of indexing and of upsampling. On the CPU it always does. What reads a tensor back can't be recorded
    /// as a CUDA graph, and is slow there.
    ///
    /// # Shapes
    ///
    /// `observations` is `[rows, inputs]`, normalised if they are to be.
    fn forward(&self, parameters: &[Tensor], observations: &Tensor) -> Forward;

    /// Numbers that a forward pass works out for each observation, about: a GPU's memory is checked with it before a run.
    ///
    /// If not said otherwise, as many as the first dimensions of all parameters come to. Say more where a parameter is used
    /// in many places, as a convolution's are.
    fn activations(&self) -> usize {
        self.parameters().iter().filter_map(|parameter| parameter.shape.first()).sum()
    }

    /// The network of `ludus_net` that this network is, if it is one: then its policies run without libtorch.
    fn layout(&self) -> Option<&Layout> {
        None
    }

    /// The name of the network in policy files, for whoever has a file and not the program: its type, unless said otherwise.
    fn name(&self) -> &str {
        std::any::type_name::<Self>()
    }
}

/// What a network puts out.
#[derive(Debug)]
pub struct Forward {
    /// Means and logits, head after head: `[rows, output width]`.
    pub outputs: Tensor,
    /// The critic's estimates: `[rows]`.
    pub values: Tensor,
}

/// A parameter that training starts with.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// What it is called in files, such as `actor.0.weight`.
    pub name: String,
    /// Its dimensions; `[out, in]` of a layer's weight.
    pub shape: Vec<usize>,
    /// Its numbers, in row-major order.
    pub values: Vec<f32>,
}

/// What the logarithms of Gaussian heads' standard deviations are called.
pub(crate) const LOG_STD: &str = "log_std";

impl Parameter {
    /// Zeros, as biases start.
    pub fn zeros(name: &str, shape: &[usize]) -> Self {
        Self { name: name.to_owned(), shape: shape.to_vec(), values: vec![0.0; shape.iter().product()] }
    }

    /// Numbers in it.
    pub fn count(&self) -> usize {
        self.values.len()
    }
}
