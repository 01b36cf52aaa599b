//! The loop over the trials of a search.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ludus_spec::{AgentSpec, Seed};

use super::TuneError;
use super::child::{self, Lifelines};
use super::folder::SearchFolder;
use super::journal::{Event, Journal, last_settings};
use super::objective::Objective;
use super::pruning::{Rung, least};
use super::ranking::{Score, Trial, TrialState, ranked};
use super::result::SearchResult;
use super::settings::Settings;
use super::space::{KeyValue, Space};
use super::trial::{TrialOrder, TrialReport};
use super::trials::{Trials, failure_of, texts};
use crate::clock;
use crate::config::ConfigSource;
use crate::error::{TrainError, at};

/// Trials that may fail before one has come to its end. One more ends the search.
const MOST_FAILURES: usize = 4;

/// Draws of a trial's values, until they are new.
const MOST_DRAWS: u64 = 16;

/// The part of the machine that a search uses, and its ties to the command line.
pub(crate) struct SearchMachine<'a> {
    /// Trials at once.
    pub jobs: usize,
    /// Threads of each trial.
    pub threads: usize,
    pub lifelines: &'a Lifelines,
    pub interrupted: &'a AtomicBool,
    /// Shows a sentence about the progress.
    pub tell: &'a (dyn Fn(String) + Sync),
}

/// A search.
pub(crate) struct Search {
    folder: SearchFolder,
    space: Space,
    settings: Settings,
    journal: Journal,
    trials: Trials,
    /// Trials that had begun when the search was killed.
    to_repeat: VecDeque<u64>,
    failure: Option<TrainError>,
    /// Wall time of all processes of trials \[s\].
    process_seconds: f64,
    began: f64,
}

/// A process to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    Trial(u64),
    /// A trial with a fresh seed.
    Confirmation {
        trial: u64,
        seed: u64,
    },
}

impl Search {
    /// Begins a search in its folder.
    ///
    /// # Errors
    ///
    /// If the journal can't be written.
    pub fn begin(folder: SearchFolder, space: Space, settings: Settings) -> Result<Self, TrainError> {
        let path = folder.journal();
        let mut journal = Journal::create(&path).map_err(at(&path))?;
        journal.write(&Event::Search { settings: settings.clone() }).map_err(at(path))?;
        Ok(Self::new(folder, space, settings, journal))
    }

    /// Goes on with the search in this folder, with as many trials as it had, or with `trials`.
    ///
    /// # Errors
    ///
    /// If a file of the search can't be read or written, or if its space has changed.
    pub fn go_on(folder: SearchFolder, trials: Option<u64>, specs: &[Arc<AgentSpec>]) -> Result<Self, TrainError> {
        let path = folder.journal();
        let (mut journal, events) = Journal::open(&path).map_err(at(&path))??;
        let problem = || "the journal of a search begins with its settings".to_owned();
        let before = last_settings(&events);
        let before = before.ok_or_else(|| TuneError::Journal { path: path.clone(), line: 1, problem: problem() })?;
        let settings = Settings { trials: trials.unwrap_or(before.trials), ..before.clone() };
        if *before != settings {
            journal.write(&Event::Search { settings: settings.clone() }).map_err(at(&path))?;
        }
        let base = ConfigSource { file: Some(folder.config()), ..ConfigSource::default() };
        let space = Space::load(&folder.space(), &base, specs).map_err(TuneError::Space)?;
        let mut search = Self::new(folder, space, settings, journal);
        for event in events {
            if !search.trials.take_up(event, &search.space) {
                let problem = format!("a trial has values that `{}` does not allow", search.folder.space().display());
                return Err(TuneError::Journal { path, line: 1, problem }.into());
            }
        }
        let open = search.trials.all.iter().filter(|trial| trial.state().is_none());
        search.to_repeat = open.map(|trial| trial.number).collect();
        Ok(search)
    }

    fn new(folder: SearchFolder, space: Space, settings: Settings, journal: Journal) -> Self {
        Self {
            folder,
            space,
            settings,
            journal,
            trials: Trials::default(),
            to_repeat: VecDeque::new(),
            failure: None,
            process_seconds: 0.0,
            began: clock::seconds(),
        }
    }

    /// Carries out all trials that are left, then trains the best one with fresh seeds.
    ///
    /// # Errors
    ///
    /// If no process can be started, if nothing can be written, or if the first trials all fail.
    pub fn run(&mut self, machine: &SearchMachine<'_>) -> Result<(), TrainError> {
        self.work_on(machine, Self::next_trial)?;
        let mut confirmations: VecDeque<_> = self.confirmations().into();
        self.work_on(machine, |_| Ok(confirmations.pop_front()))
    }

    /// Starts processes for all that `next` returns, as many at once as there are jobs.
    fn work_on(
        &mut self,
        machine: &SearchMachine<'_>,
        next: impl FnMut(&mut Self) -> Result<Option<Work>, TrainError> + Send,
    ) -> Result<(), TrainError> {
        let shared = Mutex::new((&mut *self, next));
        std::thread::scope(|scope| {
            for _ in 0..machine.jobs {
                scope.spawn(|| while worked(&shared, machine) {});
            }
        });
        self.failure.take().map_or(Ok(()), Err)
    }

    /// The next trial. Its values are in the journal before it begins.
    fn next_trial(&mut self) -> Result<Option<Work>, TrainError> {
        if let Some(number) = self.to_repeat.pop_front() {
            return Ok(Some(Work::Trial(number)));
        }
        let number = self.trials.all.len() as u64;
        if number > self.settings.trials {
            return Ok(None);
        }
        let values = (number > 0).then(|| self.new_values(number));
        let trial = Trial { number, values, report: None };
        self.write(&Event::Began { trial: number, values: texts(&trial, &self.space) })?;
        self.trials.all.push(trial);
        Ok(Some(Work::Trial(number)))
    }

    /// The values of a new trial. Values that a trial has had are drawn again, a few times.
    fn new_values(&self, number: u64) -> Vec<KeyValue> {
        let ranked = self.trials.ranked_values(&self.settings.objective);
        let draw = |draw: u64| {
            let seed = Seed::new(self.settings.seed).derive(draw).bits();
            self.settings.sampler.with_seed(seed).propose(&self.space, number, &ranked)
        };
        let is_new = |values: &Vec<KeyValue>| self.trials.all.iter().all(|trial| trial.values.as_ref() != Some(values));
        (0..MOST_DRAWS).map(draw).find(is_new).unwrap_or_else(|| draw(0))
    }

    fn write(&mut self, event: &Event) -> Result<(), TrainError> {
        let written = self.journal.write(event);
        written.map_err(at(self.journal.path()))
    }

    fn order(&self, work: Work, threads: usize) -> TrialOrder {
        let (number, seeds, tag, rungs) = match work {
            Work::Trial(trial) => (trial, self.settings.seeds.clone(), format!("trial {trial}"), self.rungs()),
            Work::Confirmation { trial, seed } => {
                (trial, vec![seed], format!("trial {trial}, with a fresh seed"), Vec::new())
            }
        };
        let objective = &self.settings.objective;
        let texts = self.trials.all.get(number as usize).map(|trial| texts(trial, &self.space)).unwrap_or_default();
        let sets = texts.into_iter().map(|(key, text)| format!("{key}={text}")).collect();
        TrialOrder {
            search: self.folder.path().to_owned(),
            report: self
                .folder
                .path()
                .join(format!("{}.json", tag.replace(", ", "-").replace(' ', "-") + &suffix(work))),
            tag,
            config: self.folder.config(),
            sets,
            seeds,
            objective: objective.clone(),
            episodes: self.settings.episodes,
            sampled: self.settings.sampled,
            checks: work == Work::Trial(0),
            rungs,
            learner: self.settings.learner.clone(),
            device: self.settings.device.clone(),
            threads,
        }
    }

    /// The rungs of a trial that begins now.
    fn rungs(&self) -> Vec<Rung> {
        let rung = |(rung, &steps): (usize, &u64)| {
            let mut earlier: Vec<_> = self.trials.all.iter().filter_map(|trial| trial.at_rung(rung)).collect();
            Rung { steps, least: least(&mut earlier) }
        };
        self.settings.rung_steps.iter().enumerate().map(rung).collect()
    }

    /// Takes up the report of a process.
    fn end(&mut self, work: Work, report: TrialReport, tell: &dyn Fn(String)) -> Result<(), TrainError> {
        match (work, report) {
            // It is repeated when the search goes on.
            (_, TrialReport::Interrupted) => Ok(()),
            (_, TrialReport::UnknownMetric(names)) => {
                let metric = self.settings.objective.metric.name().to_owned();
                let known = ["return", "area", "steps", "seconds"].map(str::to_owned);
                let valid = ludus_config::valid_names(&[&known[..], &names].concat());
                Err(TuneError::UnknownMetric { metric, valid }.into())
            }
            (Work::Trial(number), report) => {
                self.write(&Event::Ended { trial: number, report: report.clone() })?;
                self.trials.all[number as usize].report = Some(report);
                let troubles = self.trials.all[number as usize].runs().iter().flat_map(|run| &run.troubles);
                troubles.for_each(|trouble| tell(format!("warning: {trouble}")));
                tell(self.progress_sentence(number));
                Ok(self.check_failures()?)
            }
            (Work::Confirmation { trial, seed }, report) => {
                self.write(&Event::Confirmed { trial, seed, report: report.clone() })?;
                self.trials.confirmed.insert((trial, seed), report);
                Ok(())
            }
        }
    }

    /// Ends the search if every trial so far has failed, and there were several.
    fn check_failures(&self) -> Result<(), TuneError> {
        let ended: Vec<_> = self.trials.all.iter().filter_map(|trial| Some((trial.state()?, trial))).collect();
        let has_failed = |(state, _): &(TrialState, &Trial)| *state == TrialState::Failed;
        match ended.last() {
            Some((_, last)) if ended.len() > MOST_FAILURES && ended.iter().all(has_failed) => {
                Err(TuneError::AllFailed { trials: ended.len(), reason: failure_of(last).unwrap_or_default() })
            }
            _ => Ok(()),
        }
    }

    /// A sentence about a trial that has ended.
    fn progress_sentence(&self, number: u64) -> String {
        let trial = &self.trials.all[number as usize];
        let objective = &self.settings.objective;
        let last = trial.runs().last();
        let result = match trial.state() {
            Some(TrialState::Finished) => {
                let score = Score::of(trial.runs(), objective);
                match score.without_value {
                    0 => format!("{} {}", objective.title(), objective.shown(score.value)),
                    missed => format!("{} missed on {missed} of {} seeds", objective.title(), trial.runs().len()),
                }
            }
            Some(TrialState::Pruned) => format!("pruned after {} steps", last.map_or(0, |run| run.steps)),
            Some(TrialState::Failed) => {
                failure_of(trial).map_or_else(String::new, |reason| format!("failed: {reason}"))
            }
            None => String::new(),
        };
        let best = ranked(&self.trials.all, objective).first().map_or(0, |best| best.number);
        let values =
            texts(trial, &self.space).into_iter().map(|(key, text)| format!("{key}={text}")).collect::<Vec<_>>();
        let values = if values.is_empty() { "the config as it is".to_owned() } else { values.join(" ") };
        format!("trial {number} of {}: {result}; {values}; the best is trial {best}", self.settings.trials)
    }

    /// The best trial, if it has come to its end with a value for each run.
    pub fn best(&self) -> Result<u64, TuneError> {
        let objective = &self.settings.objective;
        let ranked = ranked(&self.trials.all, objective);
        let best = ranked.first().filter(|best| best.state() == Some(TrialState::Finished));
        let Some(best) = best else {
            let reason = ranked.first().and_then(|trial| failure_of(trial));
            let remedy =
                reason.map_or_else(|| "go on with --resume".to_owned(), |reason| format!("the first: {reason}"));
            return Err(TuneError::NoneFinished { remedy });
        };
        let score = Score::of(best.runs(), objective);
        match objective.goal {
            Some(goal) if score.without_value > 0 => {
                Err(TuneError::GoalNotReached { goal, trial: best.number, mean_return: score.evaluated })
            }
            _ => Ok(best.number),
        }
    }

    /// The runs with fresh seeds that are left: of the best trial, and of the config as it is.
    fn confirmations(&self) -> Vec<Work> {
        let Ok(best) = self.best() else { return Vec::new() };
        let trials = if best == 0 { vec![0] } else { vec![best, 0] };
        let seeds = &self.settings.fresh_seeds;
        let runs = trials.into_iter().flat_map(|trial| seeds.iter().map(move |&seed| (trial, seed)));
        let left = runs.filter(|run| !self.trials.confirmed.contains_key(run));
        left.map(|(trial, seed)| Work::Confirmation { trial, seed }).collect()
    }

    /// The metric that trials are judged by.
    pub const fn objective(&self) -> &Objective {
        &self.settings.objective
    }

    /// The changes of the config that a trial makes, as `--set` takes them.
    pub fn sets(&self, number: u64) -> Vec<String> {
        let texts = self.trials.all.get(number as usize).map(|trial| texts(trial, &self.space)).unwrap_or_default();
        texts.into_iter().map(|(key, text)| format!("{key}={text}")).collect()
    }

    /// The names of the keys.
    pub fn keys(&self) -> Vec<String> {
        self.space.keys.iter().map(|key| key.name.clone()).collect()
    }

    /// The results so far.
    pub fn result(&self) -> SearchResult {
        let objective = &self.settings.objective;
        let ranked = ranked(&self.trials.all, objective).into_iter();
        SearchResult {
            search: self.folder.path().to_owned(),
            metric: objective.title(),
            seeds: self.settings.seeds.clone(),
            trials: ranked.filter_map(|trial| self.trials.result(trial, &self.space, objective)).collect(),
            importance: self.trials.importance(&self.space, objective),
            fresh_seeds: self.settings.fresh_seeds.clone(),
            seconds: clock::seconds() - self.began,
            process_seconds: self.process_seconds,
        }
    }
}

fn suffix(work: Work) -> String {
    match work {
        Work::Trial(_) => String::new(),
        Work::Confirmation { seed, .. } => format!("-{seed}"),
    }
}

/// Carries out the next process. Returns false if there is none left, or if the search is to end.
fn worked<N>(shared: &Mutex<(&mut Search, N)>, machine: &SearchMachine<'_>) -> bool
where
    N: FnMut(&mut Search) -> Result<Option<Work>, TrainError>,
{
    let (work, order) = {
        let mut locked = locked(shared);
        let (search, next) = &mut *locked;
        if search.failure.is_some() || machine.interrupted.load(Ordering::Relaxed) {
            return false;
        }
        match next(search) {
            Ok(Some(work)) => (work, search.order(work, machine.threads)),
            Ok(None) => return false,
            Err(error) => {
                search.failure = Some(error);
                return false;
            }
        }
    };
    let start = clock::seconds();
    let report = child::carry_out(&order, machine.lifelines);
    let seconds = clock::seconds() - start;
    let search = &mut locked(shared).0;
    search.process_seconds += seconds;
    // A process without a report was ended with the search.
    let report = report.map(|report| match report {
        TrialReport::Failed(_) if machine.interrupted.load(Ordering::Relaxed) => TrialReport::Interrupted,
        report => report,
    });
    let ended = report.map_err(TrainError::from).and_then(|report| search.end(work, report, machine.tell));
    if let Err(error) = ended {
        search.failure.get_or_insert(error);
    }
    search.failure.is_none()
}

fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
