//! Runs that start from the parameters of another one.

use std::fs;
use std::path::Path;

use super::program::{Done, run};
use super::work::QUICK;

/// The mean return of a run of one iteration, which is that of its initial policy.
fn first_return(game: &str, folder: &Path, changes: &[&str]) -> (f64, Done) {
    let short = ["--set", "stop.steps=100", "--set", "ppo.epochs=1"];
    let done = run(game, folder, &[QUICK.as_slice(), &short, changes].concat());
    assert_eq!(done.code, 0, "{}", done.errors);
    (done.json()["mean_return"].as_f64().unwrap(), done)
}

#[test]
fn a_run_starts_from_a_run_or_from_a_policy_file() {
    let folder = tempfile::tempdir().unwrap();
    let trained = run("arrows", folder.path(), &QUICK).json();
    let run_dir = trained["run_dir"].as_str().unwrap();
    let policy = format!("{run_dir}/policy.safetensors");
    assert!(first_return("arrows", folder.path(), &[]).0 < 5.0, "it guesses");
    let name = Path::new(run_dir).file_name().unwrap().to_str().unwrap();
    for from in [run_dir, name, &policy] {
        let (reached, done) = first_return("arrows", folder.path(), &["--initialize-from", from]);
        assert!(reached > 7.0, "{reached}");
        assert!(done.errors.contains(&format!("starting from `{policy}`\n")), "{}", done.errors);
    }
    let set = format!("initialize_from={:?}", policy);
    let (reached, done) = first_return("arrows", folder.path(), &["--set", &set]);
    assert!(reached > 7.0, "{reached}");
    let config = folder.path().join(done.json()["run_dir"].as_str().unwrap()).join("config.ron");
    assert!(fs::read_to_string(config).unwrap().contains("initialize_from: Some("));
}

#[test]
fn fields_are_matched_by_name_where_the_layout_grew() {
    let folder = tempfile::tempdir().unwrap();
    let trained = run("arrows", folder.path(), &QUICK).json();
    let from = trained["run_dir"].as_str().unwrap();
    let (reached, done) = first_return("seeing_more", folder.path(), &["--initialize-from", from]);
    assert!(reached > 7.0, "{reached}");
    assert!(done.errors.contains("; observation `step` is new"), "{}", done.errors);
}

#[test]
fn what_can_not_be_started_from_is_refused_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let trained = run("arrows", folder.path(), &[QUICK.as_slice(), &["--set", "stop.steps=100"]].concat()).json();
    let from = trained["run_dir"].as_str().unwrap();
    let check = |changes: &[&str], expected: &str| {
        let done = run("arrows", folder.path(), &[&["train", "--initialize-from"], changes].concat());
        assert_eq!(done.code, 2, "{}", done.errors);
        assert!(done.errors.lines().last().unwrap().contains(expected), "{}", done.errors);
    };
    check(&["no-run"], "no run `no-run`, neither as a path nor in `runs`");
    check(&[from, "--set", "network.hidden=[8]"], "can't be started from: its network is (hidden: [64, 64], ");
    check(
        &[from, "--set", "ppo.normalize_observations=false"],
        "`normalize_observations: true`; give the section of the algorithm the same",
    );
    assert_eq!(fs::read_dir(folder.path().join("runs")).unwrap().count(), 1);
}
