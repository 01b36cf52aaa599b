//! The two critics on the device, their targets and their optimisers.

use ludus_learn::{CriticState, SacNetworks};
use tch::Tensor;

use crate::adam::{Adam, Rates};
use crate::encoded::described;
use crate::gradient::Shards;
use crate::link::Link;
use crate::network::TorchNetwork;
use crate::packing::Packing;
use crate::parameters::{Leaves, ParameterLayout};

/// Two networks of the same layout that estimate the values of actions, each with a target that follows it.
pub(super) struct Critics {
    pub network: Box<dyn TorchNetwork>,
    places: ParameterLayout,
    packing: Packing,
    pub both: [Critic; 2],
}

/// One of the critics.
pub(super) struct Critic {
    pub parameters: Tensor,
    pub shards: Shards,
    adam: Adam,
    /// The target's parameters, and the views of them that the network reads.
    target: Tensor,
    pub target_leaves: Leaves,
    /// The marked state: copies of parameters, both moments and the target.
    good: Option<[Tensor; 4]>,
}

impl Critics {
    pub fn new(networks: &SacNetworks, link: &Link) -> Self {
        let [first, second] = networks.critics().clone().map(described);
        let (places, of_first) = ParameterLayout::new(&*first);
        let (_, of_second) = ParameterLayout::new(&*second);
        Self {
            packing: Packing::new(first.layout(), &places),
            both: [of_first, of_second].map(|values| Critic::new(&places, &values, link)),
            network: first,
            places,
        }
    }

    /// Returns the parameters of both, to which no gradient flows back.
    pub fn constants(&self) -> [Leaves; 2] {
        self.both.each_ref().map(|critic| Leaves::constants(&self.places, &critic.parameters))
    }

    /// Returns the parameters of both.
    pub fn parameters(&self) -> [&Tensor; 2] {
        self.both.each_ref().map(|critic| &critic.parameters)
    }

    /// Returns the count of saved numbers of one critic's parameters.
    pub const fn packed_count(&self) -> usize {
        self.packing.packed_count()
    }

    pub fn mark(&mut self) {
        for critic in &mut self.both {
            let tensors = critic.tensors();
            match &mut critic.good {
                Some(good) => good.iter_mut().zip(&tensors).for_each(|(good, tensor)| good.copy_(tensor)),
                None => critic.good = Some(tensors.map(|tensor| tensor.copy())),
            }
        }
    }

    pub fn rewind(&mut self) {
        for critic in &mut self.both {
            let Some(good) = &critic.good else { continue };
            critic.tensors().iter_mut().zip(good).for_each(|(place, good)| place.copy_(good));
        }
    }

    /// Copies the parameters of both to the host, in the order of a saved state.
    pub fn packed_parameters(&self, link: &Link) -> Vec<f32> {
        self.parameters().iter().flat_map(|parameters| self.packing.pack(&link.fetch(parameters))).collect()
    }

    /// Returns the state, to save.
    pub fn state(&self, optimizer_steps: u64, link: &Link) -> CriticState {
        let of_critics = self.both.each_ref().map(Critic::tensors);
        let [parameters, first_moments, second_moments, targets] = [0, 1, 2, 3].map(|array: usize| {
            let pack = |tensors: &[Tensor; 4]| self.packing.pack(&link.fetch(&tensors[array]));
            of_critics.iter().flat_map(pack).collect()
        });
        CriticState { parameters, targets, first_moments, second_moments, optimizer_steps }
    }

    /// Restores a state that was checked.
    pub fn restore(&mut self, state: &CriticState, link: &Link) {
        let CriticState { parameters, targets, first_moments, second_moments, .. } = state;
        let count = self.packed_count();
        let Self { both, packing, .. } = self;
        for (index, critic) in both.iter_mut().enumerate() {
            let arrays = [parameters, first_moments, second_moments, targets];
            for (place, array) in critic.tensors().iter_mut().zip(arrays) {
                let own = &array[index * count..(index + 1) * count];
                place.copy_(&link.send(&packing.unpack(own)));
            }
        }
    }
}

impl Critic {
    fn new(places: &ParameterLayout, values: &[f32], link: &Link) -> Self {
        let [parameters, target] = [0, 1].map(|_| link.send(values));
        Self {
            shards: Shards::new(places.clone(), link.device()),
            adam: Adam::new(places.count(), link.device()),
            target_leaves: Leaves::new(places, &target),
            parameters,
            target,
            good: None,
        }
    }

    /// Returns parameters, both moments and the target: other names of the same memory.
    fn tensors(&self) -> [Tensor; 4] {
        let Self { parameters, adam: Adam { mean, variance }, target, .. } = self;
        [parameters, mean, variance, target].map(Tensor::shallow_clone)
    }

    /// Takes a step along a gradient of this norm.
    pub fn step(&mut self, gradient: &Tensor, norm: &Tensor, rates: &Rates) {
        self.adam.step(&mut self.parameters, gradient, norm, rates);
    }

    /// Moves the target the part `rate` of the way to the critic. Detail 38.
    pub fn move_target(&mut self, rate: &Tensor) {
        self.target += (&self.parameters - &self.target) * rate;
    }
}
