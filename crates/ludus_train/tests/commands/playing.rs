//! `export` and `play`: from a run to a game that is played.

use std::fs;
use std::path::{Path, PathBuf};

use ludus_policy::PolicyFile;

use super::program::{run, start};

/// The command line of a short run that learns the game, with checkpoints.
const QUICK: [&str; 16] = [
    "train",
    "--json",
    "--set",
    "arenas=32",
    "--set",
    "worlds=3",
    "--set",
    "reward={\"right\": 1, \"wrong\": 0}",
    "--set",
    "ppo.learning_rate=0.01",
    "--set",
    "ppo.minibatch=256",
    "--set",
    "checkpoints=(every: 5000, keep: 2)",
    "--set",
    "stop.steps=60_000",
];

fn train(folder: &Path) -> PathBuf {
    let done = run("arrows", folder, &QUICK);
    assert_eq!(done.code, 0, "{}", done.errors);
    folder.join(done.json()["run_dir"].as_str().unwrap())
}

#[test]
fn a_run_is_exported_to_where_the_game_plays_it() {
    let folder = tempfile::tempdir().unwrap();
    let run_dir = train(folder.path());
    let exported = run("arrows", folder.path(), &["export", "--json"]);
    assert_eq!(exported.code, 0, "{}", exported.errors);
    assert_eq!(exported.json()["policy"], "assets/policies/arrows.safetensors");
    let shipped = folder.path().join("assets/policies/arrows.safetensors");
    let newest = PolicyFile::read(&run_dir.join("policy.safetensors")).unwrap();
    assert_eq!(PolicyFile::read(&shipped).unwrap(), newest);

    let played = run("arrows", folder.path(), &["play", "--episodes", "3", "--json"]);
    assert_eq!(played.code, 0, "{}", played.errors);
    assert!(played.errors.contains("playing assets/policies/arrows.safetensors in real time"), "{}", played.errors);
    assert!(played.out.contains("episode 3: return 8.00, 8 steps"), "{}", played.out);
    assert_eq!((&played.json()["episodes"], &played.json()["env_steps"]), (&3.into(), &24.into()));

    let weights = ["--set", "reward={\"right\": 1, \"wrong\": 0}"];
    let run_name = run_dir.file_name().unwrap().to_str().unwrap();
    let played =
        run("arrows", folder.path(), &[&["play", run_name, "--episodes", "2", "--json"], &weights[..]].concat());
    assert_eq!(played.json()["mean_return"], 8.0, "{}{}", played.out, played.errors);
}

#[test]
fn a_checkpoint_is_exported_without_what_only_training_needs() {
    let folder = tempfile::tempdir().unwrap();
    let best = train(folder.path()).join("checkpoints/best.safetensors");
    let to = folder.path().join("small.safetensors");
    let done = run("arrows", folder.path(), &["export", best.to_str().unwrap(), "--to", to.to_str().unwrap()]);
    assert_eq!(done.code, 0, "{}", done.errors);
    assert_eq!(PolicyFile::read(&to).unwrap(), PolicyFile::read(&best).unwrap());
    let size = |path: &Path| fs::metadata(path).unwrap().len();
    assert!(size(&to) * 2 < size(&best), "{} of {} bytes", size(&to), size(&best));
    assert!(!folder.path().join("assets").exists(), "nothing else is written");
}

/// The tests of `ludus_policy` check the contents of ONNX files.
#[test]
fn a_run_is_exported_as_onnx() {
    let folder = tempfile::tempdir().unwrap();
    let run_dir = train(folder.path());
    let done = run("arrows", folder.path(), &["export", "--onnx"]);
    assert_eq!(done.code, 0, "{}", done.errors);
    let policy = PolicyFile::read(&run_dir.join("policy.safetensors")).unwrap();
    assert_eq!(fs::read(folder.path().join("assets/policies/arrows.onnx")).unwrap(), policy.to_onnx().unwrap());
}

#[test]
fn what_can_not_be_exported_or_played_is_refused_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let check = |arguments: &[&str], expected: &str| {
        let done = run("arrows", folder.path(), arguments);
        assert_eq!((done.code, done.errors.lines().count()), (2, 1), "{}", done.errors);
        assert!(done.errors.starts_with(&format!("error: {expected}")), "{}", done.errors);
    };
    check(
        &["play"],
        "no policy `assets/policies/arrows.safetensors`; write one there with `arrows export RUN`, or name a run: \
         `arrows play RUN`",
    );
    check(&["export"], "no run of `arrows` with a policy in `runs`; train one first, or name its folder");
    check(&["play", "other"], "no run `other`, neither as a path nor in `runs`; check the name");
    fs::write(folder.path().join("broken.safetensors"), "nonsense, and more of it").unwrap();
    check(&["play", "broken.safetensors"], "`broken.safetensors` is not a whole policy file: ");
    check(&["export", "broken.safetensors"], "`broken.safetensors` is not a whole policy file: ");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is written");

    let policy = train(folder.path()).join("policy.safetensors");
    let mut other = PolicyFile::read(&policy).unwrap();
    other.spec.observation[0].name = "sign".to_owned();
    other.write(&policy).unwrap();
    let done = run("arrows", folder.path(), &["export", policy.to_str().unwrap()]);
    assert!(done.code == 2 && done.errors.contains("was trained for a different `Reader`"), "{}", done.errors);
    let done = run("arrows", folder.path(), &["play", policy.to_str().unwrap()]);
    assert!(done.errors.contains("observation field 1 was `sign`, now `arrow`"), "{}", done.errors);
    other.spec.observation[0].name = "arrow".to_owned();
    other.tick_rate_hz = 50.0;
    other.write(&policy).unwrap();
    let done = run("arrows", folder.path(), &["play", policy.to_str().unwrap()]);
    let part = "was trained at 50 ticks per second, but there are 64 here; insert `Time::<Fixed>::from_hz(50.0)`";
    assert!(done.code == 2 && done.errors.contains(part), "{}", done.errors);
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_playing() {
    use std::io::{BufRead, BufReader};
    let folder = tempfile::tempdir().unwrap();
    train(folder.path());
    assert_eq!(run("arrows", folder.path(), &["export"]).code, 0);
    let mut child = start("arrows", folder.path(), &["play", "--json"]);
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("episode 1") {
        line.clear();
        assert!(out.read_line(&mut line).unwrap() > 0, "it ended before it began");
    }
    let asked = std::process::Command::new("kill").args(["-s", "INT", &child.id().to_string()]).status().unwrap();
    assert!(asked.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
