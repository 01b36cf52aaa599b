//! Measures the speed of the learner on libtorch, without a game.
//!
//! `cargo run --release -p ludus_torch --features libtorch --example torch_speed -- [ROWS] [MINIBATCH] [EPOCHS] [THREADS]
//! [MEMORY]`
//!
//! `MEMORY` is 0 for a network without memory, 1 for a `MinGru(64)`, 2 for a `Gru(64)`.
#![expect(clippy::print_stdout, reason = "this is a command line")]

#[path = "../../ludus_learn/tests/ppo/cart_pole.rs"]
mod cart_pole;

use std::sync::{Arc, LazyLock};
use std::time::Instant;

use cart_pole::{CartPoles, WIDTH};
use ludus_learn::{Learner, Machine, NativeLearner, Ppo, PpoConfig, Simulation};
use ludus_net::{Layout, Memory, Network, NetworkConfig};
use ludus_spec::{Head, Seed};
use ludus_torch::{DeviceConfig, Mlp, TorchLearner, TorchSettings, tch};

const SECONDS: f64 = 5.0;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [rows, minibatch, epochs, threads, memory] = arguments([1024, 2048, 1, 1, 0])?;
    let memory = [None, Some(Memory::MinGru(64)), Some(Memory::Gru(64))].get(memory).copied().flatten();
    let config =
        PpoConfig { rollout_steps: 16, minibatch, epochs, normalize_observations: false, ..PpoConfig::default() };
    let network = NetworkConfig { memory, ..NetworkConfig::default() };
    let layout = Layout::new(WIDTH, &[Head::Categorical { choices: 2 }], &network)?;
    let network = Network::new(layout, Seed::new(1));
    let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(threads).build()?);
    let machine = Machine { pool, clock };
    let settings =
        TorchSettings { device: tch::Device::Cpu, config: DeviceConfig::default(), machine: machine.clone() };
    println!("{rows} rows, minibatch {minibatch}, {epochs} epochs, {threads} threads, memory {memory:?}");
    let torch = TorchLearner::new(Box::new(Mlp::new(network.clone())), None, settings)?;
    measure("torch", &config, torch, rows)?;
    measure("native", &config, NativeLearner::new(network, None, machine)?, rows)
}

fn measure<L: Learner>(
    name: &str,
    config: &PpoConfig,
    learner: L,
    rows: usize,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut worlds = [CartPoles::new(0..rows as u64, Seed::new(2))];
    let mut ppo = Ppo::new(config.clone(), learner, &[worlds[0].lane(0)], Seed::new(3))?;
    ppo.iterate(&mut worlds, 0.0)?;
    let (start, mut steps, mut times) = (clock(), 0, ludus_learn::PhaseTimes::default());
    while seconds_since(start) < SECONDS {
        let iteration = ppo.iterate(&mut worlds, 0.0)?;
        steps += iteration.experience;
        times.add(&iteration.phases);
        worlds[0].finished.clear();
    }
    let speed = steps as f64 / seconds_since(start);
    let percent = |time: u64| 100.0 * time as f64 / times.total().max(1) as f64;
    let (forward, copy, simulate) = (percent(times.forward), percent(times.copy), percent(times.simulate));
    let learn = percent(times.learn);
    println!(
        "{name}: {:.3} M steps/s; forward {forward:.0} copy {copy:.0} simulate {simulate:.0} learn {learn:.0} %",
        speed * 1e-6
    );
    Ok(())
}

fn arguments<const N: usize>(mut numbers: [usize; N]) -> Result<[usize; N], std::num::ParseIntError> {
    for (number, argument) in numbers.iter_mut().zip(std::env::args().skip(1)) {
        *number = argument.parse()?;
    }
    Ok(numbers)
}

static START: LazyLock<Instant> = LazyLock::new(now);

#[expect(clippy::disallowed_methods, reason = "this measures")]
fn now() -> Instant {
    Instant::now()
}

fn clock() -> u64 {
    START.elapsed().as_nanos() as u64
}

fn seconds_since(start: u64) -> f64 {
    (clock() - start) as f64 * 1e-9
}
