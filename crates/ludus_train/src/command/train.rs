//! The command `train`.

use std::path::Path;

use ludus_policy::{PolicyFile, files};

use crate::blueprint::Blueprint;
use crate::config::{MeanReturn, StopConfig};
use crate::error::TrainError;
use crate::folder::{LATEST, RunFolder};
use crate::interrupt;
use crate::progress::{Progress, RunSummary, StopReason};
use crate::report::Report;
use crate::resume::{Resumption, RunTarget};
use crate::run;

use super::arguments::TrainArguments;
use super::outlet::say;
use super::progress::Display;
use super::{LoadedConfig, MissingConfig, Program, config_file};

/// Runs `train`: trains, and shows the progress.
pub(super) fn train(program: &Program, arguments: &TrainArguments) -> Result<Report, TrainError> {
    let run = &arguments.run;
    let specs = program.specs()?;
    if arguments.write_config {
        return config_file::write_starter(program, run, &specs);
    }
    let (LoadedConfig { config, file }, place) = match &arguments.resume {
        None => (program.config(run, &specs, MissingConfig::Refused)?, RunTarget::New(&run.runs_dir)),
        Some(named) => {
            let resumption = Resumption::open(find(program, &run.runs_dir, named)?, &specs)?;
            (program.config_from(resumption.folder.config(), run, &specs)?, RunTarget::Old(Box::new(resumption)))
        }
    };
    let learner = arguments.learner.choice();
    let (hash_every, stop) = (arguments.hash_every, config.stop.clone());
    let mut blueprint = Blueprint { hash_every, learner, ..program.blueprint(specs, config, run)? };
    if let Some(from) = &arguments.initialize_from {
        for kind in kinds_of(from, &blueprint) {
            blueprint.agent_mut(kind).initialize_from = Some(from.clone());
        }
    }
    let mut display = Display::new();
    let interrupted = interrupt::listen(display.writer("saving after this iteration; again to end at once"));
    let summary = run::train(blueprint, place, interrupted, &mut |event| display.show(&event));
    display.finish();
    let summary = summary?;
    tell(&summary, &stop, display.steps_before());
    Ok(Report { config: file, ..Report::from(&summary) })
}

/// The kinds that start from `from`: the kind of the policy, if `from` is a policy file; else all kinds.
fn kinds_of(from: &Path, blueprint: &Blueprint) -> Vec<usize> {
    let kinds = 0..blueprint.specs.len();
    let policy = files::is_no_folder(from).then(|| PolicyFile::read(from).ok()).flatten();
    match policy {
        Some(policy) if kinds.len() > 1 => {
            kinds.filter(|&kind| blueprint.specs[kind].name == policy.spec.name).collect()
        }
        _ => kinds.collect(),
    }
}

/// Finds the run to resume.
fn find(program: &Program, runs: &Path, named: &Path) -> Result<RunFolder, TrainError> {
    if named == Path::new(LATEST) {
        let nothing = || TrainError::NothingToResume { game: program.definition.name.clone(), runs: runs.to_owned() };
        return RunFolder::newest_begun(runs, &program.definition.name).ok_or_else(nothing);
    }
    program.named(runs, named)
}

fn tell(summary: &RunSummary, stop: &StopConfig, steps_before: u64) {
    let progress = &summary.progress;
    if steps_before > 0 && progress.steps == steps_before && summary.reason != StopReason::Interrupted {
        say(format_args!(
            "nothing was trained: the run was over before, {}; to go on, set a later end, such as `--set stop={}`",
            reason(summary.reason, stop, progress.steps),
            later(stop, summary.reason, steps_before)
        ));
    } else {
        say(format_args!(
            "{}: {}{}, in {:.2} s ({:.0} steps/s; worlds built in {:.2} s)",
            reason(summary.reason, stop, progress.steps),
            progress.return_sentence(),
            of_episodes(progress),
            progress.seconds,
            progress.steps_per_second,
            summary.build_seconds,
        ));
        say(format_args!("time: {}", progress.phases.in_percent()));
    }
    if summary.faults > 0 {
        say(format_args!("{} numbers were not finite; their steps were not learned from", summary.faults));
    }
    for policy in RunFolder::open(&summary.run_dir).policy_files() {
        say(format_args!("policy: {}", policy.display()));
    }
}

/// The episodes that a mean return is taken over, in words; nothing before there is a mean return.
fn of_episodes(progress: &Progress) -> String {
    let has_mean = progress.kinds.iter().any(|kind| kind.returns.shown().is_some());
    if has_mean { format!(" over the last episodes of {}", progress.episodes()) } else { String::new() }
}

/// The reason that the run ended, with its steps.
fn reason(reason: StopReason, stop: &StopConfig, steps: u64) -> String {
    let of_all = format!("{steps} of {} steps", stop.steps);
    match (reason, &stop.mean_return, stop.seconds) {
        (StopReason::Steps, ..) => format!("made all steps, {of_all}"),
        (StopReason::MeanReturn, Some(goal), _) => format!("reached `stop.mean_return` {goal} after {of_all}"),
        (StopReason::Success, ..) => {
            let goal = stop.success.map_or_else(String::new, |goal| format!(" {goal}"));
            format!("reached `stop.success`{goal} after {of_all}")
        }
        (StopReason::Seconds, _, Some(seconds)) => format!("`stop.seconds` {seconds} are over after {of_all}"),
        (StopReason::MeanReturn, ..) => format!("reached the mean return after {of_all}"),
        (StopReason::Seconds, ..) => format!("time is up after {of_all}"),
        (StopReason::Interrupted, ..) => format!("interrupted and saved after {of_all}"),
    }
}

/// A condition under which a run that is over goes on, as a value of `stop`.
fn later(stop: &StopConfig, reason: StopReason, steps_before: u64) -> String {
    let is_over = reason == StopReason::Steps || stop.steps.get() <= steps_before;
    let steps = if is_over { stop.steps.get().max(steps_before).saturating_mul(2) } else { stop.steps.get() };
    let mean_return = stop.mean_return.as_ref().filter(|_| reason != StopReason::MeanReturn);
    let goal = mean_return.map_or_else(String::new, |goal| format!(", mean_return: {}", ron_text(goal)));
    format!("(steps: {steps}{goal})")
}

/// A goal in the notation of a config.
fn ron_text(goal: &MeanReturn) -> String {
    ron::to_string(goal).expect("numbers by name are RON")
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use super::*;

    #[test]
    fn a_run_that_is_over_says_how_it_would_go_on() {
        let stop = StopConfig {
            steps: NonZeroU64::new(1000).unwrap(),
            mean_return: Some(99.5.into()),
            seconds: Some(3.0),
            success: None,
        };
        assert_eq!(later(&stop, StopReason::Steps, 1000), "(steps: 2000, mean_return: 99.5)");
        assert_eq!(
            later(&stop, StopReason::Steps, 5000),
            "(steps: 10000, mean_return: 99.5)",
            "it may have gone further"
        );
        assert_eq!(later(&stop, StopReason::MeanReturn, 900), "(steps: 1000)");
        assert_eq!(later(&stop, StopReason::Seconds, 900), "(steps: 1000, mean_return: 99.5)");
        let said = [StopReason::Steps, StopReason::MeanReturn, StopReason::Seconds, StopReason::Interrupted];
        let said = said.map(|one| reason(one, &stop, 900));
        let expected = [
            "made all steps, 900 of 1000 steps",
            "reached `stop.mean_return` 99.5 after 900 of 1000 steps",
            "`stop.seconds` 3 are over after 900 of 1000 steps",
            "interrupted and saved after 900 of 1000 steps",
        ];
        assert_eq!(said, expected);
    }
}
