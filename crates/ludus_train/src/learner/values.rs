//! Algorithms beside PPO, for a run.

use ludus_learn::{Algorithm, Dqn, LaneShape, LearnError, Machine, Pqn, Sac};
use ludus_net::{Network, Normalizer};
use ludus_spec::Seed;

use super::BuiltAlgorithm;
use crate::config::AlgorithmConfig;

/// The parts of an algorithm that learns in plain Rust only.
pub(crate) struct ValueParts<'a> {
    pub network: Network,
    pub normalizer: Option<Normalizer>,
    pub machine: Machine,
    /// The lane of the algorithm's agents in every simulation.
    pub lanes: &'a [LaneShape],
    pub seed: Seed,
}

impl ValueParts<'_> {
    /// The algorithm of these settings; `None` if they are PPO's.
    pub fn build(self, algorithm: AlgorithmConfig<'_>) -> Result<Option<BuiltAlgorithm>, LearnError> {
        let Self { network, normalizer, machine, lanes, seed } = self;
        let described = network.layout().config().clone().into();
        let algorithm: Box<dyn Algorithm> = match algorithm {
            AlgorithmConfig::Ppo(_) => return Ok(None),
            AlgorithmConfig::Pqn(config) => {
                Box::new(Pqn::new(config.clone(), network, normalizer, machine, lanes, seed)?)
            }
            AlgorithmConfig::Dqn(config) => {
                Box::new(Dqn::new(config.clone(), network, normalizer, machine, lanes, seed)?)
            }
            AlgorithmConfig::Sac(config) => {
                Box::new(Sac::new(config.clone(), network, normalizer, machine, lanes, seed)?)
            }
        };
        Ok(Some(BuiltAlgorithm { algorithm, network: described }))
    }
}
