//! The interface of networks on libtorch.

use ludus_learn::GroupExchange;
use ludus_net::Layout;
use ludus_spec::Head;
use tch::{Kind, Tensor};

/// A network of policy and critic, written with tensors.
///
/// Everything that libtorch can differentiate is possible: convolutions, attention, embeddings, memory. The library owns
/// the parameters; the network lists them and defines the forward pass.
///
/// A network that remembers an episode has a [`memory_width`](Self::memory_width) and a [`step`](Self::step). The
/// library stores the memory of every agent.
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
    ///
    /// Of a network with memory, this is the first step of an episode.
    fn forward(&self, parameters: &[Tensor], observations: &Tensor) -> Forward;

    /// Returns the count of numbers that policy and critic remember of an agent's episode; 0 without memory.
    fn memory_width(&self) -> usize {
        0
    }

    /// Computes outputs and values of some observations, and what is remembered after them.
    ///
    /// The default is [`forward`](Self::forward), which remembers nothing. A network with memory must override it.
    ///
    /// # Shapes
    ///
    /// `observations` is `[rows, inputs]`, `memory` `[rows, memory width]`: 32-bit numbers, zeros where an episode
    /// starts.
    fn step(&self, parameters: &[Tensor], observations: &Tensor, memory: &Tensor) -> RecurrentForward {
        let forward = self.forward(parameters, observations);
        RecurrentForward { forward, memory: memory.shallow_clone() }
    }

    /// Returns what is remembered after a step, from the `memory` that the step has left and the actions that were drawn
    /// in it.
    ///
    /// The default is the memory as it is. Override it if the network reads its last action.
    ///
    /// # Shapes
    ///
    /// `memory` is `[rows, memory width]`, `actions` `[rows, action width]`: a number for each dimension of a Gaussian
    /// head, the index of the choice for a categorical one.
    fn remember_actions(&self, memory: Tensor, actions: &Tensor) -> Tensor {
        let _ = actions;
        memory
    }

    /// Computes outputs and values in all steps of sequences. Gradients flow back through what is remembered.
    ///
    /// The default calls [`step`](Self::step) once per step. Override it if most of the network does not depend on what
    /// is remembered, and can be computed for all steps at once. It must compute the same as the steps.
    ///
    /// # Shapes
    ///
    /// `observations` is `[steps, rows, inputs]`. Returns outputs `[steps, rows, output width]` and values
    /// `[steps, rows]`.
    fn forward_sequences(
        &self,
        parameters: &[Tensor],
        observations: &Tensor,
        sequences: TensorSequences<'_>,
    ) -> Forward {
        let mut before = sequences.first_memory.shallow_clone();
        let (mut outputs, mut values) = (Vec::new(), Vec::new());
        for (step, observations) in observations.unbind(0).iter().enumerate() {
            let RecurrentForward { forward, memory } = self.step(parameters, observations, &before);
            let memory = self.remember_actions(memory, &sequences.actions.get(step as i64));
            before = sequences.next_memory(step, &before, &memory.to_kind(Kind::Float));
            outputs.push(forward.outputs);
            values.push(forward.values);
        }
        Forward { outputs: Tensor::stack(&outputs, 0), values: Tensor::stack(&values, 0) }
    }

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
    /// The critic's estimates: `[rows]`, or `[rows, value heads]` if the network's [layout](TorchNetwork::layout) has
    /// several.
    pub values: Tensor,
}

impl Forward {
    /// Returns results of `[steps·rows]` as `[steps, rows]`.
    pub(crate) fn by_step(self, sequences: TensorSequences<'_>) -> Self {
        let size = sequences.after.size();
        let outputs = self.outputs.view([size[0], size[1], -1]);
        let values = match self.values.dim() {
            1 => self.values.view([size[0], size[1]]),
            _ => self.values.view([size[0], size[1], -1]),
        };
        Self { outputs, values }
    }

    /// Returns the critic's estimates as columns: `[rows, value heads]`.
    pub(crate) fn value_columns(&self) -> Tensor {
        let values = self.values.to_kind(Kind::Float);
        if values.dim() == 1 { values.unsqueeze(1) } else { values }
    }
}

/// The results of one step of a network with memory.
#[derive(Debug)]
pub struct RecurrentForward {
    /// Outputs and values.
    pub forward: Forward,
    /// The memory after the step: `[rows, memory width]`.
    pub memory: Tensor,
}

/// Consecutive steps of rows: what is remembered before the first one, what happens to it after each step, and what was
/// done in it.
#[derive(Clone, Copy, Debug)]
pub struct TensorSequences<'a> {
    /// The memory before the first step: `[rows, memory width]`.
    pub first_memory: &'a Tensor,
    /// The change of it after each step: [`GroupExchange::KEEP`], [`GroupExchange::RESET`] or
    /// [`GroupExchange::RESTORE`]. `[steps, rows]`.
    pub after: &'a Tensor,
    /// The actions of each step: `[steps, rows, action width]`.
    pub actions: &'a Tensor,
}

impl TensorSequences<'_> {
    /// Returns what is remembered before the step after `step`. `before` is what was remembered before this step, and
    /// `memory` what it has left: `[rows, memory width]`.
    pub fn next_memory(&self, step: usize, before: &Tensor, memory: &Tensor) -> Tensor {
        settled(before, memory, &self.after.get(step as i64))
    }
}

/// Returns what is remembered before a step, from what was remembered `before` the step before it, and the `memory` that
/// it has left. `after` has what happens to it: `[rows]`.
pub(crate) fn settled(before: &Tensor, memory: &Tensor, after: &Tensor) -> Tensor {
    let after = after.unsqueeze(1);
    let is_restored = after.eq(f64::from(GroupExchange::RESTORE));
    let is_reset = after.eq(f64::from(GroupExchange::RESET));
    // A product with 0 would not do: NaN times 0 is NaN.
    before.where_self(&is_restored, memory).masked_fill(&is_reset, 0.0)
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
