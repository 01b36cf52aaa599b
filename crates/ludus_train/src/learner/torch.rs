//! The learner on libtorch, for a run.

use ludus_learn::{DeviceConfig, LearnError, Machine};
use ludus_net::{Network, NetworkConfig, Normalizer};
use ludus_torch::{Demand, Mlp, TorchError, TorchLearner, TorchSettings, cuda_device, tch};

use super::RunLearner;
use super::decision::Place;
use crate::error::TrainError;

/// Makes CUDA ready, where it is.
pub(crate) fn open_cuda() -> Result<(), String> {
    ludus_torch::open_cuda().map(drop).map_err(|error| error.to_string())
}

/// A learner on libtorch that starts from this network.
pub(crate) fn build_torch(
    place: Place,
    network: Network,
    normalizer: Option<Normalizer>,
    (config, machine): (DeviceConfig, Machine),
    demand: Demand,
) -> Result<RunLearner, TrainError> {
    let device = match place {
        Place::TorchCuda(index) => {
            let device = cuda_device(index)?;
            demand.check(index)?;
            device
        }
        Place::TorchCpu | Place::Native => tch::Device::Cpu,
    };
    let settings = TorchSettings { device, config, machine };
    let learner = TorchLearner::new(Box::new(Mlp::new(network)), normalizer, settings)?;
    Ok(RunLearner::Torch(Box::new(learner)))
}

/// The network's shape and its parameters, as a policy file has them.
pub(super) fn network(learner: &TorchLearner) -> (NetworkConfig, Vec<f32>) {
    let config = learner.network().layout().map(|layout| layout.config().clone());
    (config.unwrap_or_default(), learner.parameters())
}

impl From<TorchError> for TrainError {
    fn from(error: TorchError) -> Self {
        match error {
            TorchError::Learn(error @ LearnError::Network(_)) => Self::Learner(error),
            error => Self::Torch(error.to_string()),
        }
    }
}
