//! `eval`

use std::path::{Path, PathBuf};

use ludus_policy::{PolicyFile, files};
use ludus_spec::AgentSpec;

use crate::actor::Actor;
use crate::checkpoint::Checkpoint;
use crate::checkpoints;
use crate::config::RunConfig;
use crate::episodes::Spread;
use crate::error::TrainError;
use crate::evaluation::{Evaluation, EvaluationSettings, evaluate};
use crate::fit::check_fit;
use crate::folder::{LATEST, RunFolder};
use crate::interrupt;
use crate::report::{ActionsTaken, Report};

use super::arguments::{EvalArguments, RunArguments};
use super::outlet::{note, say, warn};
use super::{LoadedConfig, MissingConfig, Program};

/// The part of a return by which that of drawn actions must differ at least to be pointed to.
const LEAST_DIFFERENCE: f64 = 0.1;

/// Scores a policy.
pub(super) fn eval(program: &Program, arguments: &EvalArguments) -> Result<Report, TrainError> {
    let spec = program.spec()?;
    let found = find(program, arguments.of.as_deref(), &arguments.run.runs_dir)?;
    let file = PolicyFile::read_for(&found.policy, &spec)?;
    let run = &arguments.run;
    let LoadedConfig { config, file: config_file } = find_config(program, &found, run, &spec)?;
    let config = RunConfig { decision_interval: file.decision_interval, ..config.shrunk_to(arguments.episodes) };
    let blueprint = program.blueprint(spec, config, run)?;
    check_fit(&file, &found.policy, &blueprint)?;
    let policy = Actor::new(&file, &blueprint)?;
    let settings = EvaluationSettings { episodes: arguments.episodes.get(), sampled: arguments.sample };
    let interrupted = interrupt::listen(|| note("ending with the episodes so far; again to end at once"));
    let evaluation = evaluate(&blueprint, &policy, settings, interrupted, &mut |sentence| warn(&sentence))?;
    say(format_args!("policy: {}", found.policy.display()));
    tell(&evaluation, settings);
    if !settings.sampled && found.is_as_trained(run) {
        let trained = training_return(&found, file.origin.steps);
        trained.and_then(|trained| other_than_drawn(&evaluation, trained)).into_iter().for_each(say);
    }
    let actions = if settings.sampled { ActionsTaken::Drawn } else { ActionsTaken::Greedy };
    Ok(Report {
        run_dir: found.folder.map(|folder| folder.path().to_owned()),
        config: config_file,
        actions: Some(actions),
        ..Report::from(&evaluation)
    })
}

/// The mean return of the training's last episodes, whose actions were drawn, when it had made so many steps.
fn training_return(found: &Found, steps: u64) -> Option<f64> {
    let folder = found.folder.as_ref()?;
    let is_checkpoint = found.policy != folder.policy();
    let checkpoint = if is_checkpoint {
        Checkpoint::read(&found.policy).ok()?
    } else {
        checkpoints::Found::newest_good(&folder.checkpoints(), &folder.read_id()).ok()?.checkpoint?.1
    };
    (checkpoint.policy.origin.steps == steps).then(|| checkpoint.record.mean_return())
}

/// Points to drawn actions where the most probable ones come to something else.
fn other_than_drawn(evaluation: &Evaluation, trained: f64) -> Option<String> {
    let Spread { mean, std } = evaluation.returns;
    // Of two means over some hundred episodes.
    let noise = 3.0 * std * (1.0 / evaluation.episodes as f64 + 1.0 / 100.0).sqrt();
    let least = noise.max(LEAST_DIFFERENCE * mean.abs().max(trained.abs()));
    ((mean - trained).abs() > least).then(|| {
        format!(
            "in training, where actions are drawn, the return was {trained:.2}: --sample scores the policy like that, and \
             `PolicyRunner::sampled` plays it"
        )
    })
}

/// A policy file, and the run that it belongs to.
pub(super) struct Found {
    pub policy: PathBuf,
    pub folder: Option<RunFolder>,
}

impl Found {
    /// Whether the config is that of the run, unchanged, so that returns can be compared with those of its training.
    fn is_as_trained(&self, arguments: &RunArguments) -> bool {
        arguments.config.is_none() && arguments.set.is_empty() && self.config().is_some()
    }

    /// The run's config, if it has one.
    fn config(&self) -> Option<PathBuf> {
        self.folder.as_ref().map(RunFolder::config).filter(|file| file.is_file())
    }
}

/// The policy that was named: a run's folder, its name in `runs`, or a file; the newest run's if nothing was, or `latest`.
pub(super) fn find(program: &Program, named: Option<&Path>, runs: &Path) -> Result<Found, TrainError> {
    let named = named.unwrap_or(Path::new(LATEST));
    if named != Path::new(LATEST) && files::is_no_folder(named) {
        return Ok(Found { folder: folder_around(named), policy: named.to_owned() });
    }
    program.named(runs, named).and_then(of_folder)
}

/// The config that the arguments name, or else that of the run that was found, or else the game's own.
pub(super) fn find_config(
    program: &Program,
    found: &Found,
    arguments: &RunArguments,
    spec: &AgentSpec,
) -> Result<LoadedConfig, TrainError> {
    match arguments.config.clone().or_else(|| found.config()) {
        Some(file) => program.config_from(file, arguments, spec),
        None => program.config(arguments, spec, MissingConfig::Defaults),
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
    say(if settings.sampled {
        "actions: drawn, as in training; without --sample, the most probable ones"
    } else {
        "actions: the most probable ones; with --sample, drawn as in training"
    });
    if *episodes == 0 {
        say("no episode has ended");
    } else {
        say(format_args!(
            "return {:.2} ± {:.2}, length {:.1} ± {:.1}, {episodes} episodes",
            returns.mean, returns.std, lengths.mean, lengths.std
        ));
        for (term, spread) in &evaluation.terms {
            say(format_args!("  {term}: {:.3} ± {:.3}", spread.mean, spread.std));
        }
    }
    if evaluation.faults > 0 {
        say(format_args!("{} numbers were not finite; zeros took their place", evaluation.faults));
    }
    if *episodes < settings.episodes as usize {
        say(format_args!("{} episodes were asked for; the others did not end", settings.episodes));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::phases::Phases;

    #[test]
    fn drawn_actions_are_pointed_to_only_where_they_come_to_something_else() {
        let check = |mean: f64, std: f64, trained: f64, expected: bool| {
            let evaluation = Evaluation {
                returns: Spread { mean, std },
                lengths: Spread { mean: 1.0, std: 0.0 },
                terms: BTreeMap::new(),
                episodes: 100,
                steps: 100,
                seconds: 1.0,
                cpu_seconds: None,
                phases: Phases::default(),
                faults: 0,
                panics: 0,
            };
            assert_eq!(other_than_drawn(&evaluation, trained).is_some(), expected, "{mean} ± {std}, {trained}");
        };
        check(100.0, 0.0, 99.0, false);
        check(100.0, 0.0, 80.0, true);
        check(-1.0, 0.0, 0.9, true);
        check(0.5, 1.0, 0.8, false);
        check(0.2, 0.5, 0.8, true);
        check(f64::NAN, f64::NAN, 0.8, false);
        check(0.8, 0.1, f64::NAN, false);
    }
}
