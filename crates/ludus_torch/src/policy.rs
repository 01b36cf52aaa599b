//! Trained policies on libtorch.

use ludus_net::Normalizer;
use ludus_spec::Seed;
use tch::{Device, Kind, Tensor};

use crate::TorchError;
use crate::heads::{Heads, Outputs};
use crate::inputs::Inputs;
use crate::link::Link;
use crate::network::TorchNetwork;
use crate::parameters::{Leaves, ParameterLayout};
use crate::threads::keep_to_this_thread;

/// A trained network that maps observations to actions, on the CPU.
pub struct TorchPolicy {
    network: Box<dyn TorchNetwork>,
    heads: Heads,
    leaves: Leaves,
    inputs: Inputs,
}

impl TorchPolicy {
    /// Makes a policy of this network, with these parameters in place of its initial ones.
    ///
    /// # Errors
    ///
    /// If there are more or fewer parameters than the network has.
    pub fn new(
        network: Box<dyn TorchNetwork>,
        parameters: &[f32],
        normalizer: Option<&Normalizer>,
    ) -> Result<Self, TorchError> {
        keep_to_this_thread();
        let (places, initial) = ParameterLayout::new(&*network);
        if initial.len() != parameters.len() {
            let (needed, given) = (initial.len(), parameters.len());
            return Err(TorchError::Network(format!("it has {needed} parameters, the policy {given}")));
        }
        let link = Link::new(Device::Cpu);
        let flat = link.send(parameters);
        Ok(Self {
            heads: Heads::new(network.heads()),
            leaves: Leaves::new(&places, &flat),
            inputs: Inputs::new(normalizer, &link),
            network,
        })
    }

    /// Writes an action for each row: the most probable one without a seed; else one drawn with a child of the seed per
    /// row.
    ///
    /// # Shapes
    ///
    /// `observations` is `[rows, observation width]`, `masks` `[rows, mask width]` or empty, `actions`
    /// `[rows, action width]`.
    pub fn act(&self, observations: &[f32], masks: &[bool], seed: Option<Seed>, actions: &mut [f32]) {
        keep_to_this_thread();
        let rows = observations.len() / self.network.inputs().max(1);
        let _guard = tch::no_grad_guard();
        let rows = rows as i64;
        let inputs = self.inputs.stage(&Tensor::from_slice(observations).view([rows, -1]));
        let forward = self.network.forward(&self.leaves.of_network(Kind::Float), &inputs);
        let masks: Vec<f32> = masks.iter().map(|&is_allowed| f32::from(is_allowed)).collect();
        let masks = (!masks.is_empty()).then(|| Tensor::from_slice(&masks).view([rows, -1]));
        let outputs = Outputs { numbers: &forward.outputs, log_std: self.leaves.log_std(), masks: masks.as_ref() };
        let chosen = match seed {
            None => self.heads.mode(outputs),
            Some(seed) => self.heads.sample(outputs, &self.draws(seed, rows)).0,
        };
        chosen.contiguous().copy_data(actions, actions.len());
    }

    fn draws(&self, seed: Seed, rows: i64) -> Tensor {
        let width = self.heads.draw_count();
        let mut draws = vec![0.0; rows as usize * width];
        for (row, draws) in draws.chunks_exact_mut(width).enumerate() {
            self.heads.draw(seed.derive(row as u64), draws);
        }
        Tensor::from_slice(&draws).view([rows, -1])
    }
}
