//! Actions that a mask forbids are never taken: not in training, not in an evaluation, not in a benchmark.

use super::program::run;

/// The game panics where a shut gate is chosen.
#[test]
fn nothing_chooses_what_is_not_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let small = ["--set", "worlds=2"];
    let train = [&["train", "--json", "--set", "stop.steps=20_000"], &small[..]].concat();
    let trained = run("gates", folder.path(), &train);
    assert_eq!(trained.code, 0, "{}", trained.errors);
    assert!(!trained.errors.contains("warning"), "{}", trained.errors);
    let bench = [&["bench", "--json", "--seconds", "0.3"], &small[..]].concat();
    for command in [&["eval", "--json", "--episodes", "200"][..], &["eval", "--json", "--sample"], &bench] {
        let done = run("gates", folder.path(), command);
        assert_eq!((done.code, done.json()["panics"].as_u64()), (0, Some(0)), "{}", done.errors);
    }
    let scored = run("gates", folder.path(), &["eval", "--json", "--episodes", "200"]);
    assert!(scored.json()["mean_return"].as_f64().unwrap() > 7.5, "the dearest open gate is learned: {}", scored.out);
}

#[test]
fn a_mask_that_allows_nothing_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let done = run("walls", folder.path(), &["train", "--json", "--set", "stop.steps=2_000", "--set", "worlds=1"]);
    assert_eq!(done.code, 0, "{}", done.errors);
    let expected =
        "warning: the action mask of `Walker` in row 0 of world 0 allowed no choice at tick 40; all of it was allowed";
    assert!(done.errors.contains(expected), "{}", done.errors);
    assert!(done.json()["faults"].as_u64().unwrap() >= 1, "{}", done.out);
}
