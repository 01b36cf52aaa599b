//! Comparisons of two runs: they are the same, or the first difference is named.

use std::path::Path;

use bevy::prelude::*;
use ludus_agent::StateHashAppExt;

use super::game::{self, Reader};
use super::program::{Done, run};

/// State that no agent observes.
#[derive(Component, Reflect, Default)]
struct Dust(u32);

/// The game with `Dust`, which no agent observes.
pub fn dusty(app: &mut App) {
    app.hash_component::<Dust>();
    app.register_required_components::<Reader, Dust>();
    game::arrows(app);
}

/// The same game, in which `Dust` is different from tick 40 on.
pub fn dustier(app: &mut App) {
    dusty(app);
    app.add_systems(FixedUpdate, |mut ticks: Local<u32>, mut all: Query<&mut Dust>| {
        *ticks += 1;
        all.iter_mut().for_each(|mut dust| dust.0 = ticks.saturating_sub(39));
    });
}

/// Trains for 6,000 steps with hashes in every tenth tick; returns the run's folder.
fn trained(game: &str, folder: &Path, extra: &[&str]) -> String {
    let quick = ["train", "--json", "--hash-every", "10", "--set", "stop.steps=6_000", "--set", "worlds=3"];
    let done = run(game, folder, &[&quick, extra].concat());
    assert_eq!(done.code, 0, "{}", done.errors);
    done.json()["run_dir"].as_str().unwrap().to_owned()
}

fn compared(folder: &Path, one: &str, other: &str) -> Done {
    run("arrows", folder, &["diff-hash", one, other])
}

#[test]
fn a_run_has_the_same_hashes_with_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let alone = trained("dusty", folder.path(), &["--threads", "1"]);
    for threads in ["2", "5"] {
        let many = trained("dusty", folder.path(), &["--threads", threads]);
        let done = compared(folder.path(), &alone, &many);
        assert_eq!(done.code, 0, "{threads} threads: {}", done.errors);
        assert!(done.out.contains("the same: ") && done.out.contains(" hashes up to tick "), "{}", done.out);
    }
}

#[test]
fn the_first_tick_and_component_that_differ_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let clean = trained("dusty", folder.path(), &[]);
    let dusty = trained("dustier", folder.path(), &[]);
    let done = compared(folder.path(), &clean, &dusty);
    assert_eq!(done.code, 1, "{}", done.out);
    assert_eq!(done.errors, "error: the runs differ: first in `Dust` of world 0 at tick 40\n");

    let other = trained("dusty", folder.path(), &["--seed", "2"]);
    let done = compared(folder.path(), &clean, &other);
    assert_eq!(done.errors, "error: the runs differ: first in `observations` of world 0 at tick 10\n");
}

#[test]
fn a_run_that_is_built_anew_is_compared_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let runs = [["--threads", "1"], ["--threads", "2"]].map(|threads| trained("panicking", folder.path(), &threads));
    let done = compared(folder.path(), &runs[0], &runs[1]);
    assert_eq!(done.code, 0, "{}", done.errors);
    let hashes = std::fs::read_to_string(folder.path().join(&runs[0]).join("hashes.csv")).unwrap();
    let ticks = hashes.lines().filter_map(|line| line.strip_suffix(&line[line.find(",2,Arrow,")?..]));
    let ticks = ticks.map(|tick| tick.parse::<u64>().unwrap()).collect::<Vec<_>>();
    assert!(ticks.is_sorted() && ticks[ticks.len() - 1] > 100, "{ticks:?}");
}

#[test]
fn runs_without_hashes_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let hashed = trained("arrows", folder.path(), &[]);
    let done = run("arrows", folder.path(), &["train", "--json", "--set", "stop.steps=100"]);
    let plain = done.json()["run_dir"].as_str().unwrap().to_owned();
    assert!(!folder.path().join(&plain).join("hashes.csv").exists(), "nothing is logged unless asked for");
    let done = compared(folder.path(), &hashed, &plain);
    assert_eq!(done.code, 2);
    assert!(done.errors.contains("hashes.csv") && done.errors.contains("--hash-every"), "{}", done.errors);
    assert_eq!(compared(folder.path(), &hashed, "none").code, 2);
}
