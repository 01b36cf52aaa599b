//! A run from its first iteration to its last.

mod no_experience;
mod steering;

use std::path::Path;
use std::sync::Arc;

use ludus_learn::LearnError;
use ludus_policy::{PolicyError, files, write_atomically};
use ludus_spec::AgentSpec;

use crate::blueprint::Blueprint;
use crate::check::{CheckSettings, check_game};
use crate::checkpoints::{Checkpoints, FoundCheckpoints};
use crate::clock;
use crate::config::{Reaction, StopConfig};
use crate::control::Control;
use crate::cpu;
use crate::diagnostics::Diagnostics;
use crate::error::{TrainError, at};
use crate::folder::RunFolder;
use crate::group::Accident;
use crate::incidents::{IncidentTeller, fault_sentence};
use crate::initialize::locate;
use crate::lock::RunLock;
use crate::metrics::Metrics;
use crate::panics::PanicLog;
use crate::phases::Phases;
use crate::progress::{KindProgress, Progress, RunEvent, RunStart, RunSummary, StopReason};
use crate::resume::{Resumption, RunTarget, aside_sentence};
use crate::training::{Lap, Training};
use ludus_replay::{HashLog, NO_WORLD, cut_after};
use no_experience::{Emptiness, NoExperience};

/// Time between two flushes of the metrics \[s\].
const FLUSH_SECONDS: f64 = 5.0;

/// Trains until the config's stop condition is met or `control` ends the run, then saves and returns the results.
pub(crate) fn train(
    blueprint: Blueprint,
    place: RunTarget<'_>,
    control: &dyn Control,
    tell: &mut dyn FnMut(RunEvent<'_>),
) -> Result<RunSummary, TrainError> {
    if let RunTarget::New(runs) = &place {
        RunFolder::try_to_create(runs).map_err(at(*runs))?;
    }
    let build_start = clock::seconds();
    let mut training = Training::build(Blueprint { iteration: place.iteration(), ..blueprint })?;
    let build_seconds = clock::seconds() - build_start;
    initialize(&mut training, &place, tell)?;
    // A world that can't be built was reported before.
    let examined = check_game(&training.blueprint, CheckSettings::SHORT);
    for finding in examined.map_or(Vec::new(), |examined| examined.findings) {
        tell(RunEvent::Trouble(finding.sentence()));
    }
    let mut run = match place {
        RunTarget::New(runs) => Run::create(training, runs)?,
        RunTarget::Old(resumption) => Run::resume(training, *resumption, tell)?,
    };
    run.build_seconds = build_seconds;
    run.open_logs(tell)?;
    tell(RunEvent::Started(&run.start(), &run.training));
    run.began = clock::seconds();
    let cpu_before = cpu::seconds();
    let reason = run.until_stopped(control, tell).map_err(|error| run.unsaved(error))?;
    let progress = run.progress();
    let cpu_seconds = cpu_before.and_then(|before| Some(cpu::seconds()? - before));
    run.save(tell).map_err(|error| run.unsaved(error))?;
    Ok(run.summary(progress, reason, cpu_seconds))
}

struct Run {
    training: Training,
    folder: RunFolder,
    /// The identity of the run, which its checkpoints repeat.
    id: String,
    /// Held for as long as the run writes.
    _lock: RunLock,
    checkpoints: Checkpoints,
    metrics: Metrics,
    build_seconds: f64,
    /// The time at which training began or was resumed, plus the time of all pauses [s of the clock].
    began: f64,
    /// The progress of the run when it was resumed.
    before: Before,
    flushed: f64,
    incidents: IncidentTeller,
    panics: PanicLog,
    diagnostics: Diagnostics,
    no_experience: NoExperience,
    hashes: Option<HashLog>,
    /// Ticks that the run had made before these worlds were built.
    ticks_before: u64,
}

/// The progress of a run when this process resumed it.
#[derive(Clone, Copy, Debug, Default)]
struct Before {
    steps: u64,
    seconds: f64,
}

impl Run {
    /// Creates a run in a new folder.
    fn create(training: Training, runs: &Path) -> Result<Self, TrainError> {
        let blueprint = &training.blueprint;
        let folder = RunFolder::create(runs, &blueprint.definition.name, &clock::today()).map_err(at(runs))?;
        let lock = RunLock::take(&folder)?;
        write_config(&folder, blueprint)?;
        let names = metric_names(&training);
        let metrics = Metrics::create(folder.path(), names, clock::wall_seconds()).map_err(at(folder.path()))?;
        Ok(Self::new(training, folder, lock, metrics))
    }

    /// Resumes a run in its folder. Reports the checkpoint that it resumes from, and those that were skipped.
    fn resume(
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
    fn open_logs(&mut self, tell: &mut dyn FnMut(RunEvent<'_>)) -> Result<(), TrainError> {
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

    fn start(&self) -> RunStart {
        let blueprint = &self.training.blueprint;
        RunStart {
            run_dir: self.folder.path().to_owned(),
            worlds: blueprint.config.worlds.resolve().get(),
            rows: self.training.rows(),
            threads: blueprint.pool.current_num_threads(),
            learners: self.training.learner_sentences(),
            build_seconds: self.build_seconds,
            stop: blueprint.config.stop.clone(),
            steps_before: self.before.steps,
        }
    }

    fn until_stopped(
        &mut self,
        control: &dyn Control,
        tell: &mut dyn FnMut(RunEvent<'_>),
    ) -> Result<StopReason, TrainError> {
        if self.before.steps > 0
            && let Some(reason) = self.stop_reason(&self.progress(), control)
        {
            return Ok(reason);
        }
        loop {
            let part = self.training.steps as f64 / self.stop().steps.get() as f64;
            let lap = match self.training.iterate(part as f32) {
                Ok(lap) => lap,
                Err(cause) => {
                    // The incidents may be the cause.
                    self.tell_incidents(tell)?;
                    return Err(self.diverged(cause, tell));
                }
            };
            let progress = self.progress();
            tell(RunEvent::Progress(&progress, &self.training, &lap));
            self.record(&lap, &progress)?;
            self.log_hashes()?;
            self.tell_incidents(tell)?;
            for cause in lap.lanes.iter().flatten().filter_map(|lane| lane.skipped.as_ref()) {
                let number = lap.number;
                tell(RunEvent::Trouble(format!(
                    "{cause}; what iteration {number} learned was undone, the run goes on"
                )));
            }
            self.diagnostics
                .look(&self.training)
                .iter()
                .for_each(|finding| tell(RunEvent::Trouble(finding.sentence())));
            if let Some(failure) = self.training.failure().cloned() {
                self.save(tell)?;
                return Err(failure.into());
            }
            self.end_without_experience(&lap, tell)?;
            self.obey(control, tell)?;
            if let Some(reason) = self.stop_reason(&progress, control) {
                return Ok(reason);
            }
            if self.checkpoints.is_due(self.training.steps, clock::seconds()) {
                self.save(tell)?;
            }
        }
    }

    fn stop(&self) -> &StopConfig {
        &self.training.blueprint.config.stop
    }

    fn stop_reason(&self, progress: &Progress, control: &dyn Control) -> Option<StopReason> {
        let stop = self.stop();
        if progress.has_reached(stop) {
            Some(StopReason::MeanReturn)
        } else if progress.steps >= stop.steps.get() {
            Some(StopReason::Steps)
        } else if stop.seconds.is_some_and(|limit| progress.seconds >= limit) {
            Some(StopReason::Seconds)
        } else {
            control.is_ending().then_some(StopReason::Interrupted)
        }
    }

    fn progress(&self) -> Progress {
        let seconds = clock::seconds() - self.began;
        let steps = self.training.steps - self.before.steps;
        Progress {
            steps: self.training.steps,
            kinds: self.training.blueprint.driven_kinds().map(|kind| self.kind_progress(kind)).collect(),
            steps_per_second: steps as f64 / seconds.max(1e-9),
            seconds: self.before.seconds + seconds,
            phases: self.training.phases,
        }
    }

    fn kind_progress(&self, kind: usize) -> KindProgress {
        let (spec, recent) = (&self.training.blueprint.specs[kind], &self.training.kinds[kind].recent);
        let terms = spec.reward.iter().enumerate();
        KindProgress {
            kind,
            name: spec.name.clone(),
            returns: recent.returns(),
            is_full: recent.is_full(),
            length: recent.lengths().mean,
            terms: terms.map(|(index, term)| (term.name.clone(), recent.term(index).mean)).collect(),
            episodes: recent.total(),
        }
    }

    /// Writes the metrics of an iteration.
    fn record(&mut self, lap: &Lap, progress: &Progress) -> Result<(), TrainError> {
        let (metrics, blueprint) = (&mut self.metrics, &self.training.blueprint);
        let names = MetricNames::of(blueprint);
        for (lane, came_to) in self.training.lanes.iter().zip(&lap.lanes) {
            for metric in came_to.iter().flat_map(|lane| &lane.report.metrics) {
                metrics.set(&names.of_kind(lane.owner(), metric.info.name), f64::from(metric.value));
            }
        }
        metrics.set("charts/SPS", progress.steps_per_second);
        for kind in progress.kinds.iter().filter(|kind| lap.episodes[kind.kind] > 0) {
            metrics.set(&names.of_kind(kind.kind, "charts/episodic_return"), kind.returns.mean);
            metrics.set(&names.of_kind(kind.kind, "charts/episodic_length"), kind.length);
            for (term, mean) in &kind.terms {
                metrics.set(&names.of_kind(kind.kind, &reward_name(term)), *mean);
            }
        }
        for (phase, time) in lap.phases.named() {
            metrics.set(&phase_name(phase), time as f64 * 1e-9);
        }
        let written = metrics.write(progress.steps, clock::wall_seconds());
        written.and_then(|()| self.flush_now_and_then()).map_err(at(self.folder.path()))
    }

    /// Writes the state hashes of an iteration.
    fn log_hashes(&mut self) -> Result<(), TrainError> {
        let Some(log) = &mut self.hashes else { return Ok(()) };
        let mut hashes = self.training.take_hashes();
        for hash in hashes.iter_mut().filter(|hash| hash.place.world != NO_WORLD) {
            hash.place.tick += self.ticks_before;
        }
        log.write(&hashes).map_err(at(self.folder.hashes()))
    }

    fn flush_now_and_then(&mut self) -> std::io::Result<()> {
        let now = clock::seconds();
        if now - self.flushed < FLUSH_SECONDS {
            return Ok(());
        }
        self.flushed = now;
        self.metrics.flush()
    }

    /// Reports the incidents in worlds since the last call.
    ///
    /// # Errors
    ///
    /// If there were more panics than the config allows, or a number that was not finite and the config says to stop;
    /// then the run is saved.
    fn tell_incidents(&mut self, tell: &mut dyn FnMut(RunEvent<'_>)) -> Result<(), TrainError> {
        let incidents = self.training.take_incidents();
        let (specs, faults) = (&self.training.blueprint.specs, &self.training.blueprint.config.faults);
        let panics = incidents.panics.iter().flat_map(Accident::panics);
        panics.for_each(|panic| self.panics.note(panic, self.training.steps));
        let first = incidents.faults.first().map(|fault| fault_sentence(fault, specs));
        self.incidents.tell(incidents, specs, &mut |sentence| tell(RunEvent::Trouble(sentence)));
        let steps = faults.panic_steps.get();
        let fault = first.filter(|_| faults.bad_steps == Reaction::Stop);
        // A world that can't be built anew is reported by the caller, which checks `failure`.
        if self.panics.is_too_much() && self.training.failure().is_none() {
            let (summary, kept) = (self.panics.summary(), self.save_for_good(tell)?);
            return Err(TrainError::TooManyPanics { summary, steps, kept });
        }
        match fault {
            Some(fault) => Err(TrainError::BadStep { fault, kept: self.save_for_good(tell)? }),
            None => Ok(()),
        }
    }

    /// Reports that there is nothing to learn from, if so.
    ///
    /// # Errors
    ///
    /// If that has lasted for too long; then the run is saved.
    fn end_without_experience(&mut self, lap: &Lap, tell: &mut dyn FnMut(RunEvent<'_>)) -> Result<(), TrainError> {
        match self.no_experience.look(lap, &self.training) {
            Emptiness::Bearable => Ok(()),
            Emptiness::Told(sentence) => {
                tell(RunEvent::Trouble(sentence));
                Ok(())
            }
            Emptiness::Final { steps, reason } => {
                Err(TrainError::NothingToLearn { steps, reason, kept: self.save_for_good(tell)? })
            }
        }
    }

    /// Saves a run that can't go on; returns the sentence about its last checkpoint.
    fn save_for_good(&mut self, tell: &mut dyn FnMut(RunEvent<'_>)) -> Result<String, TrainError> {
        self.save(tell)?;
        Ok(self.kept())
    }

    /// The sentence about the run's last checkpoint.
    fn kept(&self) -> String {
        match self.checkpoints.last() {
            Some(path) if path.is_file() => format!("the last good checkpoint is `{}`", path.display()),
            Some(path) => format!("the last checkpoint, `{}`, is gone", path.display()),
            None => "nothing was saved before".to_owned(),
        }
    }

    /// Saves the curves up to here, a checkpoint and the policy.
    fn save(&mut self, tell: &mut dyn FnMut(RunEvent<'_>)) -> Result<(), TrainError> {
        self.metrics.flush().map_err(at(self.folder.path()))?;
        let mut checkpoint = self.training.checkpoint(self.progress().seconds);
        checkpoint.record.run.clone_from(&self.id);
        self.training.kept.write(&self.folder.episodes())?;
        self.checkpoints.save(&checkpoint, clock::seconds())?;
        self.write_policies()?;
        if let Some(path) = self.checkpoints.last() {
            tell(RunEvent::Saved(path, &self.training));
        }
        Ok(())
    }

    /// Writes the policies as they are now.
    fn write_policies(&self) -> Result<(), TrainError> {
        let has_several = self.training.blueprint.has_several_kinds();
        if has_several {
            files::create_own_folder(&self.folder.policies()).map_err(at(self.folder.policies()))?;
        }
        for policy in self.training.policies() {
            policy.write(&self.folder.policy_to_write(&policy.spec.name, has_several))?;
        }
        Ok(())
    }

    /// Adds the sentence about the last checkpoint to an error about a file that can't be written.
    fn unsaved(&self, error: TrainError) -> TrainError {
        if !matches!(error, TrainError::Folder { .. } | TrainError::Policy(PolicyError::Unwritable { .. })) {
            return error;
        }
        let run = self.folder.path().display();
        let kept = match self.checkpoints.last() {
            Some(path) if path.is_file() => {
                format!("`{}` is intact, go on from it with --resume {run}", path.display())
            }
            Some(path) => format!("`{}`, which was saved before, is gone too", path.display()),
            None => "nothing was saved before".to_owned(),
        };
        TrainError::Unsaved { cause: Box::new(error), kept: format!("the run has ended; {kept}") }
    }

    /// Ends the run after an iteration that nothing can be learned from. Checkpoints that were saved before are kept.
    fn diverged(&mut self, cause: LearnError, tell: &mut dyn FnMut(RunEvent<'_>)) -> TrainError {
        let flushed = self.metrics.flush();
        // The parameters can't be read back from a device that failed.
        if !matches!(cause, LearnError::Device(_))
            && self.checkpoints.last().is_none()
            && let Err(error) = self.save(tell)
        {
            return error;
        }
        if let Err(error) = flushed {
            return at(self.folder.path())(error);
        }
        TrainError::Diverged { cause, iteration: self.training.iteration(), kept: self.kept() }
    }

    fn summary(self, progress: Progress, reason: StopReason, cpu_seconds: Option<f64>) -> RunSummary {
        RunSummary {
            progress,
            reason,
            run_dir: self.folder.path().to_owned(),
            build_seconds: self.build_seconds,
            cpu_seconds,
            faults: self.training.fault_count(),
            panics: self.incidents.panics(),
        }
    }
}

/// Initializes policies from another run or policy where the config says so, unless the run has made an iteration.
fn initialize(
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

/// Writes the run's config, whole or not at all.
fn write_config(folder: &RunFolder, blueprint: &Blueprint) -> Result<(), TrainError> {
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

/// The columns of a run's metrics, under CleanRL's names.
fn metric_names(training: &Training) -> Vec<String> {
    let names = MetricNames::of(&training.blueprint);
    let returns = training
        .blueprint
        .driven_kinds()
        .flat_map(|kind| ["charts/episodic_return", "charts/episodic_length"].map(|name| names.of_kind(kind, name)));
    let losses = training.learned_lanes().flat_map(|(lane, learned)| {
        learned.algorithm().metrics().iter().map(move |info| names.of_kind(lane.owner(), info.name))
    });
    let terms = training.blueprint.driven_kinds().flat_map(|kind| {
        let terms = &training.blueprint.specs[kind].reward;
        terms.iter().map(move |term| names.of_kind(kind, &reward_name(&term.name)))
    });
    let phases = Phases::default().named().map(|(phase, _)| phase_name(phase));
    returns.chain(["charts/SPS".to_owned()]).chain(losses).chain(terms).chain(phases).collect()
}

/// The names of metrics that belong to a kind of agents: with the kind's name in front if there are several kinds.
#[derive(Clone, Copy)]
struct MetricNames<'a>(Option<&'a [Arc<AgentSpec>]>);

impl<'a> MetricNames<'a> {
    fn of(blueprint: &'a Blueprint) -> Self {
        Self(blueprint.has_several_kinds().then_some(&blueprint.specs[..]))
    }

    /// `Chaser/charts/episodic_return`
    fn of_kind(self, kind: usize, name: &str) -> String {
        self.0.map_or_else(|| name.to_owned(), |specs| format!("{}/{name}", specs[kind].name))
    }
}

fn reward_name(term: &str) -> String {
    format!("reward/{term}")
}

fn phase_name(phase: &str) -> String {
    format!("time/{phase}")
}
