//! `train`

use std::path::Path;

use crate::error::TrainError;
use crate::folder::RunFolder;
use crate::interrupt;
use crate::progress::{RunSummary, StopReason};
use crate::report::Report;
use crate::resume::{Place, Resumption};
use crate::run;
use crate::training::Blueprint;

use super::Program;
use super::arguments::TrainArguments;
use super::outlet::say;
use super::progress::Display;

/// Stands for the newest run of the game.
const LATEST: &str = "latest";

/// Trains, and shows how it goes.
pub(super) fn train(program: &Program, arguments: &TrainArguments) -> Result<Report, TrainError> {
    let run = &arguments.run;
    let spec = program.spec()?;
    let (config, place) = match &arguments.resume {
        None => (program.config(run, &spec)?, Place::New(&run.runs_dir)),
        Some(named) => {
            let resumption = Resumption::open(find(program, &run.runs_dir, named)?, &spec)?;
            (program.config_from(Some(resumption.folder.config()), run, &spec)?, Place::Old(Box::new(resumption)))
        }
    };
    let (hash_every, learner) = (arguments.hash_every, program.learner(arguments.learner.choice()));
    let mut blueprint = Blueprint { hash_every, learner, ..program.blueprint(spec, config, run)? };
    if let Some(from) = &arguments.initialize_from {
        blueprint.config.agent_mut(&blueprint.spec).initialize_from = Some(from.clone());
    }
    let mut display = Display::new();
    let summary = run::train(blueprint, place, interrupt::listen(), &mut |event| display.show(&event));
    display.finish();
    let summary = summary?;
    tell(&summary);
    Ok(Report::from(&summary))
}

/// The run to resume.
fn find(program: &Program, runs: &Path, named: &Path) -> Result<RunFolder, TrainError> {
    if named == Path::new(LATEST) {
        let nothing = || TrainError::NothingToResume { game: program.name.clone(), runs: runs.to_owned() };
        return RunFolder::newest_begun(runs, &program.name).ok_or_else(nothing);
    }
    let unknown = || TrainError::UnknownRun { run: named.to_owned(), runs: runs.to_owned() };
    RunFolder::named(runs, named).ok_or_else(unknown)
}

fn tell(summary: &RunSummary) {
    let progress = &summary.progress;
    say(format_args!(
        "{}: return {:.2} ± {:.2} over the last episodes of {}, {} steps in {:.2} s ({:.0} steps/s; worlds built in {:.2} s)",
        reason(summary.reason),
        progress.returns.mean,
        progress.returns.std,
        progress.episodes,
        progress.steps,
        progress.seconds,
        progress.steps_per_second,
        summary.build_seconds,
    ));
    say(format_args!("time: {}", progress.phases.in_percent()));
    if summary.faults > 0 {
        say(format_args!("{} numbers were not finite; their steps were not learned from", summary.faults));
    }
    say(format_args!("policy: {}", summary.run_dir.join("policy.safetensors").display()));
}

const fn reason(reason: StopReason) -> &'static str {
    match reason {
        StopReason::MeanReturn => "reached the mean return",
        StopReason::Steps => "made all steps",
        StopReason::Seconds => "time is up",
        StopReason::Interrupted => "interrupted and saved",
    }
}
