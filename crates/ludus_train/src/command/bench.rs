//! The command `bench`.

use crate::bench::{self, Benchmark, DecisionSpeed};
use crate::blueprint::Blueprint;
use crate::error::TrainError;
use crate::interrupt;
use crate::report::Report;

use super::arguments::BenchArguments;
use super::outlet::{note, say, warn};
use super::{LoadedConfig, MissingConfig, Program};

/// Runs `bench`: measures, and prints the results.
pub(super) fn bench(program: &Program, arguments: &BenchArguments) -> Result<Report, TrainError> {
    let specs = program.specs()?;
    let LoadedConfig { config, file } = program.config(&arguments.run, &specs, MissingConfig::Defaults)?;
    let learner = arguments.learner.choice();
    let blueprint = Blueprint { learner, ..program.blueprint(specs, config, &arguments.run)? };
    let interrupted = interrupt::listen(|| note("ending with what was measured so far; again to end at once"));
    let benchmark = bench::bench(blueprint, arguments.seconds, interrupted, &mut |sentence| warn(&sentence))?;
    tell(&benchmark);
    Ok(Report { config: file, ..Report::from(&benchmark) })
}

fn tell(bench: &Benchmark) {
    let Benchmark { worlds, rows, threads, build_seconds, .. } = bench;
    say(format_args!("{worlds} worlds, {rows} agents, {threads} threads; built in {build_seconds:.3} s"));
    say(format_args!("learner     {}", bench.learner));
    if let Some(bytes) = bench.bytes_per_world {
        say(format_args!("memory      {:>12.1} KB/world", bytes / 1024.0));
    }
    let (simulation, training) = (&bench.simulation, &bench.training);
    say(format_args!("simulation  {:>12.0} agent-steps/s (restart steps included)", simulation.agent_steps_per_second));
    say(format_args!("            {:>12.0} arena-ticks/s", simulation.arena_ticks_per_second));
    say(format_args!("            {:>12.1} % sense+score", 100.0 * simulation.sense_score_share));
    say(format_args!("forward     {:>12.0} samples/s", training.forward_per_second));
    say(format_args!("learn       {:>12.0} samples/s", training.learn_per_second));
    say(format_args!("training    {:>12.0} steps/s", training.steps_per_second));
    say(format_args!("time        {}", training.phases.in_percent()));
    let DecisionSpeed { agents, hidden, milliseconds } = &bench.decision;
    say(format_args!(
        "decision    {milliseconds:>12.3} ms for {agents} agents in a game, policy {hidden:?}, one thread"
    ));
}
