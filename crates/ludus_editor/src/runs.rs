//! The run folders on disk. They are read at regular intervals while the window is open.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bevy::prelude::*;
use bevy::tasks::{IoTaskPool, Task, block_on, futures_lite::future::poll_once};
use ludus_policy::files::{self, LONGEST_FILE, Links};
use ludus_train::replay::{EpisodeLog, kept_episodes};
use ludus_train::{LadderEntry, RunFolder, clock, run_ladder};

use crate::selection::ShownKind;
use crate::snapshot::{CheckpointEntry, EpisodeEntry, EpisodeResult, RunEntry, RunsSnapshot};
use crate::training::Training;
use crate::widgets::count;

/// Interval between two reads of the folders [s].
const INTERVAL: f64 = 2.0;
/// The largest number of points of a curve; more can't be told apart in a panel.
const MOST_POINTS: usize = 400;
/// The largest number of runs that are read. The number of older ones is shown.
const MOST_RUNS: usize = 1_000;

/// The folder of runs, the runs that were found in it, and the read that is under way.
#[derive(Resource)]
pub struct RunsFolder {
    runs: PathBuf,
    game: String,
    /// The names of the kinds of agents.
    kinds: Vec<String>,
    looked: f64,
    look: Option<Task<(Vec<KnownRun>, usize)>>,
    found: Vec<KnownRun>,
}

/// A run with the sizes and times of its files. Files that have not changed are not read again.
#[derive(Clone)]
struct KnownRun {
    run: RunEntry,
    metrics_bytes: u64,
    /// Time at which each episode was written.
    episodes_written: Vec<Option<SystemTime>>,
    /// The newest checkpoint: the ladder is read from it.
    newest: Option<PathBuf>,
}

impl RunsFolder {
    /// Returns the state before the first read of the runs of `game` in `runs`. The game has these kinds of agents.
    pub fn new(runs: PathBuf, game: String, kinds: Vec<String>) -> Self {
        Self { runs, game, kinds, looked: f64::NEG_INFINITY, look: None, found: Vec::new() }
    }
}

/// Starts reading the folders in another thread, and takes the result of the last read.
pub fn look(
    mut folder: ResMut<RunsFolder>,
    training: Res<Training>,
    shown: Res<ShownKind>,
    mut runs: ResMut<RunsSnapshot>,
) {
    let live = training.snapshot().run_dir.clone().filter(|_| training.snapshot().state.is_live());
    if let Some((found, left_out)) = folder.look.as_mut().and_then(|look| block_on(poll_once(look))) {
        folder.look = None;
        runs.runs = found.iter().map(|found| found.run.clone()).collect();
        runs.left_out = left_out;
        folder.found = found;
    }
    runs.shown_kind = shown.0;
    runs.is_training = training.snapshot().state.is_live();
    for run in &mut runs.runs {
        run.is_live = live.as_ref() == Some(&run.path);
    }
    if folder.look.is_none() && clock::seconds() - folder.looked >= INTERVAL {
        folder.looked = clock::seconds();
        let (path, game, known) = (folder.runs.clone(), folder.game.clone(), folder.found.clone());
        let kinds = folder.kinds.clone();
        folder.look = Some(IoTaskPool::get().spawn(async move { find(&path, &game, &kinds, &known) }));
    }
}

/// Returns the runs of `game`, newest first, and the number of older ones that were left out.
fn find(runs: &Path, game: &str, kinds: &[String], known: &[KnownRun]) -> (Vec<KnownRun>, usize) {
    let all = RunFolder::all(runs, game);
    let found = all.iter().take(MOST_RUNS).map(|folder| read(folder, kinds, known)).collect();
    (found, all.len().saturating_sub(MOST_RUNS))
}

fn read(folder: &RunFolder, kinds: &[String], known: &[KnownRun]) -> KnownRun {
    let metrics = folder.metrics();
    let metrics_bytes = fs::metadata(&metrics).map_or(0, |file| file.len());
    let known = known.iter().find(|known| known.run.path == folder.path());
    let curves = match known.filter(|known| known.metrics_bytes == metrics_bytes) {
        Some(known) => known.run.curves.clone(),
        None => {
            let table = files::read_text(&metrics, Links::Refuse, LONGEST_FILE).unwrap_or_default();
            (0..kinds.len()).map(|kind| curve(&table, &column_of(kinds, kind))).collect()
        }
    };
    let kept = kept_episodes(&folder.episodes());
    let written = |(_, path): &(String, PathBuf)| fs::metadata(path).and_then(|file| file.modified()).ok();
    let episodes_written = kept.iter().map(written).collect();
    let episodes = match known.filter(|known| known.episodes_written == episodes_written) {
        Some(known) => known.run.episodes.clone(),
        None => kept.into_iter().map(episode).collect(),
    };
    let name = folder.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
    let newest = folder.numbered_checkpoints().unwrap_or_default().pop().map(|newest| newest.path);
    let ladder = match known.filter(|known| known.newest == newest) {
        Some(known) => known.run.ladder.clone(),
        None => ladder(folder),
    };
    let (path, checkpoints) = (folder.path().to_owned(), checkpoints(folder, kinds));
    let run = RunEntry { name, path, is_live: false, curves, checkpoints, episodes, ladder };
    KnownRun { run, metrics_bytes, episodes_written, newest }
}

/// Returns the ladder of a run that has versions. To read all of a checkpoint for it would take long for runs without.
fn ladder(folder: &RunFolder) -> Vec<LadderEntry> {
    if !folder.versions().is_dir() {
        return Vec::new();
    }
    run_ladder(folder).ok().flatten().unwrap_or_default()
}

fn episode((name, path): (String, PathBuf)) -> EpisodeEntry {
    let result = EpisodeLog::read(&path).ok().map(|log| EpisodeResult {
        returns: log.head.kinds.into_iter().map(|kind| (kind.name, kind.reward)).collect(),
        steps: log.head.steps,
    });
    EpisodeEntry { name, path, result }
}

/// Returns the name of the metrics column with the mean return of a kind. It begins with the kind's name if there are
/// several.
fn column_of(kinds: &[String], kind: usize) -> String {
    const RETURN: &str = "charts/episodic_return";
    if kinds.len() == 1 { RETURN.to_owned() } else { format!("{}/{RETURN}", kinds[kind]) }
}

/// Returns the points `[steps, mean return]` of a table of metrics. Lines that are cut off or empty are left out.
fn curve(table: &str, column: &str) -> Vec<[f64; 2]> {
    let mut lines = table.lines();
    let Some(header) = lines.next() else { return Vec::new() };
    let Some(column) = header.split(',').position(|name| name == column) else { return Vec::new() };
    let point = |line: &str| {
        let cell = |index: usize| line.split(',').nth(index)?.parse().ok();
        Some([cell(0)?, cell(column)?])
    };
    let points: Vec<_> = lines.filter_map(point).collect();
    let stride = points.len().div_ceil(MOST_POINTS).max(1);
    // From the end on, so that the newest point is always kept.
    let mut thinned: Vec<_> = points.into_iter().rev().step_by(stride).collect();
    thinned.reverse();
    thinned
}

/// Returns the policies of a run: the newest, the best, then checkpoints from the newest to the oldest.
///
/// If there are several kinds of agents, the newest entry is the run's folder, with the policy of each kind. The
/// policies of the kinds have entries of their own too.
fn checkpoints(folder: &RunFolder, kinds: &[String]) -> Vec<CheckpointEntry> {
    let is_file = |path: &Path| files::check(path, Links::Refuse).is_ok();
    let entry = |label: String, path: PathBuf| CheckpointEntry { label, path };
    let of_kinds: Vec<_> = match kinds {
        [_] => Vec::new(),
        kinds => kinds.iter().map(|kind| (kind, folder.policy_of(kind))).filter(|(_, path)| is_file(path)).collect(),
    };
    let newest = if of_kinds.is_empty() { folder.policy() } else { folder.path().to_owned() };
    let newest = Some(newest).filter(|path| !of_kinds.is_empty() || is_file(path));
    let newest = newest.map(|path| entry("newest".to_owned(), path));
    let of_kinds = of_kinds.into_iter().map(|(kind, path)| entry(format!("newest of {kind}"), path));
    let best = Some(folder.best_checkpoint()).filter(|path| is_file(path));
    let named = newest.into_iter().chain(of_kinds).chain(best.map(|path| entry("best".to_owned(), path)));
    let by_steps = folder.numbered_checkpoints().unwrap_or_default().into_iter().rev();
    let by_steps = by_steps.map(|numbered| entry(format!("step {}", count(numbered.steps)), numbered.path));
    named.chain(by_steps).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RETURN: &str = "charts/episodic_return";

    fn plate() -> Vec<String> {
        vec!["Plate".to_owned()]
    }

    #[test]
    fn a_curve_leaves_out_what_is_not_there() {
        let table = "step,charts/episodic_return,charts/SPS\n10,,5\n20,1.5,5\n30,2.5,5\n40,";
        assert_eq!(curve(table, RETURN), [[20.0, 1.5], [30.0, 2.5]]);
        assert!(curve("", RETURN).is_empty() && curve("step,other\n1,2", RETURN).is_empty());
        let foreign = "charts/episodic_return,step\n1.5,20";
        assert_eq!(curve(foreign, RETURN), [[1.5, 1.5]], "any table is read without a panic");
    }

    #[test]
    fn a_long_curve_is_thinned_and_keeps_its_end() {
        let lines: String = (0..10_000).map(|step| format!("{step},1.0\n")).collect();
        let thinned = curve(&format!("step,charts/episodic_return\n{lines}"), RETURN);
        assert!(thinned.len() <= MOST_POINTS && thinned.len() > MOST_POINTS / 2);
        assert_eq!(thinned.last(), Some(&[9_999.0, 1.0]));
    }

    #[test]
    fn runs_and_their_policies_are_found_newest_first() {
        let runs = tempfile::tempdir().unwrap();
        for name in ["balance-2026-11-23-9", "balance-2026-11-23-10", "other-2026-11-24-1", "balance-notes"] {
            fs::create_dir_all(runs.path().join(name).join("checkpoints")).unwrap();
        }
        let newest = runs.path().join("balance-2026-11-23-10");
        for file in [
            "policy.safetensors",
            "checkpoints/best.safetensors",
            "checkpoints/step-000000000500.safetensors",
            "checkpoints/step-000000012000.safetensors",
        ] {
            fs::write(newest.join(file), "").unwrap();
        }
        let (found, left_out) = find(runs.path(), "balance", &plate(), &[]);
        assert_eq!(left_out, 0);
        let names: Vec<_> = found.iter().map(|found| found.run.name.as_str()).collect();
        assert_eq!(names, ["balance-2026-11-23-10", "balance-2026-11-23-9"]);
        let labels: Vec<_> = found[0].run.checkpoints.iter().map(|checkpoint| checkpoint.label.as_str()).collect();
        assert_eq!(labels, ["newest", "best", "step 12,000", "step 500"]);
        assert!(find(&runs.path().join("none"), "balance", &plate(), &[]).0.is_empty());
    }

    #[test]
    fn a_run_with_several_kinds_has_a_policy_and_a_curve_for_each() {
        let runs = tempfile::tempdir().unwrap();
        let run = runs.path().join("hunt-2026-11-29-1");
        fs::create_dir_all(run.join("checkpoints")).unwrap();
        fs::create_dir_all(run.join("policies")).unwrap();
        for file in
            ["policies/Chaser.safetensors", "policies/Runner.safetensors", "checkpoints/step-000000000500.safetensors"]
        {
            fs::write(run.join(file), "").unwrap();
        }
        let table = "step,Chaser/charts/episodic_return,Runner/charts/episodic_return\n10,1.5,\n20,2.5,-1\n";
        fs::write(run.join("metrics.csv"), table).unwrap();
        let kinds = ["Chaser", "Runner"].map(str::to_owned);
        let (found, _) = find(runs.path(), "hunt", &kinds, &[]);
        let found = &found[0].run;
        let entries =
            found.checkpoints.iter().map(|entry| (entry.label.as_str(), entry.path.clone())).collect::<Vec<_>>();
        let expected = [
            ("newest", run.clone()),
            ("newest of Chaser", run.join("policies/Chaser.safetensors")),
            ("newest of Runner", run.join("policies/Runner.safetensors")),
            ("step 500", run.join("checkpoints/step-000000000500.safetensors")),
        ];
        assert_eq!(entries, expected);
        assert_eq!(found.curves, [vec![[10.0, 1.5], [20.0, 2.5]], vec![[20.0, -1.0]]]);
    }

    #[test]
    fn no_run_is_left_out_in_silence() {
        let runs = tempfile::tempdir().unwrap();
        for number in 1..=MOST_RUNS + 20 {
            fs::create_dir(runs.path().join(format!("balance-2026-11-23-{number}"))).unwrap();
        }
        let (found, left_out) = find(runs.path(), "balance", &plate(), &[]);
        assert_eq!((found.len(), left_out), (MOST_RUNS, 20));
        assert_eq!(found[0].run.name, format!("balance-2026-11-23-{}", MOST_RUNS + 20));
    }
}
