//! A run from its first iteration to its last.

mod steering;

use std::fs;
use std::path::Path;

use ludus_learn::LearnError;
use ludus_spec::AgentSpec;

use crate::checkpoint::{Checkpoint, Checkpoints};
use crate::clock;
use crate::config::StopConfig;
use crate::control::Control;
use crate::cpu;
use crate::error::{TrainError, at};
use crate::folder::RunFolder;
use crate::incidents::IncidentTeller;
use crate::metrics::Metrics;
use crate::phases::Phases;
use crate::progress::{Progress, RunEvent, RunStart, RunSummary, StopReason};
use crate::training::{Blueprint, Lap, Training};

/// Seconds between two writes of the metrics to the disk.
const FLUSH_SECONDS: f64 = 5.0;

/// Trains until the config's stop condition, or until `control` says so; saves; says what came of it.
pub(crate) fn train(
    blueprint: Blueprint,
    runs: &Path,
    control: &dyn Control,
    tell: &mut dyn FnMut(RunEvent<'_>),
) -> Result<RunSummary, TrainError> {
    let build_start = clock::seconds();
    let training = Training::build(blueprint)?;
    let build_seconds = clock::seconds() - build_start;
    let mut run = Run::create(training, runs, build_seconds)?;
    tell(RunEvent::Started(&run.start(), &run.training));
    run.began = clock::seconds();
    let cpu_before = cpu::seconds();
    let reason = run.until_stopped(control, tell)?;
    let progress = run.progress();
    let cpu_seconds = cpu_before.and_then(|before| Some(cpu::seconds()? - before));
    run.save_and_tell(tell)?;
    run.metrics.flush().map_err(at(run.folder.path()))?;
    Ok(run.summary(progress, reason, cpu_seconds))
}

struct Run {
    training: Training,
    folder: RunFolder,
    checkpoints: Checkpoints,
    metrics: Metrics,
    build_seconds: f64,
    /// When training began [s of the clock].
    began: f64,
    flushed: f64,
    incidents: IncidentTeller,
}

impl Run {
    fn create(training: Training, runs: &Path, build_seconds: f64) -> Result<Self, TrainError> {
        let blueprint = &training.blueprint;
        let folder = RunFolder::create(runs, &blueprint.name, &clock::today()).map_err(at(runs))?;
        fs::write(folder.config(), blueprint.config.to_ron()).map_err(at(folder.config()))?;
        let names = metric_names(&blueprint.spec);
        let metrics = Metrics::create(folder.path(), names, clock::wall_seconds()).map_err(at(folder.path()))?;
        let checkpoints = Checkpoints::new(folder.checkpoints(), blueprint.config.checkpoints.clone());
        let now = clock::seconds();
        let incidents = IncidentTeller::of_training();
        Ok(Self { training, folder, checkpoints, metrics, build_seconds, began: now, flushed: now, incidents })
    }

    fn start(&self) -> RunStart {
        let blueprint = &self.training.blueprint;
        RunStart {
            run_dir: self.folder.path().to_owned(),
            worlds: blueprint.config.worlds.resolve(1).get(),
            rows: self.training.rows(),
            threads: blueprint.pool.current_num_threads(),
            build_seconds: self.build_seconds,
            stop_steps: blueprint.config.stop.steps.get(),
        }
    }

    fn until_stopped(
        &mut self,
        control: &dyn Control,
        tell: &mut dyn FnMut(RunEvent<'_>),
    ) -> Result<StopReason, TrainError> {
        loop {
            let part = self.training.steps as f64 / self.stop().steps.get() as f64;
            let lap = match self.training.iterate(part as f32) {
                Ok(lap) => lap,
                Err(cause) => {
                    // They may well be why.
                    self.tell_incidents(tell);
                    return Err(self.diverged(cause));
                }
            };
            let progress = self.progress();
            tell(RunEvent::Progress(&progress, &self.training, &lap));
            self.record(&lap, &progress)?;
            self.tell_incidents(tell);
            if let Some(failure) = self.training.failure().cloned() {
                self.save()?;
                return Err(failure.into());
            }
            self.obey(control, tell)?;
            if let Some(reason) = self.stop_reason(&progress, control) {
                return Ok(reason);
            }
            if self.checkpoints.is_due(self.training.steps) {
                self.save_and_tell(tell)?;
            }
        }
    }

    fn stop(&self) -> &StopConfig {
        &self.training.blueprint.config.stop
    }

    fn stop_reason(&self, progress: &Progress, control: &dyn Control) -> Option<StopReason> {
        let stop = self.stop();
        let reached = |goal: f32| self.training.recent.is_full() && progress.returns.mean >= f64::from(goal);
        if stop.mean_return.is_some_and(reached) {
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
        Progress {
            steps: self.training.steps,
            returns: self.training.recent.returns(),
            episodes: self.training.recent.total(),
            steps_per_second: self.training.steps as f64 / seconds.max(1e-9),
            seconds,
            phases: self.training.phases,
        }
    }

    /// Writes an iteration's numbers.
    fn record(&mut self, lap: &Lap, progress: &Progress) -> Result<(), TrainError> {
        let metrics = &mut self.metrics;
        for (name, value) in lap.learned.metrics() {
            metrics.set(name, f64::from(value));
        }
        metrics.set("charts/SPS", progress.steps_per_second);
        if lap.episodes > 0 {
            let recent = &self.training.recent;
            metrics.set("charts/episodic_return", progress.returns.mean);
            metrics.set("charts/episodic_length", recent.lengths().mean);
            for (index, term) in self.training.blueprint.spec.reward.iter().enumerate() {
                metrics.set(&reward_name(&term.name), recent.term(index).mean);
            }
        }
        for (phase, time) in lap.phases.named() {
            metrics.set(&phase_name(phase), time as f64 * 1e-9);
        }
        let written = metrics.write(progress.steps, clock::wall_seconds());
        written.and_then(|()| self.flush_now_and_then()).map_err(at(self.folder.path()))
    }

    fn flush_now_and_then(&mut self) -> std::io::Result<()> {
        let now = clock::seconds();
        if now - self.flushed < FLUSH_SECONDS {
            return Ok(());
        }
        self.flushed = now;
        self.metrics.flush()
    }

    fn tell_incidents(&mut self, tell: &mut dyn FnMut(RunEvent<'_>)) {
        let incidents = self.training.take_incidents();
        let mut tell = |sentence| tell(RunEvent::Trouble(sentence));
        self.incidents.tell(incidents, &self.training.blueprint.spec, &mut tell);
    }

    /// Saves a checkpoint and the policy.
    fn save(&mut self) -> Result<(), TrainError> {
        let checkpoint = Checkpoint { policy: self.training.policy(), state: self.training.ppo.state() };
        self.checkpoints.save(&checkpoint, self.training.recent.returns().mean)?;
        Ok(checkpoint.policy.write(&self.folder.policy())?)
    }

    /// Ends the run after a step that can't be learned from. What was saved before it is kept as it is.
    fn diverged(&mut self, cause: LearnError) -> TrainError {
        let flushed = self.metrics.flush();
        if self.checkpoints.last().is_none()
            && let Err(error) = self.save()
        {
            return error;
        }
        if let Err(error) = flushed {
            return at(self.folder.path())(error);
        }
        let last = self.checkpoints.last().map_or_else(String::new, |path| path.display().to_string());
        TrainError::Diverged { cause, kept: format!("the last good checkpoint is `{last}`") }
    }

    fn summary(self, progress: Progress, reason: StopReason, cpu_seconds: Option<f64>) -> RunSummary {
        let recent = &self.training.recent;
        let terms = self.training.blueprint.spec.reward.iter().enumerate();
        RunSummary {
            progress,
            reason,
            run_dir: self.folder.path().to_owned(),
            build_seconds: self.build_seconds,
            cpu_seconds,
            terms: terms.map(|(index, term)| (term.name.clone(), recent.term(index).mean)).collect(),
            faults: self.training.fault_count(),
            panics: self.incidents.panics(),
        }
    }
}

/// The columns of a run's metrics, under CleanRL's names.
fn metric_names(spec: &AgentSpec) -> Vec<String> {
    let charts = ["charts/episodic_return", "charts/episodic_length", "charts/SPS"].map(str::to_owned);
    let losses = ludus_learn::Iteration::default().metrics().map(|(name, _)| name.to_owned());
    let terms = spec.reward.iter().map(|term| reward_name(&term.name));
    let phases = Phases::default().named().map(|(phase, _)| phase_name(phase));
    charts.into_iter().chain(losses).chain(terms).chain(phases).collect()
}

fn reward_name(term: &str) -> String {
    format!("reward/{term}")
}

fn phase_name(phase: &str) -> String {
    format!("time/{phase}")
}
