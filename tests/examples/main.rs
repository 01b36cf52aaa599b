//! The examples learn their tasks, and the commands in the documents exist.
#![expect(clippy::disallowed_methods, reason = "tests make and read whatever files they like")]

mod documented;

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

/// Runs an example and returns what it printed last, as JSON.
fn run(example: &str, arguments: &[&str], runs: &tempfile::TempDir) -> Value {
    let mut command = Command::new(path_of(example));
    command.args(arguments).arg("--json").arg("--runs-dir").arg(runs.path());
    let output = command.output().expect("the example is built together with this test");
    let [printed, told] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "{printed}{told}");
    assert!(!told.contains("scale_rewards"), "the rewards of `{example}` are learned from as they are: {told}");
    serde_json::from_str(printed.lines().last().expect("it printed something")).expect("the last line is JSON")
}

/// Examples lie beside the folder of the tests.
fn path_of(example: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it is");
    let profile = test.parent().and_then(|deps| deps.parent()).expect("tests lie in a folder of the profile's");
    profile.join("examples").join(example).with_extension(std::env::consts::EXE_EXTENSION)
}

fn number(report: &Value, key: &str) -> f64 {
    report[key].as_f64().unwrap_or_else(|| panic!("no number `{key}` in {report}"))
}

fn check(example: &str, train: &[&str], least_return: f64) {
    let runs = tempfile::tempdir().expect("a folder for the runs");
    let trained = run(example, &[&["train", "--seed", "1"], train].concat(), &runs);
    let scored = run(example, &["eval", "--episodes", "100"], &runs);
    assert_eq!(scored["run_dir"], trained["run_dir"], "the newest run is scored");
    assert!(number(&scored, "mean_return") >= least_return, "{scored}");
}

/// The last 100 episodes of training and the fresh ones of the evaluation both reach Gymnasium's threshold.
#[test]
fn cart_pole_is_solved() {
    check("cart_pole", &[], 475.0);
}

/// Random actions return about 1 of 100.
#[test]
fn balance_is_learned() {
    check("balance", &["--set", "stop.steps=150000"], 60.0);
}

#[test]
fn minimal_is_learned() {
    check("minimal", &[], 0.8);
}

/// Random driving returns about -1; a policy that arrives half of the time returns about 0.5.
#[test]
fn pillars_is_learned() {
    check("pillars", &["--set", "stop.steps=200000"], 0.8);
}

/// ML-Agents' benchmark for its `GridWorld` is 0.8.
#[test]
fn grid_world_is_learned() {
    check("grid_world", &[], 0.8);
}

/// An untrained policy catches no scripted runner; 30 M steps catch four in a minute. Agents that were not caught end
/// together, so the next episodes of an arena are recorded.
#[test]
fn chasers_learn_to_catch_and_their_episodes_are_exact() {
    let runs = tempfile::tempdir().expect("a folder for the runs");
    run("pursuit", &["train", "--seed", "1", "--set", "stop.steps=2000000"], &runs);
    let scored = run("pursuit", &["eval", "--episodes", "100", "--set", "Runner.policy=External"], &runs);
    let caught = scored["terms"]["caught"].as_f64();
    assert!(caught.is_some_and(|caught| caught > 1.0), "{scored}");
    let replayed = run("pursuit", &["replay", "latest", "best-Chaser"], &runs);
    assert_eq!(replayed["same"], true, "{replayed}");
}

/// Returns the share of the points that a policy wins: 1 for a victory and 0.5 for a draw.
fn share(example: &str, policy: &str, against: &str, runs: &tempfile::TempDir) -> f64 {
    let scored = run(example, &["eval", policy, "--against", against, "--episodes", "400"], runs);
    let [wins, draws, losses] =
        ["wins", "draws", "losses"].map(|key| scored["matches"][key].as_f64().expect("there were matches"));
    (wins + 0.5 * draws) / (wins + draws + losses)
}

/// A policy that has learned nothing gets 2 of 100 points against the script.
#[test]
fn pong_is_learned_by_self_play() {
    let runs = tempfile::tempdir().expect("a folder for the runs");
    let trained = run("pong", &["train", "--seed", "1", "--set", "stop.steps=2000000"], &runs);
    let run_dir = trained["run_dir"].as_str().expect("a run has a folder");
    let first = format!("{run_dir}/versions/Paddle-000000000000.safetensors");
    assert!(share("pong", run_dir, "script", &runs) > 0.5);
    assert!(share("pong", run_dir, &first, &runs) > 0.9);
    assert!(share("pong", "assets/policies/pong.safetensors", "script", &runs) > 0.93);
}

/// Teams that have learned nothing get half of the points against each other, nearly all of them by draws.
#[test]
fn soccer_is_learned_by_self_play() {
    let runs = tempfile::tempdir().expect("a folder for the runs");
    let trained = run("soccer", &["train", "--seed", "1", "--set", "stop.steps=2000000"], &runs);
    let run_dir = trained["run_dir"].as_str().expect("a run has a folder");
    assert!(share("soccer", run_dir, "random", &runs) > 0.7);
    assert!(share("soccer", "assets/policies/soccer.safetensors", "random", &runs) > 0.93);
}

/// Random actions return about 0.2, and a team that delivers all crates 11.
#[test]
fn push_together_is_learned_by_a_team() {
    check("push_together", &["--set", "stop.steps=500000"], 1.5);
    let runs = tempfile::tempdir().expect("a folder for the runs");
    let policy = "assets/policies/push_together.safetensors";
    let scored = run("push_together", &["eval", policy, "--episodes", "200", "--sample"], &runs);
    assert!(number(&scored, "success") >= 0.9, "{scored}");
}

/// Random torques hardly ever swing the tip up, which returns -500.
#[test]
fn acrobot_is_learned_in_few_steps() {
    check("acrobot", &["--config", "assets/train/acrobot-dqn.ron"], -100.0);
}

/// Random throttles never arrive, and return -200.
#[test]
fn mountain_car_is_learned_in_few_steps() {
    check("mountain_car", &["--config", "assets/train/mountain_car-dqn.ron"], -115.0);
}

/// Random torques return -1,200.
#[test]
fn pendulum_is_learned_in_few_steps() {
    check("pendulum", &["--config", "assets/train/pendulum-sac.ron"], -200.0);
}

/// The policies that ship with Gymnasium's games, with most probable actions.
#[test]
fn shipped_policies_are_good() {
    let runs = tempfile::tempdir().expect("a folder for the runs");
    let check = |example: &str, option: &[&str], name: &str, least_return: f64| {
        let policy = format!("assets/policies/{name}.safetensors");
        let scored = run(example, &[option, &["eval", &policy, "--episodes", "200"]].concat(), &runs);
        assert!(number(&scored, "mean_return") >= least_return, "{scored}");
    };
    check("cart_pole", &[], "cart_pole", 475.0);
    check("acrobot", &[], "acrobot", -85.0);
    check("mountain_car", &[], "mountain_car", -105.0);
    check("mountain_car", &["--continuous"], "mountain_car_continuous", 94.0);
    check("pendulum", &[], "pendulum", -165.0);
}

/// `check` ends with an error where it finds something.
#[test]
fn no_example_has_a_flaw() {
    let runs = tempfile::tempdir().expect("a folder for the runs");
    let examples = [
        "minimal",
        "acrobot",
        "balance",
        "cart_pole",
        "grid_world",
        "mountain_car",
        "pendulum",
        "pillars",
        "pong",
        "push_together",
        "pursuit",
        "soccer",
    ];
    for example in examples {
        let report = run(example, &["check"], &runs);
        assert_eq!(report["findings"].as_array().map(Vec::len), Some(0), "{example}: {report}");
    }
}

/// The settings of `minimal` in which only the cost of the way counts, with many rows: the good episodes are the short
/// ones, and a good policy gets about -0.1.
const SHORT_IS_GOOD: [&str; 6] = ["--set", "reward.arrived=0.0", "--set", "arenas=512", "--set", "ppo.rollout_steps=8"];

#[test]
fn a_run_does_not_stop_because_good_episodes_are_the_first_to_end() {
    let runs = tempfile::tempdir().expect("a folder for the runs");
    let stop = ["train", "--set", "stop.mean_return=-0.06", "--set", "stop.steps=200000"];
    let trained = run("minimal", &[stop.as_slice(), &SHORT_IS_GOOD].concat(), &runs);
    assert_eq!(trained["stop_reason"], "steps", "{trained}");
}

#[test]
fn the_best_checkpoint_is_no_worse_than_the_last() {
    let runs = tempfile::tempdir().expect("a folder for the runs");
    let often = ["train", "--set", "checkpoints.every=1", "--set", "stop.steps=300000"];
    let trained = run("minimal", &[often.as_slice(), &SHORT_IS_GOOD].concat(), &runs);
    let run_dir = trained["run_dir"].as_str().expect("a run has a folder");
    let best = format!("{run_dir}/checkpoints/best.safetensors");
    let [best, last] = [best.as_str(), run_dir]
        .map(|policy| number(&run("minimal", &["eval", policy, "--episodes", "1000"], &runs), "mean_return"));
    assert!(best > last - 0.02, "the best is {best}, the last {last}");
}
