//! Algorithms beside PPO, for a run.

use ludus_learn::{
    Algorithm, Dqn, LaneShape, LearnError, Machine, NativeSacLearner, NativeValueLearner, Pqn, Sac, SacConfig,
    SacLearner, SacNetworks, ValueLearner,
};
use ludus_net::{Network, Normalizer};
use ludus_policy::PolicyNetwork;
use ludus_spec::Seed;

use super::BuiltAlgorithm;
use crate::config::AlgorithmConfig;

/// The parts of an algorithm beside PPO that are the same with any learner.
pub(crate) struct ValueParts<'a> {
    pub algorithm: AlgorithmConfig<'a>,
    /// The lane of the algorithm's agents in every simulation.
    pub lanes: &'a [LaneShape],
    pub seed: Seed,
}

impl ValueParts<'_> {
    /// The algorithm with the learner in plain Rust.
    pub fn native(
        self,
        network: Network,
        normalizer: Option<Normalizer>,
        machine: Machine,
    ) -> Result<BuiltAlgorithm, LearnError> {
        let described = network.layout().config().clone().into();
        let AlgorithmConfig::Sac(config) = self.algorithm else {
            return self.build(NativeValueLearner::new(network, normalizer, machine)?, described);
        };
        let networks = SacNetworks::new(network, self.seed)?;
        self.build_sac(config, NativeSacLearner::new(networks, normalizer, machine)?, described)
    }

    /// SAC with this learner.
    pub(super) fn build_sac<L: SacLearner + 'static>(
        self,
        config: &SacConfig,
        learner: L,
        network: PolicyNetwork,
    ) -> Result<BuiltAlgorithm, LearnError> {
        let algorithm = Box::new(Sac::with_learner(config.clone(), learner, self.lanes, self.seed)?);
        Ok(BuiltAlgorithm { algorithm, network })
    }

    /// PQN or DQN with this learner.
    pub(super) fn build<L: ValueLearner + 'static>(
        self,
        learner: L,
        network: PolicyNetwork,
    ) -> Result<BuiltAlgorithm, LearnError> {
        let Self { algorithm, lanes, seed } = self;
        let algorithm: Box<dyn Algorithm> = match algorithm {
            AlgorithmConfig::Pqn(config) => Box::new(Pqn::with_learner(config.clone(), learner, lanes, seed)?),
            AlgorithmConfig::Dqn(config) => Box::new(Dqn::with_learner(config.clone(), learner, lanes, seed)?),
            AlgorithmConfig::Ppo(_) | AlgorithmConfig::Sac(_) => unreachable!("{NO_Q_LEARNING}"),
        };
        Ok(BuiltAlgorithm { algorithm, network })
    }
}

/// The reason that a learner of action values is given to no other algorithm.
const NO_Q_LEARNING: &str = "PPO and soft actor-critic have learners of their own";
