//! Findings about a game, which are reported before or early in its training.

use std::fs;

use super::program::{Done, run};

/// Checks the findings of `check`: each is one sentence with a remedy.
fn check(game: &str, expected: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let done = run(game, folder.path(), &["check", "--json", "--set", "worlds=1"]);
    let findings = findings(&done);
    assert_eq!(findings.len(), expected.len(), "{findings:#?}");
    for (finding, expected) in findings.iter().zip(expected) {
        assert!(finding.contains(expected), "`{finding}` has no `{expected}`");
        assert!(finding.split(": ").last().unwrap().len() > 20, "a remedy: {finding}");
    }
    assert_eq!(done.code, i32::from(!expected.is_empty()), "{}", done.errors);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is written");
}

fn findings(done: &Done) -> Vec<String> {
    let report = done.json();
    let text = |finding: &serde_json::Value, key: &str| finding[key].as_str().unwrap().to_owned();
    let findings = report["findings"].as_array().unwrap().iter();
    findings.map(|finding| format!("{}: {}", text(finding, "what"), text(finding, "remedy"))).collect()
}

#[test]
fn a_game_as_it_should_be_has_no_findings() {
    check("arrows", &[]);
}

#[test]
fn every_flaw_is_found_with_its_remedy() {
    check(
        "blind",
        &["no observation of `Reader` changed in 4000 steps: write its component in a system of the `SenseAgents`"],
    );
    check(
        "endless",
        &[
            "`Reader` was never given `right`, `wrong` in 4000 steps of random actions: write it in a system of the `ScoreAgents`",
            "no episode of `Reader` ended in 4000 steps: call `Episode::terminate` in the `ScoreAgents` schedule",
        ],
    );
    check("exploding", &["observation `arrow` reached ", "not finite at tick 487, the first of "]);
    check(
        "constant",
        &["observation `arrow` was from -1 to 1, its range says -0.5 to 0.5", "observation `colour` was always 0.25"],
    );
    check("two_writers", &["2 systems write the action of `Reader`: "]);
    for game in ["overwriting", "overwriting_exclusively", "overwriting_by_observer"] {
        check(game, &["of the actions of `Reader` were overwritten within their step: a system or an observer writes"]);
    }
    check("faulty", &["observation `arrow` of `Reader` in row 0 of world 0 was not finite at tick 40, the first of "]);
    check("panicking", &["the game panicked in world 0 at tick 100"]);
}

#[test]
fn training_looks_first_and_learns_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let quick = ["train", "--set", "stop.steps=2_000", "--set", "worlds=1"];
    for (game, expected) in [
        ("blind", "warning: no observation of `Reader` changed in "),
        ("two_writers", "warning: 2 systems write the action of `Reader`"),
        ("exploding", "warning: observation `arrow` reached "),
    ] {
        let done = run(game, folder.path(), &quick);
        assert_eq!(done.code, 0, "{}", done.errors);
        let (config, rest) = done.errors.split_once('\n').unwrap();
        assert!(config.starts_with("config: ") && rest.starts_with(expected), "{}", done.errors);
    }
    assert!(!run("arrows", folder.path(), &quick).errors.contains("warning"));
}

#[test]
fn what_needs_patience_is_told_early_in_training() {
    let folder = tempfile::tempdir().unwrap();
    let long = ["train", "--set", "stop.steps=10_000", "--set", "worlds=1", "--set", "arenas=1"];
    let done = run("endless", folder.path(), &[long.as_slice(), &["--set", "ppo.epochs=1"]].concat());
    assert_eq!(done.code, 0, "{}", done.errors);
    let told = |part: &str| done.errors.lines().filter(|line| line.contains(part)).count();
    assert_eq!(
        (told("no `Reader` was rewarded in "), told("no episode of `Reader` ended in ")),
        (1, 1),
        "{}",
        done.errors
    );
}

/// Trains with a reward of `worth` for a right answer, of eight in an episode; returns the lines about rewards.
fn told_about_rewards(worth: u32, settings: &[&str]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let reward = format!(r#"reward={{"right": {worth}, "wrong": -{worth}}}"#);
    let train = ["train", "--set", "stop.steps=10_000", "--set", "worlds=1", "--set", "arenas=8", "--set", &reward];
    let done = run("arrows", folder.path(), &[train.as_slice(), settings].concat());
    assert_eq!(done.code, 0, "{}", done.errors);
    done.errors.lines().filter(|line| line.contains("rewards")).map(str::to_owned).collect()
}

#[test]
fn rewards_that_are_too_large_are_told_once_with_the_remedy() {
    let told = told_about_rewards(100, &[]);
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].starts_with("warning: discounted rewards of `Reader` add up to some "), "{told:?}");
    assert!(told[0].ends_with(": set `scale_rewards: true` in the config's `ppo`, or lower the weights of `reward`"));
    for (worth, settings) in [(100, &["--set", "ppo.scale_rewards=true"][..]), (10, &[])] {
        assert_eq!(told_about_rewards(worth, settings), Vec::<String>::new());
    }
}
