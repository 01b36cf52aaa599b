//! A trial: the training runs of some values, one run for each seed. It is a process of its own.

use std::cell::Cell;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ludus_policy::PolicyFile;
use ludus_policy::files::{self, LONGEST_FILE, Links};
use ludus_spec::AgentSpec;
use serde::{Deserialize, Serialize};

use super::objective::{Metric, Objective};
use super::pruning::Rung;
use crate::actor::Actor;
use crate::blueprint::Blueprint;
use crate::config::{ConfigSource, PolicySource, RunConfig};
use crate::control::{Control, Order};
use crate::error::{TrainError, at};
use crate::evaluation::{EvaluationSettings, evaluate};
use crate::folder::RunFolder;
use crate::frozen::frozen_file;
use crate::metrics::last_numbers;
use crate::progress::{Progress, RunEvent, RunSummary, StopReason};
use crate::resume::RunTarget;
use crate::run;

/// Most points of a learning curve that a trial reports.
const MOST_POINTS: usize = 100;

/// The work of a trial's process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct TrialOrder {
    /// The folder of the search, which gets the run folders.
    pub search: PathBuf,
    /// The words by which people recognise the trial, such as `trial 3`.
    pub tag: String,
    /// The config without the values of the trial.
    pub config: PathBuf,
    /// The values, and what else differs from the config, as `--set` takes it.
    pub sets: Vec<String>,
    /// The seeds of the runs.
    pub seeds: Vec<u64>,
    pub objective: Objective,
    /// Episodes of an evaluation.
    pub episodes: u32,
    /// The points at which the trial may be ended early.
    pub rungs: Vec<Rung>,
    /// The file that gets the report.
    pub report: PathBuf,
    /// The learner, and the device that it computes on, as on the command line.
    pub learner: Option<String>,
    pub device: String,
    /// Threads of the process.
    pub threads: usize,
}

/// The results of a trial's process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TrialReport {
    /// All runs, or those before the trial was pruned.
    Done(Vec<RunOutcome>),
    /// The error that ended a run, in words.
    Failed(String),
    /// The runs have no metric of the objective's name; contains the names that there are.
    UnknownMetric(Vec<String>),
    /// The process was requested to end.
    Interrupted,
}

/// The results of a training run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunOutcome {
    pub seed: u64,
    /// The name of the run's folder in that of the search.
    pub run: String,
    pub end: RunEnd,
    pub steps: u64,
    /// Time of training \[s\].
    pub seconds: f64,
    /// Processor time of training \[s\], where the system tells.
    pub cpu_seconds: Option<f64>,
    /// The training's mean return at the end.
    pub mean_return: Option<f64>,
    /// The objective's metric; `None` if the goal was not reached, or if there is no number.
    pub value: Option<f64>,
    /// The mean return at each rung; `None` where there was none yet, or where the run did not come so far.
    pub at_rungs: Vec<Option<f64>>,
    /// The learning curve: steps, and the mean return after them.
    pub curve: Vec<(u64, f64)>,
}

/// The ways in which a run of a trial ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RunEnd {
    /// The mean return of the config, or the goal, was reached.
    Reached,
    /// The steps or the seconds of the config are over.
    Over,
    /// The mean return was too low at a rung.
    Pruned,
}

/// The parts of a trial that it shares with other commands.
pub(crate) struct TrialContext<'a> {
    pub specs: &'a [Arc<AgentSpec>],
    /// Makes the blueprint of a config.
    pub blueprint: &'a dyn Fn(RunConfig) -> Result<Blueprint, TrainError>,
    pub interrupted: &'a AtomicBool,
    /// Shows a sentence about a problem that does not end the trial.
    pub warn: &'a dyn Fn(&str),
}

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
        let source = ConfigSource { file: Some(order.config.clone()), sets: order.sets.clone(), seed: Some(seed) };
        let config = RunConfig::load(&source, context.specs)?.resolved();
        let mut run = TrialRun::new(order, &outcomes);
        let summary = run.train((context.blueprint)(config.clone())?, context)?;
        if context.interrupted.load(Ordering::Relaxed) {
            return Ok(TrialReport::Interrupted);
        }
        let end = run.end(&summary);
        let value = match run.value(&summary, end, &config, context)? {
            Ok(value) => value,
            Err(names) => return Ok(TrialReport::UnknownMetric(names)),
        };
        outcomes.push(run.outcome(&summary, seed, end, value));
        if end == RunEnd::Pruned {
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
}

/// The control of a run of a trial: it ends when the trial is pruned, or when the process is to end.
struct TrialControl<'a> {
    is_pruned: &'a Cell<bool>,
    interrupted: &'a AtomicBool,
}

impl Control for TrialControl<'_> {
    fn next_order(&self) -> Option<Order> {
        None
    }

    fn is_ending(&self) -> bool {
        self.is_pruned.get() || self.interrupted.load(Ordering::Relaxed)
    }
}

impl<'a> TrialRun<'a> {
    fn new(order: &'a TrialOrder, before: &'a [RunOutcome]) -> Self {
        let at_rungs = vec![None; order.rungs.len()];
        Self { order, before, at_rungs, passed: 0, is_pruned: false, curve: Vec::new() }
    }

    fn train(&mut self, blueprint: Blueprint, context: &TrialContext<'_>) -> Result<RunSummary, TrainError> {
        let is_pruned = Cell::new(false);
        let control = TrialControl { is_pruned: &is_pruned, interrupted: context.interrupted };
        let order = self.order;
        let mut failed = None;
        let mut tell = |event: RunEvent<'_>| match event {
            RunEvent::Started(start, _) => failed = write_tag(&start.run_dir, &order.tag).err(),
            RunEvent::Progress(progress, ..) => {
                if self.follow(progress) {
                    is_pruned.set(true);
                }
            }
            RunEvent::Trouble(sentence) => (context.warn)(&sentence),
            RunEvent::Saved(..) | RunEvent::Changed(..) | RunEvent::Note(_) => {}
        };
        let summary = run::train(blueprint, RunTarget::New(&order.search), &control, &mut tell)?;
        self.is_pruned = is_pruned.get();
        failed.map_or(Ok(summary), Err)
    }

    /// Takes note of an iteration. Returns true if the trial is to end.
    fn follow(&mut self, progress: &Progress) -> bool {
        let mean = mean_return(progress, &self.order.objective.kind);
        self.curve.extend(mean.map(|mean| (progress.steps, mean)));
        let rung = self.passed;
        match self.order.rungs.get(rung).filter(|at| progress.steps >= at.steps) {
            None => false,
            Some(at) => {
                self.passed += 1;
                self.at_rungs[rung] = mean;
                let least = at.least.unwrap_or(f64::NEG_INFINITY);
                mean_at(rung, self.before.iter().map(|run| &run.at_rungs).chain([&self.at_rungs]))
                    .is_some_and(|mean| mean < least)
            }
        }
    }

    fn end(&self, summary: &RunSummary) -> RunEnd {
        match summary.reason {
            StopReason::MeanReturn => RunEnd::Reached,
            _ if self.is_pruned => RunEnd::Pruned,
            _ => RunEnd::Over,
        }
    }

    /// The objective's metric; the names of all metrics if the run has none of its name.
    fn value(
        &self,
        summary: &RunSummary,
        end: RunEnd,
        config: &RunConfig,
        context: &TrialContext<'_>,
    ) -> Result<Result<Option<f64>, Vec<String>>, TrainError> {
        let progress = &summary.progress;
        let has_reached = end == RunEnd::Reached;
        Ok(Ok(match &self.order.objective.metric {
            Metric::Return if end == RunEnd::Pruned => mean_return(progress, &self.order.objective.kind),
            Metric::Return => self.evaluated(&summary.run_dir, config, context)?,
            Metric::Area => area(&self.curve, config.stop.steps.get(), has_reached),
            Metric::Steps => has_reached.then_some(progress.steps as f64),
            Metric::Seconds => has_reached.then_some(progress.seconds),
            Metric::Column(name) => {
                let path = RunFolder::open(&summary.run_dir).metrics();
                let bytes = files::read(&path, Links::Refuse, LONGEST_FILE).map_err(at(&path))?;
                let numbers = last_numbers(&String::from_utf8_lossy(&bytes));
                match numbers.iter().find(|(column, _)| column == name) {
                    Some(&(_, number)) => number,
                    None => return Ok(Err(numbers.into_iter().map(|(column, _)| column).collect())),
                }
            }
        }))
    }

    /// The mean return of the policy in worlds whose seeds training does not use.
    fn evaluated(
        &self,
        run_dir: &Path,
        config: &RunConfig,
        context: &TrialContext<'_>,
    ) -> Result<Option<f64>, TrainError> {
        let Some(episodes) = std::num::NonZeroU32::new(self.order.episodes) else { return Ok(None) };
        let blueprint = (context.blueprint)(config.clone().shrunk_to(episodes))?;
        let folder = RunFolder::open(run_dir);
        let actor = |kinds: &Vec<usize>| {
            let spec = &blueprint.specs[kinds[0]];
            let path = match &blueprint.agent(kinds[0]).policy {
                PolicySource::Frozen(named) => frozen_file(named, spec),
                _ => folder.policy_of(&spec.name),
            };
            Actor::new(&PolicyFile::read_for(&path, spec)?, &blueprint, kinds[0])
        };
        let actors = blueprint.lanes().iter().map(actor).collect::<Result<Vec<_>, _>>()?;
        let settings = EvaluationSettings { episodes: episodes.get(), sampled: false };
        let mut warn = |sentence: String| (context.warn)(&sentence);
        let evaluation = evaluate(&blueprint, &actors, settings, context.interrupted, &mut warn)?;
        let kind = evaluation.kinds.iter().find(|kind| kind.name == self.order.objective.kind);
        Ok(kind.map(|kind| kind.returns.mean).filter(|mean| mean.is_finite()))
    }

    fn outcome(self, summary: &RunSummary, seed: u64, end: RunEnd, value: Option<f64>) -> RunOutcome {
        let mean_return = mean_return(&summary.progress, &self.order.objective.kind);
        let mut at_rungs = self.at_rungs;
        if end != RunEnd::Pruned {
            // A run that is over before a rung has done all that it has to.
            at_rungs[self.passed..].fill(mean_return);
        }
        let run = summary.run_dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
        RunOutcome {
            seed,
            run,
            end,
            steps: summary.progress.steps,
            seconds: summary.progress.seconds,
            cpu_seconds: summary.cpu_seconds,
            mean_return,
            value: value.filter(|value| value.is_finite()),
            at_rungs,
            curve: thinned(&self.curve),
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

/// The mean over runs of their mean returns at a rung; `None` if one has none there.
pub(super) fn mean_at<'a>(rung: usize, runs: impl Iterator<Item = &'a Vec<Option<f64>>>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0.0);
    for at_rungs in runs {
        sum += at_rungs.get(rung).copied().flatten()?;
        count += 1.0;
    }
    (count > 0.0).then(|| sum / count)
}

/// The mean of a learning curve over its steps.
///
/// Before its first point, the curve has the value of that point. After its last, it has that value up to `steps` if
/// the run ended because it was good enough, else it ends there.
fn area(curve: &[(u64, f64)], steps: u64, is_good_enough: bool) -> Option<f64> {
    let (&(_, first), &(last_steps, last)) = (curve.first()?, curve.last()?);
    let end = if is_good_enough { steps.max(last_steps) } else { last_steps };
    let mut area = last * (end - last_steps) as f64;
    let mut before = (0, first);
    for &(steps, mean) in curve {
        area += (steps - before.0) as f64 * 0.5 * (before.1 + mean);
        before = (steps, mean);
    }
    Some(area / end as f64)
}

/// At most [`MOST_POINTS`] points of a curve, with the last one among them.
fn thinned(curve: &[(u64, f64)]) -> Vec<(u64, f64)> {
    let stride = curve.len().div_ceil(MOST_POINTS).max(1);
    let mut points: Vec<_> = curve.iter().rev().step_by(stride).copied().collect();
    points.reverse();
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_area_is_the_mean_of_the_curve() {
        // From 0 to 2 it is 1; from 2 to 4 it rises from 1 to 3; from 4 to 8 it stays at 3.
        let curve = [(2, 1.0), (4, 3.0)];
        assert_eq!(area(&curve, 8, true), Some((2.0 + 4.0 + 12.0) / 8.0));
        assert_eq!(area(&curve, 8, false), Some((2.0 + 4.0) / 4.0));
        assert_eq!(area(&[], 8, true), None);
    }

    #[test]
    fn a_thinned_curve_keeps_its_end() {
        let curve: Vec<_> = (1..=1050).map(|step| (step, step as f64)).collect();
        let points = thinned(&curve);
        assert!(points.len() <= MOST_POINTS && points.last() == curve.last());
        assert_eq!(thinned(&curve[..7]), curve[..7]);
    }

    #[test]
    fn the_mean_at_a_rung_needs_all_runs() {
        let runs = [vec![Some(1.0), None], vec![Some(3.0), Some(5.0)]];
        assert_eq!(mean_at(0, runs.iter()), Some(2.0));
        assert_eq!(mean_at(1, runs.iter()), None);
        assert_eq!(mean_at(2, runs.iter()), None);
        assert_eq!(mean_at(0, [].iter()), None);
    }
}
