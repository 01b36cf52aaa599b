//! Runs with panics and numbers that are not finite, within and beyond the config's limits.

use std::fs;

use ludus_train::Checkpoint;

use super::program::run;
use super::resume::numbered;

/// If one of three worlds panics, no step of the others' rows is lost.
///
/// Every row goes through a restart, eight steps, a restart, and so on, whatever the policy does; the first restart is
/// part of building the world. The world that panics has one step of experience, then the one in which it panics.
#[test]
fn a_thousand_panics_lose_no_other_worlds_experience() {
    const ROWS: u64 = 16;
    let folder = tempfile::tempdir().unwrap();
    let many = ["train", "--json", "--set", "worlds=3", "--set", "arenas=16", "--set", "stop.steps=73_500"];
    let allowed = ["--set", "faults.panics=2000", "--set", "ppo.epochs=1"];
    let done = run("one_panics", folder.path(), &[many.as_slice(), &allowed].concat());
    assert_eq!(done.code, 0, "{}", done.errors);
    let report = done.json();
    let run_dir = folder.path().join(report["run_dir"].as_str().unwrap());
    let iterations = fs::read_to_string(run_dir.join("metrics.csv")).unwrap().lines().count() as u64 - 1;
    let steps = iterations * 32;
    let lived_through = steps - steps / 9;
    let expected = 2 * ROWS * lived_through + ROWS * steps.div_ceil(2);
    assert_eq!(report["env_steps"], expected, "after {steps} steps of each row");
    assert_eq!(report["panics"], steps / 2);
    assert!(steps / 2 >= 1000, "{steps}");
    assert!(done.errors.lines().filter(|line| line.starts_with("warning: the game")).count() < 20);
    println!("panics: {} in one of 3 worlds, {expected} steps of experience as expected", steps / 2);
}

#[test]
fn more_panics_than_allowed_end_the_run_with_a_summary() {
    let folder = tempfile::tempdir().unwrap();
    let few = ["train", "--set", "worlds=2", "--set", "faults=(panics: 3, panic_steps: 100_000)"];
    let done = run("panicking", folder.path(), &few);
    assert_eq!(done.code, 1, "{}", done.errors);
    let lines: Vec<_> = done.errors.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(lines[0], "error: the game panicked 4 times:");
    assert_eq!(lines[1], "error:   4 × `tick 100 was too much` in worlds 0, 1");
    assert!(
        lines[2].contains("`faults.panics` allows within 100000 steps; the last good checkpoint is `"),
        "{lines:#?}"
    );
    let path = lines[2].rsplit('`').nth(1).unwrap();
    assert!(Checkpoint::read(&folder.path().join(path)).is_ok(), "{path}");
}

#[test]
fn a_panic_names_its_arena_where_it_can_be_known() {
    let folder = tempfile::tempdir().unwrap();
    let quick = ["train", "--set", "stop.steps=3_000", "--set", "worlds=1"];
    let done = run("restart_panics", folder.path(), &quick);
    assert_eq!(done.code, 0, "{}", done.errors);
    assert!(done.errors.contains("the game panicked in world 0, arena 3, at tick "), "{}", done.errors);
    let done = run("panicking", folder.path(), &[quick.as_slice(), &["--set", "arenas=1"]].concat());
    assert!(done.errors.contains("the game panicked in world 0, arena 0, at tick "), "{}", done.errors);
}

#[test]
fn a_bad_number_ends_the_run_if_the_config_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let stop = ["train", "--set", "worlds=1", "--set", "faults.bad_steps=Stop"];
    let done = run("faulty", folder.path(), &stop);
    assert_eq!(done.code, 1, "{}", done.errors);
    let expected = "error: observation `arrow` of `Reader` in row 0 of world 0 was not finite at tick 40, and \
                    `faults.bad_steps` says to stop; the last good checkpoint is `";
    assert!(done.errors.contains(expected), "{}", done.errors);
}

#[test]
fn an_update_that_is_not_finite_is_skipped_if_the_config_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let skip =
        ["train", "--json", "--set", "worlds=1", "--set", "stop.steps=10_000", "--set", "faults.bad_updates=Skip"];
    let done = run("huge", folder.path(), &skip);
    assert_eq!(done.code, 0, "{}", done.errors);
    let told = done.errors.lines().filter(|line| line.contains("learned was undone, the run goes on")).count();
    assert!((1..=2).contains(&told), "{}", done.errors);
    assert!(done.json()["env_steps"].as_u64().unwrap() >= 10_000);
    let stopped = run("huge", folder.path(), &skip[..skip.len() - 2]);
    assert_eq!(stopped.code, 1, "{}", stopped.errors);
    assert!(stopped.errors.contains("; that was iteration "), "{}", stopped.errors);
    let run_dir = folder.path().join(done.json()["run_dir"].as_str().unwrap());
    assert_eq!(numbered(&run_dir).len(), 1);
}

#[test]
fn a_run_that_never_learns_ends_even_if_it_may_skip() {
    let folder = tempfile::tempdir().unwrap();
    let wild = ["train", "--set", "ppo.learning_rate=3e38", "--set", "ppo.max_grad_norm=1e30"];
    let done = run("arrows", folder.path(), &[wild.as_slice(), &["--set", "faults.bad_updates=Skip"]].concat());
    assert_eq!(done.code, 1, "{}", done.errors);
    assert_eq!(done.errors.lines().filter(|line| line.contains("learned was undone")).count(), 10, "{}", done.errors);
    assert!(done.errors.contains("the last good checkpoint is `"), "{}", done.errors);
}
