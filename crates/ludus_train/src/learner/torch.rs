//! The learner on libtorch, for a run.

use std::sync::Arc;

use ludus_learn::{DeviceConfig, LearnError, Machine};
use ludus_net::Normalizer;
use ludus_spec::{AgentSpec, Seed};
use ludus_torch::{
    Convolutional, ConvolutionalConfig, Demand, GridBlock, TorchError, TorchLearner, TorchNetwork, TorchSettings,
    cuda_device, tch,
};

use super::decision::Place;
use super::{BuiltAlgorithm, PpoParts};
use crate::config::AgentConfig;
use crate::error::TrainError;

/// Makes a game's own network, for agents of this kind, with parameters from this seed.
pub(crate) type NetworkMaker = Arc<dyn Fn(&AgentSpec, Seed) -> Box<dyn TorchNetwork> + Send + Sync>;

/// What a learner on libtorch is made of.
pub(crate) struct TorchParts {
    pub network: Box<dyn TorchNetwork>,
    pub normalizer: Option<Normalizer>,
    pub config: DeviceConfig,
    pub machine: Machine,
}

/// A network with convolutions over the grids that agents of this kind observe.
pub(crate) fn convolutional(spec: &AgentSpec, agent: &AgentConfig, seed: Seed) -> Box<dyn TorchNetwork> {
    let mut first = 0;
    let mut grids = Vec::new();
    for field in &spec.observation {
        if let Some(grid) = field.grid {
            grids.push(GridBlock { first, height: grid.height, width: grid.width, channels: grid.channels });
        }
        first += field.width();
    }
    let channels = agent.convolutions.iter().map(|channels| channels.get()).collect();
    let config = ConvolutionalConfig { channels, hidden: agent.network.hidden.clone() };
    Box::new(Convolutional::new(first, grids, spec.heads(), (config, seed)))
}

/// Makes CUDA ready, where it is.
pub(crate) fn open_cuda() -> Result<(), String> {
    ludus_torch::open_cuda().map(drop).map_err(|error| error.to_string())
}

impl PpoParts<'_> {
    /// PPO with the learner on libtorch.
    pub fn torch(self, place: Place, parts: TorchParts, demand: Demand) -> Result<BuiltAlgorithm, TrainError> {
        let device = match place {
            Place::TorchCuda(index) => {
                let device = cuda_device(index)?;
                demand.check(index)?;
                device
            }
            Place::TorchCpu | Place::Native => tch::Device::Cpu,
        };
        let TorchParts { network, normalizer, config, machine } = parts;
        let learner = TorchLearner::new(network, normalizer, TorchSettings { device, config, machine })?;
        let shape = learner.network().layout().map(|layout| layout.config().clone()).unwrap_or_default();
        let foreign = learner.foreign();
        self.build(learner, shape, foreign).map_err(TrainError::Learner)
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
