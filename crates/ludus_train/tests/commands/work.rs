//! Commands that succeed, and the files that they write.

use std::fs;
use std::path::{Path, PathBuf};

use ludus_policy::PolicyFile;
use ludus_train::Checkpoint;

use super::program::{run, start, start_after};

/// The command line of a short run that learns the game.
pub const QUICK: [&str; 14] = [
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
    "stop.steps=60_000",
];

fn runs_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("runs")).unwrap();
    let mut runs = entries.map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    runs.sort();
    runs
}

#[test]
fn training_leaves_a_run_and_evaluation_scores_it() {
    let folder = tempfile::tempdir().unwrap();
    let trained = run("arrows", folder.path(), &QUICK);
    assert_eq!(trained.code, 0, "{}", trained.errors);
    let report = trained.json();
    assert!(report["mean_return"].as_f64().unwrap() > 7.5, "{report}");
    assert_eq!(report["stop_reason"], "steps");
    let steps = report["env_steps"].as_u64().unwrap();
    assert!((60_000..70_000).contains(&steps), "{report}");
    let run_dir = folder.path().join(report["run_dir"].as_str().unwrap());
    assert_eq!(runs_in(folder.path()), std::slice::from_ref(&run_dir));
    let names = fs::read_dir(&run_dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let names = names.collect::<Vec<_>>();
    for name in ["config.ron", "metrics.csv", "checkpoints", "policy.safetensors", "lock", "id", "episodes", "order"] {
        assert!(names.iter().any(|found| found == name), "{name} in {names:?}");
    }
    assert_eq!(names.len(), 9, "and the event file: {names:?}");
    assert_eq!(PolicyFile::read(&run_dir.join("policy.safetensors")).unwrap().origin.steps, steps);

    let scored = run("arrows", folder.path(), &["eval", "--json", "--episodes", "50"]);
    assert_eq!(scored.code, 0, "{}", scored.errors);
    let report = scored.json();
    assert_eq!(report["mean_return"], 8.0, "the greedy policy makes no mistakes: {report}");
    assert_eq!((&report["episodes"], &report["env_steps"]), (&50.into(), &400.into()));
    assert_eq!((&report["terms"]["right"], &report["terms"]["wrong"]), (&8.0.into(), &0.0.into()));
    assert!(scored.out.contains("return 8.00 ± 0.00, length 8.0 ± 0.0, 50 episodes"), "{}", scored.out);

    let best = run_dir.join("checkpoints/best.safetensors");
    let sampled = run("arrows", folder.path(), &["eval", best.to_str().unwrap(), "--json", "--sample"]);
    assert!(sampled.json()["mean_return"].as_f64().unwrap() > 7.0, "{}", sampled.errors);
}

#[test]
fn a_policy_does_not_depend_on_threads_but_on_the_seed() {
    let folder = tempfile::tempdir().unwrap();
    let policy = |extra: &[&str]| {
        let done = run("arrows", folder.path(), &[&QUICK, ["--set", "stop.steps=9000"].as_slice(), extra].concat());
        let run_dir = done.json()["run_dir"].as_str().unwrap().to_owned();
        fs::read(folder.path().join(run_dir).join("policy.safetensors")).unwrap()
    };
    let alone = policy(&["--threads", "1"]);
    assert!(alone == policy(&["--threads", "3"]), "the same bits");
    assert!(alone != policy(&["--seed", "2"]));
    assert_eq!(runs_in(folder.path()).len(), 3, "no run overwrites another");
}

#[test]
fn metrics_have_the_names_that_others_use() {
    let folder = tempfile::tempdir().unwrap();
    let report = run("arrows", folder.path(), &QUICK).json();
    let table = folder.path().join(report["run_dir"].as_str().unwrap()).join("metrics.csv");
    let table = fs::read_to_string(table).unwrap();
    let columns = table.lines().next().unwrap();
    assert_eq!(
        columns,
        "step,charts/episodic_return,charts/episodic_length,charts/success_rate,charts/SPS,losses/value_loss,losses/policy_loss,\
         losses/entropy,losses/old_approx_kl,losses/approx_kl,losses/clipfrac,losses/explained_variance,\
         charts/learning_rate,reward/right,reward/wrong,time/forward,time/copy,time/simulate,time/sense_score,\
         time/learn"
    );
    let last = table.lines().last().unwrap().split(',').collect::<Vec<_>>();
    assert_eq!(last[0], report["env_steps"].to_string());
    assert_eq!(last[2], "8", "every episode has eight steps");
}

#[test]
fn checkpoints_are_the_last_ones_and_the_best() {
    let folder = tempfile::tempdir().unwrap();
    let often = ["--set", "checkpoints=(every: 5000, keep: 2)"];
    let report = run("arrows", folder.path(), &[QUICK.as_slice(), &often].concat()).json();
    let run_dir = folder.path().join(report["run_dir"].as_str().unwrap());
    let files = fs::read_dir(run_dir.join("checkpoints")).unwrap().map(|entry| entry.unwrap().path());
    let mut files = files.collect::<Vec<_>>();
    files.sort();
    assert_eq!(files.len(), 3, "{files:?}");
    let checkpoint = Checkpoint::read(&files[2]).unwrap();
    assert_eq!(checkpoint.steps(), report["env_steps"].as_u64().unwrap());
    assert_eq!(checkpoint.policies[0].policy, PolicyFile::read(&run_dir.join("policy.safetensors")).unwrap());
    assert!(checkpoint.policies[0].state.iteration > 0 && checkpoint.policies[0].state.counters["optimizer_steps"] > 0);
    let copy = folder.path().join("copy");
    checkpoint.write(&copy).unwrap();
    assert_eq!(Checkpoint::read(&copy).unwrap(), checkpoint, "nothing is lost on the way");
}

#[test]
fn a_run_ends_as_soon_as_it_is_good_enough_or_late_enough() {
    let folder = tempfile::tempdir().unwrap();
    let stopped = |by: &str| run("arrows", folder.path(), &[QUICK.as_slice(), &["--set", by]].concat()).json();
    let report = stopped("stop=(steps: 1_000_000_000, mean_return: 7.0)");
    assert_eq!(report["stop_reason"], "mean_return");
    assert!(report["mean_return"].as_f64().unwrap() >= 7.0 && report["episodes"].as_u64().unwrap() >= 100);
    let report = stopped("stop=(steps: 1_000_000_000_000, seconds: 0.2)");
    assert_eq!(report["stop_reason"], "seconds");
    assert!(report["train_seconds"].as_f64().unwrap() >= 0.2);
}

#[test]
fn a_benchmark_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let done = run("arrows", folder.path(), &["bench", "--json", "--seconds", "0.2", "--set", "worlds=2"]);
    assert_eq!(done.code, 0, "{}", done.errors);
    let bench = &done.json()["bench"];
    assert!(bench["simulation"]["agent_steps_per_second"].as_f64().unwrap() > 1000.0, "{bench}");
    assert!(bench["training"]["learn_per_second"].as_f64().unwrap() > 1000.0, "{bench}");
    assert_eq!(bench["worlds"], 2);
    assert!(
        bench["decision"]["agents"] == 1000 && bench["decision"]["milliseconds"].as_f64().unwrap() > 0.0,
        "{bench}"
    );
    assert!(done.out.contains(" ms for 1000 agents in a game, policy [64, 64], one thread"), "{}", done.out);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// A run that ignores hang-ups, as under `nohup`: closing the terminal does not end it, other signals do.
#[cfg(unix)]
#[test]
fn a_hang_up_that_is_ignored_stays_ignored_and_an_end_that_is_asked_for_saves() {
    let folder = tempfile::tempdir().unwrap();
    let forever = ["--set", "stop.steps=1_000_000_000_000"];
    let arguments = [QUICK.as_slice(), &forever].concat();
    let mut child = start_after("trap '' HUP", "arrows", folder.path(), &arguments);
    super::crash::lines_up_to(&mut child, "training");
    let signal = |name: &str, id: u32| {
        let sent = std::process::Command::new("kill").args(["-s", name, &id.to_string()]).status().unwrap();
        assert!(sent.success(), "{name}");
    };
    // A second signal that is handled would end it without saving.
    signal("HUP", child.id());
    signal("HUP", child.id());
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(child.try_wait().unwrap().is_none(), "a hang-up has ended it");
    signal("TERM", child.id());
    let done = super::program::Done::from(child.wait_with_output().unwrap());
    assert_eq!((done.code, done.json()["stop_reason"].as_str()), (0, Some("interrupted")));
}

#[cfg(unix)]
#[test]
fn ctrl_c_saves_before_it_ends() {
    use std::io::{BufRead, BufReader};
    let folder = tempfile::tempdir().unwrap();
    let forever = ["--set", "stop.steps=1_000_000_000_000"];
    let mut child = start("arrows", folder.path(), &[QUICK.as_slice(), &forever].concat());
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("training") {
        line.clear();
        assert!(errors.read_line(&mut line).unwrap() > 0, "it ended before it began");
    }
    let asked = std::process::Command::new("kill").args(["-s", "INT", &child.id().to_string()]).status().unwrap();
    assert!(asked.success());
    let done = super::program::Done::from(child.wait_with_output().unwrap());
    assert_eq!(done.code, 0);
    let report = done.json();
    assert_eq!(report["stop_reason"], "interrupted");
    let run_dir = folder.path().join(report["run_dir"].as_str().unwrap());
    let policy = PolicyFile::read(&run_dir.join("policy.safetensors")).unwrap();
    assert_eq!(policy.origin.steps, report["env_steps"].as_u64().unwrap());
}
