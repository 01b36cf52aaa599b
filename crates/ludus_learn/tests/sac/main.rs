//! SAC as a whole, on simulations made of arrays.

#![expect(clippy::unwrap_used, reason = "what a test needs has to be there")]

mod bandit;
mod determinism;
mod faults;
mod learning;
mod masks;
#[path = "../ppo/pendulum.rs"]
mod pendulum;
mod resume;

use std::sync::Arc;

use ludus_learn::{
    Algorithm, Collector, GsdeConfig, IteratedLane, IterationPlan, LaneShape, Machine, Report, Sac, SacConfig,
    Schedule, Simulation,
};
use ludus_net::{Layout, Network, NetworkConfig, Normalizer};
use ludus_spec::{Head, Seed, stopped_clock};
use pendulum::Pendulums;

fn machine(threads: usize) -> Machine {
    let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap());
    Machine { pool, clock: stopped_clock }
}

fn network(width: usize, heads: &[Head]) -> Network {
    let hidden = vec![64, 64];
    let shape = NetworkConfig { hidden, shared: true, squashed: true, ..NetworkConfig::default() };
    Network::new(Layout::new(width, heads, &shape).unwrap(), Seed::new(11))
}

fn lanes<S: Simulation>(worlds: &[S]) -> Vec<LaneShape> {
    worlds.iter().map(|world| world.lane(0)).collect()
}

/// Pendulums in simulations of these sizes.
fn pendulums(sizes: &[usize]) -> Vec<Pendulums> {
    let mut seed = Seed::new(13);
    let mut world = |&size| {
        seed = seed.derive(7);
        Pendulums::new(size, seed)
    };
    sizes.iter().map(&mut world).collect()
}

fn sac(config: &SacConfig, worlds: &[Pendulums], threads: usize) -> Sac {
    let network = network(pendulum::WIDTH, &[Head::Gaussian { width: 1 }]);
    let normalizer = config.normalize_observations.then(|| Normalizer::new(pendulum::WIDTH, 10.0));
    Sac::new(config.clone(), network, normalizer, machine(threads), &lanes(worlds), Seed::new(12)).unwrap()
}

/// Settings that use every feature, small enough for a test.
fn small() -> SacConfig {
    SacConfig {
        replay: 600,
        learning_starts: 100,
        rollout_steps: 4,
        replay_ratio: 0.25,
        minibatch: 64,
        n_step: 3,
        gsde: Some(GsdeConfig { interval: 2 }),
        learning_rate: Schedule::Linear { from: 3e-3, to: 0.0 },
        ..SacConfig::default()
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
