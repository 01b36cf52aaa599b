//! The config of a command, and the starter config that `train --write-config` writes.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ludus_policy::files;
use ludus_spec::AgentSpec;
use ludus_worlds::parameters_of;

use crate::config::{ConfigSource, RunConfig, starter_config, weighs_all_terms};
use crate::error::{TrainError, at};
use crate::report::Report;

use super::Program;
use super::arguments::RunArguments;
use super::outlet::{note, say};
use crate::shipped::{package, shipped};

/// A config, and the file that it was read from.
pub(super) struct LoadedConfig {
    pub config: RunConfig,
    /// The file; `None` if there was none, so that the defaults apply.
    pub file: Option<PathBuf>,
}

/// The reactions of a command to a missing config.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MissingConfig {
    /// An error, unless `--set` gives every term of the reward a weight. For commands that learn.
    Refused,
    /// The defaults apply, in which every term of the reward weighs 1. For commands that measure or show.
    Defaults,
}

impl Program {
    /// Loads the config that the arguments name, or else the game's own, or else the defaults. Prints which one it is.
    pub(super) fn config(
        &self,
        arguments: &RunArguments,
        specs: &[Arc<AgentSpec>],
        missing: MissingConfig,
    ) -> Result<LoadedConfig, TrainError> {
        match arguments.config.clone().or_else(|| shipped(&config_asset(&self.definition.name))) {
            Some(file) => self.config_from(file, arguments, specs),
            None => self.default_config(arguments, specs, missing),
        }
    }

    /// Loads the config of a file. Prints its path.
    pub(super) fn config_from(
        &self,
        file: PathBuf,
        arguments: &RunArguments,
        specs: &[Arc<AgentSpec>],
    ) -> Result<LoadedConfig, TrainError> {
        let config = self.load(Some(file.clone()), arguments, specs)?;
        let changed = if arguments.sets().is_empty() { "" } else { ", with what --set changes" };
        note(format_args!("config: {}{changed}", file.display()));
        Ok(LoadedConfig { config, file: Some(file) })
    }

    fn default_config(
        &self,
        arguments: &RunArguments,
        specs: &[Arc<AgentSpec>],
        missing: MissingConfig,
    ) -> Result<LoadedConfig, TrainError> {
        let is_weighed = weighs_all_terms(&arguments.sets(), specs);
        let (file, folders) = (config_asset(&self.definition.name), searched_folders());
        if !is_weighed && missing == MissingConfig::Refused {
            return Err(TrainError::NoConfig { game: self.definition.name.clone(), file, folders });
        }
        let config = self.load(None, arguments, specs)?;
        let weights = if is_weighed { "with what --set changes" } else { "in which every term of the reward weighs 1" };
        note(format_args!("config: no `{}` in {folders}; defaults, {weights}", file.display()));
        Ok(LoadedConfig { config, file: None })
    }

    fn load(
        &self,
        file: Option<PathBuf>,
        arguments: &RunArguments,
        specs: &[Arc<AgentSpec>],
    ) -> Result<RunConfig, TrainError> {
        let parameters = parameters_of(&self.definition.game)?;
        let has_own_network = self.definition.has_own_network();
        let source = ConfigSource { file, sets: arguments.sets(), seed: arguments.seed, parameters, has_own_network };
        Ok(RunConfig::load(&source, specs)?.resolved())
    }
}

/// Writes a starter config for the game. Never overwrites a file.
pub(super) fn write_starter(
    program: &Program,
    arguments: &RunArguments,
    specs: &[Arc<AgentSpec>],
) -> Result<Report, TrainError> {
    let path = starter_path(program, arguments)?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(at(folder))?;
    }
    let mut file = match files::create_new(&path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(TrainError::ConfigExists { path }),
        opened => opened.map_err(at(&path))?,
    };
    file.write_all(starter_config(specs).as_bytes()).map_err(at(&path))?;
    say(format_args!("config: {} was written; {}", path.display(), next_step(program, arguments, specs)));
    Ok(Report { config: Some(path), ..Report::default() })
}

/// The next step with a starter config, as words of a sentence.
fn next_step(program: &Program, arguments: &RunArguments, specs: &[Arc<AgentSpec>]) -> String {
    let named = arguments.config.as_ref().map_or_else(String::new, |file| format!(" --config {}", file.display()));
    let train = format!("`{} train{named}`", program.definition.name);
    let terms = specs.iter().flat_map(|spec| &spec.reward).map(|term| format!("`{}`", term.name)).collect::<Vec<_>>();
    match terms.as_slice() {
        [] => format!("now train with {train}"),
        [term] => format!("fill in the weight of {term}, then train with {train}"),
        terms => format!("fill in the weights of {}, then train with {train}", terms.join(", ")),
    }
}

/// The file that `--config` names, or else the game's own, in the folder of its package if cargo names that.
fn starter_path(program: &Program, arguments: &RunArguments) -> Result<PathBuf, TrainError> {
    if let Some(file) = &arguments.config {
        return Ok(file.clone());
    }
    let file = config_asset(&program.definition.name);
    if let Some(path) = shipped(&file) {
        return Err(TrainError::ConfigExists { path });
    }
    let here = std::env::current_dir().ok();
    Ok(package().filter(|package| here.as_ref() != Some(package)).map_or(file.clone(), |package| package.join(file)))
}

/// The path of the game's config, `assets/train/<game>.ron`.
fn config_asset(name: &str) -> PathBuf {
    Path::new("assets/train").join(format!("{name}.ron"))
}

/// The folders that are searched for files that come with a game, as words of a sentence.
pub(super) fn searched_folders() -> String {
    let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    let package = package().filter(|package| *package != here);
    let folders = std::iter::once(here.clone()).chain(package);
    folders.map(|folder| format!("`{}`", folder.display())).collect::<Vec<_>>().join(" or ")
}
