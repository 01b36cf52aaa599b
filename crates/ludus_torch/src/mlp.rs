//! The multi-layer perceptron of `ludus_net`, on tensors.

use ludus_net::{Activation, Layout, Network};
use ludus_spec::Head;
use tch::Tensor;

use crate::network::{Forward, Parameter, TorchNetwork};

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

    /// Returns the number of parameter tensors of the trunk, and of the actor.
    fn counts(&self) -> (usize, usize) {
        let count = |chain: &str| self.initial.iter().filter(|parameter| parameter.name.starts_with(chain)).count();
        (count("trunk."), count("actor."))
    }

    /// Applies layers to `inputs`; the last one has no activation if the chain ends in a head.
    fn chain(&self, layers: &[Tensor], inputs: &Tensor, end: End) -> Tensor {
        let count = layers.len() / 2;
        let mut features = inputs.shallow_clone();
        for (index, layer) in layers.chunks_exact(2).enumerate() {
            features = features.linear(&layer[0], Some(&layer[1]));
            if end == End::Hidden || index + 1 < count {
                features = self.activate(&features);
            }
        }
        features
    }

    fn activate(&self, sums: &Tensor) -> Tensor {
        match self.layout.config().activation {
            Activation::Tanh => tanh(sums),
            Activation::Relu => sums.relu(),
        }
    }
}

/// The hyperbolic tangent.
///
/// On the CPU it is computed as 2σ(2x) − 1: libtorch's own comes from MKL, which takes four times as long on processors
/// that are not Intel's.
fn tanh(sums: &Tensor) -> Tensor {
    if sums.device().is_cuda() {
        return sums.tanh();
    }
    let share = (sums * 2.0).sigmoid_();
    (share * 2.0).g_sub_scalar_(1.0)
}

/// The kinds of layers that a chain may end in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Hidden,
    Head,
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
        let (trunk, actor) = self.counts();
        let (trunk, rest) = parameters.split_at(trunk);
        let (actor, critic) = rest.split_at(actor);
        let features = self.chain(trunk, observations, End::Hidden);
        Forward {
            outputs: self.chain(actor, &features, End::Head),
            values: self.chain(critic, &features, End::Head).squeeze_dim(-1),
        }
    }

    fn layout(&self) -> Option<&Layout> {
        Some(&self.layout)
    }
}
