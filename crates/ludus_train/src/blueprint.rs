//! What a run is built from: the game, the config, the seeds.

use std::num::{NonZeroU32, NonZeroU64};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ludus_learn::{LaneShape, LearnError, Machine};
use ludus_net::{Layout, Network, Normalizer};
use ludus_spec::{AgentSpec, Seed, StableHasher};
#[cfg(feature = "torch")]
use ludus_torch::{Demand, Parameter, TorchNetwork, described};
use ludus_worlds::{AgentSettings, PooledWorld, WorldError, WorldSettings, build_worlds};
use rayon::ThreadPool;

use crate::clock;
use crate::config::{AgentConfig, PolicySource, RunConfig};
use crate::definition::GameDefinition;
use crate::episodes::RowSettings;
use crate::error::TrainError;
use crate::group::{Lanes, WorldGroup};
use crate::learner::{BuiltAlgorithm, Decision, LearnerChoice, Place, PpoParts, Workload, decide};
#[cfg(feature = "torch")]
use crate::learner::{TorchParts, open_cuda};
use crate::patience::while_waiting;
use crate::replay::{KeptEpisodes, RecorderSettings};

/// Indices of the run seed's children: what the draws are for.
pub(crate) const WORLDS: u64 = 0;
const NETWORK: u64 = 1;
const LEARNING: u64 = 2;
const EVALUATION_WORLDS: u64 = 3;
pub(crate) const EVALUATION_ACTIONS: u64 = 4;
const RESUMED_WORLDS: u64 = 5;
const KEPT_EPISODES: u64 = 6;
const EXAM: u64 = 7;
/// Draws of policies that are not learned.
pub(crate) const FROZEN_ACTIONS: u64 = 8;

/// Arenas of a run whose episodes are noted, to keep some.
const RECORDED_ARENAS: usize = 16;

/// The greatest absolute value of a normalised observation. Huang et al. 2022, continuous detail 5.
const OBSERVATION_CLIP: f32 = 10.0;

/// The game, the config and the machine of a run.
#[derive(Clone)]
pub(crate) struct Blueprint {
    pub definition: GameDefinition,
    /// The kinds of agents, in the game's order: an index into them is a *kind*.
    pub specs: Vec<Arc<AgentSpec>>,
    /// With the number of worlds settled.
    pub config: RunConfig,
    pub pool: Arc<ThreadPool>,
    /// Iterations that are over when training's worlds are built: 0, or those of the checkpoint that the run goes on from.
    pub iteration: u64,
    /// Ticks between two state hashes, if they are logged.
    pub hash_every: Option<NonZeroU64>,
    /// The learner that was asked for.
    pub learner: LearnerChoice,
    /// Tells what goes on while it lasts.
    pub note: fn(String),
}

/// The purpose of worlds, which decides their seeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Training,
    /// Worlds whose seeds training never uses.
    Evaluation,
}

impl Blueprint {
    /// The config of a kind of agents.
    pub fn agent(&self, kind: usize) -> &AgentConfig {
        self.config.agent(&self.specs[kind])
    }

    /// The config of a kind of agents, to change.
    pub fn agent_mut(&mut self, kind: usize) -> &mut AgentConfig {
        self.config.agent_mut(&self.specs[kind])
    }

    /// The weights of a kind's reward, in the order of its spec.
    pub fn weights(&self, kind: usize) -> Vec<f32> {
        self.agent(kind).weights(&self.specs[kind])
    }

    /// The same with decisions of a kind so many ticks apart.
    #[must_use]
    pub fn with_interval(&self, kind: usize, interval: NonZeroU32) -> Self {
        let mut blueprint = self.clone();
        blueprint.config.set_interval(&self.specs, kind, interval);
        blueprint
    }

    /// True if a policy decides for the kind, false if the game does.
    pub fn is_driven(&self, kind: usize) -> bool {
        self.agent(kind).policy != PolicySource::External
    }

    /// The kinds that a policy decides for.
    pub fn driven_kinds(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.specs.len()).filter(|&kind| self.is_driven(kind))
    }

    /// True if the game has more than one kind of agents: then metrics, policies and sentences name theirs.
    pub fn has_several_kinds(&self) -> bool {
        self.specs.len() > 1
    }

    /// The kinds that follow each policy of the run, that one first whose section describes it.
    pub fn lanes(&self) -> Lanes {
        let owners = self.driven_kinds().filter(|&kind| !matches!(self.agent(kind).policy, PolicySource::SameAs(_)));
        let lane = |owner: usize| {
            let shared = PolicySource::SameAs(self.specs[owner].name.clone());
            let followers = self.driven_kinds().filter(|&kind| self.agent(kind).policy == shared);
            std::iter::once(owner).chain(followers).collect()
        };
        owners.map(lane).collect()
    }

    /// Steps of the longest rollout that a policy of the run learns from.
    pub fn longest_rollout(&self) -> usize {
        let learned = (0..self.specs.len()).filter(|&kind| self.agent(kind).policy == PolicySource::Learned);
        learned.map(|kind| self.agent(kind).ppo.rollout_steps).max().unwrap_or(1)
    }

    /// The seed of what a kind draws from the run's child with this index.
    ///
    /// It is the same whichever other kinds there are and learn.
    pub fn seed_of(&self, child: u64, kind: usize) -> Seed {
        let seed = Seed::new(self.config.seed).derive(child);
        if !self.has_several_kinds() {
            return seed;
        }
        seed.derive(StableHasher::default().bytes(self.specs[kind].name.as_bytes()).finish())
    }

    /// All worlds of a run, in order.
    pub fn build_worlds(&self, purpose: Purpose) -> Result<Vec<PooledWorld>, WorldError> {
        let seed = self.worlds_seed(purpose);
        let count = self.config.worlds.resolve().get();
        let settings = (0..count).map(|world| self.world_settings(purpose, seed, world)).collect();
        let built = AtomicUsize::new(0);
        let say = |seconds| (self.note)(building_sentence(built.load(Ordering::Relaxed), count, seconds));
        while_waiting(say, || self.pool.install(|| build_worlds(&self.definition.game, settings, &built)))
    }

    /// A world to look at, with no more arenas than this.
    pub fn build_exam(&self, most_arenas: u32) -> Result<PooledWorld, WorldError> {
        let arenas = 0..self.config.arenas.get().min(most_arenas);
        let settings = self.world_settings(Purpose::Evaluation, self.exam_seed(), 0);
        PooledWorld::build(&self.definition.game, WorldSettings { arenas, ..settings })
    }

    /// The seed of that world and of its actions.
    pub fn exam_seed(&self) -> Seed {
        Seed::new(self.config.seed).derive(EXAM)
    }

    /// The seed that those of worlds derive from.
    fn worlds_seed(&self, purpose: Purpose) -> Seed {
        let run = Seed::new(self.config.seed);
        match purpose {
            Purpose::Training if self.iteration == 0 => run.derive(WORLDS),
            // Episodes that were seen before are not to be seen again.
            Purpose::Training => run.derive(RESUMED_WORLDS).derive(self.iteration),
            Purpose::Evaluation => run.derive(EVALUATION_WORLDS),
        }
    }

    /// The seed of an evaluation's actions, where they are drawn.
    pub fn evaluation_seed(&self) -> Seed {
        Seed::new(self.config.seed).derive(EVALUATION_ACTIONS)
    }

    fn world_settings(&self, purpose: Purpose, seed: Seed, world: u32) -> WorldSettings {
        let settings = |kind: usize| {
            let agent = self.agent(kind);
            AgentSettings {
                name: self.specs[kind].name.clone(),
                decision_interval: agent.decision_interval,
                weights: self.weights(kind),
                episode_limit: agent.episode_limit,
                // What an evaluation counts are whole episodes.
                stagger: agent.stagger && purpose == Purpose::Training,
                rows: agent.rows.map(|rows| rows.get()),
            }
        };
        WorldSettings {
            seed,
            world,
            arenas: 0..self.config.arenas.get(),
            decision_interval: self.config.decision_interval,
            agents: self.driven_kinds().map(settings).collect(),
            clock: clock::nanoseconds,
        }
    }

    /// Has some arenas' episodes noted: those of the first worlds, so that it costs a large run no more than a small one.
    pub fn record_episodes(&self, groups: &mut [WorldGroup]) {
        if self.driven_kinds().any(|kind| self.agent(kind).rows.is_some()) {
            // Agents come and go: what they do depends on more than an episode.
            return;
        }
        let worlds = self.config.worlds.resolve().get() as usize;
        let arenas = (RECORDED_ARENAS / worlds).max(1);
        let settings = RecorderSettings { program: self.definition.name.clone(), arenas };
        let mut left = RECORDED_ARENAS.min(worlds);
        for group in groups {
            left -= group.record_episodes(left, &settings);
        }
    }

    /// None yet of the episodes that the run is to keep.
    pub fn kept_episodes(&self) -> KeptEpisodes {
        let names: Vec<_> = self.driven_kinds().map(|kind| &*self.specs[kind].name).collect();
        KeptEpisodes::new(Seed::new(self.config.seed).derive(KEPT_EPISODES), names.into_iter())
    }

    /// The settings of a kind's rows, of which there are so many.
    pub fn row_settings(&self, kind: usize, rows: usize) -> RowSettings {
        let AgentConfig { episode_limit, stagger, .. } = *self.agent(kind);
        RowSettings { rows, limit: episode_limit.map(|limit| limit.get()), stagger }
    }

    /// A network that has learned nothing yet, for this kind.
    pub fn network(&self, kind: usize) -> Result<Network, LearnError> {
        let layout = Layout::of_agent(&self.specs[kind], &self.agent(kind).described_network())?;
        Ok(Network::new(layout, self.seed_of(NETWORK, kind)))
    }

    /// An algorithm that has learned nothing yet, as this kind's section describes it, for its lane of all groups; with
    /// which learner, and why.
    pub fn algorithm(
        &self,
        kind: usize,
        network: Network,
        lanes: &[LaneShape],
    ) -> Result<(BuiltAlgorithm, Decision), TrainError> {
        let (agent, spec) = (self.agent(kind), &self.specs[kind]);
        let normalize = || Normalizer::of_columns(spec.normalized_columns(), OBSERVATION_CLIP);
        let normalizer = agent.ppo.normalize_observations.then(normalize);
        let rows = lanes.iter().map(|lane| lane.rows).sum();
        let workload = Workload {
            rows,
            parameters: network.parameters().len(),
            threads: self.pool.current_num_threads(),
            is_perceptron: self.is_perceptron(kind),
        };
        let decision = decide(self.learner, workload, open_cuda)?;
        let parts = PpoParts { config: agent.ppo.clone(), lanes, seed: self.seed_of(LEARNING, kind) };
        let machine = self.machine();
        let built = match decision.place {
            Place::Native => parts.native(network, normalizer, machine).map_err(TrainError::Learner)?,
            #[cfg(feature = "torch")]
            place => {
                let network = self.own_network(kind).unwrap_or_else(|| described(network));
                let demand = self.demand(kind, &*network, rows);
                let config = agent.device.clone();
                parts.torch(place, TorchParts { network, normalizer, config, machine }, demand)?
            }
            #[cfg(not(feature = "torch"))]
            _ => return Err(TrainError::NoTorch { game: self.definition.name.clone() }),
        };
        Ok((built, decision))
    }

    /// The threads of the run, and its clock.
    pub fn machine(&self) -> Machine {
        Machine { pool: self.pool.clone(), clock: clock::nanoseconds }
    }

    /// True if both learners can compute the network.
    fn is_perceptron(&self, kind: usize) -> bool {
        !self.definition.has_own_network() && self.agent(kind).convolutions.is_empty()
    }

    /// The game's own network for a kind, if it has one. It has not learned anything.
    #[cfg(feature = "torch")]
    pub fn own_network(&self, kind: usize) -> Option<Box<dyn TorchNetwork>> {
        let seed = self.seed_of(NETWORK, kind);
        self.definition.networks.as_ref().map(|make| make(&self.specs[kind], seed))
    }

    /// The need of a kind's learner for a GPU's memory.
    #[cfg(feature = "torch")]
    fn demand(&self, kind: usize, network: &dyn TorchNetwork, rows: usize) -> Demand {
        let (agent, spec) = (self.agent(kind), &self.specs[kind]);
        Demand {
            rows,
            steps: agent.ppo.rollout_steps,
            minibatch: agent.ppo.minibatch,
            observation_width: spec.observation_width(),
            action_width: spec.action_width(),
            mask_width: spec.mask_width(),
            parameters: network.parameters().iter().map(Parameter::count).sum(),
            activations: network.activations(),
        }
    }
}

/// A sentence about how far the building of worlds is.
fn building_sentence(built: usize, count: u32, seconds: u64) -> String {
    format!("building worlds: {built} of {count} are there after {seconds} s")
}

/// Without libtorch there is no CUDA to open.
#[cfg(not(feature = "torch"))]
fn open_cuda() -> Result<(), String> {
    Err("this program was built without libtorch".to_owned())
}
