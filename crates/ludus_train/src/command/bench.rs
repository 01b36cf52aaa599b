//! `bench`

use crate::bench::{self, Benchmark};
use crate::error::TrainError;
use crate::interrupt;
use crate::report::Report;

use super::Program;
use super::arguments::BenchArguments;

/// Measures, and shows what was measured.
pub(super) fn bench(program: &Program, arguments: &BenchArguments) -> Result<Report, TrainError> {
    let spec = program.spec()?;
    let config = program.config(&arguments.run, &spec)?;
    let blueprint = program.blueprint(spec, config, &arguments.run)?;
    let benchmark = bench::bench(blueprint, arguments.seconds, interrupt::listen())?;
    tell(&benchmark);
    Ok(Report::from(&benchmark))
}

fn tell(bench: &Benchmark) {
    let Benchmark { worlds, rows, threads, build_seconds, .. } = bench;
    println!("{worlds} worlds, {rows} agents, {threads} threads; built in {build_seconds:.3} s");
    if let Some(bytes) = bench.bytes_per_world {
        println!("memory      {:>12.1} KB/world", bytes / 1024.0);
    }
    let (simulation, training) = (&bench.simulation, &bench.training);
    println!("simulation  {:>12.0} agent-steps/s", simulation.agent_steps_per_second);
    println!("            {:>12.0} arena-ticks/s", simulation.arena_ticks_per_second);
    println!("            {:>12.1} % sense+score", 100.0 * simulation.sense_score_share);
    println!("forward     {:>12.0} samples/s", training.forward_per_second);
    println!("learn       {:>12.0} samples/s", training.learn_per_second);
    println!("training    {:>12.0} steps/s", training.steps_per_second);
    println!("time        {}", training.phases.in_percent());
}
