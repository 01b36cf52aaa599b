//! The beginning of a run: in a new folder, or resumed in its own.

use std::path::Path;

use ludus_config::{ConfigError, valid_names};
use ludus_policy::write_atomically;
use ludus_replay::{HashLog, cut_after};

use super::Run;
use super::metric_names::metric_names;
use super::no_experience::NoExperience;
use crate::blueprint::Blueprint;
use crate::checkpoints::{Checkpoints, FoundCheckpoints};
use crate::clock;
use crate::control::Control;
use crate::diagnostics::Diagnostics;
use crate::error::{TrainError, at};
use crate::folder::RunFolder;
use crate::imitation::{RecordedTime, check_files, check_time};
use crate::incidents::IncidentTeller;
use crate::initialize::locate;
use crate::lock::RunLock;
use crate::metrics::Metrics;
use crate::panics::PanicLog;
use crate::progress::RunEvent;
use crate::resume::{Resumption, RunTarget, aside_sentence};
use crate::training::Training;

/// The progress of a run when this process resumed it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Before {
    pub steps: u64,
    pub seconds: f64,
}

impl Run {
    /// Creates a run in a new folder.
    pub(super) fn create(training: Training, runs: &Path) -> Result<Self, TrainError> {
        let blueprint = &training.blueprint;
        let folder = RunFolder::create(runs, &blueprint.definition.name, &clock::today()).map_err(at(runs))?;
        let lock = RunLock::take(&folder)?;
        write_config(&folder, blueprint)?;
        let names = metric_names(&training);
        let metrics = Metrics::create(folder.path(), names, clock::wall_seconds()).map_err(at(folder.path()))?;
        Ok(Self::new(training, folder, lock, metrics))
    }

    /// Resumes a run in its folder. Reports the checkpoint that it resumes from, and those that were skipped.
    pub(super) fn resume(
        mut training: Training,
        resumption: Resumption,
        tell: &mut dyn FnMut(RunEvent<'_>),
    ) -> Result<Self, TrainError> {
        let aside = resumption.set_aside()?;
        let Resumption { folder, lock, found } = resumption;
        let mut before = Before::default();
        if let Some((_, checkpoint)) = &found.checkpoint {
            training.resume(checkpoint)?;
            before = Before { steps: training.steps, seconds: checkpoint.record.seconds };
        }
        found.skipped.iter().for_each(|error| tell(RunEvent::Trouble(format!("{error}; it was skipped"))));
        tell(RunEvent::Note(origin_sentence(&folder, &found)));
        aside.into_iter().for_each(|sentence| tell(RunEvent::Note(sentence)));
        folder.mark_newest().map_err(at(folder.order()))?;
        // Its limits may have been changed on the command line.
        write_config(&folder, &training.blueprint)?;
        let names = metric_names(&training);
        let metrics = Metrics::resume(folder.path(), names, before.steps, clock::wall_seconds());
        let (metrics, aside) = metrics.map_err(at(folder.path()))?;
        if let Some(aside) = aside {
            tell(RunEvent::Trouble(aside_sentence(&folder.metrics(), &aside)));
        }
        let mut run = Self::new(training, folder, lock, metrics);
        run.checkpoints = run.checkpoints.going_on(&found);
        run.before = before;
        Ok(run)
    }

    /// Reads the episodes that were kept before, and opens the log of state hashes if the run has one.
    pub(super) fn open_logs(&mut self, tell: &mut dyn FnMut(RunEvent<'_>)) -> Result<(), TrainError> {
        self.training.kept.take_up(&self.folder.episodes());
        self.ticks_before = self.training.ticks();
        let path = self.folder.hashes();
        if let Some(aside) = cut_after(&path, self.ticks_before).map_err(at(&path))? {
            tell(RunEvent::Trouble(aside_sentence(&path, &aside)));
        }
        let log = self.training.blueprint.hash_every.map(|every| HashLog::open(&path, every)).transpose();
        self.hashes = log.map_err(at(path))?;
        Ok(())
    }

    fn new(training: Training, folder: RunFolder, lock: RunLock, metrics: Metrics) -> Self {
        let now = clock::seconds();
        let panics = PanicLog::new(training.blueprint.config.faults.clone());
        Self {
            checkpoints: Checkpoints::new(folder.checkpoints(), training.blueprint.config.checkpoints.clone(), now),
            training,
            id: folder.read_id(),
            folder,
            _lock: lock,
            metrics,
            build_seconds: 0.0,
            began: now,
            before: Before::default(),
            flushed: now,
            incidents: IncidentTeller::of_training(),
            panics,
            diagnostics: Diagnostics::new(),
            no_experience: NoExperience::default(),
            hashes: None,
            ticks_before: 0,
        }
    }
}

/// Initializes policies from another run or policy where the config says so, unless the run has made an iteration.
pub(super) fn initialize(
    training: &mut Training,
    place: &RunTarget<'_>,
    tell: &mut dyn FnMut(RunEvent<'_>),
) -> Result<(), TrainError> {
    if place.iteration() > 0 {
        return Ok(());
    }
    for lane in 0..training.lanes.len() {
        let (blueprint, kind) = (&training.blueprint, training.lanes[lane].owner());
        let Some(named) = blueprint.agent(kind).initialize_from.clone() else { continue };
        let spec = &blueprint.specs[kind];
        let path = locate(&named, place.runs(), &blueprint.definition.name, &spec.name)?;
        let of = if blueprint.has_several_kinds() { format!("`{}` is ", spec.name) } else { String::new() };
        let differences = training.initialize(lane, &path)?;
        let differences = differences.iter().map(|difference| format!("; {difference}")).collect::<String>();
        tell(RunEvent::Note(format!("{of}starting from `{}`{differences}", path.display())));
    }
    Ok(())
}

/// Checks the teachers of policies, and lets policies learn from demonstrations where the config says so, unless the run
/// has made an iteration.
pub(super) fn pretrain(
    training: &mut Training,
    place: &RunTarget<'_>,
    control: &dyn Control,
    tell: &mut dyn FnMut(RunEvent<'_>),
) -> Result<(), TrainError> {
    for lane in 0..training.lanes.len() {
        let kind = training.lanes[lane].owner();
        let (blueprint, spec) = (&training.blueprint, &training.blueprint.specs[kind]);
        let interval = blueprint.config.interval(&spec.name);
        let recorded = RecordedTime { interval, tick_rate_hz: training.tick_rate_hz };
        if let Some(sentence) = check_time(blueprint.agent(kind), spec, recorded)?
            && place.iteration() == 0
        {
            let of = if blueprint.has_several_kinds() { format!("`{}` is ", spec.name) } else { String::new() };
            tell(RunEvent::Note(format!("{of}{sentence}")));
        }
        let Some(files) = check_files(blueprint.agent(kind), spec, recorded)? else { continue };
        let has_gail = blueprint.agent(kind).pretrain.as_ref().is_some_and(|pretrain| pretrain.gail.is_some());
        training.kinds[kind].demonstrated_steps = has_gail.then(|| files.mean_steps());
        if place.iteration() > 0 {
            continue;
        }
        files.damage.into_iter().for_each(|sentence| tell(RunEvent::Trouble(sentence)));
        let of = match training.blueprint.has_several_kinds() {
            true => format!("`{}`: ", training.blueprint.specs[kind].name),
            false => String::new(),
        };
        let learned = training.lanes[lane].learned_mut();
        let Some(learned) = learned else { continue };
        let report = learned.algorithm_mut().pretrain(&mut |_| !control.is_ending());
        let Some(report) = report.map_err(TrainError::Learner)? else { continue };
        let held_out = report
            .kept
            .held_out_loss
            .map_or_else(String::new, |loss| format!(", {loss:.3} in {} that were held out", files.held_out));
        tell(RunEvent::Note(format!(
            "{of}cloned {} episodes, {} steps: loss {:.3} nats{held_out}, after epoch {} of {}",
            files.learned, report.samples, report.kept.loss, report.kept.epoch, report.epochs
        )));
    }
    Ok(())
}

/// Checks that the columns of metrics that conditions of curricula read are there.
pub(super) fn check_conditions(training: &Training) -> Result<(), ConfigError> {
    let columns = metric_names(training);
    for (parameter, values) in &training.blueprint.config.parameters {
        if let Some(unknown) = values.metrics().into_iter().find(|name| !columns.iter().any(|column| column == name)) {
            let columns: Vec<_> = columns.iter().map(String::as_str).collect();
            let message = format!(
                "a condition reads the metric `{unknown}`, which the run does not have; {}",
                valid_names(&columns)
            );
            return Err(ConfigError::single(format!("parameters.{parameter}"), message));
        }
    }
    Ok(())
}

/// Writes the run's config, whole or not at all.
pub(super) fn write_config(folder: &RunFolder, blueprint: &Blueprint) -> Result<(), TrainError> {
    write_atomically(&folder.config(), blueprint.config.to_ron().as_bytes()).map_err(at(folder.config()))
}

/// The sentence about the checkpoint that a run resumes from.
fn origin_sentence(folder: &RunFolder, found: &FoundCheckpoints) -> String {
    match &found.checkpoint {
        Some((path, checkpoint)) => {
            format!("going on from `{}`, after {} steps", path.display(), checkpoint.steps())
        }
        None => format!("`{}` ended before its first checkpoint, so it begins anew", folder.path().display()),
    }
}
