//! Carrying out a trial, in a process of its own: training runs with evaluations, one run for each seed.

use std::cell::Cell;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use ludus_policy::files::{self, LONGEST_FILE, Links};

use super::curve::{area, thinned};
use super::evaluating::Evaluations;
use super::objective::Metric;
use super::trial::{RunEnd, RunOutcome, TrialContext, TrialOrder, TrialReport, mean_at};
use crate::blueprint::Blueprint;
use crate::config::{ConfigSource, RunConfig};
use crate::control::{Control, Order};
use crate::error::{TrainError, at};
use crate::folder::RunFolder;
use crate::metrics::last_numbers;
use crate::progress::{Progress, RunEvent, RunSummary, StopReason};
use crate::resume::RunTarget;
use crate::run;
use crate::training::Training;

/// Carries out a trial and writes its report.
///
/// # Errors
///
/// If the report can't be written. What ends a run is in the report.
pub(crate) fn carry_out(order: &TrialOrder, context: &TrialContext<'_>) -> Result<(), TrainError> {
    let report = match run_all(order, context) {
        Ok(report) => report,
        Err(error) => TrialReport::Failed(error.to_string()),
    };
    let text = serde_json::to_string(&report).expect("numbers and names are JSON");
    write_new(&order.report, &text)
}

/// Writes a new file without waiting for the disk: what is lost with the machine is made again.
fn write_new(path: &Path, text: &str) -> Result<(), TrainError> {
    let written = files::create_new(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(at(path))
}

fn run_all(order: &TrialOrder, context: &TrialContext<'_>) -> Result<TrialReport, TrainError> {
    let mut outcomes = Vec::with_capacity(order.seeds.len());
    for &seed in &order.seeds {
        let source = ConfigSource {
            file: Some(order.config.clone()),
            sets: order.sets.clone(),
            seed: Some(seed),
            parameters: context.parameters.to_vec(),
            ..ConfigSource::default()
        };
        let mut config = RunConfig::load(&source, context.specs)?.resolved();
        if order.objective.goal.is_some() {
            // An evaluation ends the run.
            config.stop.mean_return = None;
            config.stop.success = None;
        }
        let mut run = TrialRun::new(order, &outcomes, Evaluations::new(order, context, &config)?);
        let summary = run.train((context.blueprint)(config.clone())?, context)?;
        if !run.is_pruned && !context.interrupted.load(Ordering::Relaxed) {
            run.finish(&summary)?;
        }
        if context.interrupted.load(Ordering::Relaxed) {
            return Ok(TrialReport::Interrupted);
        }
        let value = match run.value(&summary, config.stop.steps.get())? {
            Ok(value) => value,
            Err(names) => return Ok(TrialReport::UnknownMetric(names)),
        };
        let outcome = run.outcome(&summary, seed, value);
        let is_pruned = outcome.end == RunEnd::Pruned;
        outcomes.push(outcome);
        if is_pruned {
            break;
        }
    }
    Ok(TrialReport::Done(outcomes))
}

/// A training run of a trial while it goes on.
struct TrialRun<'a> {
    order: &'a TrialOrder,
    /// The runs of the trial that are over.
    before: &'a [RunOutcome],
    at_rungs: Vec<Option<f64>>,
    /// Rungs that were passed.
    passed: usize,
    is_pruned: bool,
    curve: Vec<(u64, f64)>,
    troubles: Vec<String>,
    evaluations: Evaluations<'a>,
}

/// The control of a run of a trial: it ends when the trial is pruned, when an evaluation reaches the goal, or when the
/// process is to end.
struct TrialControl<'a> {
    is_over: &'a Cell<bool>,
    interrupted: &'a AtomicBool,
}

impl Control for TrialControl<'_> {
    fn next_order(&self) -> Option<Order> {
        None
    }

    fn is_ending(&self) -> bool {
        self.is_over.get() || self.interrupted.load(Ordering::Relaxed)
    }
}

impl<'a> TrialRun<'a> {
    fn new(order: &'a TrialOrder, before: &'a [RunOutcome], evaluations: Evaluations<'a>) -> Self {
        let at_rungs = vec![None; order.rungs.len()];
        Self {
            order,
            before,
            at_rungs,
            passed: 0,
            is_pruned: false,
            curve: Vec::new(),
            troubles: Vec::new(),
            evaluations,
        }
    }

    fn train(&mut self, blueprint: Blueprint, context: &TrialContext<'_>) -> Result<RunSummary, TrainError> {
        let is_over = Cell::new(false);
        let control = TrialControl { is_over: &is_over, interrupted: context.interrupted };
        let order = self.order;
        let is_to_be_checked = order.checks && self.before.is_empty();
        let new = if is_to_be_checked { RunTarget::New } else { RunTarget::NewOfChecked };
        let mut failed = None;
        let mut tell = |event: RunEvent<'_>| match event {
            RunEvent::Started(start, _) => failed = write_tag(&start.run_dir, &order.tag).err(),
            RunEvent::Progress(progress, training, _) => match self.follow(progress, training) {
                Ok(is_enough) => is_over.set(is_enough),
                Err(error) => {
                    failed.get_or_insert(error);
                    is_over.set(true);
                }
            },
            RunEvent::Trouble(sentence) => {
                (context.warn)(&sentence);
                self.troubles.extend(order.checks.then_some(sentence));
            }
            RunEvent::Saved(..) | RunEvent::Changed(..) | RunEvent::Note(_) => {}
        };
        let summary = run::train(blueprint, new(&order.search), &control, &mut tell)?;
        failed.map_or(Ok(summary), Err)
    }

    /// Takes note of an iteration, and evaluates if that is due. Returns true if the run is to end.
    fn follow(&mut self, progress: &Progress, training: &Training) -> Result<bool, TrainError> {
        let mean = mean_return(progress, &self.order.objective.kind);
        self.curve.extend(mean.map(|mean| (progress.steps, mean)));
        self.is_pruned = self.is_to_be_pruned(progress.steps, mean);
        if !self.is_pruned && self.evaluations.plan.is_due(progress.steps, mean) {
            self.evaluations.make(progress.steps, &training.policies())?;
        }
        Ok(self.is_pruned || self.evaluations.has_reached_goal())
    }

    /// Takes note of a rung. Returns true if the trial is not good enough to go on past it.
    fn is_to_be_pruned(&mut self, steps: u64, mean: Option<f64>) -> bool {
        let rung = self.passed;
        let Some(at) = self.order.rungs.get(rung).filter(|at| steps >= at.steps) else { return false };
        self.passed += 1;
        self.at_rungs[rung] = mean;
        let least = at.least.unwrap_or(f64::NEG_INFINITY);
        mean_at(rung, self.before.iter().map(|run| &run.at_rungs).chain([&self.at_rungs]))
            .is_some_and(|mean| mean < least)
    }

    /// Evaluates the policy at the end of the run, if the metric needs that.
    fn finish(&mut self, summary: &RunSummary) -> Result<(), TrainError> {
        let is_needed = match &self.order.objective.metric {
            Metric::Column(name) => self.evaluations.have_column(name),
            _ => true,
        };
        if is_needed { self.evaluations.finish(summary.progress.steps, &summary.run_dir) } else { Ok(()) }
    }

    fn end(&self, summary: &RunSummary) -> RunEnd {
        match summary.reason {
            _ if self.is_pruned => RunEnd::Pruned,
            StopReason::MeanReturn | StopReason::Success => RunEnd::Reached,
            _ if self.evaluations.has_reached_goal() => RunEnd::Reached,
            _ => RunEnd::Over,
        }
    }

    /// The objective's metric, after a run of at most `steps` steps; the names of all metrics if the run has none of its
    /// name.
    fn value(&self, summary: &RunSummary, steps: u64) -> Result<Result<Option<f64>, Vec<String>>, TrainError> {
        let (end, points) = (self.end(summary), self.evaluations.points());
        let is_reached = end == RunEnd::Reached;
        Ok(Ok(match &self.order.objective.metric {
            Metric::Column(name) => return self.column(name, summary),
            _ if end == RunEnd::Pruned => None,
            Metric::Return => points.last().map(|&(_, mean)| mean),
            Metric::Area => area(points, steps, is_reached),
            Metric::Steps => is_reached.then_some(summary.progress.steps as f64),
            Metric::Seconds => is_reached.then_some(summary.progress.seconds),
        }))
    }

    /// The number of a column at the end of the run; the names of all columns if there is none of this name.
    fn column(&self, name: &str, summary: &RunSummary) -> Result<Result<Option<f64>, Vec<String>>, TrainError> {
        let path = RunFolder::open(&summary.run_dir).metrics();
        let bytes = files::read(&path, Links::Refuse, LONGEST_FILE).map_err(at(&path))?;
        let numbers = last_numbers(&String::from_utf8_lossy(&bytes));
        let Some(&(_, number)) = numbers.iter().find(|(column, _)| column == name) else {
            return Ok(Err(numbers.into_iter().map(|(column, _)| column).collect()));
        };
        let is_evaluated = self.evaluations.have_column(name);
        Ok(Ok(if is_evaluated { self.evaluations.column(name) } else { number }))
    }

    fn outcome(self, summary: &RunSummary, seed: u64, value: Option<f64>) -> RunOutcome {
        let end = self.end(summary);
        let trained = mean_return(&summary.progress, &self.order.objective.kind);
        let mut at_rungs = self.at_rungs;
        if end != RunEnd::Pruned {
            // A run that is over before a rung has done all that it has to.
            at_rungs[self.passed..].fill(trained);
        }
        let run = summary.run_dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let evaluations = self.evaluations.points().to_vec();
        let spent = self.evaluations.cpu_seconds_in_training();
        RunOutcome {
            seed,
            run,
            end,
            steps: summary.progress.steps,
            seconds: summary.progress.seconds,
            cpu_seconds: summary.cpu_seconds.zip(spent).map(|(all, evaluations)| all - evaluations),
            evaluation_cpu_seconds: self.evaluations.cpu_seconds(),
            mean_return: trained,
            value: value.filter(|value| value.is_finite()),
            at_rungs,
            curve: thinned(&self.curve),
            evaluations,
            troubles: self.troubles,
        }
    }
}

fn write_tag(run_dir: &Path, tag: &str) -> Result<(), TrainError> {
    write_new(&RunFolder::open(run_dir).tag(), &format!("{tag}\n"))
}

fn mean_return(progress: &Progress, kind: &str) -> Option<f64> {
    let of_kind = progress.kinds.iter().find(|progress| progress.name == kind)?;
    Some(of_kind.returns.mean).filter(|mean| mean.is_finite())
}
