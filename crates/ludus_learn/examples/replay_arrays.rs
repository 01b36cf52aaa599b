//! Learns from a replay on plain arrays, without a game, and prints the gradient steps per second.
//!
//! ```sh
//! cargo run --release -p ludus_learn --example replay_arrays -- sac hidden=256,256 minibatch=256 steps=5000
//! cargo run --release -p ludus_learn --example replay_arrays -- dqn hidden=64,64 minibatch=64 steps=20000
//! ```
//!
//! `sac` learns to swing up a pendulum, `car` to drive a car up a mountain by SAC too, `dqn` to balance a pole. Settings, each `name=value`: `copies steps hidden
//! activation rollout_steps replay_ratio minibatch learning_rate learning_starts gamma target_rate
//! normalize_observations max_grad_norm gsde temperature threads seeds`.

#![expect(clippy::print_stdout, reason = "an example prints")]

#[path = "../tests/ppo/cart_pole.rs"]
mod cart_pole;
#[path = "../tests/sac/mountain_car.rs"]
mod mountain_car;
#[path = "../tests/ppo/pendulum.rs"]
mod pendulum;

use std::error::Error;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use cart_pole::CartPoles;
use ludus_learn::{
    Algorithm, Collector, Dqn, DqnConfig, GsdeConfig, IteratedLane, IterationPlan, LaneShape, Machine, Sac, SacConfig,
    Schedule, Simulation, Temperature,
};
use ludus_net::{Activation, Layout, Network, NetworkConfig, Normalizer};
use ludus_spec::{Head, Seed};
use mountain_car::MountainCars;
use pendulum::Pendulums;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let algorithm = arguments.next().ok_or("the first argument is `sac`, `car` or `dqn`")?;
    let settings = Settings::from_arguments(arguments)?;
    println!("{settings:?}");
    for seed in 1..=settings.seeds {
        match algorithm.as_str() {
            "sac" => learn_pendulum(&settings, Seed::new(seed))?,
            "car" => learn_mountain_car(&settings, Seed::new(seed))?,
            "dqn" => learn_cart_pole(&settings, Seed::new(seed))?,
            other => return Err(format!("there is no algorithm `{other}`; valid: `sac`, `car`, `dqn`").into()),
        }
    }
    Ok(())
}

#[derive(Debug)]
struct Settings {
    copies: u64,
    threads: usize,
    seeds: u64,
    steps: usize,
    network: NetworkConfig,
    /// Settings that both algorithms have.
    sac: SacConfig,
}

impl Settings {
    fn from_arguments(arguments: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let network = NetworkConfig { activation: Activation::Relu, shared: true, ..NetworkConfig::default() };
        let mut settings = Self { copies: 1, threads: 1, seeds: 1, steps: 10_000, network, sac: SacConfig::default() };
        for argument in arguments {
            let (name, value) = argument.split_once('=').ok_or("each setting is `name=value`")?;
            settings.set(name, value)?;
        }
        Ok(settings)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), Box<dyn Error>> {
        let Self { network, sac, .. } = self;
        match name {
            "copies" => self.copies = value.parse()?,
            "threads" => self.threads = value.parse()?,
            "seeds" => self.seeds = value.parse()?,
            "steps" => self.steps = value.parse()?,
            "hidden" => network.hidden = value.split(',').map(str::parse).collect::<Result<_, _>>()?,
            "activation" if value == "tanh" => network.activation = Activation::Tanh,
            "activation" if value == "relu" => network.activation = Activation::Relu,
            "rollout_steps" => sac.rollout_steps = value.parse()?,
            "replay_ratio" => sac.replay_ratio = value.parse()?,
            "minibatch" => sac.minibatch = value.parse()?,
            "learning_rate" => sac.learning_rate = Schedule::Constant(value.parse()?),
            "learning_starts" => sac.learning_starts = value.parse()?,
            "gamma" => sac.gamma = value.parse()?,
            "target_rate" => sac.target_rate = value.parse()?,
            "max_grad_norm" => sac.max_grad_norm = value.parse()?,
            "gsde" => sac.gsde = Some(GsdeConfig { interval: value.parse()? }),
            "temperature" => sac.temperature = Temperature::Fixed(value.parse()?),
            "normalize_observations" => sac.normalize_observations = value.parse()?,
            _ => return Err(format!("there is no setting `{name}={value}`").into()),
        }
        Ok(())
    }

    fn machine(&self) -> Result<Machine, Box<dyn Error>> {
        let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(self.threads).build()?);
        Ok(Machine { pool, clock })
    }
}

fn learn_pendulum(settings: &Settings, seed: Seed) -> Result<(), Box<dyn Error>> {
    let mut worlds = [Pendulums::new(settings.copies as usize, seed.derive(0))];
    let mut sac = sac(settings, worlds[0].lane(0), seed)?;
    measure(settings, &mut sac, &mut worlds, |[world]| {
        format!("mean return of the last 20 episodes {:.0}", world.mean_return(20))
    })
}

fn learn_mountain_car(settings: &Settings, seed: Seed) -> Result<(), Box<dyn Error>> {
    let mut worlds = [MountainCars::new(settings.copies as usize, seed.derive(0))];
    let mut sac = sac(settings, worlds[0].lane(0), seed)?;
    measure(settings, &mut sac, &mut worlds, |[world]| {
        let last = &world.finished[world.finished.len().saturating_sub(20)..];
        format!("mean return of the last 20 episodes {:.1}", last.iter().sum::<f32>() / last.len() as f32)
    })
}

/// Makes SAC for one number in -1..=1.
fn sac(settings: &Settings, lane: LaneShape, seed: Seed) -> Result<Sac, Box<dyn Error>> {
    let width = lane.observation_width;
    let config = NetworkConfig { squashed: true, ..settings.network.clone() };
    let layout = Layout::new(width, &[Head::Gaussian { width: 1 }], &config)?;
    let normalizer = settings.sac.normalize_observations.then(|| Normalizer::new(width, 10.0));
    let network = Network::new(layout, seed.derive(1));
    Ok(Sac::new(settings.sac.clone(), network, normalizer, settings.machine()?, &[lane], seed.derive(2))?)
}

fn learn_cart_pole(settings: &Settings, seed: Seed) -> Result<(), Box<dyn Error>> {
    let mut worlds = [CartPoles::new(0..settings.copies, seed.derive(0))];
    let lanes: Vec<LaneShape> = worlds.iter().map(|world| world.lane(0)).collect();
    let layout = Layout::new(cart_pole::WIDTH, &[Head::Categorical { choices: 2 }], &settings.network)?;
    let SacConfig { rollout_steps, replay_ratio, minibatch, learning_rate, learning_starts, .. } = settings.sac;
    let SacConfig { gamma, target_rate, normalize_observations, .. } = settings.sac;
    let config = DqnConfig {
        rollout_steps,
        replay_ratio,
        minibatch,
        learning_rate,
        learning_starts,
        gamma,
        target_rate,
        normalize_observations,
        ..DqnConfig::default()
    };
    let normalizer = normalize_observations.then(|| Normalizer::new(cart_pole::WIDTH, 10.0));
    let network = Network::new(layout, seed.derive(1));
    let mut dqn = Dqn::new(config, network, normalizer, settings.machine()?, &lanes, seed.derive(2))?;
    measure(settings, &mut dqn, &mut worlds, |[world]| {
        let last = &world.finished[world.finished.len().saturating_sub(100)..];
        format!("mean length of the last 100 episodes {:.0}", last.iter().sum::<u32>() as f32 / last.len() as f32)
    })
}

/// Learns in ten parts, and prints the speed and the result of each.
fn measure<S: Simulation, const N: usize>(
    settings: &Settings,
    algorithm: &mut dyn Algorithm,
    worlds: &mut [S; N],
    result: impl Fn(&[S; N]) -> String,
) -> Result<(), Box<dyn Error>> {
    let collector = Collector::new(algorithm.machine().clone());
    let (mut all_updates, mut all_time) = (0, 0);
    for part in 0..10 {
        let start = clock();
        let least_steps = settings.steps / 10 / settings.copies as usize;
        let plan = IterationPlan { progress: part as f32 / 10.0, least_steps };
        let iteration = collector.iterate(worlds, &mut [IteratedLane::Learned(&mut *algorithm)], plan)?;
        let time = clock() - start;
        for report in iteration.reports {
            let report = report?;
            let speed = report.gradient_steps as f64 / (time as f64 * 1e-9);
            println!("{} updates, {speed:.0} per second; {}", report.gradient_steps, result(worlds));
            if part > 0 {
                (all_updates, all_time) = (all_updates + report.gradient_steps, all_time + time);
            }
        }
    }
    println!("{:.0} updates per second", all_updates as f64 / (all_time as f64 * 1e-9));
    Ok(())
}

/// Returns nanoseconds since the first call.
fn clock() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "the program measures how long it takes")]
    fn now() -> Instant {
        Instant::now()
    }
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(now).elapsed().as_nanos() as u64
}
