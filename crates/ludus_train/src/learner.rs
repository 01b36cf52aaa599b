//! The algorithm of a run, with a learner in plain Rust or one on libtorch.

mod choice;
mod decision;
#[cfg(feature = "torch")]
mod torch;
mod values;

use ludus_learn::{
    Algorithm, Gail, LaneShape, LearnError, Learner, Machine, NativeLearner, PolicyDistillation, Ppo, PpoConfig,
};
use ludus_net::{Network, NetworkConfig, Normalizer};
use ludus_policy::PolicyNetwork;
use ludus_spec::{AgentSpec, Seed};

use crate::config::Baseline;
use crate::imitation::ImitatedEpisodes;

pub use choice::{DeviceChoice, LearnerChoice, LearnerKind};
pub(crate) use decision::{Backend, BackendChoice, Workload, decide, decide_sac};
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
    /// The demonstrations that the policy imitates, if there are any.
    pub imitated: Option<ImitatedEpisodes>,
    /// The baseline of the advantages.
    pub baseline: Baseline,
    /// The teacher that the policy learns from, if there is one.
    pub distillation: Option<PolicyDistillation>,
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
        let Self { config, lanes, seed, spec, imitated, baseline, distillation } = self;
        let described = match &network {
            PolicyNetwork::Described(described) => described.clone(),
            PolicyNetwork::Own(_) => NetworkConfig::default(),
        };
        let machine = learner.machine().clone();
        let mut streams = config.reward_streams(spec, &described.encoders, &machine, seed)?;
        let lambda = config.gae_lambda;
        let mut ppo = Ppo::new(config, learner, lanes, seed)?;
        if let Some(distillation) = distillation {
            ppo = ppo.with_teacher(distillation)?;
        }
        if baseline == Baseline::Counterfactual {
            ppo = ppo.with_counterfactual_baseline(spec, &described)?;
        }
        let Some(imitated) = imitated else {
            let algorithm = Box::new(ppo.with_streams(streams)?);
            return Ok(BuiltAlgorithm { algorithm, network });
        };
        let imitation = imitated.imitation(&ppo.demonstration_shape())?;
        if let Some(gail) = &imitated.gail {
            let source = Gail::new(gail, spec, &imitation.demonstrations.learned, machine, seed)?;
            streams.push(source.stream(gail, lambda));
        }
        let algorithm = Box::new(ppo.with_streams(streams)?.with_imitation(imitation)?);
        Ok(BuiltAlgorithm { algorithm, network })
    }
}
