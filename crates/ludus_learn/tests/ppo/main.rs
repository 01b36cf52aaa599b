//! PPO as a whole, with the native learner, on simulations made of arrays.

#![expect(clippy::unwrap_used, reason = "what a test needs has to be there")]

mod allowed;
mod bandit;
mod cart_pole;
mod cloning;
mod critic;
mod determinism;
mod distillation;
mod gail;
mod learning;
mod limits;
mod masking;
mod memory;
mod pendulum;
mod resume;
mod sets;
mod teams;

use std::sync::Arc;

use cart_pole::{CartPoles, WIDTH};
use ludus_learn::{LaneShape, Machine, NativeLearner, Ppo, PpoConfig, Schedule, Simulation};
use ludus_net::{Layout, Network, NetworkConfig, Normalizer};
use ludus_spec::{Head, Seed, stopped_clock};

/// Makes a learner with a pool of this many threads.
fn learner(width: usize, heads: &[Head], config: &PpoConfig, threads: usize) -> NativeLearner {
    let shape = NetworkConfig { hidden: vec![32], ..NetworkConfig::default() };
    let network = Network::new(Layout::new(width, heads, &shape).unwrap(), Seed::new(11));
    let normalizer = config.normalize_observations.then(|| Normalizer::new(width, 10.0));
    let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap());
    NativeLearner::new(network, normalizer, Machine { pool, clock: stopped_clock }).unwrap()
}

/// Makes PPO for cart-poles.
fn cart_pole_ppo<S: Simulation>(config: &PpoConfig, worlds: &[S], threads: usize) -> Ppo<NativeLearner> {
    let learner = learner(WIDTH, &[Head::Categorical { choices: 2 }], config, threads);
    Ppo::new(config.clone(), learner, &lanes(worlds), Seed::new(12)).unwrap()
}

/// The first lane of each simulation.
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

/// Settings that use every feature, small enough for a test.
fn small() -> PpoConfig {
    PpoConfig {
        rollout_steps: 16,
        epochs: 2,
        minibatch: 300,
        learning_rate: Schedule::Linear { from: 3e-3, to: 0.0 }.into(),
        entropy: Schedule::Constant(0.01),
        value_clip: Some(0.5),
        scale_rewards: true,
        ..PpoConfig::default()
    }
}

/// Returns the parameters after some iterations, as bits.
fn trained<S: Simulation>(ppo: &mut Ppo<NativeLearner>, worlds: &mut [S], iterations: usize) -> Vec<u32> {
    for iteration in 0..iterations {
        ppo.iterate(worlds, iteration as f32 * 0.1).unwrap();
    }
    parameter_bits(ppo)
}

fn parameter_bits(ppo: &Ppo<NativeLearner>) -> Vec<u32> {
    ppo.learner().network().parameters().iter().map(|parameter| parameter.to_bits()).collect()
}

/// The parameters of the critic, and all others, as bits.
fn parts(ppo: &Ppo<NativeLearner>) -> [Vec<u32>; 2] {
    let (layout, bits) = (ppo.learner().network().layout(), parameter_bits(ppo));
    let mut parts = [Vec::new(), Vec::new()];
    for tensor in layout.tensors() {
        let own = (0..tensor.element_count()).map(|element| bits[tensor.position(element)]);
        parts[usize::from(!tensor.name.starts_with("critic."))].extend(own);
    }
    parts
}
