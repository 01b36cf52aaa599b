//! Nothing but regular files is read or written, and nothing that was learned is overwritten.

use std::fs;
use std::os::unix::fs::{FileTypeExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use ludus_policy::PolicyFile;
use ludus_train::Checkpoint;

use super::program::{Done, run};
use super::resume::{copy, numbered};

/// Trains for 3,000 steps, saves often and logs hashes; returns the run's folder.
fn trained(folder: &Path, changes: &[&str]) -> PathBuf {
    let train = ["train", "--json", "--set", "worlds=1", "--set", "stop.steps=3_000", "--hash-every", "50"];
    let often = ["--set", "checkpoints=(every: 500, keep: 9)"];
    let done = run("arrows", folder, &[&train[..], &often, changes].concat());
    assert_eq!(done.code, 0, "{}", done.errors);
    folder.join(done.json()["run_dir"].as_str().unwrap())
}

fn resume(folder: &Path, changes: &[&str]) -> Done {
    run("arrows", folder, &[&["train", "--resume", "latest", "--hash-every", "50"], changes].concat())
}

/// Every file of a folder with its contents.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() { found.extend(contents(&path)) } else { found.push((path.clone(), fs::read(&path).unwrap())) }
    }
    found.sort();
    found
}

#[track_caller]
fn check_refused(done: &Done, part: &str) {
    let errors: Vec<_> = done.errors.lines().filter(|line| !line.starts_with("config: ")).collect();
    assert_eq!((done.code, errors.len()), (2, 1), "{}", done.errors);
    assert!(errors[0].starts_with("error: ") && errors[0].contains(part), "{part}: {}", done.errors);
}

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

const FILES: [&str; 7] = ["config.ron", "metrics.csv", "changes.csv", "policy.safetensors", "lock", "hashes.csv", "id"];

#[test]
fn a_run_whose_files_are_links_is_refused_and_nothing_is_written_through_them() {
    let folder = tempfile::tempdir().unwrap();
    let run_dir = trained(folder.path(), &[]);
    fs::write(run_dir.join("changes.csv"), "step,setting,was,now\n").unwrap();
    let other = folder.path().join("other");
    copy(&run_dir, &other);
    let before = contents(&other);
    for name in FILES.iter().chain(&["episodes", "checkpoints"]) {
        let (own, kept) = (run_dir.join(name), folder.path().join("kept"));
        fs::rename(&own, &kept).unwrap();
        symlink(other.join(name), &own).unwrap();
        check_refused(&resume(folder.path(), &[]), &format!("{name}` can't be a part of a run: it is a link"));
        check_refused(&run("arrows", folder.path(), &["eval"]), "it is a link");
        check_refused(&run("arrows", folder.path(), &["replay", run_dir.to_str().unwrap()]), "it is a link");
        fs::remove_file(&own).unwrap();
        fs::rename(&kept, &own).unwrap();
        assert!(contents(&other) == before, "{name}");
    }
    assert_eq!(resume(folder.path(), &[]).code, 0, "without links it goes on");
}

/// Writing through a link to a missing file would create a file elsewhere.
#[test]
fn a_file_that_is_not_there_yet_is_not_made_through_a_link() {
    let folder = tempfile::tempdir().unwrap();
    let run_dir = trained(folder.path(), &[]);
    let elsewhere = folder.path().join("elsewhere");
    symlink(&elsewhere, run_dir.join("changes.csv")).unwrap();
    check_refused(&resume(folder.path(), &["--set", "stop.steps=4_000"]), "changes.csv` can't be a part of a run");
    assert!(!elsewhere.exists());
}

#[test]
fn a_checkpoint_or_an_episode_that_is_a_link_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let run_dir = trained(folder.path(), &[]);
    let newest = numbered(&run_dir).pop().unwrap();
    let elsewhere = folder.path().join("elsewhere");
    fs::rename(&newest, &elsewhere).unwrap();
    symlink(&elsewhere, &newest).unwrap();
    let before = fs::read(&elsewhere).unwrap();
    let best = run_dir.join("episodes/best.episode");
    let episode = folder.path().join("episode");
    fs::rename(&best, &episode).unwrap();
    symlink(&episode, &best).unwrap();
    let done = resume(folder.path(), &["--set", "stop.steps=4_000"]);
    assert_eq!(done.code, 0, "{}", done.errors);
    assert!(done.errors.lines().nth(1).unwrap().contains("it is a link"), "{}", done.errors);
    assert_eq!(fs::read(&elsewhere).unwrap(), before);
    assert!(!best.is_symlink() || fs::read(&episode).unwrap() == fs::read(&best).unwrap());
}

#[test]
fn a_pipe_is_refused_and_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let run_dir = trained(folder.path(), &[]);
    for name in FILES {
        let (own, kept) = (run_dir.join(name), folder.path().join("kept"));
        let was_there = fs::rename(&own, &kept).is_ok();
        pipe(&own);
        let done = run("arrows", folder.path(), &["train", "--resume", run_dir.to_str().unwrap()]);
        check_refused(&done, &format!("{name}` can't be a part of a run: it is a pipe"));
        fs::remove_file(&own).unwrap();
        if was_there {
            fs::rename(&kept, &own).unwrap();
        }
    }
    let given = folder.path().join("given");
    pipe(&given);
    let given = given.to_str().unwrap();
    for arguments in [
        &["eval", given][..],
        &["eval", "--config", given],
        &["train", "--config", given],
        &["train", "--initialize-from", given],
        &["play", given, "--episodes", "1"],
        &["export", given],
        &["replay", given],
        &["export", "--to", given],
    ] {
        let done = run("arrows", folder.path(), arguments);
        assert!(done.code > 0 && done.errors.contains("it is a pipe, and only regular files"), "{}", done.errors);
        assert_eq!(done.errors.lines().filter(|line| line.starts_with("error: ")).count(), 1, "{}", done.errors);
    }
    let newest = numbered(&run_dir).pop().unwrap();
    fs::remove_file(&newest).unwrap();
    pipe(&newest);
    let done = resume(folder.path(), &["--set", "stop.steps=4_000"]);
    assert!(done.code == 0 && done.errors.contains("it is a pipe"), "{}", done.errors);
}

#[test]
fn a_device_is_neither_read_nor_replaced() {
    let folder = tempfile::tempdir().unwrap();
    trained(folder.path(), &[]);
    for arguments in [&["eval", "/dev/zero"][..], &["train", "--config", "/dev/zero"], &["replay", "/dev/zero"]] {
        check_refused(&run("arrows", folder.path(), arguments), "it is a device, and only regular files");
    }
    let device = folder.path().join("device");
    // The test makes its own device, since it may run with the permission to replace the system's.
    if !Command::new("mknod").arg(&device).args(["c", "1", "3"]).status().is_ok_and(|status| status.success()) {
        return println!("no device can be made here, so none was written to");
    }
    symlink(&device, folder.path().join("link")).unwrap();
    for to in ["device", "link"] {
        for extra in [&[][..], &["--onnx"]] {
            let done = run("arrows", folder.path(), &[&["export", "--to", to], extra].concat());
            assert!(done.code == 1 && done.errors.contains("it is a device"), "{}", done.errors);
            assert!(fs::metadata(&device).unwrap().file_type().is_char_device(), "it is still one");
        }
    }
}

#[test]
fn a_link_to_a_regular_file_is_as_good_as_the_file_where_the_user_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let run_dir = trained(folder.path(), &[]);
    let link = |name: &str, to: &Path| symlink(to, folder.path().join(name)).unwrap();
    link("config.ron", &run_dir.join("config.ron"));
    link("policy", &run_dir.join("policy.safetensors"));
    link("run", &run_dir);
    for of in ["policy", "run"] {
        let done = run("arrows", folder.path(), &["eval", of, "--config", "config.ron", "--episodes", "1"]);
        assert_eq!(done.code, 0, "{}", done.errors);
    }
    let target = folder.path().join("target");
    fs::write(&target, "").unwrap();
    link("to", &target);
    let done = run("arrows", folder.path(), &["export", "--to", "to"]);
    assert_eq!(done.code, 0, "{}", done.errors);
    assert!(folder.path().join("to").is_symlink() && PolicyFile::read(&target).is_ok());
}

#[test]
fn an_export_replaces_nothing_that_a_run_has_saved() {
    let folder = tempfile::tempdir().unwrap();
    let run_dir = trained(folder.path(), &[]);
    let before = contents(&run_dir);
    for to in [run_dir.join("policy.safetensors"), numbered(&run_dir).remove(0)] {
        let done = run("arrows", folder.path(), &["export", "--to", to.to_str().unwrap()]);
        check_refused(&done, "was saved by a run, and that is never overwritten");
    }
    assert!(contents(&run_dir) == before);
}

#[test]
fn a_run_whose_checkpoints_are_gone_keeps_its_policy() {
    let folder = tempfile::tempdir().unwrap();
    let run_dir = trained(folder.path(), &[]);
    let policy = fs::read(run_dir.join("policy.safetensors")).unwrap();
    fs::remove_dir_all(run_dir.join("checkpoints")).unwrap();
    let done = resume(folder.path(), &["--set", "stop.steps=9_000"]);
    check_refused(&done, "has a policy, but no checkpoint to go on from");
    assert!(done.errors.contains("train --initialize-from "), "{}", done.errors);
    assert!(fs::read(run_dir.join("policy.safetensors")).unwrap() == policy);
    let from = run_dir.to_str().unwrap();
    let done = run("arrows", folder.path(), &["train", "--initialize-from", from, "--set", "stop.steps=100"]);
    assert_eq!(done.code, 0, "what it says works: {}", done.errors);
}

#[test]
fn a_policy_that_is_newer_than_the_checkpoint_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let run_dir = trained(folder.path(), &[]);
    let policy = PolicyFile::read(&run_dir.join("policy.safetensors")).unwrap();
    fs::remove_file(numbered(&run_dir).pop().unwrap()).unwrap();
    let done = resume(folder.path(), &["--set", "stop.steps=4_000"]);
    assert_eq!(done.code, 0, "{}", done.errors);
    let name = format!("policy-after-{}.safetensors", policy.origin.steps);
    assert!(done.errors.contains(&format!("it is kept as `{name}`")), "{}", done.errors);
    assert_eq!(PolicyFile::read(&run_dir.join(name)).unwrap(), policy);
}

#[test]
fn a_checkpoint_of_another_run_is_refused_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let other = trained(folder.path(), &["--set", "ppo.learning_rate=0.5", "--set", "stop.steps=6_000"]);
    let run_dir = trained(folder.path(), &[]);
    let stray = numbered(&other).pop().unwrap();
    let name = stray.file_name().unwrap().to_str().unwrap();
    fs::copy(&stray, run_dir.join("checkpoints").join(name)).unwrap();
    let own = numbered(&run_dir)[0].clone();
    let misnamed = run_dir.join("checkpoints/step-000000999999.safetensors");
    fs::copy(own, &misnamed).unwrap();
    let done = resume(folder.path(), &["--set", "stop.steps=9_000"]);
    assert_eq!(done.code, 0, "{}", done.errors);
    let lines: Vec<_> = done.errors.lines().filter(|line| !line.starts_with("config: ")).collect();
    assert!(lines[0].contains("step-000000999999") && lines[0].contains("named for 999999 steps"), "{lines:#?}");
    assert!(lines[1].contains(name) && lines[1].contains("another run saved it"), "{lines:#?}");
    let aside = run_dir.join("checkpoints").join(format!("refused-{name}"));
    assert_eq!(Checkpoint::read(&aside).unwrap(), Checkpoint::read(&stray).unwrap());
    assert!(!misnamed.exists());
}

#[test]
fn state_hashes_are_cut_at_the_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let run_dir = trained(folder.path(), &[]);
    fs::remove_file(numbered(&run_dir).pop().unwrap()).unwrap();
    let ticks = |run_dir: &Path| {
        let text = fs::read_to_string(run_dir.join("hashes.csv")).unwrap();
        let of_weights = text.lines().filter(|line| line.contains(",,weights,"));
        of_weights.map(|line| line.split(',').next().unwrap().parse().unwrap()).collect::<Vec<u64>>()
    };
    let before = ticks(&run_dir);
    let done = resume(folder.path(), &["--set", "stop.steps=4_000"]);
    assert_eq!(done.code, 0, "{}", done.errors);
    let after = ticks(&run_dir);
    assert!(after.is_sorted_by(|one, next| one < next) && after.last() > before.last(), "{before:?} {after:?}");
}

#[test]
fn a_damaged_table_is_set_aside_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let run_dir = trained(folder.path(), &[]);
    for name in ["metrics.csv", "hashes.csv"] {
        let path = run_dir.join(name);
        let text = fs::read_to_string(&path).unwrap();
        let mut lines = text.lines().map(str::to_owned).collect::<Vec<_>>();
        lines[2].insert(0, '?');
        fs::write(&path, lines.join("\n") + "\n").unwrap();
    }
    let done = resume(folder.path(), &["--set", "stop.steps=4_000"]);
    assert_eq!(done.code, 0, "{}", done.errors);
    for start in ["hashes-before-", "metrics-before-"] {
        assert!(done.errors.contains(&format!("it is kept as `{start}")), "{}", done.errors);
    }
}

#[test]
fn what_a_killed_run_left_beside_its_episodes_goes() {
    let folder = tempfile::tempdir().unwrap();
    let run_dir = trained(folder.path(), &[]);
    let part = run_dir.join("episodes/.best.episode.0.123.part");
    fs::write(&part, "half").unwrap();
    assert_eq!(resume(folder.path(), &[]).code, 0);
    assert!(!part.exists());
}

#[test]
fn a_folder_that_runs_can_not_be_made_in_is_told_before_worlds_are_built() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("notes"), "").unwrap();
    for runs in ["notes", "notes/runs"] {
        // A game that panics when its worlds begin.
        let done = run("restart_panics", folder.path(), &["train", "--runs-dir", runs]);
        assert_eq!(done.code, 1, "{}", done.errors);
        let expected = format!("error: `{runs}` can't be written: ");
        let errors: Vec<_> = done.errors.lines().filter(|line| !line.starts_with("config: ")).collect();
        assert!(errors.len() == 1 && errors[0].starts_with(&expected), "{}", done.errors);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn an_evaluation_refuses_what_play_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let path = trained(folder.path(), &[]).join("policy.safetensors");
    let mut policy = PolicyFile::read(&path).unwrap();
    policy.tick_rate_hz = 50.0;
    policy.write(&path).unwrap();
    let [evaluated, played] =
        ["eval", "play"].map(|command| run("arrows", folder.path(), &[command, path.to_str().unwrap()]));
    let part = "was trained at 50 ticks per second, but there are 64 here; insert `Time::<Fixed>::from_hz(50.0)`";
    check_refused(&evaluated, part);
    assert_eq!(evaluated.errors.lines().last(), played.errors.lines().last());
}
