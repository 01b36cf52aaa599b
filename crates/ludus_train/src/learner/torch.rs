//! The learners on libtorch, for a run.

use std::sync::Arc;

use ludus_learn::{LearnError, Machine, SacConfig, SacNetworks};
use ludus_libtorch::DeviceConfig;
use ludus_net::Normalizer;
use ludus_policy::{OwnNetwork, PolicyNetwork};
use ludus_spec::{AgentSpec, Seed};
use ludus_torch::{
    Demand, TorchError, TorchLearner, TorchNetwork, TorchSacLearner, TorchSettings, TorchValueLearner, cuda_device,
    listed_parameters, tch,
};

use super::decision::Backend;
use super::{BuiltAlgorithm, PpoParts, ValueParts};
use crate::error::TrainError;

/// Makes a game's own network, for agents of this kind, with parameters from this seed.
pub(crate) type NetworkMaker = Arc<dyn Fn(&AgentSpec, Seed) -> Box<dyn TorchNetwork> + Send + Sync>;

/// The parts of a learner on libtorch: `N` is its network, or its networks.
pub(crate) struct TorchParts<N = Box<dyn TorchNetwork>> {
    pub network: N,
    pub normalizer: Option<Normalizer>,
    pub config: DeviceConfig,
    pub machine: Machine,
}

/// Opens CUDA. The error is the reason that there is none.
pub(crate) fn open_cuda() -> Result<(), String> {
    ludus_torch::open_cuda().map(drop).map_err(|error| error.to_string())
}

impl PpoParts<'_> {
    /// PPO with the learner on libtorch.
    pub fn torch(self, place: Backend, parts: TorchParts, demand: Demand) -> Result<BuiltAlgorithm, TrainError> {
        let device = device(place, demand)?;
        let TorchParts { network, normalizer, config, machine } = parts;
        let learner = TorchLearner::new(network, normalizer, TorchSettings { device, config, machine })?;
        let described = described_network(learner.network());
        self.build(learner, described).map_err(TrainError::Learner)
    }
}

impl ValueParts<'_> {
    /// PQN or DQN with the learner on libtorch.
    pub fn torch(self, place: Backend, parts: TorchParts, demand: Demand) -> Result<BuiltAlgorithm, TrainError> {
        let device = device(place, demand)?;
        let TorchParts { network, normalizer, config, machine } = parts;
        let learner = TorchValueLearner::new(network, normalizer, TorchSettings { device, config, machine })?;
        let described = described_network(learner.network());
        self.build(learner, described).map_err(TrainError::Learner)
    }

    /// SAC with the learner on libtorch.
    pub fn torch_sac(
        self,
        settings: &SacConfig,
        place: Backend,
        parts: TorchParts<SacNetworks>,
        demand: Demand,
    ) -> Result<BuiltAlgorithm, TrainError> {
        let device = device(place, demand)?;
        let TorchParts { network, normalizer, config, machine } = parts;
        let learner = TorchSacLearner::new(network, normalizer, TorchSettings { device, config, machine })?;
        let described = described_network(learner.network());
        self.build_sac(settings, learner, described).map_err(TrainError::Learner)
    }
}

/// Opens the device of a learner, and checks that its memory suffices.
fn device(place: Backend, demand: Demand) -> Result<tch::Device, TrainError> {
    let Backend::TorchCuda(index) = place else { return Ok(tch::Device::Cpu) };
    let device = cuda_device(index)?;
    demand.check(index)?;
    Ok(device)
}

/// The description of a network for policy files.
fn described_network(network: &dyn TorchNetwork) -> PolicyNetwork {
    match network.layout() {
        Some(layout) => layout.config().clone().into(),
        None => {
            PolicyNetwork::Own(OwnNetwork { name: network.name().to_owned(), parameters: listed_parameters(network) })
        }
    }
}

impl From<TorchError> for TrainError {
    fn from(error: TorchError) -> Self {
        match error {
            TorchError::Learn(error @ LearnError::Network(_)) => Self::Learner(error),
            error => Self::Torch(error.to_string()),
        }
    }
}
