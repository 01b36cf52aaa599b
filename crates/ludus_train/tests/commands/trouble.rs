//! Incidents during a command are reported, and cost no more than necessary.

use std::fs;

use super::program::{run, start};

#[test]
fn numbers_that_are_not_finite_are_told_and_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let done = run("faulty", folder.path(), &["train", "--json", "--set", "stop.steps=20_000", "--set", "worlds=1"]);
    assert_eq!(done.code, 0, "{}", done.errors);
    let expected = "warning: observation `arrow` of `Reader` in row 0 of world 0 was not finite at tick 40; \
                    that step is not learned from";
    assert!(done.errors.contains(expected), "{}", done.errors);
    assert!(done.json()["faults"].as_u64().unwrap() > 10, "{}", done.out);
    assert!(done.errors.lines().filter(|line| line.contains("not finite")).count() <= 20);
}

#[test]
fn a_world_that_panics_is_built_anew() {
    let folder = tempfile::tempdir().unwrap();
    let done = run("panicking", folder.path(), &["train", "--json", "--set", "stop.steps=5_000", "--set", "worlds=2"]);
    assert_eq!(done.code, 0, "{}", done.errors);
    assert!(done.errors.contains("the game panicked in world 1 at tick"), "{}", done.errors);
    assert!(done.errors.contains("tick 100 was too much; the world was built anew"), "{}", done.errors);
}

#[test]
fn an_evaluation_and_a_benchmark_tell_as_much() {
    let folder = tempfile::tempdir().unwrap();
    let quick = ["train", "--set", "stop.steps=1_000", "--set", "worlds=1"];
    assert_eq!(run("arrows", folder.path(), &quick).code, 0);
    for command in [&["eval", "--episodes", "200"][..], &["bench", "--seconds", "0.2", "--set", "worlds=1"]] {
        let done = run("faulty", folder.path(), &[command, &["--json"]].concat());
        assert_eq!(done.code, 0, "{}", done.errors);
        let expected = "warning: observation `arrow` of `Reader` in row 0 of world 0 was not finite at tick 40; ";
        assert!(done.errors.contains(expected), "{}", done.errors);
        assert!(done.json()["faults"].as_u64().unwrap() >= 2, "{}", done.out);
        assert_eq!(done.json()["panics"], 0);
        let done = run("panicking", folder.path(), &[command, &["--json"]].concat());
        assert_eq!(done.code, 0, "{}", done.errors);
        assert!(done.errors.contains("tick 100 was too much; the world was built anew"), "{}", done.errors);
        assert!(done.json()["panics"].as_u64().unwrap() >= 1, "{}", done.out);
    }
}

#[test]
fn a_world_that_can_not_be_built_anew_ends_the_command_and_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let quick = ["train", "--set", "stop.steps=1_000", "--set", "worlds=1"];
    assert_eq!(run("arrows", folder.path(), &quick).code, 0);
    let train = ["train", "--set", "worlds=1", "--set", "ppo.rollout_steps=500"];
    for command in [&train[..], &["eval", "--episodes", "500"], &["bench", "--seconds", "0.2", "--set", "worlds=1"]] {
        let done = run("doomed", folder.path(), command);
        assert_eq!(done.code, 1, "{}", done.errors);
        let told = |start: &str| done.errors.lines().filter(|line| line.starts_with(start)).count();
        assert_eq!(told("warning: the game panicked in world 0 at tick "), 1, "{}", done.errors);
        assert_eq!(told("error: the game panicked in world 0 at tick "), 1, "{}", done.errors);
        assert!(done.errors.contains("nothing can be built"), "{}", done.errors);
    }
}

/// The files that the process has open show it, whatever its dependencies are.
#[cfg(target_os = "linux")]
#[test]
fn a_run_opens_no_socket() {
    use std::io::{BufRead, BufReader};
    let folder = tempfile::tempdir().unwrap();
    let mut child = start("arrows", folder.path(), &["train", "--set", "stop.steps=1_000_000_000_000"]);
    let mut errors = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(errors.any(|line| line.unwrap().contains("training")), "it ended before it began");
    let open = fs::read_dir(format!("/proc/{}/fd", child.id())).unwrap();
    let open = open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    let open = open.map(|path| path.to_string_lossy().into_owned()).collect::<Vec<_>>();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(open.iter().any(|path| path.ends_with("metrics.csv")), "the run is under way: {open:?}");
    assert!(!open.iter().any(|path| path.starts_with("socket:")), "{open:?}");
}

#[cfg(unix)]
#[test]
fn a_reader_that_has_gone_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let quick = ["train", "--json", "--set", "stop.steps=1_000", "--set", "worlds=1"];
    let mut child = start("arrows", folder.path(), &quick);
    // The harness's first output needs a reader.
    super::crash::lines_up_to(&mut child, "training ");
    drop(child.stdout.take());
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(fs::read_dir(folder.path().join("runs")).unwrap().count(), 1);
}

#[test]
fn a_loss_that_is_not_finite_ends_the_run_with_the_last_good_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let wild = ["train", "--set", "ppo.learning_rate=3e38", "--set", "ppo.max_grad_norm=1e30"];
    let done = run("arrows", folder.path(), &wild);
    assert_eq!(done.code, 1, "{}", done.errors);
    let sentence = done.errors.lines().last().unwrap();
    assert!(sentence.starts_with("error: the ") && sentence.contains("the last good checkpoint is `"), "{sentence}");
    let path = sentence.rsplit('`').nth(1).unwrap();
    assert!(fs::metadata(folder.path().join(path)).is_ok(), "{path}");
    let done = run("arrows", folder.path(), &["eval", path, "--episodes", "1"]);
    assert_eq!(done.code, 0, "{}", done.errors);
}
