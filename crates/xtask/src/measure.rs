//! Measurements of a GPU's speed: both learners, by phase, with growing numbers of agents and with a large network.

use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use ludus_libtorch::Driver;

use crate::checks::cargo;
use crate::libtorch::{self, Variant};
use crate::{refuse, say};

/// Agents per world: enough that a world's fixed cost is small.
const ARENAS: usize = 256;

/// The time for which each case is measured, for the simulation and for the training \[s\].
const SECONDS: &str = "2";

/// The network that is usual for games, and one that keeps a GPU busy.
const SMALL: &str = "64,64";
const LARGE: &str = "512,512,512";

/// A table's line: a game, its agents and its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Case {
    game: &'static str,
    rows: usize,
    hidden: &'static str,
}

/// A learner and its device, as options of the command line.
#[derive(Clone, Copy, Debug)]
struct Learner {
    name: &'static str,
    options: [&'static str; 4],
}

const NATIVE: Learner = Learner { name: "native", options: ["--learner", "native", "--device", "cpu"] };
const TORCH_CPU: Learner = Learner { name: "torch, cpu", options: ["--learner", "torch", "--device", "cpu"] };
const TORCH_CUDA: Learner = Learner { name: "torch, cuda:0", options: ["--learner", "torch", "--device", "cuda:0"] };

/// The extents of a measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Everything; takes less than ten minutes on a machine with a GPU, after the examples are built.
    Whole,
    /// Few agents: to try the command out.
    Trial,
}

/// Measures every case and prints a table in Markdown.
pub fn measure(extent: Extent) -> ExitCode {
    let gpu = Driver::open().map_err(|error| error.to_string());
    match measure_all(extent, gpu.is_ok()) {
        Ok(()) => {
            if let Err(why) = gpu {
                println!("\nCUDA was not measured: {why}.");
            }
            ExitCode::SUCCESS
        }
        Err(error) => refuse(&format!("{error:#}")),
    }
}

fn measure_all(extent: Extent, has_gpu: bool) -> Result<()> {
    say(&libtorch::provide(if has_gpu { Variant::Cuda } else { Variant::Cpu })?);
    let learners = if has_gpu { &[NATIVE, TORCH_CPU, TORCH_CUDA][..] } else { &[NATIVE, TORCH_CPU] };
    println!("| game | agents | network | learner | steps/s | time by phase |\n|---|---|---|---|---|---|");
    let mut speeds = Vec::new();
    for case in cases(extent) {
        let mut of_case = Vec::new();
        for learner in learners {
            let measured = bench(case, *learner).with_context(|| format!("{case:?} with {}", learner.name))?;
            let Case { game, rows, hidden } = case;
            println!("| {game} | {rows} | {hidden} | {} | {} | {} |", learner.name, measured.speed, measured.phases);
            of_case.push(measured.speed);
        }
        speeds.push((case, of_case));
    }
    if has_gpu {
        println!("\n{}", crossing(&speeds));
    }
    Ok(())
}

/// The sentence about the number of agents from which on the last learner, the GPU's, is faster than the others on the
/// small network.
fn crossing(speeds: &[(Case, Vec<f64>)]) -> String {
    let growing = speeds.iter().filter(|(case, _)| case.hidden == SMALL);
    let is_won = |speeds: &[f64]| speeds.split_last().is_some_and(|(gpu, others)| others.iter().all(|one| gpu > one));
    // Only the largest cases in a row count: the GPU has to be faster in all of them.
    let won = growing.rev().take_while(|(_, speeds)| is_won(speeds)).last();
    let from = won.map_or_else(|| "nowhere".to_owned(), |(case, _)| format!("from {} agents on", case.rows));
    format!("On `cart_pole` with a network of {SMALL}, the GPU is faster than all cores of this machine {from}.")
}

fn cases(extent: Extent) -> Vec<Case> {
    let growing = |rows: &'static [usize]| rows.iter().map(|&rows| Case { game: "cart_pole", rows, hidden: SMALL });
    let (rows, most): (&[usize], usize) = match extent {
        Extent::Whole => (&[256, 1024, 4096, 16_384, 65_536], 16_384),
        Extent::Trial => (&[256, 1024], 256),
    };
    let large = ["cart_pole", "balance"].map(|game| Case { game, rows: most, hidden: LARGE });
    growing(rows).chain(large).collect()
}

/// The results of one benchmark, as it prints them.
#[derive(Debug, PartialEq)]
struct Measured {
    /// \[steps/s\]
    speed: f64,
    phases: String,
}

fn bench(case: Case, learner: Learner) -> Result<Measured> {
    let mut cargo = cargo();
    cargo.args(["run", "--quiet", "--release", "--features", "torch", "--example", case.game, "--", "bench"]);
    cargo.args(["--seconds", SECONDS]).args(learner.options);
    // Rollouts so short that the largest case goes through several in its time.
    for set in [
        format!("worlds={}", case.rows.div_ceil(ARENAS)),
        format!("arenas={}", ARENAS.min(case.rows)),
        format!("network.hidden=[{}]", case.hidden),
        "ppo.rollout_steps=8".to_owned(),
        "ppo.epochs=1".to_owned(),
        format!("ppo.minibatch={}", (case.rows * 8 / 4).clamp(512, 32_768)),
    ] {
        cargo.args(["--set", &set]);
    }
    let output = cargo.output().context("cargo can't be started")?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}", told.trim());
    // Its warnings may explain a low figure.
    eprint!("{told}");
    read(&String::from_utf8_lossy(&output.stdout))
}

/// Takes the speed and the phases out of what `bench` prints.
fn read(printed: &str) -> Result<Measured> {
    let line = |name: &str| printed.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let speed = line("training ").and_then(|line| line.split_whitespace().next()?.parse().ok());
    let found = speed.zip(line("time "));
    let (speed, phases) = found.with_context(|| format!("`bench` says no speed: {printed}"))?;
    Ok(Measured { speed, phases: phases.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_bench_prints_is_read() {
        let printed = "4 worlds, 1024 agents\nlearn            500 samples/s\ntraining          123456 steps/s\n\
                       time        forward 10 copy 1 simulate 20 sense+score 9 learn 60 %\n";
        let phases = "forward 10 copy 1 simulate 20 sense+score 9 learn 60 %".to_owned();
        assert_eq!(read(printed).unwrap(), Measured { speed: 123_456.0, phases });
        assert!(read("nothing").unwrap_err().to_string().contains("no speed"));
    }

    #[test]
    fn the_gpu_has_won_where_it_stays_ahead() {
        let speeds = |gpu: [f64; 4]| -> Vec<(Case, Vec<f64>)> {
            let case = |rows| Case { game: "cart_pole", rows, hidden: SMALL };
            [256, 1024, 4096, 16_384]
                .into_iter()
                .zip(gpu)
                .map(|(rows, gpu)| (case(rows), vec![5.0, 2.0, gpu]))
                .collect()
        };
        assert!(crossing(&speeds([6.0, 1.0, 7.0, 9.0])).contains("from 4096 agents on"));
        assert!(crossing(&speeds([1.0, 1.0, 9.0, 4.0])).ends_with("nowhere."));
    }

    #[test]
    fn the_whole_has_what_was_promised() {
        let whole = cases(Extent::Whole);
        assert!(whole.contains(&Case { game: "balance", rows: 16_384, hidden: LARGE }));
        assert!(whole.contains(&Case { game: "cart_pole", rows: 16_384, hidden: SMALL }));
        assert!(cases(Extent::Trial).iter().all(|case| case.rows <= 1024));
    }
}
