//! The project's own commands. `cargo xtask test` is what CI runs, `cargo xtask torture` what takes hours.
#![expect(clippy::print_stderr, clippy::print_stdout, reason = "this is a command line")]
#![expect(clippy::disallowed_methods, reason = "these commands work on this repository's own files")]

mod checks;
mod libtorch;
mod measure;
mod ordeals;
mod same_bits;
mod samplers;
mod software_gpu;
mod train;

use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::ExitCode;

use checks::{Check, Program, all_checks, features};
use libtorch::Variant;
use measure::Extent;
use ordeals::all_ordeals;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  test [CHECK]…           all checks and tests, or some; fetches libtorch if it is not there
  features                lints what users get: each choice of features by itself, in builds of its own
  torture [ORDEAL]…       the tests that take minutes to hours, or some of them
  train EXAMPLE [OPTION]… trains an example; with `--learner torch`, fetches libtorch if it is not there
  libtorch [--cuda]       fetches libtorch, with its part for CUDA, if it is not there
  software-gpu [COMMAND]… tests the learner for GPUs on a GPU in software, or runs a command on it
  measure-gpu [--trial]   measures both learners on this machine's GPU and CPU, in less than ten minutes
  same-bits REVISION      trains the examples with another revision and with this one, and compares the policies
  compare-samplers [GAME] searches in four games, or in one, with both samplers of `tune`, and compares what they find
  doctor                  says what is here of libtorch and CUDA, and what is missing";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["test", ref names @ ..] => run(&all_checks(), names),
        ["features"] => run(&[features()], &[]),
        ["torture", ref names @ ..] => run(&all_ordeals(), names),
        ["train", example, ref options @ ..] => train::train(example, options),
        ["libtorch"] => provide(Variant::Cpu),
        ["libtorch", "--cuda"] => provide(Variant::Cuda),
        ["software-gpu", ref command @ ..] => software_gpu::run(command),
        ["measure-gpu"] => measure::measure(Extent::Whole),
        ["measure-gpu", "--trial"] => measure::measure(Extent::Trial),
        ["same-bits", revision] => same_bits::compare(revision),
        ["compare-samplers"] => samplers::compare(None),
        ["compare-samplers", game] => samplers::compare(Some(game)),
        ["doctor"] => doctor(),
        _ => refuse(USAGE),
    }
}

/// Runs the checks with these names, or all of them, up to the first that fails.
fn run(checks: &[Check], names: &[&str]) -> ExitCode {
    if let Some(unknown) = names.iter().find(|name| checks.iter().all(|check| check.name != **name)) {
        let valid: Vec<_> = checks.iter().map(|check| check.name).collect();
        return refuse(&format!("no `{unknown}`; valid: {}", valid.join(", ")));
    }
    let is_chosen = |check: &&Check| names.is_empty() || names.contains(&check.name);
    let chosen: Vec<&Check> = checks.iter().filter(is_chosen).collect();
    if chosen.iter().any(|check| check.builds)
        && let Err(error) = libtorch::provide(Variant::Cpu)
    {
        return refuse(&format!("{error:#}"));
    }
    for check in chosen {
        for command in check.command_lines() {
            eprintln!("── {}: {command}", check.name);
        }
        if !passes(check) {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// Runs one check and, if it fails, prints the remedy.
fn passes(check: &Check) -> bool {
    let result = check.run();
    if let (Program::Optional { name, install }, Err(error)) = (check.program, &result)
        && error.kind() == ErrorKind::NotFound
    {
        eprintln!("── {} skipped: there is no `{name}`; `{install}` installs it", check.name);
        return true;
    }
    match result {
        Ok(status) if status.success() => return true,
        Ok(_) => eprintln!("── {} failed: {}", check.name, check.remedy),
        Err(error) => eprintln!("── {} can't start: {error}; is cargo installed?", check.name),
    }
    false
}

fn provide(variant: Variant) -> ExitCode {
    match libtorch::provide(variant) {
        Ok(done) => {
            say(&done);
            ExitCode::SUCCESS
        }
        Err(error) => refuse(&format!("{error:#}")),
    }
}

fn doctor() -> ExitCode {
    for finding in ludus_libtorch::examine(Some(&libtorch::folder())) {
        println!("{finding}");
    }
    ExitCode::SUCCESS
}

/// The top of the repository.
///
/// Cargo passes the path at run time, since clones that share a build folder may share this binary too.
fn repository() -> PathBuf {
    let own = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    own.ancestors().nth(2).map_or(own.clone(), PathBuf::from)
}

fn say(sentence: &str) {
    eprintln!("{sentence}");
}

fn refuse(sentence: &str) -> ExitCode {
    eprintln!("{sentence}");
    ExitCode::from(2)
}
