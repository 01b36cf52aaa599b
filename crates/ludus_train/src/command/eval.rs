//! `eval`

use std::path::{Path, PathBuf};

use ludus_policy::{PolicyFile, files};
use ludus_spec::AgentSpec;

use crate::actor::Actor;
use crate::config::RunConfig;
use crate::error::TrainError;
use crate::evaluation::{Evaluation, EvaluationSettings, evaluate};
use crate::fit::check_fit;
use crate::folder::RunFolder;
use crate::interrupt;
use crate::report::Report;

use super::Program;
use super::arguments::{EvalArguments, RunArguments};
use super::outlet::{say, warn};

/// Scores a policy.
pub(super) fn eval(program: &Program, arguments: &EvalArguments) -> Result<Report, TrainError> {
    let spec = program.spec()?;
    let found = find(program, arguments.of.as_deref(), &arguments.run.runs_dir)?;
    let file = PolicyFile::read_for(&found.policy, &spec)?;
    let run = &arguments.run;
    let config = find_config(program, &found, run, &spec)?;
    let config = RunConfig { decision_interval: file.decision_interval, ..config.shrunk_to(arguments.episodes) };
    let blueprint = program.blueprint(spec, config, run)?;
    check_fit(&file, &found.policy, &blueprint)?;
    let policy = Actor::new(&file, &blueprint)?;
    let settings = EvaluationSettings { episodes: arguments.episodes.get(), sampled: arguments.sample };
    let evaluation = evaluate(&blueprint, &policy, settings, interrupt::listen(), &mut |sentence| warn(&sentence))?;
    say(format_args!("policy: {}", found.policy.display()));
    tell(&evaluation, settings);
    Ok(Report { run_dir: found.folder.map(|folder| folder.path().to_owned()), ..Report::from(&evaluation) })
}

/// A policy file, and the run that it belongs to.
pub(super) struct Found {
    pub policy: PathBuf,
    pub folder: Option<RunFolder>,
}

impl Found {
    /// The run's config, if it has one.
    fn config(&self) -> Option<PathBuf> {
        self.folder.as_ref().map(RunFolder::config).filter(|file| file.is_file())
    }
}

/// The policy that was named: a run's folder, its name in `runs`, or a file; the newest run's if nothing was.
pub(super) fn find(program: &Program, named: Option<&Path>, runs: &Path) -> Result<Found, TrainError> {
    let Some(named) = named else {
        let newest = RunFolder::newest(runs, &program.name);
        let none = || TrainError::NoRun { game: program.name.clone(), runs: runs.to_owned() };
        return of_folder(newest.ok_or_else(none)?);
    };
    if files::is_no_folder(named) {
        return Ok(Found { folder: folder_around(named), policy: named.to_owned() });
    }
    let unknown = || TrainError::UnknownRun { run: named.to_owned(), runs: runs.to_owned() };
    of_folder(RunFolder::named(runs, named).ok_or_else(unknown)?)
}

/// The config that the arguments name, or else that of the run that was found, or else the game's own.
pub(super) fn find_config(
    program: &Program,
    found: &Found,
    arguments: &RunArguments,
    spec: &AgentSpec,
) -> Result<RunConfig, TrainError> {
    match arguments.config.clone().or_else(|| found.config()) {
        Some(file) => program.config_from(Some(file), arguments, spec),
        None => program.config(arguments, spec),
    }
}

fn of_folder(folder: RunFolder) -> Result<Found, TrainError> {
    folder.check()?;
    Ok(Found { policy: folder.policy(), folder: Some(folder) })
}

/// The run's folder that a policy or a checkpoint lies in.
pub(super) fn folder_around(policy: &Path) -> Option<RunFolder> {
    let around = policy.ancestors().skip(1).take(2).map(RunFolder::open);
    around.into_iter().find(|folder| folder.config().is_file())
}

fn tell(evaluation: &Evaluation, settings: EvaluationSettings) {
    let Evaluation { returns, lengths, episodes, .. } = evaluation;
    match returns.shown() {
        None => say("no episode has ended"),
        Some(returns) => {
            say(format_args!("return {returns}, length {:.1} ± {:.1}, {episodes} episodes", lengths.mean, lengths.std));
            for (term, spread) in &evaluation.terms {
                say(format_args!("  {term}: {:.3} ± {:.3}", spread.mean, spread.std));
            }
        }
    }
    if evaluation.faults > 0 {
        say(format_args!("{} numbers were not finite; zeros took their place", evaluation.faults));
    }
    if *episodes < settings.episodes as usize {
        say(format_args!("{} episodes were asked for; the others did not end", settings.episodes));
    }
}
