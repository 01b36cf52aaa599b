//! The algorithm of a run, with the learner in plain Rust or the one on libtorch.

mod choice;
mod decision;
#[cfg(feature = "torch")]
mod torch;

use ludus_learn::{Algorithm, LaneShape, LearnError, Learner, Machine, NativeLearner, Ppo, PpoConfig};
use ludus_net::{Network, NetworkConfig, Normalizer};
use ludus_spec::Seed;

pub use choice::{DeviceChoice, LearnerChoice, LearnerKind};
pub(crate) use decision::{Decision, Place, Workload, decide};
#[cfg(feature = "torch")]
pub(crate) use torch::{NetworkMaker, TorchParts, convolutional, open_cuda};

/// What a run learns with: the learner that was asked for, and the game's own network if it has one.
#[derive(Clone, Default)]
pub struct LearnerSetup {
    /// The learner.
    pub choice: LearnerChoice,
    #[cfg(feature = "torch")]
    pub(crate) network_maker: Option<NetworkMaker>,
}

impl From<LearnerChoice> for LearnerSetup {
    /// The networks that the config describes.
    fn from(choice: LearnerChoice) -> Self {
        Self {
            choice,
            #[cfg(feature = "torch")]
            network_maker: None,
        }
    }
}

/// An algorithm of a run, with the network that it learns.
pub(crate) struct BuiltAlgorithm {
    pub algorithm: Box<dyn Algorithm>,
    /// The shape of the network, if it is a perceptron.
    pub network: NetworkConfig,
    /// Names and shapes of the parameters of a network that is none; else empty.
    pub foreign: Vec<(String, Vec<usize>)>,
}

/// What PPO is built with, whichever learner it has.
pub(crate) struct PpoParts<'a> {
    pub config: PpoConfig,
    /// The lane of its agents, in every simulation.
    pub lanes: &'a [LaneShape],
    pub seed: Seed,
}

impl PpoParts<'_> {
    /// PPO with the learner in plain Rust.
    pub fn native(
        self,
        network: Network,
        normalizer: Option<Normalizer>,
        machine: Machine,
    ) -> Result<BuiltAlgorithm, LearnError> {
        let shape = network.layout().config().clone();
        let learner = NativeLearner::new(network, normalizer, machine)?;
        self.build(learner, shape, Vec::new())
    }

    fn build<L: Learner + 'static>(
        self,
        learner: L,
        network: NetworkConfig,
        foreign: Vec<(String, Vec<usize>)>,
    ) -> Result<BuiltAlgorithm, LearnError> {
        let algorithm = Box::new(Ppo::new(self.config, learner, self.lanes, self.seed)?);
        Ok(BuiltAlgorithm { algorithm, network, foreign })
    }
}
