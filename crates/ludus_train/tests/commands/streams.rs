//! Runs with streams of rewards and curiosity.

use std::fs;

use ludus_policy::PolicyFile;

use super::program::run;
use super::resume::copy;
use super::work::QUICK;

const STREAMS: [&str; 6] = [
    "--set",
    "reward={\"right\": 1, \"wrong\": -1}",
    "--set",
    "ppo.curiosity=(fields: [\"arrow\"], weight: Linear(from: 0.5, to: 0.0), hidden: [8], outputs: 8)",
    "--set",
    "ppo.streams={\"errors\": (terms: [\"wrong\"], gamma: 0.5, weight: 2.0)}",
];

/// The arrows are learned, and returns are those of the game: 8 at most, and without what streams add.
#[test]
fn streams_have_columns_in_the_metrics_and_no_part_in_returns() {
    let folder = tempfile::tempdir().unwrap();
    let trained = run("arrows", folder.path(), &[QUICK.as_slice(), &STREAMS].concat());
    assert_eq!(trained.code, 0, "{}", trained.errors);
    let report = trained.json();
    let mean_return = report["mean_return"].as_f64().unwrap();
    assert!((7.0..=8.0).contains(&mean_return), "{report}");
    let run_dir = folder.path().join(report["run_dir"].as_str().unwrap());
    let table = fs::read_to_string(run_dir.join("metrics.csv")).unwrap();
    let names: Vec<&str> = table.lines().next().unwrap().split(',').collect();
    // Columns that have no number, such as the success rate of a game without verdicts, are empty.
    let number = |value: &str| value.parse().unwrap_or(f64::NAN);
    let last: Vec<f64> = table.lines().last().unwrap().split(',').map(number).collect();
    let column = |name: &str| last[names.iter().position(|found| *found == name).unwrap_or_else(|| panic!("{name}"))];
    assert!(column("charts/curiosity_return") >= 0.0 && column("losses/curiosity") >= 0.0);
    // Once the arrows are read, errors are rare.
    assert!((-0.5..=0.0).contains(&column("charts/errors_return")), "{last:?}");
    let config = fs::read_to_string(run_dir.join("config.ron")).unwrap();
    assert!(config.contains("curiosity: (") && config.contains("\"errors\": ("), "{config}");

    // The policy is that of a run without streams.
    let plain = run("arrows", folder.path(), &[QUICK.as_slice(), &["--set", "stop.steps=5_000"]].concat());
    let plain = folder.path().join(plain.json()["run_dir"].as_str().unwrap());
    let [with, without] = [&run_dir, &plain].map(|run| PolicyFile::read(&run.join("policy.safetensors")).unwrap());
    assert_eq!((with.parameters.len(), with.network), (without.parameters.len(), without.network));
    let scored = run("arrows", folder.path(), &["eval", run_dir.to_str().unwrap(), "--json", "--episodes", "50"]);
    assert_eq!(scored.json()["mean_return"], 8.0, "{}", scored.errors);
}

#[test]
fn a_curious_run_that_is_resumed_twice_learns_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let trained = run("arrows", folder.path(), &[QUICK.as_slice(), &STREAMS, &["--set", "stop.steps=10_000"]].concat());
    assert_eq!(trained.code, 0, "{}", trained.errors);
    let run_dir = folder.path().join(trained.json()["run_dir"].as_str().unwrap());
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
}

#[test]
fn streams_that_do_not_fit_are_told_with_the_valid_names() {
    let folder = tempfile::tempdir().unwrap();
    let check = |set: &str, expected: &str| {
        let done = run("arrows", folder.path(), &[QUICK.as_slice(), &["--set", set]].concat());
        assert_eq!(done.code, 2, "{}", done.errors);
        assert!(done.errors.contains(expected), "{}", done.errors);
    };
    check("ppo.curiosity=(fields: [\"bow\"])", "`Reader` observes no field `bow`; valid: `arrow`");
    check("ppo.curiosity=(weight: -1)", "`weight` is -1; it must be at least 0");
    check("ppo.streams={\"errors\": (terms: [\"errors\"])}", "unknown term `errors`; valid: `right`, `wrong`");
    check("ppo.streams={\"errors\": (terms: [\"wrong\"], gamma: 2)}", "`gamma` is 2; it must be from 0 to 1");
    // In a file, with the line.
    let config = "(\n  agents: {\"Reader\": (\n    reward: {\"right\": 1, \"wrong\": 0},\n    ppo: (curiosity: (\n      \
                  weight: Linear(from: 1.0, to: -1.0),\n    )),\n  )},\n)";
    fs::write(folder.path().join("streams.ron"), config).unwrap();
    let done = run("arrows", folder.path(), &["train", "--config", "streams.ron"]);
    assert!(done.errors.contains("streams.ron:5:"), "{}", done.errors);
}
