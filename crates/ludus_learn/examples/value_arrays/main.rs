//! Learns Gymnasium's classic games by PQN, DQN or SAC on plain arrays, without Bevy, and evaluates the policies.
//!
//! ```sh
//! cargo run --release -p ludus_learn --example value_arrays -- cart_pole 'dqn: (n_step: 3)' steps=50000 seeds=5
//! cargo run --release -p ludus_learn --example value_arrays -- pendulum 'sac: (minibatch: 64)' hidden=64,64
//! ```
//!
//! The games: `cart_pole acrobot mountain_car mountain_car_continuous pendulum`. The algorithm's section is written as in
//! the config of a run. Settings, each `name=value`: `copies steps hidden activation layer_norm threads seeds first_seed
//! every judged episodes`.
//!
//! Each line has a checkpoint: its steps, the mean return of the last 100 episodes of training, and the mean return of
//! greedy actions in `judged` episodes, by which the best one is chosen. The last line of a seed has the means over
//! `episodes` other episodes: of the last checkpoint, and of those that were the best by either mean.

#![expect(clippy::print_stdout, reason = "an example prints")]

mod acrobot;
#[path = "../../tests/ppo/cart_pole.rs"]
mod cart_pole;
mod games;
mod greedy;
mod mountain_car;
#[expect(dead_code, reason = "tests use more of it")]
#[path = "../../tests/ppo/pendulum.rs"]
mod pendulum;
mod returns;
mod settings;

use std::error::Error;
use std::marker::PhantomData;
use std::sync::OnceLock;
use std::time::Instant;

use ludus_learn::{Collector, IteratedLane, IterationPlan, LearnedPolicy};
use ludus_spec::Seed;

use acrobot::Acrobot;
use cart_pole::CartPoles;
use games::{ArrayGame, Copies};
use greedy::Evaluation;
use mountain_car::{Car, DosedCar};
use pendulum::Pendulums;
use returns::Returns;
use settings::Settings;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let game = arguments.next().ok_or("the first argument is a game")?;
    let settings = Settings::from_arguments(arguments)?;
    println!("{game}: {settings:?}");
    match game.as_str() {
        "cart_pole" => learn::<CartPoles>(&settings),
        "acrobot" => learn::<Copies<Acrobot>>(&settings),
        "mountain_car" => learn::<Copies<Car>>(&settings),
        "mountain_car_continuous" => learn::<Copies<DosedCar>>(&settings),
        "pendulum" => learn::<Pendulums>(&settings),
        other => Err(format!("there is no game `{other}`").into()),
    }
}

fn learn<G: ArrayGame>(settings: &Settings) -> Result<(), Box<dyn Error>> {
    for seed in settings.first_seed..settings.first_seed + settings.seeds {
        learn_once::<G>(settings, Seed::new(seed))?;
    }
    Ok(())
}

/// A checkpoint with the mean return that it was chosen for.
#[derive(Default)]
struct Best(Option<(f32, LearnedPolicy)>);

impl Best {
    fn offer(&mut self, mean: f32, policy: &LearnedPolicy) {
        if self.0.as_ref().is_none_or(|&(greatest, _)| mean > greatest) {
            self.0 = Some((mean, policy.clone()));
        }
    }
}

fn learn_once<G: ArrayGame>(settings: &Settings, seed: Seed) -> Result<(), Box<dyn Error>> {
    let mut worlds = [G::of_copies(settings.copies, seed.derive(0))];
    let mut algorithm = settings.algorithm::<G>(seed)?;
    let judge = Evaluation::<G> { settings, episodes: settings.judged, seed: seed.derive(3), game: PhantomData };
    let collector = Collector::new(algorithm.machine().clone());
    let (mut returns, mut of_training, mut of_judge) =
        (Returns::new(settings.copies), Best::default(), Best::default());
    let (mut steps, mut updates, mut time, mut next) = (0, 0, 0, settings.every);
    while steps < settings.steps {
        let start = clock();
        let plan = IterationPlan { progress: steps as f32 / settings.steps as f32, least_steps: 1 };
        let iteration = collector.iterate(&mut worlds, &mut [IteratedLane::learned(&mut *algorithm)], plan)?;
        time += clock() - start;
        for report in iteration.reports {
            let report = report?;
            (steps, updates) = (steps + report.experience, updates + report.gradient_steps);
        }
        returns.add(algorithm.rollout());
        if steps >= next || steps >= settings.steps {
            next += settings.every;
            let policy = algorithm.policy();
            let (training, judged) = (returns.mean(), judge.mean_return(&policy)?);
            println!("{steps} {training:.1} {judged:.1}");
            if returns.is_full() {
                of_training.offer(training, &policy);
            }
            of_judge.offer(judged, &policy);
        }
    }
    let last = algorithm.policy();
    let jury = Evaluation::<G> { settings, episodes: settings.episodes, seed: seed.derive(4), game: PhantomData };
    println!("last {:.2}", jury.mean_return(&last)?);
    for (name, Best(best)) in [("best of training", of_training), ("best of judge", of_judge)] {
        if let Some((_, policy)) = best {
            println!("{name} {:.2}", jury.mean_return(&policy)?);
        }
    }
    println!("{:.0} gradient steps per second, {:.1} s", updates as f64 / (time as f64 * 1e-9), time as f64 * 1e-9);
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
