//! Runs without experience, and with other numbers of agents than of rows and arenas.

use std::fs;
use std::path::Path;

use super::program::{Done, run};
use super::resume::numbered;

/// Trains in one world of four arenas, with these changes to the config.
fn train(game: &str, folder: &Path, changes: &[&str]) -> Done {
    let small = ["train", "--json", "--set", "worlds=1", "--set", "arenas=4", "--set", "ppo.epochs=1"];
    run(game, folder, &[small.as_slice(), changes].concat())
}

#[test]
fn a_run_without_experience_says_why_and_ends_with_a_checkpoint() {
    let check = |game: &str, expected: &str| {
        let folder = tempfile::tempdir().unwrap();
        let done = train(game, folder.path(), &["--set", "stop.steps=1_000_000_000"]);
        assert_eq!(done.code, 1, "{game}: {}", done.errors);
        let lines = |start: &str| done.errors.lines().filter(|line| line.contains(start)).collect::<Vec<_>>();
        let told = lines("warning: nothing to learn from in 3 iterations: ");
        assert!(told.len() == 1 && told[0].contains(expected), "{game}: {}", done.errors);
        let ended = lines("error: nothing to learn from in the last 8192 steps of each row: ");
        assert!(ended.len() == 1 && ended[0].contains(expected), "{game}: {}", done.errors);
        let run_dir = fs::read_dir(folder.path().join("runs")).unwrap().next().unwrap().unwrap().path();
        let last = numbered(&run_dir).pop().unwrap();
        let name = last.file_name().unwrap().to_str().unwrap();
        assert!(ended[0].contains(name), "{game}: {}", ended[0]);
        assert!(!done.errors.contains("NaN") && !done.out.contains("NaN"), "{game}: {}{}", done.errors, done.out);
    };
    check("gone", "no world has an agent of `Reader`: spawn an agent in place of one that goes");
    check("driven", "of 4 agents of `Reader` 4 have `Controller::External`: leave `Controller::Policy` to");
    check("disabled", "4 are disabled: enable them");
    check("senseless", "of 4 agents of `Reader` 4 have no step that can be learned from");
}

#[test]
fn agents_that_wait_for_rows_are_told_with_the_setting() {
    let folder = tempfile::tempdir().unwrap();
    let done = train("waves", folder.path(), &["--set", "stop.steps=20000"]);
    assert_eq!(done.code, 0, "{}", done.errors);
    let told = "12 of 16 agents of `Reader` idle without a row and are not learned from, all 4 rows are taken and a world \
                has up to 16 agents: set `rows` in the agent's section of the config";
    assert_eq!(done.errors.matches(told).count(), 1, "{}", done.errors);
    let done = train("waves", folder.path(), &["--set", "stop.steps=20000", "--set", "rows=16"]);
    assert!(!done.errors.contains("warning"), "{}", done.errors);
}

#[test]
fn rows_and_arenas_without_agents_are_told_with_the_setting() {
    let folder = tempfile::tempdir().unwrap();
    let long = ["--set", "stop.steps=20000"];
    let done = train("arrows", folder.path(), &[long.as_slice(), &["--set", "rows=10"]].concat());
    let told =
        "6 of 10 rows of `Reader` have no agent and cost time all the same, a world has up to 4 agents: set `rows`";
    assert_eq!(done.errors.matches(told).count(), 1, "{}", done.errors);
    let done = train("lone", folder.path(), &long);
    let told = "4 of 4 arenas have no agent of `Reader`: spawn agents with `InArena`";
    assert_eq!(done.errors.matches(told).count(), 1, "{}", done.errors);
    assert!(done.errors.contains("`arenas: 1`"), "{}", done.errors);
}

#[test]
fn an_evaluation_gives_episodes_to_rows_that_have_agents() {
    let folder = tempfile::tempdir().unwrap();
    let policy = train("arrows", folder.path(), &["--set", "stop.steps=2000"]).json();
    let run_dir = policy["run_dir"].as_str().unwrap();
    let eval = |game: &str, changes: &[&str]| {
        let some = ["eval", run_dir, "--json", "--episodes", "90", "--set", "worlds=1", "--set", "arenas=4"];
        let done = run(game, folder.path(), &[some.as_slice(), changes].concat());
        assert_eq!(done.code, 0, "{}", done.errors);
        assert!(!done.out.contains("NaN"), "{}", done.out);
        (done.json(), done)
    };
    for (game, rows) in [("arrows", "rows=100"), ("waves", "rows=16"), ("lone", "rows=3")] {
        let (report, done) = eval(game, &["--set", rows]);
        assert_eq!(report["episodes"], 90, "{game}: {}", done.errors);
    }
    let (report, done) = eval("gone", &[]);
    assert_eq!(report["episodes"], 44, "those of 100 ticks, and of each row one that its agent's end cut: {report}");
    let (report, done_driven) = eval("driven", &[]);
    assert!(report["episodes"] == 0 && report["mean_return"].is_null(), "{report}");
    for (done, expected) in [(done, "no world has an agent"), (done_driven, "have `Controller::External`")] {
        let told =
            done.errors.lines().find(|line| line.starts_with("warning: rows wait for agents that do not come: "));
        assert!(told.is_some_and(|told| told.contains(expected)), "{}", done.errors);
    }
}
