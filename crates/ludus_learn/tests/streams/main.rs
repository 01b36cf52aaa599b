//! PPO with several streams of rewards, and curiosity.

#![expect(clippy::unwrap_used, reason = "what a test needs has to be there")]

mod by_hand;
mod curiosity;
mod key_door;
mod observed;

use std::sync::Arc;

use ludus_learn::{CuriosityConfig, LaneShape, Machine, NativeLearner, Ppo, PpoConfig, Simulation};
use ludus_net::{Layout, Network, NetworkConfig, Normalizer};
use ludus_spec::{ActionField, ActionKind, AgentSpec, Block, ObservationField, ObservationKind, Seed, stopped_clock};

fn machine(threads: usize) -> Machine {
    let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap());
    Machine { pool, clock: stopped_clock }
}

/// A spec with these fields, whose agents choose one of so many.
fn spec(observation: Vec<ObservationField>, choices: usize) -> AgentSpec {
    let parts = (0..choices).map(|choice| choice.to_string()).collect();
    let action = ActionField { name: "move".to_owned(), doc: String::new(), parts, kind: ActionKind::Discrete };
    AgentSpec { name: "Walker".to_owned(), observation, action: vec![action], ..AgentSpec::default() }
}

fn field(name: &str, block: Block, kind: ObservationKind) -> ObservationField {
    ObservationField { name: name.to_owned(), doc: String::new(), block, range: None, kind, is_critic: false }
}

fn numbers(name: &str, width: usize) -> ObservationField {
    field(name, Block::values((0..width).map(|part| part.to_string())), ObservationKind::Number)
}

/// The lane of each simulation.
fn lanes<S: Simulation>(worlds: &[S]) -> Vec<LaneShape> {
    worlds.iter().map(|world| world.lane(0)).collect()
}

/// The settings of a run with curiosity.
struct Curious<'a> {
    spec: &'a AgentSpec,
    network: NetworkConfig,
    ppo: PpoConfig,
    /// `None` for a run without it.
    curiosity: Option<CuriosityConfig>,
    threads: usize,
    seed: u64,
}

impl Curious<'_> {
    fn build<S: Simulation>(&self, worlds: &[S]) -> Ppo<NativeLearner> {
        let seed = Seed::new(self.seed);
        let layout = Layout::of_agent(self.spec, &self.network).unwrap();
        let config = PpoConfig { curiosity: self.curiosity.clone(), ..self.ppo.clone() };
        let (heads, machine) = (config.value_heads(), machine(self.threads));
        let network = Network::new(layout, seed.derive(1)).with_value_heads(heads, seed.derive(1)).unwrap();
        let normalizer = self.ppo.normalize_observations.then(|| Normalizer::of_agent(self.spec, 10.0));
        let learner = NativeLearner::new(network, normalizer, machine.clone()).unwrap();
        let ppo = Ppo::new(config.clone(), learner, &lanes(worlds), seed.derive(2)).unwrap();
        let encoders = &self.network.encoders;
        ppo.with_streams(config.reward_streams(self.spec, encoders, &machine, seed.derive(2)).unwrap()).unwrap()
    }
}

fn parameter_bits(ppo: &Ppo<NativeLearner>) -> Vec<u32> {
    ppo.learner().network().parameters().iter().map(|parameter| parameter.to_bits()).collect()
}
