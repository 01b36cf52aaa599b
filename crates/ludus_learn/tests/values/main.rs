//! PQN and DQN as a whole, on simulations made of arrays.

#![expect(clippy::unwrap_used, reason = "what a test needs has to be there")]

mod carousel;
#[path = "../ppo/cart_pole.rs"]
mod cart_pole;
mod determinism;
mod faults;
mod learning;
mod masks;
mod resume;

use std::sync::Arc;

use cart_pole::{CartPoles, WIDTH};
use ludus_learn::{
    Algorithm, Collector, Dqn, DqnConfig, IteratedLane, IterationPlan, LaneShape, Machine, Pqn, PqnConfig, Report,
    Schedule, Simulation,
};
use ludus_net::{Layout, Network, NetworkConfig, Normalizer};
use ludus_spec::{Head, Seed, stopped_clock};

fn machine(threads: usize) -> Machine {
    let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap());
    Machine { pool, clock: stopped_clock }
}

fn network(width: usize, heads: &[Head]) -> Network {
    let shape = NetworkConfig { hidden: vec![64, 64], shared: true, ..NetworkConfig::default() };
    Network::new(Layout::new(width, heads, &shape).unwrap(), Seed::new(11))
}

fn lanes<S: Simulation>(worlds: &[S]) -> Vec<LaneShape> {
    worlds.iter().map(|world| world.lane(0)).collect()
}

/// Cart-poles in simulations of these sizes.
fn cart_poles(sizes: &[u64]) -> Vec<CartPoles> {
    let mut next = 0;
    let mut world = |&size| {
        next += size;
        CartPoles::new(next - size..next, Seed::new(13))
    };
    sizes.iter().map(&mut world).collect()
}

fn pqn(config: &PqnConfig, worlds: &[CartPoles], threads: usize) -> Pqn {
    let network = network(WIDTH, &[Head::Categorical { choices: 2 }]);
    let normalizer = config.normalize_observations.then(|| Normalizer::new(WIDTH, 10.0));
    Pqn::new(config.clone(), network, normalizer, machine(threads), &lanes(worlds), Seed::new(12)).unwrap()
}

fn dqn(config: &DqnConfig, worlds: &[CartPoles], threads: usize) -> Dqn {
    let network = network(WIDTH, &[Head::Categorical { choices: 2 }]);
    let normalizer = config.normalize_observations.then(|| Normalizer::new(WIDTH, 10.0));
    Dqn::new(config.clone(), network, normalizer, machine(threads), &lanes(worlds), Seed::new(12)).unwrap()
}

/// Settings of DQN that use every feature, small enough for a test.
fn small_dqn() -> DqnConfig {
    DqnConfig {
        replay: 600,
        learning_starts: 100,
        n_step: 3,
        dueling: true,
        priorities: Some(ludus_learn::PriorityConfig::default()),
        learning_rate: Schedule::Linear { from: 3e-3, to: 0.0 },
        ..DqnConfig::default()
    }
}

/// Learns for some iterations of this many steps at least. Returns the reports.
fn learn<S: Simulation>(
    algorithm: &mut dyn Algorithm,
    worlds: &mut [S],
    iterations: usize,
    least_steps: usize,
) -> Vec<Report> {
    let collector = Collector::new(algorithm.machine().clone());
    let mut reports = Vec::new();
    for iteration in 0..iterations {
        let plan = IterationPlan { progress: iteration as f32 / iterations as f32, least_steps };
        let result = collector.iterate(worlds, &mut [IteratedLane::learned(algorithm)], plan).unwrap();
        reports.extend(result.reports.into_iter().map(|report| report.unwrap()));
    }
    reports
}

fn parameter_bits(algorithm: &dyn Algorithm) -> Vec<u32> {
    algorithm.policy().parameters.iter().map(|parameter| parameter.to_bits()).collect()
}
