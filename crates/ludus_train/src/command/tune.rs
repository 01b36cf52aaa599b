//! The command `tune`.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ludus_config::valid_names;
use ludus_policy::{files, write_atomically};
use ludus_spec::AgentSpec;
use ludus_worlds::{Game, parameters_of};

use crate::blueprint::Blueprint;
use crate::clock;
use crate::config::{ConfigSource, MeanReturn, PolicySource, RunConfig};
use crate::error::{TrainError, at};
use crate::folder::{LATEST, RunFolder};
use crate::interrupt;
use crate::learner::{LearnerChoice, LearnerKind};
use crate::lock::RunLock;
use crate::record::CurriculumStages;
use crate::report::Report;
use crate::shipped::shipped;
use crate::tune::child::{self, Lifelines};
use crate::tune::folder::SearchFolder;
use crate::tune::objective::{Metric, Objective};
use crate::tune::pruning::rung_steps;
use crate::tune::search::{Search, SearchMachine};
use crate::tune::settings::Settings;
use crate::tune::space::Space;
use crate::tune::trial::{TrialContext, TrialOrder};
use crate::tune::trial_run;
use crate::tune::{SearchResult, TrialResult, TuneError};

use super::arguments::TuneArguments;
use super::config_file::searched_folders;
use super::outlet::{note, say, warn};
use super::{MissingConfig, Program, cores, thread_pool};

/// Trials of a search that names no number.
const TRIALS: u64 = 30;

/// Runs `tune`: searches, and prints the results. In the process of a trial, carries it out and ends the process.
pub(super) fn tune(program: &Program, arguments: &TuneArguments) -> Result<Report, TrainError> {
    let specs = program.specs()?;
    if let Some(order) = child::own_order() {
        let done = carry_out(program, &specs, &order);
        done.as_ref().err().into_iter().for_each(note);
        // The rest of the game's `main` is meant for the process of the search.
        std::process::exit(done.is_err().into());
    }
    if let Some(path) = arguments.write.as_ref().filter(|path| fs::symlink_metadata(path).is_ok()) {
        return Err(TuneError::FileExists { path: path.clone() }.into());
    }
    let (folder, new) = match &arguments.resume {
        Some(named) => (find(program, &arguments.run.runs_dir, named)?, None),
        None => {
            let new = NewSearch::new(program, arguments, &specs)?;
            (new.create(program, &arguments.run.runs_dir)?, Some(new))
        }
    };
    let _lock = RunLock::take(&RunFolder::open(folder.path()))?;
    let mut search = match new {
        None => Search::go_on(folder.clone(), arguments.trials.map(|trials| trials.get()), &specs)?,
        Some(NewSearch { space, settings, .. }) => Search::begin(folder.clone(), space, settings)?,
    };
    note(format_args!("search: {}", folder.path().display()));
    let jobs = arguments.jobs.map_or_else(cores, |jobs| jobs.get());
    let threads = arguments.run.threads.map_or_else(|| (cores() / jobs).max(1), |threads| threads.get());
    let lifelines = Arc::new(Lifelines::new());
    let to_cut = Arc::clone(&lifelines);
    let interrupted = interrupt::listen(move || {
        note("ending the trials; go on with --resume");
        to_cut.cut();
    });
    let tell = |sentence: String| note(sentence);
    search.run(&SearchMachine { jobs, threads, lifelines: &lifelines, interrupted, tell: &tell })?;
    let result = search.result();
    print(&search, &result, jobs);
    let report = Report { search: Some(result), ..Report::default() };
    if interrupted.load(Ordering::Relaxed) {
        return Ok(report);
    }
    let best = search.best()?;
    if let Some(file) = &arguments.write {
        write(file, &folder, &search.sets(best), &specs, &program.definition.game)?;
    }
    Ok(report)
}

/// Carries out a trial, in whose process this is.
fn carry_out(program: &Program, specs: &[Arc<AgentSpec>], order: &TrialOrder) -> Result<(), TrainError> {
    child::end_with_the_search();
    let pool = Arc::new(thread_pool(order.threads)?);
    let learner = LearnerChoice {
        learner: order.learner.as_deref().and_then(|name| <LearnerKind as clap::ValueEnum>::from_str(name, false).ok()),
        device: order.device.parse().unwrap_or_default(),
    };
    let blueprint = |config: RunConfig| {
        let (definition, pool) = (program.definition.clone(), Arc::clone(&pool));
        let (note, stages) = (|sentence| note(sentence), CurriculumStages::default());
        Ok(Blueprint {
            definition,
            specs: specs.to_vec(),
            config,
            pool,
            iteration: 0,
            stages,
            hash_every: None,
            learner,
            team_views: Vec::new(),
            note,
        })
    };
    let interrupted = interrupt::listen(|| {});
    let parameters = &parameters_of(&program.definition.game)?;
    trial_run::carry_out(order, &TrialContext { specs, parameters, blueprint: &blueprint, interrupted, warn: &warn })
}

/// Finds the search to go on with.
fn find(program: &Program, runs: &Path, named: &Path) -> Result<SearchFolder, TuneError> {
    if named == Path::new(LATEST) {
        let game = program.definition.name.clone();
        let none = TuneError::NoSearch { game: game.clone(), runs: runs.to_owned() };
        return SearchFolder::newest(runs, &game).ok_or(none);
    }
    let unknown = || TuneError::UnknownSearch { search: named.to_owned(), runs: runs.to_owned() };
    SearchFolder::named(runs, named).ok_or_else(unknown)
}

/// A search that is about to begin.
struct NewSearch {
    config: RunConfig,
    space: Space,
    /// The file that the space was read from.
    file: PathBuf,
    settings: Settings,
}

impl NewSearch {
    fn new(program: &Program, arguments: &TuneArguments, specs: &[Arc<AgentSpec>]) -> Result<Self, TrainError> {
        let run = &arguments.run;
        let loaded = program.config(run, specs, MissingConfig::Refused)?;
        let asset = Path::new("assets/tune").join(format!("{}.ron", program.definition.name));
        let file = arguments.space.clone().or_else(|| shipped(&asset));
        let file = file.ok_or_else(|| TuneError::NoSpace { file: asset, folders: searched_folders() })?;
        let parameters = parameters_of(&program.definition.game)?;
        let has_own_network = program.definition.has_own_network();
        let base = ConfigSource { file: loaded.file, sets: run.sets(), seed: run.seed, parameters, has_own_network };
        let space = Space::load(&file, &base, specs).map_err(TuneError::Space)?;
        note(format_args!("space: {}", file.display()));
        let config = loaded.config;
        let objective = objective(arguments, &config, specs)?;
        let seeds = u64::from(arguments.seeds.get());
        let prunes = !arguments.no_pruning && objective.metric.follows_return();
        let settings = Settings {
            trials: arguments.trials.map_or(TRIALS, |trials| trials.get()),
            seed: config.seed,
            sampler: arguments.sampler,
            seeds: (0..seeds).map(|index| config.seed.wrapping_add(index)).collect(),
            fresh_seeds: (0..u64::from(arguments.fresh_seeds))
                .map(|index| config.seed.wrapping_add(seeds + index))
                .collect(),
            episodes: arguments.episodes.map_or_else(|| objective.metric.episodes(), |episodes| episodes.get()),
            sampled: arguments.sample,
            rung_steps: if prunes { rung_steps(config.stop.steps.get()) } else { Vec::new() },
            learner: arguments.learner.learner.and_then(|kind| {
                <LearnerKind as clap::ValueEnum>::to_possible_value(&kind).map(|value| value.get_name().to_owned())
            }),
            device: arguments.learner.device.to_string(),
            objective,
        };
        Ok(Self { config, space, file, settings })
    }

    /// Creates its folder, with the config and the space.
    fn create(&self, program: &Program, runs: &Path) -> Result<SearchFolder, TrainError> {
        let folder = SearchFolder::create(runs, &program.definition.name, &clock::today()).map_err(at(runs))?;
        write_atomically(&folder.config(), self.config.to_ron().as_bytes()).map_err(at(folder.config()))?;
        let space = files::read(&self.file, files::Links::Follow, files::LONGEST_TEXT).map_err(at(&self.file))?;
        write_atomically(&folder.space(), &space).map_err(at(folder.space()))?;
        Ok(folder)
    }
}

/// The metric that the arguments name.
fn objective(arguments: &TuneArguments, config: &RunConfig, specs: &[Arc<AgentSpec>]) -> Result<Objective, TuneError> {
    let default = if arguments.goal.is_some() { "steps" } else { "return" };
    let named = arguments.metric.as_deref().unwrap_or(default);
    let of_kind =
        named.split_once('/').and_then(|(kind, rest)| Some((specs.iter().find(|spec| spec.name == kind)?, rest)));
    let metric = match of_kind {
        Some((_, rest)) if Metric::named(rest).follows_return() => Metric::named(rest),
        _ => Metric::named(named),
    };
    let driven: Vec<_> = specs.iter().filter(|spec| config.agent(spec).policy != PolicySource::External).collect();
    let kind = match (of_kind, driven.as_slice()) {
        (Some((spec, _)), _) => spec.name.clone(),
        (None, [only]) => only.name.clone(),
        (None, _) if !metric.follows_return() => String::new(),
        (None, several) => {
            let names: Vec<_> = several.iter().map(|spec| format!("{}/{named}", spec.name)).collect();
            return Err(TuneError::KindUnnamed { metric: named.to_owned(), valid: valid_names(&names) });
        }
    };
    let of_config = config.stop.mean_return.as_ref().and_then(|goal: &MeanReturn| goal.of(&kind)).map(f64::from);
    let goal = match (metric.has_goal(), arguments.goal) {
        (true, goal) => Some(goal.or(of_config).ok_or_else(|| TuneError::NoGoal { metric: named.to_owned() })?),
        (false, Some(_)) => return Err(TuneError::GoalUnused { metric: named.to_owned() }),
        (false, None) => None,
    };
    Ok(Objective { is_minimized: metric.has_goal() || arguments.minimize, metric, kind, goal })
}

fn print(search: &Search, result: &SearchResult, jobs: usize) {
    let objective = search.objective();
    result.table(&search.keys(), |value| objective.shown(value)).into_iter().for_each(say);
    for trial in &result.trials {
        if let Some(reason) = &trial.reason {
            say(format_args!("trial {} failed: {}", trial.trial, reason.lines().next().unwrap_or_default()));
        }
    }
    if !result.importance.is_empty() {
        let mut keys: Vec<_> = result.importance.iter().collect();
        keys.sort_by(|one, other| other.share.total_cmp(&one.share));
        let shares: Vec<_> = keys.iter().map(|key| format!("{} {:.0} %", key.key, 100.0 * key.share)).collect();
        say(format_args!("importance (share in the variance of the ranks): {}", shares.join(", ")));
    }
    if let Ok(best) = search.best() {
        let trial = |number: u64| result.trials.iter().find(|trial| trial.trial == number);
        if let Some(trial) = trial(best) {
            say(best_sentence(trial));
        }
        for trial in [Some(best), Some(0).filter(|_| best != 0)].into_iter().flatten().filter_map(trial) {
            if let Some(sentence) = fresh_sentence(trial, objective) {
                say(sentence);
            }
        }
    }
    let own = 1.0 - result.process_seconds / (result.seconds * jobs as f64).max(1e-9);
    note(format_args!(
        "time: {:.1} s, {:.1} s of trials; {:.1} % of {jobs} jobs waited",
        result.seconds,
        result.process_seconds,
        100.0 * own.max(0.0)
    ));
}

fn best_sentence(trial: &TrialResult) -> String {
    match trial.trial {
        0 => "best: the config as it is".to_owned(),
        number => format!("best: trial {number}, {}", trial.arguments()),
    }
}

/// The results of a trial with seeds that the search did not use, in words.
fn fresh_sentence(trial: &TrialResult, objective: &Objective) -> Option<String> {
    if trial.fresh.is_empty() {
        return None;
    }
    let mut values: Vec<_> = trial.fresh.iter().flatten().copied().collect();
    values.sort_by(f64::total_cmp);
    let who = if trial.trial == 0 { "the config as it is".to_owned() } else { format!("trial {}", trial.trial) };
    let missed = trial.fresh.len() - values.len();
    let missed = if missed > 0 { format!(", missed on {missed}") } else { String::new() };
    let range = match (values.first(), values.get(values.len() / 2), values.last()) {
        (Some(&least), Some(&median), Some(&most)) => {
            let [least, median, most] = [least, median, most].map(|value| objective.shown(value));
            format!("median {median}, {least} to {most}")
        }
        _ => "none".to_owned(),
    };
    Some(format!("{} on {} fresh seeds, {who}: {range}{missed}", objective.title(), trial.fresh.len()))
}

/// Writes the config of the search with these changes.
fn write(
    file: &Path,
    folder: &SearchFolder,
    sets: &[String],
    specs: &[Arc<AgentSpec>],
    game: &Game,
) -> Result<(), TrainError> {
    let parameters = parameters_of(game)?;
    let file_of_search = Some(folder.config());
    let source = ConfigSource { file: file_of_search, sets: sets.to_vec(), parameters, ..ConfigSource::default() };
    let config = RunConfig::load(&source, specs)?;
    let text = format!("// Found by `tune`, in {}.\n{}\n", folder.path().display(), config.to_ron());
    let mut opened = match files::create_new(file) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return Err(TuneError::FileExists { path: file.to_owned() }.into());
        }
        opened => opened.map_err(at(file))?,
    };
    opened.write_all(text.as_bytes()).map_err(at(file))?;
    say(format_args!("config: {} was written", file.display()));
    Ok(())
}
