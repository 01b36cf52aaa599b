//! The networks and the algorithms of a run.

#[cfg(feature = "torch")]
use ludus_learn::SacNetworks;
use ludus_learn::{LaneShape, LearnError, Machine};
use ludus_net::{Layout, Network, Normalizer};
#[cfg(feature = "torch")]
use ludus_torch::{Demand, Parameter, TorchNetwork, described};

use super::{Blueprint, Draws};
use crate::clock;
use crate::config::AlgorithmConfig;
use crate::error::TrainError;
use crate::imitation::{ImitatedEpisodes, distillation};
use crate::learner::{Backend, BackendChoice, BuiltAlgorithm, PpoParts, ValueParts, Workload, decide, decide_sac};
#[cfg(feature = "torch")]
use crate::learner::{TorchParts, open_cuda};
use crate::memory;

/// The greatest absolute value of a normalised observation. Huang et al. 2022, continuous detail 5.
const OBSERVATION_CLIP: f32 = 10.0;

impl Blueprint {
    /// Makes an untrained network for a kind.
    pub fn network(&self, kind: usize) -> Result<Network, LearnError> {
        let layout = Layout::of_agent(&self.learned_spec(kind), &self.agent(kind).learned_network())?;
        Ok(Network::new(layout, self.seed_of(Draws::Network, kind)))
    }

    /// Makes an untrained algorithm as a kind's section describes it, for the kind's lane in all groups.
    ///
    /// Also returns the learner that was selected, with the reason.
    pub fn algorithm(
        &self,
        kind: usize,
        network: Network,
        lanes: &[LaneShape],
    ) -> Result<(BuiltAlgorithm, BackendChoice), TrainError> {
        let (agent, spec) = (self.agent(kind), self.learned_spec(kind));
        let spec = &*spec;
        let normalize = || Normalizer::of_agent(spec, OBSERVATION_CLIP);
        let algorithm = agent.algorithm();
        let normalizer = algorithm.normalizes_observations().then(normalize);
        let rows = lanes.iter().map(|lane| lane.rows).sum();
        let AlgorithmConfig::Ppo(ppo) = algorithm else {
            return self.value_algorithm(kind, network, normalizer, lanes);
        };
        let network = match agent.value_heads(ppo) {
            1 => network,
            heads => {
                let widened = network.with_value_heads(heads, self.seed_of(Draws::Network, kind));
                widened.map_err(|error| TrainError::Learner(error.into()))?
            }
        };
        let decision = decide(self.learner, self.workload(kind, &network, rows), open_cuda)?;
        let imitated = ImitatedEpisodes::read(agent, spec, self.config.interval(&spec.name))?;
        let distillation = distillation(agent, spec)?;
        let (config, seed) = (ppo.clone(), self.seed_of(Draws::Learning, kind));
        let parts = PpoParts { config, lanes, seed, spec, imitated, baseline: agent.baseline, distillation };
        let machine = self.machine();
        let built = match decision.place {
            Backend::Native => parts.native(network, normalizer, machine).map_err(TrainError::Learner)?,
            #[cfg(feature = "torch")]
            place => {
                let network = self.own_network(kind).unwrap_or_else(|| described(network));
                let demand = self.demand(kind, &*network, rows, ppo.rollout_steps);
                let config = agent.device.clone();
                parts.torch(place, TorchParts { network, normalizer, config, machine }, demand)?
            }
            #[cfg(not(feature = "torch"))]
            _ => return Err(TrainError::NoTorch { game: self.definition.name.clone() }),
        };
        Ok((built, decision))
    }

    /// Makes an algorithm beside PPO for a kind's lane in all groups.
    fn value_algorithm(
        &self,
        kind: usize,
        network: Network,
        normalizer: Option<Normalizer>,
        lanes: &[LaneShape],
    ) -> Result<(BuiltAlgorithm, BackendChoice), TrainError> {
        let algorithm = self.agent(kind).algorithm();
        let rows = lanes.iter().map(|lane| lane.rows).sum();
        let workload = self.workload(kind, &network, rows);
        let mut decision = match algorithm {
            AlgorithmConfig::Sac(sac) => decide_sac(self.learner, sac, workload, open_cuda)?,
            _ => decide(self.learner, workload, open_cuda)?,
        };
        let replay = algorithm.replay_bytes(&self.specs[kind], rows) as u64;
        if replay > 0 {
            decision.why += &format!("; the replay takes {}", memory::in_words(replay));
        }
        let parts = ValueParts { algorithm, lanes, seed: self.seed_of(Draws::Learning, kind) };
        let machine = self.machine();
        let built = match decision.place {
            Backend::Native => parts.native(network, normalizer, machine).map_err(TrainError::Learner)?,
            #[cfg(feature = "torch")]
            place => {
                // A minibatch of a replay may have more samples than a rollout.
                let steps = algorithm.rollout_steps().max(algorithm.minibatch().div_ceil(rows.max(1)));
                let config = self.agent(kind).device.clone();
                if let AlgorithmConfig::Sac(sac) = algorithm {
                    let network = SacNetworks::new(network, parts.seed).map_err(TrainError::Learner)?;
                    let demand = self.demand_of_sac(kind, &network, rows, steps);
                    let learner = TorchParts { network, normalizer, config, machine };
                    parts.torch_sac(sac, place, learner, demand)?
                } else {
                    let network = self.own_network(kind).unwrap_or_else(|| described(network));
                    let demand = self.demand(kind, &*network, rows, steps);
                    parts.torch(place, TorchParts { network, normalizer, config, machine }, demand)?
                }
            }
            #[cfg(not(feature = "torch"))]
            _ => return Err(TrainError::NoTorch { game: self.definition.name.clone() }),
        };
        Ok((built, decision))
    }

    /// The amount of computation of a kind's learner, with so many rows.
    fn workload(&self, kind: usize, network: &Network, rows: usize) -> Workload {
        Workload {
            rows,
            parameters: network.parameters().len(),
            multiplications: network.layout().multiplications(),
            threads: self.pool.current_num_threads(),
            is_described: !self.definition.has_own_network(),
            is_pretrained: self.agent(kind).pretrain.is_some(),
            is_squashed: network.layout().config().squashed,
        }
    }

    /// The threads of the run, and its clock.
    pub fn machine(&self) -> Machine {
        Machine { pool: self.pool.clone(), clock: clock::nanoseconds }
    }

    /// Makes the game's own network for a kind, untrained; `None` if the game has no network of its own.
    #[cfg(feature = "torch")]
    pub fn own_network(&self, kind: usize) -> Option<Box<dyn TorchNetwork>> {
        let seed = self.seed_of(Draws::Network, kind);
        self.definition.networks.as_ref().map(|make| make(&self.specs[kind], seed))
    }

    /// As [`demand`](Self::demand), for soft actor-critic: its critics have parameters and activations too.
    #[cfg(feature = "torch")]
    fn demand_of_sac(&self, kind: usize, networks: &SacNetworks, rows: usize, steps: usize) -> Demand {
        let [policy, critic] = [networks.policy(), &networks.critics()[0]].map(|network| described(network.clone()));
        let [of_policy, of_critic] = [&policy, &critic].map(|network| self.demand(kind, &**network, rows, steps));
        Demand {
            parameters: of_policy.parameters + 2 * of_critic.parameters,
            activations: of_policy.activations + 2 * of_critic.activations,
            ..of_policy
        }
    }

    /// The sizes that decide how much memory of a GPU a kind's learner needs, with so many rows and steps.
    #[cfg(feature = "torch")]
    fn demand(&self, kind: usize, network: &dyn TorchNetwork, rows: usize, steps: usize) -> Demand {
        let spec = self.learned_spec(kind);
        Demand {
            rows,
            steps,
            minibatch: self.agent(kind).algorithm().minibatch(),
            observation_width: spec.observation_width(),
            action_width: spec.action_width(),
            mask_width: spec.mask_width(),
            memory_width: network.memory_width(),
            parameters: network.parameters().iter().map(Parameter::count).sum(),
            activations: network.activations(),
        }
    }
}

/// Returns an error always: without libtorch, CUDA can't be opened.
#[cfg(not(feature = "torch"))]
fn open_cuda() -> Result<(), String> {
    Err("this program was built without libtorch".to_owned())
}
