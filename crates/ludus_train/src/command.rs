//! The command line of a game: `train`, `watch`, `eval`, `play`, `export`, `check`, `bench` and more.

mod arguments;
mod bench;
mod check;
mod diff_hash;
mod doctor;
mod eval;
mod export;
mod outlet;
mod play;
mod progress;
mod replay;
mod train;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{CommandFactory, FromArgMatches};
use ludus_spec::AgentSpec;
use ludus_worlds::{Game, spec_of};
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::config::{ConfigSource, RunConfig};
use crate::error::TrainError;
use crate::folder::RunFolder;
use crate::learner::{LearnerChoice, LearnerSetup};
use crate::report::Report;
use crate::training::Blueprint;
use crate::window::Windows;
use arguments::{Arguments, Command, RunArguments};
use outlet::{note, say};

/// What a thread that builds and steps worlds has for its stack [bytes]: as much as a main thread.
pub(crate) const STACK_BYTES: usize = 8 << 20;

/// A game, its name, and what draws it.
pub(crate) struct Program {
    pub name: String,
    pub game: Game,
    pub visuals: Option<Game>,
    pub windows: Option<Windows>,
    /// The game's own network, if it has one.
    #[cfg(feature = "torch")]
    pub network_maker: Option<crate::learner::NetworkMaker>,
}

impl Program {
    /// Does what the command line asks for; the code to exit with.
    pub fn run(&self, arguments: impl IntoIterator<Item = std::ffi::OsString>) -> u8 {
        let command = Arguments::command().name(self.name.clone()).bin_name(self.name.clone());
        let parsed = command.try_get_matches_from(arguments).and_then(|found| Arguments::from_arg_matches(&found));
        let command = match parsed {
            Ok(arguments) => arguments.command,
            Err(usage) => {
                // Nobody is left to tell if the terminal is gone.
                let _ = usage.print();
                return u8::try_from(usage.exit_code()).unwrap_or(2);
            }
        };
        self.execute(&command).unwrap_or_else(|error| fail(&error))
    }

    /// Does what was asked for; the code to exit with.
    fn execute(&self, command: &Command) -> Result<u8, TrainError> {
        let report = match command {
            Command::Train(arguments) => train::train(self, arguments)?,
            Command::Watch(arguments) => return watch::watch(self, arguments),
            Command::Eval(arguments) => eval::eval(self, arguments)?,
            Command::Check(arguments) => check::check(self, arguments)?,
            Command::Play(arguments) => return play::play(self, arguments),
            Command::Export(arguments) => export::export(self, arguments)?,
            Command::Bench(arguments) => bench::bench(self, arguments)?,
            Command::Replay(arguments) => replay::replay(self, arguments)?,
            Command::DiffHash(arguments) => diff_hash::diff_hash(arguments)?,
            Command::Doctor => doctor::doctor(),
        };
        Ok(finish(command, &report))
    }

    fn spec(&self) -> Result<Arc<AgentSpec>, TrainError> {
        Ok(spec_of(&self.game)?)
    }

    /// The config that the arguments name, or else the game's own, or else defaults.
    fn config(&self, arguments: &RunArguments, spec: &AgentSpec) -> Result<RunConfig, TrainError> {
        let file = arguments.config.clone().or_else(|| shipped_config(&self.name));
        self.config_from(file, arguments, spec)
    }

    fn config_from(
        &self,
        file: Option<PathBuf>,
        arguments: &RunArguments,
        spec: &AgentSpec,
    ) -> Result<RunConfig, TrainError> {
        let source = ConfigSource { file, sets: arguments.set.clone(), seed: arguments.seed };
        Ok(RunConfig::load(&source, spec)?.resolved(cores()))
    }

    fn blueprint(
        &self,
        spec: Arc<AgentSpec>,
        config: RunConfig,
        arguments: &RunArguments,
    ) -> Result<Blueprint, TrainError> {
        let pool = Arc::new(thread_pool(arguments.threads.map_or_else(cores, |threads| threads.get()))?);
        let (name, game, learner) = (self.name.clone(), self.game.clone(), self.learner(LearnerChoice::default()));
        let note = |sentence| note(sentence);
        Ok(Blueprint { name, game, spec, config, pool, iteration: 0, hash_every: None, learner, note })
    }

    /// What a run of this game learns with, if this learner was asked for.
    fn learner(&self, choice: LearnerChoice) -> LearnerSetup {
        LearnerSetup {
            choice,
            #[cfg(feature = "torch")]
            network_maker: self.network_maker.clone(),
        }
    }
}

fn finish(command: &Command, report: &Report) -> u8 {
    if command.is_json() {
        say(report.to_json());
    }
    u8::from(report.findings.as_ref().is_some_and(|findings| !findings.is_empty()))
}

/// Shows every line of an error as one.
fn fail(error: &TrainError) -> u8 {
    for line in error.to_string().lines() {
        note(format_args!("error: {line}"));
    }
    error.exit_code()
}

/// `assets/train/<game>.ron` here, or where cargo says that the program comes from.
fn shipped_config(name: &str) -> Option<PathBuf> {
    shipped(&Path::new("assets/train").join(format!("{name}.ron")))
}

/// Where a policy is shipped: `assets/policies/<game>.safetensors`.
fn policy_asset(name: &str) -> PathBuf {
    Path::new("assets/policies").join(format!("{name}.safetensors"))
}

/// A file that comes with the game: here, or where cargo says that the program comes from.
fn shipped(file: &Path) -> Option<PathBuf> {
    let of_package = std::env::var_os("CARGO_MANIFEST_DIR").map(|package| Path::new(&package).join(file));
    std::iter::once(file.to_owned()).chain(of_package).find(|file| file.is_file())
}

/// The run that is meant: a folder's path, or its name in `runs`.
fn named(runs: &Path, run: &Path) -> Result<RunFolder, TrainError> {
    let unknown = || TrainError::UnknownRun { run: run.to_owned(), runs: runs.to_owned() };
    RunFolder::named(runs, run).ok_or_else(unknown)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get())
}

pub(crate) fn thread_pool(threads: usize) -> Result<ThreadPool, TrainError> {
    let pool = ThreadPoolBuilder::new().num_threads(threads).stack_size(STACK_BYTES).build();
    pool.map_err(|error| TrainError::Threads { threads, message: error.to_string() })
}
