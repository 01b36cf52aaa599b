//! The multi-layer perceptron of `ludus_net`, on tensors.

use ludus_net::{Activation, Layout, Memory, Network};
use ludus_spec::Head;
use tch::Tensor;

use crate::activation::tanh;
use crate::network::{Forward, Parameter, RecurrentForward, TensorSequences, TorchNetwork};
use crate::recurrence::{MemoryColumns, output_layer, tensor_count};

/// The same network as [`ludus_net::Network`]: its policies run without libtorch.
#[derive(Clone, Debug)]
pub struct Mlp {
    layout: Layout,
    initial: Vec<Parameter>,
}

impl Mlp {
    /// Makes a network whose training starts from these parameters, the same as in the native learner.
    #[expect(clippy::needless_pass_by_value, reason = "from here on the parameters live on the device")]
    pub fn new(network: Network) -> Self {
        let layout = network.layout().clone();
        let tensors = layout.export(network.parameters()).into_iter();
        let initial = tensors.map(|(name, shape, values)| Parameter { name, shape, values }).collect();
        Self { layout, initial }
    }

    pub(crate) const fn own_layout(&self) -> &Layout {
        &self.layout
    }

    /// Returns the parameter tensors of a chain from the rest of all tensors, and moves on behind them.
    fn chain<'a>(&self, name: &str, rest: &mut &'a [Tensor]) -> ChainTensors<'a> {
        let config = self.layout.config();
        let is_recurrent = config.shared == (name == TRUNK);
        let hidden = if is_recurrent { self.tensors_per_hidden() * config.hidden.len() } else { 0 };
        let memory = config.memory.filter(|_| is_recurrent);
        let of_memory = memory.map_or(0, tensor_count);
        let head = if name == TRUNK { 0 } else { 2 };
        let mut take = |count| rest.split_off(..count).expect("a network has the parameters that it lists");
        ChainTensors { hidden: take(hidden), memory, memory_tensors: take(of_memory), head: take(head) }
    }

    /// Weight and bias, then gain and bias of a layer normalisation.
    fn tensors_per_hidden(&self) -> usize {
        if self.layout.config().layer_norm { 4 } else { 2 }
    }

    /// Computes outputs and values from the inputs of the dense layers, `[steps·rows, inputs]`, and takes the steps of
    /// the memory.
    ///
    /// The last inputs may be for the critic alone.
    pub(crate) fn pass(&self, parameters: &[Tensor], inputs: &Tensor, memory: &mut MemoryColumns<'_>) -> Forward {
        let mut rest = parameters;
        let [trunk, actor, critic] = [TRUNK, "actor", "critic"].map(|name| self.chain(name, &mut rest));
        let features = self.features(&trunk, inputs, memory);
        // If something is for the critic alone, nothing is shared, so the trunk has no layers.
        let policy_features = match self.layout.has_critic_columns() {
            true => features.narrow(1, 0, self.layout.dense_inputs() as i64),
            false => features.shallow_clone(),
        };
        let mut head = |chain: &ChainTensors<'_>, inputs: &Tensor| {
            self.features(chain, inputs, memory).linear(&chain.head[0], Some(&chain.head[1]))
        };
        let (outputs, values) = (head(&actor, &policy_features), head(&critic, &features));
        let values = if self.layout.value_heads() == 1 { values.squeeze_dim(-1) } else { values };
        Forward { outputs, values }
    }

    /// Applies the hidden layers of a chain and its memory.
    fn features(&self, chain: &ChainTensors<'_>, inputs: &Tensor, memory: &mut MemoryColumns<'_>) -> Tensor {
        let layers = chain.hidden.chunks_exact(self.tensors_per_hidden());
        let features = layers.fold(inputs.shallow_clone(), |features, layer| {
            let sums = features.linear(&layer[0], Some(&layer[1]));
            self.activate(&match layer {
                [_, _, gain, bias] => normalized(&sums, gain, bias),
                _ => sums,
            })
        });
        match chain.memory {
            Some(kind) => {
                let states = memory.remember(kind, chain.memory_tensors, &features);
                match output_layer(kind, chain.memory_tensors) {
                    Some([weight, bias]) => self.activate(&states.linear(weight, Some(bias))),
                    None => states,
                }
            }
            None => features,
        }
    }

    fn activate(&self, sums: &Tensor) -> Tensor {
        match self.layout.config().activation {
            Activation::Tanh => tanh(sums),
            Activation::Relu => sums.relu(),
        }
    }
}

/// Returns the layer normalisation of sums, `[rows, width]`.
fn normalized(sums: &Tensor, gain: &Tensor, bias: &Tensor) -> Tensor {
    const EPSILON: f64 = 1e-5;
    sums.layer_norm(gain.size(), Some(gain), Some(bias), EPSILON, true)
}

/// The name of the layers that actor and critic share.
const TRUNK: &str = "trunk";

/// The parameter tensors of consecutive layers: hidden layers, a memory behind them, and a head.
struct ChainTensors<'a> {
    hidden: &'a [Tensor],
    memory: Option<Memory>,
    memory_tensors: &'a [Tensor],
    head: &'a [Tensor],
}

impl TorchNetwork for Mlp {
    fn inputs(&self) -> usize {
        self.layout.inputs()
    }

    fn heads(&self) -> &[Head] {
        self.layout.heads()
    }

    fn parameters(&self) -> Vec<Parameter> {
        self.initial.clone()
    }

    fn forward(&self, parameters: &[Tensor], observations: &Tensor) -> Forward {
        let first = MemoryColumns::zeros(self.memory_width(), observations);
        self.pass(parameters, observations, &mut MemoryColumns::step(&first, 0))
    }

    fn memory_width(&self) -> usize {
        self.layout.memory_width()
    }

    fn step(&self, parameters: &[Tensor], observations: &Tensor, memory: &Tensor) -> RecurrentForward {
        let mut columns = MemoryColumns::step(memory, 0);
        let forward = self.pass(parameters, observations, &mut columns);
        RecurrentForward { forward, memory: columns.memory(None) }
    }

    fn forward_sequences(
        &self,
        parameters: &[Tensor],
        observations: &Tensor,
        sequences: TensorSequences<'_>,
    ) -> Forward {
        let inputs = observations.flatten(0, 1);
        self.pass(parameters, &inputs, &mut MemoryColumns::sequences(sequences, 0)).by_step(sequences)
    }

    fn layout(&self) -> Option<&Layout> {
        Some(&self.layout)
    }
}
