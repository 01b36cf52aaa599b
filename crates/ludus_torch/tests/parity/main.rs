//! The learners on libtorch against those in plain Rust.

#![expect(clippy::unwrap_used, reason = "what a test needs has to be there")]

#[path = "../../../ludus_learn/tests/values/carousel.rs"]
mod carousel;
#[path = "../../../ludus_learn/tests/ppo/cart_pole.rs"]
mod cart_pole;
mod convolutions;
mod curves;
mod faults;
mod gradients;
mod imitation;
mod memory;
#[expect(dead_code, reason = "other tests use more of it")]
#[path = "../../../ludus_learn/tests/ppo/pendulum.rs"]
mod pendulum;
mod phases;
mod q_learning;
mod repetition;
mod soft_actor_critic;
mod soft_steps;
mod transfers;
mod values;

use std::num::NonZeroUsize;
use std::sync::Arc;

use cart_pole::{CartPoles, WIDTH};
use ludus_learn::{
    CollectedLane, Collector, LaneShape, LearnError, Learner, Machine, Minibatch, NativeLearner, PhaseTimes, Ppo,
    PpoConfig, Rollout, RolloutShape, Simulation,
};
use ludus_net::{Layout, Network, NetworkConfig, Normalizer};
use ludus_spec::{Head, Seed, stopped_clock};
use ludus_torch::{DeviceConfig, TorchLearner, TorchNetwork, TorchSettings, described, tch};

/// The settings of a test's learners.
#[derive(Clone, Copy)]
struct Setup {
    threads: usize,
    splits: usize,
    graphs: bool,
}

const PLAIN: Setup = Setup { threads: 1, splits: 1, graphs: true };

/// The environment variable with the device of learners on libtorch, such as `cuda:0`. The CPU if it is not set.
const DEVICE: &str = "LUDUS_TEST_DEVICE";

fn device() -> tch::Device {
    let name = std::env::var(DEVICE).unwrap_or_default();
    let Some(index) = name.strip_prefix("cuda:") else { return tch::Device::Cpu };
    ludus_torch::cuda_device(index.parse().unwrap()).unwrap()
}

fn machine(threads: usize) -> Machine {
    let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap());
    Machine { pool, clock: stopped_clock }
}

fn native(network: Network, normalizer: Option<Normalizer>) -> NativeLearner {
    NativeLearner::new(network, normalizer, machine(1)).unwrap()
}

fn torch(network: Network, normalizer: Option<Normalizer>, setup: Setup) -> TorchLearner {
    torch_of(described(network), normalizer, setup)
}

fn torch_of(network: Box<dyn TorchNetwork>, normalizer: Option<Normalizer>, setup: Setup) -> TorchLearner {
    let splits = NonZeroUsize::new(setup.splits).unwrap();
    let settings = TorchSettings {
        device: device(),
        config: DeviceConfig { splits, graphs: setup.graphs, ..DeviceConfig::default() },
        machine: machine(setup.threads),
    };
    TorchLearner::new(network, normalizer, settings).unwrap()
}

fn cart_pole_network(seed: u64) -> Network {
    let config = NetworkConfig { hidden: vec![32], ..NetworkConfig::default() };
    Network::new(Layout::new(WIDTH, &[Head::Categorical { choices: 2 }], &config).unwrap(), Seed::new(seed))
}

fn ppo<L: Learner, S: Simulation>(config: &PpoConfig, learner: L, worlds: &[S], seed: u64) -> Ppo<L> {
    Ppo::new(config.clone(), learner, &lanes(worlds), Seed::new(seed)).unwrap()
}

/// Returns the first lane of each simulation.
fn lanes<S: Simulation>(worlds: &[S]) -> Vec<LaneShape> {
    worlds.iter().map(|world| world.lane(0)).collect()
}

/// Makes a rollout for this many steps of these simulations, with room for the network's inputs.
fn rollout_of<S: Simulation>(steps: usize, worlds: &[S]) -> Rollout {
    let shape = RolloutShape::of_lane(steps, &lanes(worlds)).unwrap();
    Rollout::new(RolloutShape { has_inputs: true, ..shape })
}

/// Makes a minibatch for a network without memory.
const fn of_samples(samples: &[u32]) -> Minibatch<'_> {
    Minibatch { samples, rows: &[] }
}

/// Fills a rollout, with the learner's policy.
fn collect<S: Simulation>(
    learner: &mut impl Learner,
    worlds: &mut [S],
    rollout: &mut Rollout,
    seed: u64,
) -> Result<PhaseTimes, LearnError> {
    rollout.restart();
    let (collector, steps) = (Collector::new(learner.machine().clone()), rollout.missing_steps());
    let lane = CollectedLane { decider: learner.decider(), others: &[], rollout, seed: Seed::new(seed) };
    collector.collect(worlds, &mut [lane], steps)
}

/// Makes cart-poles in simulations of these sizes.
fn cart_poles(sizes: &[u64], seed: u64) -> Vec<CartPoles> {
    let mut next = 0;
    let mut world = |&size| {
        next += size;
        CartPoles::new(next - size..next, Seed::new(seed))
    };
    sizes.iter().map(&mut world).collect()
}
