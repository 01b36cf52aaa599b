//! Runs that learn the values of actions.

use std::fs;
use std::path::Path;

use ludus_train::Checkpoint;
use serde_json::Value;

use super::program::run;

/// The command line of a short run with an algorithm's settings.
fn train<'a>(settings: &'a str, steps: &'a str) -> [&'a str; 12] {
    let reward = "reward={\"right\": 1, \"wrong\": 0}";
    ["train", "--json", "--set", "arenas=8", "--set", "worlds=3", "--set", reward, "--set", settings, "--set", steps]
}

const DQN: &str = "dqn=(learning_starts: 500, replay: 5_000, learning_rate: 3e-3, exploration: 0.5)";
const PQN: &str = "pqn=(minibatch: 128, learning_rate: 3e-3, exploration: 0.5)";

fn report(folder: &Path, arguments: &[&str]) -> Value {
    let done = run("arrows", folder, arguments);
    assert_eq!(done.code, 0, "{}", done.errors);
    done.json()
}

#[test]
fn a_policy_of_values_is_learned_scored_exported_and_resumed() {
    for (settings, steps) in [(DQN, "stop.steps=12_000"), (PQN, "stop.steps=30_000")] {
        let folder = tempfile::tempdir().unwrap();
        let trained = report(folder.path(), &train(settings, steps));
        // ε falls to 0.05, so every fortieth answer is wrong.
        assert!(trained["mean_return"].as_f64().unwrap() > 6.5, "{settings}: {trained}");
        let run_dir = folder.path().join(trained["run_dir"].as_str().unwrap());
        let config = fs::read_to_string(run_dir.join("config.ron")).unwrap();
        assert!(!config.contains("ppo:") && config.contains(&format!("{}:", &settings[..3])), "{config}");

        let scored = report(folder.path(), &["eval", "--json", "--episodes", "50"]);
        assert_eq!(scored["mean_return"], 8.0, "{settings}: the greedy policy makes no mistakes: {scored}");
        let graph = folder.path().join("policy.onnx");
        let exported = run("arrows", folder.path(), &["export", "latest", "--to", graph.to_str().unwrap(), "--onnx"]);
        assert!(exported.code == 0 && graph.exists(), "{}", exported.errors);

        let resumed = report(folder.path(), &["train", "--json", "--resume", "latest", "--set", "stop.steps=34_000"]);
        assert!(resumed["env_steps"].as_u64().unwrap() >= 34_000, "{settings}: {resumed}");
        assert!(resumed["mean_return"].as_f64().unwrap() > 6.5, "{settings}: {resumed}");
    }
}

#[test]
fn the_same_policy_is_learned_with_any_number_of_threads_and_after_a_resume() {
    let saved = "dqn=(learning_starts: 200, replay: 2_000, n_step: 2, priorities: (), save_replay: true)";
    let folder = tempfile::tempdir().unwrap();
    let policy = |threads: &str, extra: &[&str]| {
        let arguments = [&train(saved, "stop.steps=3_000")[..], &["--threads", threads], extra].concat();
        let report = report(folder.path(), &arguments);
        fs::read(folder.path().join(report["run_dir"].as_str().unwrap()).join("policy.safetensors")).unwrap()
    };
    let alone = policy("1", &[]);
    assert!(alone == policy("3", &[]), "the same bits");
    let first = report(folder.path(), &train(saved, "stop.steps=3_000"));
    let checkpoints = folder.path().join(first["run_dir"].as_str().unwrap()).join("checkpoints");
    let newest = fs::read_dir(checkpoints).unwrap().map(|entry| entry.unwrap().path()).max().unwrap();
    let state = &Checkpoint::read(&newest).unwrap().policies[0].state;
    assert!(state.tensors.contains_key("replay.observations") && state.counters["gradient_steps"] > 0);
}

#[test]
fn what_does_not_fit_is_a_sentence_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let check = |changes: &[&str], expected: &str| {
        let sets = changes.iter().flat_map(|change| ["--set", change]);
        let arguments: Vec<&str> =
            ["train", "--set", "reward={\"right\": 1, \"wrong\": 0}"].into_iter().chain(sets).collect();
        let done = run("arrows", folder.path(), &arguments);
        assert_eq!(done.code, 2, "{changes:?}: {}", done.errors);
        assert!(done.errors.contains(expected), "{changes:?}: {}", done.errors);
        assert!(!folder.path().join("runs").exists(), "{changes:?}");
    };
    check(&["dqn=()", "ppo=()"], "`Reader` has `ppo` and `dqn`, and one policy has one algorithm; keep one of");
    check(&["ppo=None"], "`Reader` has no algorithm; keep one of `ppo`, `pqn`, `dqn`, `sac`");
    check(&["dqn.replay=1e15"], "the replay takes 11.5 PiB of memory, and ");
    check(&["dqn.gamma=2"], "`gamma` is 2; it must be from 0 to 1");
    check(
        &["dqn.learning_start=2"],
        "unknown field `learning_start`; valid: `rollout_steps`, `replay`, `learning_starts`",
    );
    check(&["dqn.n_step=500", "dqn.replay=1000"], "and `n_step` and `rollout_steps` need 500; give it ");
    check(&["dqn=()", "network.memory=Gru(16)"], "`dqn` can't learn with `memory: Gru(16)`; leave it out");
}

#[test]
fn another_learner_than_the_one_in_plain_rust_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = [&train(DQN, "stop.steps=1000")[..], &["--learner", "torch"]].concat();
    let done = run("arrows", folder.path(), &arguments);
    assert_eq!(done.code, 2);
    assert!(done.errors.contains("`dqn` learns in plain Rust on the CPU"), "{}", done.errors);
}
