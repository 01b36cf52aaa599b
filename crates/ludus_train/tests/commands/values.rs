//! Runs that learn the values of actions.

use std::fs;
use std::path::Path;

use ludus_train::Checkpoint;
use serde_json::Value;

use super::program::run;

/// The command line of a short run with an algorithm's settings.
pub fn train<'a>(settings: &'a str, steps: &'a str) -> [&'a str; 12] {
    let reward = "reward={\"right\": 1, \"wrong\": 0}";
    ["train", "--json", "--set", "arenas=8", "--set", "worlds=3", "--set", reward, "--set", settings, "--set", steps]
}

pub const DQN: &str = "dqn=(learning_starts: 500, replay: 5_000, learning_rate: 3e-3, exploration: 0.5)";
pub const SAC: &str = "sac=(learning_starts: 500, replay: 5_000, learning_rate: 3e-3, replay_ratio: 0.1, minibatch: 64, \
                       gamma: 0.5, choice_target_entropy: 0.2)";
pub const PQN: &str = "pqn=(minibatch: 128, learning_rate: 3e-3, exploration: 0.5)";

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

/// The numbers of the wolf are learned by SAC, and the choices of the sheep by DQN, in one run.
const NUMBERS_AND_CHOICES: &str = r#"(
    worlds: 3,
    arenas: 8,
    agents: {
        "Wolf": (
            reward: { "near": 1.0 },
            network: (hidden: [16], activation: Relu),
            sac: (
                rollout_steps: 4, replay: 5_000, learning_starts: 300, replay_ratio: 0.25, minibatch: 32,
                learning_rate: 5e-3, gamma: 0.5, save_replay: true,
            ),
        ),
        "Sheep": (
            reward: { "right": 1.0 },
            network: (hidden: [16], activation: Relu),
            dqn: (replay: 5_000, learning_starts: 300, replay_ratio: 0.25, minibatch: 32, learning_rate: 5e-3),
        ),
        "Lamb": (policy: External),
    },
    stop: (steps: 15_000),
)"#;

#[test]
fn numbers_are_learned_by_soft_actor_critic_beside_choices_by_q_learning() {
    check_numbers_and_choices(&[]);
}

/// Learns both, with a learner as these arguments say.
pub fn check_numbers_and_choices(learner: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::create_dir_all(folder.join("assets/train")).unwrap();
    fs::write(folder.join("assets/train/pack.ron"), NUMBERS_AND_CHOICES).unwrap();
    let report = |arguments: &[&str]| {
        let done = run("pack", folder, arguments);
        assert_eq!(done.code, 0, "{arguments:?}: {}", done.errors);
        done.json()
    };
    let policy = |of: &Value| {
        let run_dir = folder.join(of["run_dir"].as_str().unwrap());
        fs::read(run_dir.join("policies/Wolf.safetensors")).unwrap()
    };
    let train = |arguments: &[&str]| report(&[&["train", "--json"], arguments, learner].concat());
    let trained = train(&["--threads", "1"]);
    assert!(policy(&trained) == policy(&train(&["--threads", "3"])), "the same bits");
    // Guesses at random are 2/3 away on average, which returns 2.7 of 8; a constant answer returns 2.5 of 5.
    let scored = report(&["eval", "--json", "--episodes", "50"]);
    let mean = |kind: &str| scored["kinds"][kind]["mean_return"].as_f64().unwrap();
    assert!(mean("Wolf") > 7.0 && mean("Sheep") > 4.8, "{scored}");
    let exported = run("pack", folder, &["export", "latest", "--onnx", "--to", "shipped"]);
    assert!(exported.code == 0 && folder.join("shipped/Wolf.onnx").is_file(), "{}", exported.errors);
    let resumed = train(&["--resume", "latest", "--set", "stop.steps=18_000"]);
    assert!(resumed["kinds"]["Wolf"]["mean_return"].as_f64().unwrap() > 6.0, "{resumed}");
}

/// Half of the actions of training are random, and the others are right: a return of 6 of 8.
#[test]
fn the_best_checkpoint_is_judged_by_greedy_actions_from_which_nothing_is_learned() {
    let folder = tempfile::tempdir().unwrap();
    let dqn = "dqn=(learning_starts: 500, replay: 5_000, learning_rate: 3e-3, epsilon: 0.5)";
    let learned = |checkpoints: &str| {
        let arguments = [&train(dqn, "stop.steps=12_000")[..], &["--set", checkpoints]].concat();
        let trained = report(folder.path(), &arguments);
        let run_dir = folder.path().join(trained["run_dir"].as_str().unwrap());
        let best = Checkpoint::read(&run_dir.join("checkpoints/best.safetensors")).unwrap();
        (fs::read(run_dir.join("policy.safetensors")).unwrap(), best.record.kinds["Reader"].clone())
    };
    let (plain, best) = learned("checkpoints=(every: 3_000)");
    assert!(best.evaluated.is_none());
    let (policy, best) = learned("checkpoints=(every: 3_000, evaluation_episodes: 20)");
    assert_eq!(best.evaluated, Some(8.0));
    let of_training = best.recent.iter().map(|episode| episode.reward).sum::<f32>() / best.recent.len() as f32;
    assert!(of_training < 7.0, "{of_training}");
    assert!(policy == plain, "the same bits");
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
    check(&["dqn.replay=0"], "`replay` is 0; it must be at least 1");
    check(&["dqn.gamma=2"], "`gamma` is 2; it must be from 0 to 1");
    check(
        &["dqn.learning_start=2"],
        "unknown field `learning_start`; valid: `rollout_steps`, `replay`, `learning_starts`",
    );
    check(&["dqn.n_step=500", "dqn.replay=1000"], "and `n_step` and `rollout_steps` need 500; give it ");
    check(&["dqn=()", "network.memory=Gru(16)"], "`dqn` can't learn with `memory: Gru(16)`; leave it out");
}

#[test]
fn smooth_noise_on_libtorch_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for other in [["--learner", "torch"], ["--device", "cuda:0"]] {
        let arguments = [&train("sac=(gsde: ())", "stop.steps=1000")[..], &other].concat();
        let done = run("arrows", folder.path(), &arguments);
        assert_eq!(done.code, 2);
        assert!(done.errors.contains("`gsde` of `sac` explores in plain Rust on the CPU alone"), "{}", done.errors);
    }
}
