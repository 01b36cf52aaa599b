//! Trained policies on libtorch.

use ludus_net::Normalizer;
use ludus_spec::Seed;
use tch::{Device, Kind, Tensor};

use crate::TorchError;
use crate::heads::{Heads, Outputs};
use crate::inputs::Inputs;
use crate::link::Link;
use crate::network::{RecurrentForward, TorchNetwork};
use crate::parameters::{Leaves, ParameterLayout};
use crate::threads::keep_to_this_thread;

/// A trained network that maps observations to actions, on the CPU.
pub struct TorchPolicy {
    network: Box<dyn TorchNetwork>,
    heads: Heads,
    leaves: Leaves,
    inputs: Inputs,
}

/// The rows that a policy decides for: its inputs, and the slices that it writes.
#[derive(Debug)]
pub struct PolicyRows<'a> {
    /// Observations `[rows, observation width]`.
    pub observations: &'a [f32],
    /// True for each choice that is allowed `[rows, mask width]`; empty if all are.
    pub masks: &'a [bool],
    /// The memory of each row's episode, zero at its start `[rows, memory width]`.
    pub memory: &'a mut [f32],
    /// Actions `[rows, action width]`.
    pub actions: &'a mut [f32],
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
            heads: Heads::new(network.heads())?,
            leaves: Leaves::new(&places, &flat),
            inputs: Inputs::new(normalizer, &link),
            network,
        })
    }

    /// Returns the count of numbers that policy and critic remember of an agent's episode; 0 without memory.
    pub fn memory_width(&self) -> usize {
        self.network.memory_width()
    }

    /// Writes an action for each row: the most probable one without a seed; else one drawn with a child of the seed per
    /// row. What is remembered takes a step.
    pub fn act(&self, rows: PolicyRows<'_>, seed: Option<Seed>) {
        keep_to_this_thread();
        let PolicyRows { observations, masks, memory, actions } = rows;
        let rows = observations.len() / self.network.inputs().max(1);
        let _guard = tch::no_grad_guard();
        let rows = rows as i64;
        let inputs = self.inputs.stage(&Tensor::from_slice(observations).view([rows, -1]));
        let parameters = self.leaves.of_network(Kind::Float);
        let (forward, after) = if memory.is_empty() {
            (self.network.forward(&parameters, &inputs), None)
        } else {
            let before = Tensor::from_slice(memory).view([rows, -1]);
            let RecurrentForward { forward, memory: after } = self.network.step(&parameters, &inputs, &before);
            (forward, Some(after))
        };
        let masks: Vec<f32> = masks.iter().map(|&is_allowed| f32::from(is_allowed)).collect();
        let masks = (!masks.is_empty()).then(|| Tensor::from_slice(&masks).view([rows, -1]));
        let outputs = Outputs { numbers: &forward.outputs, log_std: self.leaves.log_std(), masks: masks.as_ref() };
        let chosen = match seed {
            None => self.heads.mode(outputs),
            Some(seed) => self.heads.sample(outputs, &self.draws(seed, rows)).0,
        };
        if let Some(after) = after {
            self.network.remember_actions(after, &chosen).contiguous().copy_data(memory, memory.len());
        }
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
