//! The same run, built with other optimisations. It builds everything twice, so `cargo xtask torture profiles` runs it.
#![expect(clippy::unwrap_used, reason = "all of this is tests, where a panic is the report")]

use std::path::Path;
use std::process::{Command, Output};

/// The profiles with which an example is built.
const PROFILES: [&str; 2] = ["dev", "release"];

/// Builds an example with a profile and runs it.
fn run(profile: &str, example: &str, arguments: &[&str]) -> Output {
    let build = ["run", "--quiet", "-p", "ludus_examples", "--profile", profile, "--example", example, "--"];
    Command::new(env!("CARGO")).args(build).args(arguments).output().unwrap()
}

fn succeeded(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// Trains an example for a moment, and returns the run's folder.
fn trained(profile: &str, example: &str, runs: &Path) -> String {
    let runs = runs.to_str().unwrap();
    let line = ["train", "--json", "--runs-dir", runs, "--hash-every", "50", "--set", "worlds=2", "--set", "arenas=8"];
    let output = run(profile, example, &[&line[..], &["--set", "stop.steps=40_000"]].concat());
    let report = serde_json::from_str::<serde_json::Value>(succeeded(&output).lines().last().unwrap()).unwrap();
    report["run_dir"].as_str().unwrap().to_owned()
}

/// With physics and without: compares the hashes of worlds and weights, and replays the episodes that one build kept in
/// the other.
#[test]
#[ignore = "builds Bevy twice"]
fn a_run_is_the_same_in_a_release_build() {
    for example in ["cart_pole", "balance"] {
        let runs = tempfile::tempdir().unwrap();
        let [dev, release] = PROFILES.map(|profile| trained(profile, example, runs.path()));
        println!("{example}: {}", succeeded(&run("dev", example, &["diff-hash", &dev, &release])).trim());
        for (profile, other) in [("dev", &release), ("release", &dev)] {
            for episode in ["best", "worst", "1"] {
                succeeded(&run(profile, example, &["replay", other, episode]));
            }
        }
    }
}
