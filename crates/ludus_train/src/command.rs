//! The command line of a game: `train`, `watch`, `eval`, `play`, `export`, `check`, `bench` and more.

mod arguments;
mod bench;
mod check;
mod config_file;
mod demonstrations;
mod diff_hash;
mod doctor;
mod eval;
mod exploit;
mod export;
mod ladder;
mod opponents;
mod outlet;
mod play;
mod policies;
mod progress;
mod replay;
mod train;
#[cfg(feature = "tune")]
mod tune;
mod watch;

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{CommandFactory, FromArgMatches};
use ludus_spec::AgentSpec;
use ludus_worlds::specs_of;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::blueprint::Blueprint;
use crate::config::RunConfig;
use crate::definition::GameDefinition;
use crate::error::TrainError;
use crate::folder::{LATEST, RunFolder};
use crate::learner::LearnerChoice;
use crate::record::CurriculumStages;
use crate::report::Report;
use crate::window::Windows;
use arguments::{Arguments, Command, RunArguments};
use config_file::{LoadedConfig, MissingConfig};
use ludus_config::visible;
use outlet::{note, say_json};
pub use policies::policies_at;

/// Stack of a thread that builds and steps worlds \[bytes\]: as much as a main thread has.
pub(crate) const STACK_BYTES: usize = 8 << 20;

/// Most bytes of a game's name. Names of folders and files add a date and an ending.
const LONGEST_NAME: usize = 64;

/// A game with a command line.
pub(crate) struct Program {
    pub definition: GameDefinition,
    pub windows: Option<Windows>,
}

impl Program {
    /// Runs the command that the arguments name. Returns the exit code.
    pub fn run(&self, arguments: impl IntoIterator<Item = std::ffi::OsString>) -> u8 {
        let arguments = arguments.into_iter().collect::<Vec<_>>();
        let is_json = arguments.iter().any(|argument| argument == "--json");
        let command = Arguments::command().name(self.definition.name.clone()).bin_name(self.definition.name.clone());
        let parsed = command.try_get_matches_from(arguments).and_then(|found| Arguments::from_arg_matches(&found));
        match parsed {
            Ok(Arguments { command }) => self.execute(&command).unwrap_or_else(|error| fail(&error, command.is_json())),
            Err(usage) => misused(&usage, is_json),
        }
    }

    /// Runs a parsed command. Returns the exit code.
    fn execute(&self, command: &Command) -> Result<u8, TrainError> {
        check_name(&self.definition.name)?;
        let report = match command {
            Command::Train(arguments) => train::train(self, arguments)?,
            #[cfg(feature = "tune")]
            Command::Tune(arguments) => tune::tune(self, arguments)?,
            Command::Watch(arguments) => return watch::watch(self, arguments),
            Command::Eval(arguments) => eval::eval(self, arguments)?,
            Command::Ladder(arguments) => ladder::ladder(self, arguments)?,
            Command::Exploit(arguments) => exploit::exploit(self, arguments)?,
            Command::Check(arguments) => check::check(self, arguments)?,
            Command::Play(arguments) => return play::play(self, arguments),
            Command::Export(arguments) => export::export(self, arguments)?,
            Command::Bench(arguments) => bench::bench(self, arguments)?,
            Command::Replay(arguments) => replay::replay(self, arguments)?,
            Command::DiffHash(arguments) => diff_hash::diff_hash(self, arguments)?,
            Command::Demonstrations(arguments) => demonstrations::demonstrations(self, arguments)?,
            Command::Doctor(_) => doctor::doctor(),
        };
        Ok(finish(command, &report))
    }

    /// The kinds of the game's agents.
    fn specs(&self) -> Result<Vec<Arc<AgentSpec>>, TrainError> {
        Ok(specs_of(&self.definition.game)?)
    }

    /// Finds a run by its folder's path or its name in `runs`; `latest` is the newest that has a policy.
    fn named(&self, runs: &Path, run: &Path) -> Result<RunFolder, TrainError> {
        if run == Path::new(LATEST) {
            return self.latest(runs);
        }
        let unknown = || TrainError::UnknownRun { run: run.to_owned(), runs: runs.to_owned() };
        RunFolder::named(runs, run).ok_or_else(unknown)
    }

    /// The newest run of the game that has a policy.
    fn latest(&self, runs: &Path) -> Result<RunFolder, TrainError> {
        let none = || TrainError::NoRun { game: self.definition.name.clone(), runs: runs.to_owned() };
        RunFolder::newest(runs, &self.definition.name).ok_or_else(none)
    }

    fn blueprint(
        &self,
        specs: Vec<Arc<AgentSpec>>,
        config: RunConfig,
        arguments: &RunArguments,
    ) -> Result<Blueprint, TrainError> {
        let pool = Arc::new(thread_pool(arguments.threads.map_or_else(cores, |threads| threads.get()))?);
        let (definition, learner) = (self.definition.clone(), LearnerChoice::default());
        let (note, stages) = (|sentence| note(sentence), CurriculumStages::default());
        Ok(Blueprint {
            definition,
            specs,
            config,
            pool,
            iteration: 0,
            stages,
            hash_every: None,
            learner,
            team_views: Vec::new(),
            note,
        })
    }
}

fn finish(command: &Command, report: &Report) -> u8 {
    if command.is_json() {
        say_json(&report.to_json());
    }
    u8::from(report.findings.as_ref().is_some_and(|findings| !findings.is_empty()))
}

/// Prints an error line by line, and as JSON if `is_json`. Returns the exit code.
fn fail(error: &TrainError, is_json: bool) -> u8 {
    for line in error.to_string().lines() {
        note(format_args!("error: {line}"));
    }
    if is_json {
        say_json(&Report::from(error).to_json());
    }
    error.exit_code()
}

/// Prints a usage error, or the help or version. Returns the exit code.
fn misused(usage: &clap::Error, is_json: bool) -> u8 {
    let code = u8::try_from(usage.exit_code()).unwrap_or(2);
    let text = usage.render().to_string();
    if is_json && code != 0 {
        note(text.trim_end());
        say_json(&Report { error: Some(text), ..Report::default() }.to_json());
    } else if code != 0 && matches!(visible(&text), Cow::Owned(_)) {
        note(text.trim_end());
    } else {
        // The output may be closed, and an error about that could not be printed.
        let _ = usage.print();
    }
    code
}

/// Checks that the game's name can be a part of file names.
fn check_name(name: &str) -> Result<(), TrainError> {
    let is_allowed = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | ' ' | '.');
    let is_valid = (1..=LONGEST_NAME).contains(&name.len())
        && name.chars().all(is_allowed)
        && !name.starts_with([' ', '.', '-'])
        && !name.ends_with([' ', '.']);
    if is_valid { Ok(()) } else { Err(TrainError::GameName { name: name.to_owned() }) }
}

/// The path of a policy that is shipped, `assets/policies/<game>.safetensors`; the folder of those of several kinds of
/// agents, `assets/policies/<game>`.
fn policy_asset(name: &str, kinds: usize) -> PathBuf {
    Path::new("assets/policies").join(if kinds == 1 { format!("{name}.safetensors") } else { name.to_owned() })
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get())
}

pub(crate) fn thread_pool(threads: usize) -> Result<ThreadPool, TrainError> {
    let pool = ThreadPoolBuilder::new().num_threads(threads).stack_size(STACK_BYTES).build();
    pool.map_err(|error| TrainError::Threads { threads, message: error.to_string() })
}
