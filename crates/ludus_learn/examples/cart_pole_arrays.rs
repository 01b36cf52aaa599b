//! Trains a cart-pole on plain arrays and prints the speed: that of the learner without a game.
//!
//! ```sh
//! cargo run --release -p ludus_learn --example cart_pole_arrays -- copies=1024 rollout_steps=16 minibatch=2048 epochs=1
//! ```
//!
//! Settings, each `name=value`: `copies rollout_steps minibatch epochs learning_rate gamma gae_lambda threads seeds
//! most_steps`, and `until` (the mean return of the last 100 episodes that ends a run).

#![expect(clippy::print_stdout, reason = "an example prints")]

#[path = "../tests/ppo/cart_pole.rs"]
mod cart_pole;

use std::collections::VecDeque;
use std::error::Error;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use cart_pole::{CartPoles, WIDTH};
use ludus_learn::{Machine, NativeLearner, PhaseTimes, Ppo, PpoConfig, Schedule};
use ludus_net::{Layout, Network, NetworkConfig};
use ludus_spec::{Head, Seed};

fn main() -> Result<(), Box<dyn Error>> {
    let settings = Settings::from_arguments(std::env::args().skip(1))?;
    println!("{settings:?}");
    let mut seconds = Vec::new();
    for seed in 1..=settings.seeds {
        let run = train(&settings, seed)?;
        println!("seed {seed}: {run}");
        seconds.push(run.nanoseconds as f64 * 1e-9);
    }
    seconds.sort_by(f64::total_cmp);
    println!("median {:.3} s, {:.3} to {:.3}", seconds[seconds.len() / 2], seconds[0], seconds[seconds.len() - 1]);
    Ok(())
}

#[derive(Debug)]
struct Settings {
    copies: usize,
    threads: usize,
    seeds: u64,
    most_steps: usize,
    until: f32,
    ppo: PpoConfig,
}

impl Settings {
    fn from_arguments(arguments: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let ppo = PpoConfig {
            rollout_steps: 16,
            epochs: 1,
            learning_rate: Schedule::Constant(3e-3).into(),
            gamma: 0.98,
            gae_lambda: 0.9,
            value_coefficient: 1.0,
            normalize_observations: false,
            ..PpoConfig::default()
        };
        let mut settings = Self { copies: 1024, threads: 1, seeds: 5, most_steps: 6_000_000, until: 475.0, ppo };
        for argument in arguments {
            let (name, value) = argument.split_once('=').ok_or("each setting is `name=value`")?;
            settings.set(name, value)?;
        }
        Ok(settings)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), Box<dyn Error>> {
        match name {
            "copies" => self.copies = value.parse()?,
            "threads" => self.threads = value.parse()?,
            "seeds" => self.seeds = value.parse()?,
            "most_steps" => self.most_steps = value.parse()?,
            "until" => self.until = value.parse()?,
            "rollout_steps" => self.ppo.rollout_steps = value.parse()?,
            "minibatch" => self.ppo.minibatch = value.parse()?,
            "epochs" => self.ppo.epochs = value.parse()?,
            "learning_rate" => self.ppo.learning_rate = Schedule::Constant(value.parse()?).into(),
            "gamma" => self.ppo.gamma = value.parse()?,
            "gae_lambda" => self.ppo.gae_lambda = value.parse()?,
            "normalize_observations" => self.ppo.normalize_observations = value.parse()?,
            _ => return Err(format!("there is no setting `{name}`").into()),
        }
        Ok(())
    }
}

/// The result of a run.
struct Run {
    nanoseconds: u64,
    steps: usize,
    episodes: usize,
    mean_return: f32,
    phases: PhaseTimes,
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { nanoseconds, steps, episodes, mean_return, phases } = self;
        let seconds = *nanoseconds as f64 * 1e-9;
        write!(f, "return {mean_return:.0} after {seconds:.3} s, {steps} steps, {episodes} episodes; ")?;
        write!(f, "{:.3} M steps/s; ns per step:", *steps as f64 / seconds * 1e-6)?;
        let PhaseTimes { forward, copy, simulate, learn } = *phases;
        for (name, time) in [("forward", forward), ("copy", copy), ("simulate", simulate), ("learn", learn)] {
            write!(f, " {name} {:.0}", time as f64 / *steps as f64)?;
        }
        Ok(())
    }
}

fn train(settings: &Settings, seed: u64) -> Result<Run, Box<dyn Error>> {
    let start = clock();
    let seed = Seed::new(seed);
    let mut worlds = worlds(settings, seed);
    let lanes: Vec<_> = worlds.iter().map(|world| ludus_learn::Simulation::lane(world, 0)).collect();
    let mut ppo = Ppo::new(settings.ppo.clone(), learner(settings, seed)?, &lanes, seed.derive(2))?;
    let mut lengths = VecDeque::from([0; 100]);
    let mut run = Run { nanoseconds: 0, steps: 0, episodes: 0, mean_return: 0.0, phases: PhaseTimes::default() };
    while run.mean_return < settings.until && run.steps < settings.most_steps {
        let iteration = ppo.iterate(&mut worlds, 0.0)?;
        run.steps += iteration.experience;
        run.phases.add(&iteration.phases);
        for length in worlds.iter_mut().flat_map(|world| world.finished.drain(..)) {
            lengths.pop_front();
            lengths.push_back(length);
            run.episodes += 1;
        }
        run.mean_return = lengths.iter().sum::<u32>() as f32 / 100.0;
    }
    run.nanoseconds = clock() - start;
    Ok(run)
}

/// Makes one simulation per thread, with about the same number of copies each.
fn worlds(settings: &Settings, seed: Seed) -> Vec<CartPoles> {
    let bound = |part: usize| (part * settings.copies / settings.threads) as u64;
    (0..settings.threads).map(|part| CartPoles::new(bound(part)..bound(part + 1), seed.derive(1))).collect()
}

fn learner(settings: &Settings, seed: Seed) -> Result<NativeLearner, Box<dyn Error>> {
    let layout = Layout::new(WIDTH, &[Head::Categorical { choices: 2 }], &NetworkConfig::default())?;
    let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(settings.threads).build()?);
    Ok(NativeLearner::new(Network::new(layout, seed.derive(0)), None, Machine { pool, clock })?)
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
