//! The output of commands: as JSON too, with `latest` as the name of a run, and about progress.

use std::fs;
use std::path::Path;

use super::program::{Done, run, run_as_it_is};
use super::work::QUICK;

const SHORT: [&str; 7] = ["train", "--json", "--set", "stop.steps=2e3", "--set", "worlds=1", "--hash-every=50"];

/// The name of the run that a command left.
fn name_of(done: &Done) -> String {
    assert_eq!(done.code, 0, "{}", done.errors);
    let path = done.json()["run_dir"].as_str().unwrap().to_owned();
    Path::new(&path).file_name().unwrap().to_str().unwrap().to_owned()
}

#[test]
fn what_is_refused_is_json_too_where_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let check = |arguments: &[&str], part: &str| {
        let done = run_as_it_is("arrows", folder.path(), arguments);
        assert_eq!(done.code, 2, "{}", done.errors);
        let error = done.json()["error"].as_str().unwrap().to_owned();
        assert!(error.contains(part), "{error}");
        assert!(done.errors.contains(part), "{}", done.errors);
        assert!(done.json().get("mean_return").is_some(), "the promised keys are there: {}", done.out);
    };
    check(&["train", "--json"], "no config `assets/train/arrows.ron`");
    check(&["eval", "--json"], "no run of `arrows`");
    check(&["play", "--json"], "no policy `assets/policies/arrows.safetensors`");
    check(&["replay", "nowhere", "--json"], "no run `nowhere`");
    check(&["diff-hash", "nowhere", "elsewhere", "--json"], "no run `nowhere`");
    check(&["bench", "--json", "--set", "gamma=1"], "did you mean `ppo.gamma`?");
    check(&["look", "--json"], "unrecognized subcommand");
    check(&["train", "--threads", "1e9", "--json"], "there may be 1024 at most");
    assert!(!run_as_it_is("arrows", folder.path(), &["look"]).out.contains("error"), "it was not asked for");
}

#[test]
fn replays_and_hashes_are_compared_in_json_too() {
    let folder = tempfile::tempdir().unwrap();
    let one = name_of(&run("arrows", folder.path(), &SHORT));
    let same = name_of(&run("arrows", folder.path(), &SHORT));
    let other = name_of(&run("arrows", folder.path(), &[&SHORT[..], &["--seed", "2"]].concat()));
    let done = run("arrows", folder.path(), &["replay", &one, "--json"]);
    assert_eq!((done.code, &done.json()["same"]), (0, &true.into()), "{}", done.errors);
    let done = run("seeing_more", folder.path(), &["replay", &one, "--json"]);
    assert!(done.code == 2 && done.json()["error"].is_string(), "{}", done.errors);
    let done = run("arrows", folder.path(), &["diff-hash", &one, &same, "--json"]);
    assert_eq!((done.code, &done.json()["same"]), (0, &true.into()), "{}", done.errors);
    let done = run("arrows", folder.path(), &["diff-hash", &one, &other, "--json"]);
    assert_eq!((done.code, &done.json()["same"]), (1, &false.into()), "{}", done.errors);
    let difference = &done.json()["difference"];
    assert!(difference["tick"].is_u64() && difference["part"].is_string(), "{difference}");
    assert!(done.json()["error"].as_str().unwrap().starts_with("the runs differ: first in "), "{}", done.out);
}

#[test]
fn doctor_speaks_json() {
    let done = run("arrows", tempfile::tempdir().unwrap().path(), &["doctor", "--json"]);
    assert_eq!(done.code, 0, "{}", done.errors);
    let doctor = &done.json()["doctor"];
    assert!(doctor["findings"].as_array().unwrap().len() >= 3, "{doctor}");
    assert_eq!(doctor["is_built_with_torch"], cfg!(feature = "torch"));
}

#[test]
fn latest_names_a_run_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    for command in [&["eval", "latest"][..], &["export", "latest"], &["replay", "latest"], &["play", "latest"]] {
        let done = run("arrows", folder.path(), command);
        let expected = "error: no run of `arrows` with a policy in `runs`; train one first, or name its folder\n";
        assert_eq!((done.code, done.errors.as_str()), (2, expected), "{command:?}");
    }
    let first = name_of(&run("arrows", folder.path(), &SHORT));
    let second = name_of(&run("arrows", folder.path(), &SHORT));
    let policy = format!("runs/{second}/policy.safetensors");
    let eval = run("arrows", folder.path(), &["eval", "latest", "--episodes", "8"]);
    assert!(eval.out.contains(&format!("policy: {policy}\n")), "{}", eval.out);
    let export = run("arrows", folder.path(), &["export", "latest"]);
    assert!(export.out.contains(&format!(", from {policy} ")), "{}", export.out);
    let replay = run("arrows", folder.path(), &["replay", "latest", "worst"]);
    assert!(replay.out.contains(&format!("episode: runs/{second}/episodes/")), "{}{}", replay.out, replay.errors);
    let play = run("arrows", folder.path(), &["play", "latest", "--episodes", "1"]);
    assert!(play.errors.contains(&format!("playing {policy} ")), "{}", play.errors);
    let hashes = run("arrows", folder.path(), &["diff-hash", &first, "latest"]);
    assert!(hashes.code == 0 && hashes.out.contains("the same: "), "{}", hashes.errors);
    for from in [&["--initialize-from", "latest"][..], &["--set", "initialize_from=\"latest\""]] {
        let done = run("arrows", folder.path(), &[&SHORT[..], from].concat());
        assert_eq!(done.code, 0, "{}", done.errors);
        assert!(done.errors.contains("starting from `runs/arrows-"), "{}", done.errors);
    }
}

/// The newest run is the one that was started or resumed last, whatever the dates in the names are.
#[test]
fn latest_does_not_believe_a_clock_that_was_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("runs");
    let first = name_of(&run("arrows", folder.path(), &SHORT));
    fs::rename(runs.join(first), runs.join("arrows-2038-01-19-1")).unwrap();
    let second = name_of(&run("arrows", folder.path(), &SHORT));
    let eval = |of: &str| run("arrows", folder.path(), &["eval", of, "--episodes", "2"]).out;
    assert!(eval("latest").contains(&format!("policy: runs/{second}/policy.safetensors")));
    let resumed =
        run("arrows", folder.path(), &["train", "--resume", "arrows-2038-01-19-1", "--set", "stop.steps=4e3"]);
    assert_eq!(resumed.code, 0, "{}", resumed.errors);
    assert!(eval("latest").contains("policy: runs/arrows-2038-01-19-1/policy.safetensors"));
}

#[test]
fn a_run_says_why_it_ended_and_how_it_would_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let goal = ["--set", "stop=(steps: 1e9, mean_return: 7.0)"];
    let done = run("arrows", folder.path(), &[QUICK.as_slice(), &goal].concat());
    assert!(done.out.contains("reached `stop.mean_return` 7 after "), "{}", done.out);
    let name = name_of(&done);
    let again = run("arrows", folder.path(), &["train", "--resume", &name, "--json"]);
    assert_eq!(again.code, 0, "{}", again.errors);
    let expected = "nothing was trained: the run was over before, reached `stop.mean_return` 7 after ";
    assert!(again.out.contains(expected), "{}", again.out);
    assert!(
        again.out.contains("; to go on, set a later end, such as `--set stop=(steps: 1000000000)`"),
        "{}",
        again.out
    );
    assert_eq!(again.json()["env_steps"], done.json()["env_steps"]);
}

#[test]
fn an_evaluation_says_how_it_chose_actions() {
    let folder = tempfile::tempdir().unwrap();
    run("arrows", folder.path(), &SHORT);
    let greedy = run("arrows", folder.path(), &["eval", "--json", "--episodes", "2"]);
    assert!(greedy.out.contains("actions: the most probable ones; with --sample, drawn as in training\n"));
    assert_eq!(greedy.json()["actions"], "greedy");
    let drawn = run("arrows", folder.path(), &["eval", "--json", "--episodes", "2", "--sample"]);
    assert!(drawn.out.contains("actions: drawn, as in training; without --sample, the most probable ones\n"));
    assert_eq!(drawn.json()["actions"], "drawn");
}

/// Nothing is learned: drawn actions are right half of the time, the most probable action is always the same.
#[test]
fn an_evaluation_points_to_drawn_actions_where_they_come_to_something_else() {
    let folder = tempfile::tempdir().unwrap();
    // Only being right counts, and nothing is learned: the policy guesses when it draws.
    let still = ["--set", "ppo.learning_rate=0", "--set", "reward={\"right\": 1, \"wrong\": -1}"];
    let trained = run("arrows", folder.path(), &[&SHORT[..], &still].concat());
    let drawn = trained.json()["mean_return"].as_f64().unwrap();
    let done = run("arrows", folder.path(), &["eval", "--json", "--episodes", "400"]);
    let greedy = done.json()["mean_return"].as_f64().unwrap();
    let said = done.out.contains("in training, where actions are drawn, the return was ");
    let std = done.json()["std_return"].as_f64().unwrap();
    assert_eq!(said, (greedy - drawn).abs() > (3.0 * std * (1.0 / 400.0_f64 + 0.01).sqrt()).max(0.1 * greedy.abs()));
}

#[cfg(unix)]
#[test]
fn ctrl_c_in_a_long_iteration_says_what_happens_next() {
    use super::program::start;
    use std::io::{BufRead, BufReader};
    let folder = tempfile::tempdir().unwrap();
    let long = ["train", "--set", "worlds=1", "--set", "arenas=1", "--set", "ppo.rollout_steps=100"];
    let mut child = start("slow", folder.path(), &long);
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let mut wait_for = |part: &str| {
        let mut line = String::new();
        while !line.contains(part) {
            line.clear();
            assert!(errors.read_line(&mut line).unwrap() > 0, "it ended before `{part}`");
        }
    };
    wait_for("learner: ");
    let asked = std::process::Command::new("kill").args(["-s", "INT", &child.id().to_string()]).status().unwrap();
    assert!(asked.success());
    wait_for("saving after this iteration; again to end at once");
    let done = Done::from(child.wait_with_output().unwrap());
    assert_eq!(done.code, 0);
    assert!(done.out.contains("interrupted and saved after "), "{}", done.out);
}

#[test]
fn a_log_says_within_seconds_how_far_a_run_is() {
    let folder = tempfile::tempdir().unwrap();
    let slow =
        ["train", "--set", "worlds=1", "--set", "arenas=1", "--set", "ppo.rollout_steps=10", "--set", "stop.seconds=2"];
    let done = run("slow", folder.path(), &slow);
    assert_eq!(done.code, 0, "{}", done.errors);
    let line = done.errors.lines().find(|line| line.contains(" of 1000000 steps (0 %), ")).unwrap();
    assert!(line.contains("left, "), "{line}");
}

#[test]
fn an_episode_that_lasts_is_told_of_while_it_is_played() {
    let folder = tempfile::tempdir().unwrap();
    let trained = name_of(&run("arrows", folder.path(), &SHORT));
    let policy = folder.path().join("runs").join(&trained).join("policy.safetensors");
    let mut file = ludus_policy::PolicyFile::read(&policy).unwrap();
    file.decision_interval = 16.try_into().unwrap();
    file.write(&policy).unwrap();
    let done = run("arrows", folder.path(), &["play", &trained, "--episodes", "1"]);
    assert_eq!(done.code, 0, "{}", done.errors);
    let line = done.errors.lines().find(|line| line.starts_with("an episode goes on: return ")).unwrap();
    assert!(line.ends_with(" steps"), "{line}");
}

#[test]
fn messages_show_what_can_not_be_seen() {
    let folder = tempfile::tempdir().unwrap();
    let config = "(agents: {\"Reader\": (reward: {\"right\u{200b}\": 1, \"wrong\": 0})})";
    fs::write(folder.path().join("odd.ron"), config).unwrap();
    let done = run("arrows", folder.path(), &["train", "--config", "odd.ron"]);
    assert!(done.errors.contains("unknown term `right<U+200B>`; valid: `right`, `wrong`"), "{}", done.errors);
    let done = run("arrows", folder.path(), &["eval", "no\u{1b}[31mrun"]);
    assert!(done.errors.contains("no run `no<U+001B>[31mrun`"), "{}", done.errors);
    let done = run("arrows", folder.path(), &["lo\u{200b}ok"]);
    assert!(done.errors.contains("<U+200B>") && !done.errors.contains('\u{200b}'), "{}", done.errors);
}

#[test]
fn a_run_without_a_mean_return_names_no_episodes_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let done = run("arrows", folder.path(), &["train", "--set", "stop.steps=1", "--set", "ppo.rollout_steps=2"]);
    assert!(done.out.contains("no episode has ended yet, in "), "{}{}", done.out, done.errors);
}
