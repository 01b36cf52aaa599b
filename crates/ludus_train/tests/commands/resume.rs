//! Runs that are resumed after they have stopped.

use std::fs;
use std::path::{Path, PathBuf};

use ludus_train::Checkpoint;
use serde_json::Value;

use super::program::{Done, run};
use super::work::QUICK;

/// Trains a new run with these changes; returns the run's folder and the report.
fn train(folder: &Path, changes: &[&str]) -> (PathBuf, Value) {
    reported(folder, run("arrows", folder, &[QUICK.as_slice(), changes].concat()))
}

/// Resumes the newest run; returns its folder and the report.
fn resume(folder: &Path, changes: &[&str]) -> (PathBuf, Value) {
    reported(folder, run("arrows", folder, &[&["train", "--json", "--resume", "latest"], changes].concat()))
}

fn reported(folder: &Path, done: Done) -> (PathBuf, Value) {
    assert_eq!(done.code, 0, "{}", done.errors);
    let report = done.json();
    (folder.join(report["run_dir"].as_str().unwrap()), report)
}

/// Copies a folder with all that is in it.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The checkpoints with a number, the newest last.
pub fn numbered(run_dir: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(run_dir.join("checkpoints")).unwrap().map(|entry| entry.unwrap().path());
    let is_numbered = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with("step-");
    let mut found: Vec<_> = files.filter(is_numbered).collect();
    found.sort();
    found
}

const OFTEN: [&str; 2] = ["--set", "checkpoints=(every: 5000, keep: 3)"];

#[test]
fn a_resumed_run_goes_on_in_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let (run_dir, first) = train(folder.path(), &["--set", "stop.steps=20_000"]);
    let (same_dir, second) = resume(folder.path(), &["--set", "stop.steps=40_000"]);
    assert_eq!(same_dir, run_dir);
    let number = |report: &Value, key: &str| report[key].as_u64().unwrap();
    assert!((40_000..50_000).contains(&number(&second, "env_steps")), "{second}");
    assert!(number(&second, "episodes") > number(&first, "episodes") + 1000, "{second}");
    assert!(second["train_seconds"].as_f64().unwrap() > first["train_seconds"].as_f64().unwrap());
    let table = fs::read_to_string(run_dir.join("metrics.csv")).unwrap();
    let steps: Vec<u64> = table.lines().skip(1).map(|line| line.split(',').next().unwrap().parse().unwrap()).collect();
    assert!(steps.is_sorted_by(|one, next| one < next), "{steps:?}");
    assert!(steps.contains(&number(&first, "env_steps")) && steps.contains(&number(&second, "env_steps")));
    let events = fs::read_dir(&run_dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(events.filter(|name| name.starts_with("events.out.tfevents.")).count(), 2);
    let config = fs::read_to_string(run_dir.join("config.ron")).unwrap();
    assert!(config.contains("steps: 40000"), "{config}");
    let last = Checkpoint::read(numbered(&run_dir).last().unwrap()).unwrap();
    assert_eq!(last.steps(), number(&second, "env_steps"));
    assert_eq!(last.record.kinds.values().next().unwrap().episodes, number(&second, "episodes"));
    assert!(
        last.policies[0].state.counters["optimizer_steps"] > 0
            && last.record.kinds.values().next().unwrap().recent.len() == 100
    );
}

#[test]
fn resumed_twice_from_one_checkpoint_a_run_learns_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let scaled = ["--set", "ppo.scale_rewards=true", "--set", "ppo.learning_rate=Linear(from: 0.01, to: 0)"];
    let (run_dir, _) = train(folder.path(), &[scaled.as_slice(), &["--set", "stop.steps=10_000"]].concat());
    let policy = |name: &str, threads: &str| {
        let copied = folder.path().join(name);
        copy(&run_dir, &copied);
        let arguments = ["train", "--resume", name, "--threads", threads, "--set", "stop.steps=20_000"];
        let done = run("arrows", folder.path(), &arguments);
        assert_eq!(done.code, 0, "{}", done.errors);
        fs::read(copied.join("policy.safetensors")).unwrap()
    };
    let alone = policy("one", "1");
    assert!(alone == policy("two", "1"), "the same bits again");
    assert!(alone == policy("three", "3"), "with another number of threads");
    assert!(alone != fs::read(run_dir.join("policy.safetensors")).unwrap());
}

#[test]
fn checkpoints_by_time_change_nothing_that_is_learned() {
    let folder = tempfile::tempdir().unwrap();
    let policy = |changes: &[&str]| {
        let (run_dir, _) = train(folder.path(), &[&["--set", "stop.steps=10_000"], changes].concat());
        (fs::read(run_dir.join("policy.safetensors")).unwrap(), numbered(&run_dir).len())
    };
    let (rare, one) = policy(&[]);
    let (frequent, several) = policy(&["--set", "checkpoints=(every_seconds: 1e-9, keep: 100)"]);
    assert!(rare == frequent);
    assert!(one == 1 && several > 3, "{one} and {several} checkpoints");
}

#[test]
fn a_damaged_checkpoint_is_named_and_skipped_for_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let (run_dir, _) = train(folder.path(), &[OFTEN.as_slice(), &["--set", "stop.steps=30_000"]].concat());
    let [oldest, middle, newest] = numbered(&run_dir).try_into().unwrap();
    let whole = fs::read(&newest).unwrap();
    fs::write(&newest, &whole[..whole.len() - 9]).unwrap();
    let mut altered = fs::read(&middle).unwrap();
    let last = altered.len() - 1;
    altered[last] ^= 1;
    fs::write(&middle, altered).unwrap();
    let resumed = ["train", "--resume", "latest", "--set", "stop.steps=31_000"];
    let done = run("arrows", folder.path(), &resumed);
    assert_eq!(done.code, 0, "{}", done.errors);
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let lines: Vec<_> = done.errors.lines().filter(|line| !line.starts_with("config: ")).collect();
    assert!(lines[0].starts_with("warning: ") && lines[0].contains(&name(&newest)), "{lines:#?}");
    assert!(lines[1].contains(&name(&middle)) && lines[1].contains("altered"), "{lines:#?}");
    assert!(lines[2].contains(&format!("{}`, after ", name(&oldest))), "{lines:#?}");
}

#[test]
fn a_run_with_nothing_but_damaged_checkpoints_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (run_dir, _) = train(folder.path(), &["--set", "stop.steps=5_000"]);
    for entry in fs::read_dir(run_dir.join("checkpoints")).unwrap() {
        fs::write(entry.unwrap().path(), "nonsense").unwrap();
    }
    let done = run("arrows", folder.path(), &["train", "--resume", "latest"]);
    assert_eq!(done.code, 2, "{}", done.errors);
    let lines: Vec<_> = done.errors.lines().collect();
    let [numbered, best, last] = lines[..] else { panic!("{lines:#?}") };
    assert!(numbered.contains("step-") && best.contains("best.safetensors"), "{lines:#?}");
    assert!(last.contains("no checkpoint of `"), "{lines:#?}");
}

#[test]
fn a_run_that_is_over_has_nothing_left_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let (_, first) = train(folder.path(), &["--set", "stop.steps=5_000"]);
    let (_, second) = resume(folder.path(), &[]);
    assert_eq!(second["env_steps"], first["env_steps"]);
    assert_eq!(second["stop_reason"], "steps");
}

#[test]
fn what_can_not_be_resumed_is_refused_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let check = |named: &str, expected: &str| {
        let done = run("arrows", folder.path(), &["train", "--resume", named]);
        assert_eq!(done.code, 2, "{}", done.errors);
        assert!(
            done.errors.starts_with(&format!("error: {expected}")) && done.errors.lines().count() == 1,
            "{}",
            done.errors
        );
    };
    check("latest", "no run of `arrows` to resume in `runs`; train without --resume");
    check("other", "no run `other`, neither as a path nor in `runs`");
    fs::create_dir(folder.path().join("empty")).unwrap();
    check("empty", "`empty` has no config.ron");
    let done = run("arrows", folder.path(), &["train", "--resume", "latest", "--seed", "3"]);
    assert_eq!(done.code, 2);
    assert!(done.errors.contains("cannot be used with"), "{}", done.errors);
}

#[test]
fn a_run_of_another_layout_is_refused_with_the_difference() {
    let folder = tempfile::tempdir().unwrap();
    let (run_dir, _) = train(folder.path(), &["--set", "stop.steps=5_000"]);
    let path = numbered(&run_dir).pop().unwrap();
    let mut checkpoint = Checkpoint::read(&path).unwrap();
    checkpoint.policies[0].policy.spec.observation[0].name = "sign".to_owned();
    checkpoint.write(&path).unwrap();
    let done = run("arrows", folder.path(), &["train", "--resume", "latest"]);
    assert_eq!(done.code, 2, "{}", done.errors);
    assert!(done.errors.contains("observation field 1 was `sign`, now `arrow`"), "{}", done.errors);
}
