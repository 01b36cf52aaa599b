//! The algorithm of a run, with the learner in plain Rust or the one on libtorch.

mod choice;
mod decision;
#[cfg(feature = "torch")]
mod torch;
mod values;

use std::collections::BTreeMap;

use ludus_learn::{Algorithm, LaneShape, LearnError, Learner, Machine, NativeLearner, Ppo, PpoConfig};
use ludus_net::{Network, Normalizer};
use ludus_policy::PolicyNetwork;
use ludus_spec::{AgentSpec, Seed};

pub use choice::{DeviceChoice, LearnerChoice, LearnerKind};
pub(crate) use decision::{Backend, BackendChoice, Workload, decide, decide_native};
#[cfg(feature = "torch")]
pub(crate) use torch::{NetworkMaker, TorchParts, open_cuda};
pub(crate) use values::ValueParts;

/// An algorithm of a run, with the network that it learns.
pub(crate) struct BuiltAlgorithm {
    pub algorithm: Box<dyn Algorithm>,
    /// The description of the network for policy files.
    pub network: PolicyNetwork,
}

/// The parts of PPO that are the same with any learner.
pub(crate) struct PpoParts<'a> {
    pub config: PpoConfig,
    /// The lane of the algorithm's agents in every simulation.
    pub lanes: &'a [LaneShape],
    pub seed: Seed,
    pub spec: &'a AgentSpec,
}

impl PpoParts<'_> {
    /// PPO with the learner in plain Rust.
    pub fn native(
        self,
        network: Network,
        normalizer: Option<Normalizer>,
        machine: Machine,
    ) -> Result<BuiltAlgorithm, LearnError> {
        let described = network.layout().config().clone().into();
        self.build(NativeLearner::new(network, normalizer, machine)?, described)
    }

    fn build<L: Learner + 'static>(self, learner: L, network: PolicyNetwork) -> Result<BuiltAlgorithm, LearnError> {
        let Self { config, lanes, seed, spec } = self;
        let encoders = match &network {
            PolicyNetwork::Described(described) => described.encoders.clone(),
            PolicyNetwork::Own(_) => BTreeMap::new(),
        };
        let streams = config.reward_streams(spec, &encoders, learner.machine(), seed)?;
        let ppo = Ppo::new(config, learner, lanes, seed)?.with_streams(streams)?;
        Ok(BuiltAlgorithm { algorithm: Box::new(ppo), network })
    }
}
