//! A run from its first iteration to its last.

mod beginning;
mod judging;
pub(crate) mod metric_names;
mod no_experience;
mod recording;
mod saving;
mod steering;

use crate::blueprint::Blueprint;
use crate::check::short_findings;
use crate::checkpoints::Checkpoints;
use crate::clock;
use crate::config::{PolicySource, Reaction, StopConfig};
use crate::control::Control;
use crate::cpu;
use crate::diagnostics::Diagnostics;
use crate::error::{TrainError, at};
use crate::folder::RunFolder;
use crate::group::{Accident, WorldFault};
use crate::incidents::{IncidentTeller, fault_sentence};
use crate::lock::RunLock;
use crate::metrics::Metrics;
use crate::panics::PanicLog;
use crate::progress::{KindProgress, Progress, RunEvent, RunStart, RunSummary, StopReason};
use crate::resume::RunTarget;
use crate::training::{Lap, Training};
use beginning::{Before, check_conditions, initialize, pretrain};
use ludus_agent::FaultPlace;
use ludus_replay::HashLog;
use no_experience::{Emptiness, NoExperience};

/// Trains until the config's stop condition is met or `control` ends the run, then saves and returns the results.
pub(crate) fn train(
    blueprint: Blueprint,
    place: RunTarget<'_>,
    control: &dyn Control,
    tell: &mut dyn FnMut(RunEvent<'_>),
) -> Result<RunSummary, TrainError> {
    if let RunTarget::New(runs) | RunTarget::NewOfChecked(runs) = &place {
        RunFolder::try_to_create(runs).map_err(at(*runs))?;
    }
    let build_start = clock::seconds();
    let (iteration, stages) = (place.iteration(), place.stages());
    let mut training = Training::build(Blueprint { iteration, stages, ..blueprint })?;
    let build_seconds = clock::seconds() - build_start;
    check_conditions(&training)?;
    initialize(&mut training, &place, tell)?;
    pretrain(&mut training, &place, control, tell)?;
    if !matches!(place, RunTarget::NewOfChecked(_)) {
        short_findings(&training.blueprint).iter().for_each(|finding| tell(RunEvent::Trouble(finding.sentence())));
    }
    let mut run = match place {
        RunTarget::New(runs) | RunTarget::NewOfChecked(runs) => Run::create(training, runs)?,
        RunTarget::Old(resumption) => Run::resume(training, *resumption, tell)?,
    };
    run.build_seconds = build_seconds;
    run.open_logs(tell)?;
    tell(RunEvent::Started(&run.start(), &run.training));
    run.began = clock::seconds();
    let cpu_before = cpu::seconds();
    run.advance_self_play(tell)?;
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
    /// The time at which training began or was resumed, plus the time of all pauses and reports [s of the clock].
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

impl Run {
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
            self.tell_progress(&progress, &lap, tell);
            self.record(&lap, &progress)?;
            self.advance_curricula(&lap, tell)?;
            self.advance_self_play(tell)?;
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

    /// Reports an iteration. The time that the caller takes for it, such as for an evaluation, does not count as time of
    /// training.
    fn tell_progress(&mut self, progress: &Progress, lap: &Lap, tell: &mut dyn FnMut(RunEvent<'_>)) {
        let told = clock::seconds();
        tell(RunEvent::Progress(progress, &self.training, lap));
        self.began += clock::seconds() - told;
    }

    fn stop(&self) -> &StopConfig {
        &self.training.blueprint.config.stop
    }

    fn stop_reason(&self, progress: &Progress, control: &dyn Control) -> Option<StopReason> {
        let stop = self.stop();
        if progress.has_reached(stop) {
            Some(StopReason::MeanReturn)
        } else if progress.succeeds(stop) {
            Some(StopReason::Success)
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
            success: recent.success_rate(),
            learns: matches!(
                self.training.blueprint.agent(kind).policy,
                PolicySource::Learned | PolicySource::SameAs(_)
            ),
        }
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
        let is_bad = |fault: &&WorldFault| !matches!(fault.fault.place, FaultPlace::Set(_));
        let first = incidents.faults.iter().find(is_bad).map(|fault| fault_sentence(fault, specs));
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

    /// Begins the stages of curricula whose conditions hold, and reports them.
    fn advance_curricula(&mut self, lap: &Lap, tell: &mut dyn FnMut(RunEvent<'_>)) -> Result<(), TrainError> {
        let part = self.training.steps as f64 / self.stop().steps.get() as f64;
        let metrics = &self.metrics;
        let changes = self.training.advance_curricula(part, &|name| metrics.last(name));
        for change in changes? {
            tell(RunEvent::Note(format!("{} (iteration {})", change.sentence(), lap.number)));
        }
        Ok(())
    }

    /// Takes versions of policies that play against themselves where they are due, and chooses their opponents.
    fn advance_self_play(&mut self, tell: &mut dyn FnMut(RunEvent<'_>)) -> Result<(), TrainError> {
        let problems = self.training.advance_self_play(&self.folder.versions())?;
        problems.into_iter().for_each(|sentence| tell(RunEvent::Trouble(sentence)));
        Ok(())
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
