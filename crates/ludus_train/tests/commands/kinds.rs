//! Runs with several kinds of agents.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ludus_policy::PolicyFile;
use ludus_train::Checkpoint;
use serde_json::Value;
use tempfile::TempDir;

use super::pack::CONFIG;
use super::program::{Done, done, run, run_as_it_is};

/// A folder with the game's config.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("assets/train")).unwrap();
    fs::write(folder.path().join("assets/train/pack.ron"), CONFIG).unwrap();
    folder
}

/// Trains; returns the run's folder and the command's output.
#[track_caller]
fn trained(game: &str, folder: &Path, more: &[&str]) -> (PathBuf, Done) {
    let done = done(game, folder, &[&["train", "--json"], more].concat());
    (folder.join(done.json()["run_dir"].as_str().unwrap()), done)
}

fn policy(run: &Path, kind: &str) -> PolicyFile {
    PolicyFile::read(&run.join("policies").join(kind).with_extension("safetensors")).unwrap()
}

/// The hashes of what a kind has learned, by tick.
fn learned(run: &Path, kind: &str) -> BTreeMap<u64, String> {
    let text = fs::read_to_string(run.join("hashes.csv")).unwrap();
    let part = format!(",,{kind}/weights,");
    let lines = text.lines().filter_map(|line| line.split_once(&part));
    lines.map(|(tick, hash)| (tick.parse().unwrap(), hash.to_owned())).collect()
}

#[test]
fn two_kinds_learn_in_one_run_and_each_has_its_own_of_everything() {
    let folder = folder();
    let (dir, said) = trained("pack", folder.path(), &["--set", "stop.steps=60_000"]);
    let report = said.json();
    assert!(report["mean_return"].is_null(), "{report}");
    let number = |kind: &str, key: &str| report["kinds"][kind][key].as_f64().unwrap();
    assert!(number("Wolf", "mean_return") > 6.0 && number("Sheep", "mean_return") > 4.5, "{report}");
    assert_eq!((number("Wolf", "mean_length"), number("Sheep", "mean_length")), (8.0, 5.0));
    assert!(report["kinds"]["Wolf"]["terms"]["near"].is_number() && report["kinds"]["Lamb"].is_null(), "{report}");
    for learner in ["learner: Wolf: native", "learner: Sheep: native"] {
        assert!(said.errors.contains(learner), "{}", said.errors);
    }
    let header = fs::read_to_string(dir.join("metrics.csv")).unwrap().lines().next().unwrap().to_owned();
    for column in ["Wolf/charts/episodic_return", "Sheep/losses/value_loss", "Wolf/reward/near", "charts/SPS"] {
        assert!(header.split(',').any(|name| name == column), "{column} in {header}");
    }
    assert!(!header.contains("Lamb"), "{header}");
    let files: Vec<_> = ["Wolf", "Sheep"].map(|kind| policy(&dir, kind).spec.name).into();
    assert_eq!(files, ["Wolf", "Sheep"]);
    assert!(!dir.join("policy.safetensors").exists() && !dir.join("policies/Lamb.safetensors").exists());
    let checkpoints = dir.join("checkpoints");
    assert!(!checkpoints.join("best.safetensors").exists(), "what is good for a wolf may be bad for a sheep");
}

#[test]
fn every_command_knows_all_kinds() {
    let folder = folder();
    let (dir, _) = trained("pack", folder.path(), &["--set", "stop.steps=60_000"]);
    let dir = dir.to_str().unwrap();
    let report = done("pack", folder.path(), &["eval", dir, "--json", "--episodes", "50"]).json();
    let kinds = &report["kinds"];
    assert!(kinds["Wolf"]["mean_return"].as_f64().unwrap() > 7.0 && kinds["Wolf"]["episodes"] == 50, "{report}");
    assert!(kinds["Sheep"]["mean_return"].as_f64().unwrap() > 4.8 && kinds["Lamb"].is_null(), "{report}");
    let said = done("pack", folder.path(), &["eval", dir, "--episodes", "8", "--set", "Sheep.policy=External"]);
    assert!(said.out.contains("policies/Wolf.safetensors") && !said.out.contains("Sheep"), "{}", said.out);
    let checked = run("pack", folder.path(), &["check"]);
    for sentence in ["random actions of `Wolf`: return ", "random actions of `Sheep`: return "] {
        assert!(checked.out.contains(sentence), "{}", checked.out);
    }
    assert!(checked.out.contains("of `Wolf`, observation `constant` was always 0.5"), "{}", checked.out);
    let bench = done("pack", folder.path(), &["bench", "--seconds", "0.1", "--json"]).json();
    assert_eq!(bench["bench"]["rows"], 3 * 8 * 3, "{bench}");
    let exported = done("pack", folder.path(), &["export", dir]);
    for kind in ["Wolf", "Sheep"] {
        let file = format!("assets/policies/pack/{kind}.safetensors");
        assert!(exported.out.contains(&file), "{}", exported.out);
        assert_eq!(PolicyFile::read(&folder.path().join(file)).unwrap(), policy(Path::new(dir), kind));
    }
    let played = done("pack", folder.path(), &["play", "--episodes", "3", "--headless", "--json"]);
    assert_eq!(played.json()["episodes"], 3, "{}", played.errors);
    assert!(played.out.contains("episode 1 of `"), "{}", played.out);
    let onnx = done("pack", folder.path(), &["export", dir, "--onnx", "--to", "shipped"]);
    assert!(folder.path().join("shipped/Sheep.onnx").is_file(), "{}", onnx.out);
}

#[test]
fn what_is_learned_is_the_same_with_any_number_of_threads() {
    let folder = folder();
    let run = |threads: &str| trained("pack", folder.path(), &["--threads", threads]).0;
    let runs = ["1", "2", "5"].map(run);
    for kind in ["Wolf", "Sheep"] {
        let [one, two, five] = [0, 1, 2].map(|index| policy(&runs[index], kind));
        assert!(one == two && one == five, "{kind}");
    }
}

#[test]
fn a_run_goes_on_with_all_kinds_and_the_same_twice() {
    let folder = folder();
    let (dir, _) = trained("pack", folder.path(), &[]);
    let copy = folder.path().join("copy");
    copy_folder(&dir, &copy);
    let go_on = |run: &Path| {
        let more = ["--resume", run.to_str().unwrap(), "--set", "stop.steps=12_000"];
        trained("pack", folder.path(), &more).1.json()
    };
    let [one, other] = [&dir, &copy].map(|run| go_on(run));
    assert_eq!(one["env_steps"], other["env_steps"]);
    for kind in ["Wolf", "Sheep"] {
        assert_eq!(policy(&dir, kind), policy(&copy, kind), "{kind}");
        assert!(one["kinds"][kind]["episodes"].as_u64() > Some(400), "{one}");
    }
    let newest = fs::read_dir(dir.join("checkpoints")).unwrap().map(|entry| entry.unwrap().path()).max().unwrap();
    let checkpoint = Checkpoint::read(&newest).unwrap();
    assert_eq!(checkpoint.policies.len(), 2);
    assert_eq!(checkpoint.of("Sheep").unwrap().policy, policy(&dir, "Sheep"));
}

pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if path.is_dir() { copy_folder(&path, &to) } else { assert!(fs::copy(&path, &to).is_ok()) }
    }
}

/// No observation or reward of a wolf depends on the sheep.
#[test]
fn a_kind_is_not_changed_by_how_another_is_learned_from() {
    let folder = folder();
    let hashed = |more: &[&str]| {
        let (dir, _) = trained("pack", folder.path(), &[&["--hash-every", "8"], more].concat());
        (learned(&dir, "Wolf"), dir)
    };
    let (both, dir) = hashed(&[]);
    assert!(both.len() > 3, "{both:?}");
    let frozen = format!("Sheep.policy=Frozen({:?})", dir.join("policies/Sheep.safetensors"));
    let before = fs::read(dir.join("policies/Sheep.safetensors")).unwrap();
    let changes = ["Sheep.ppo.epochs=1", "Sheep.network.hidden=[32]", "Sheep.policy=External", &frozen];
    for change in changes {
        let (other, other_dir) = hashed(&["--set", change]);
        let common = both.iter().filter(|(tick, _)| other.contains_key(tick)).count();
        assert!(common > 3, "{change}");
        assert!(both.iter().all(|(tick, hash)| other.get(tick).is_none_or(|other| other == hash)), "{change}");
        let learns = !change.contains("policy");
        assert_eq!(other_dir.join("policies/Sheep.safetensors").exists(), learns, "{change}");
    }
    assert!(fs::read(dir.join("policies/Sheep.safetensors")).unwrap() == before, "a frozen policy stays as it is");
}

#[test]
fn each_kind_starts_from_its_own_policy() {
    let folder = folder();
    let (dir, _) = trained("pack", folder.path(), &[]);
    let (_, said) = trained("pack", folder.path(), &["--initialize-from", dir.to_str().unwrap()]);
    for kind in ["Wolf", "Sheep"] {
        let own = dir.join("policies").join(kind).with_extension("safetensors");
        assert!(said.errors.contains(&format!("`{kind}` is starting from `{}`", own.display())), "{}", said.errors);
    }
    let wolf = dir.join("policies/Wolf.safetensors");
    let (_, said) = trained("pack", folder.path(), &["--initialize-from", wolf.to_str().unwrap()]);
    assert!(said.errors.contains("`Wolf` is starting") && !said.errors.contains("`Sheep` is"), "{}", said.errors);
    let wrong = format!("Sheep.initialize_from={wolf:?}");
    let refused = run_as_it_is("pack", folder.path(), &["train", "--set", &wrong]);
    assert!(refused.errors.contains("it is a policy of `Wolf`, not of `Sheep`"), "{}", refused.errors);
}

#[test]
fn kinds_of_one_layout_may_share_a_policy() {
    let folder = folder();
    let sets = ["--set", "Lamb.policy=SameAs(\"Sheep\")", "--set", "Lamb.reward.right=1"];
    let (dir, said) = trained("pack", folder.path(), &sets);
    assert!(said.errors.contains("learner: Sheep and Lamb: native"), "{}", said.errors);
    let [sheep, lamb] = ["Sheep", "Lamb"].map(|kind| policy(&dir, kind));
    assert!(sheep.parameters == lamb.parameters && lamb.spec.name == "Lamb");
    assert!(said.json()["kinds"]["Lamb"]["mean_length"] == 3.0, "{}", said.json());
    let checkpoint = fs::read_dir(dir.join("checkpoints")).unwrap().next().unwrap().unwrap().path();
    let arguments = ["eval", checkpoint.to_str().unwrap(), "--json", "--episodes", "20"];
    let report = done("pack", folder.path(), &arguments).json();
    assert_eq!(report["kinds"]["Lamb"]["episodes"], 20, "a checkpoint has the policies of all kinds: {report}");
}

#[test]
fn a_run_ends_when_every_goal_is_reached() {
    let folder = folder();
    let goals = |wolf: f32| format!("stop=(steps: 200_000, mean_return: {{\"Wolf\": {wolf:?}, \"Sheep\": 3.5}})");
    let report = trained("pack", folder.path(), &["--set", &goals(5.0)]).1.json();
    assert_eq!(report["stop_reason"], "mean_return", "{report}");
    let reached = |kind: &str, goal: f64| report["kinds"][kind]["mean_return"].as_f64().unwrap() >= goal;
    assert!(reached("Wolf", 5.0) && reached("Sheep", 3.5), "{report}");
    let report = trained("pack", folder.path(), &["--set", &goals(9.0)]).1.json();
    assert_eq!(report["stop_reason"], "steps", "a wolf never gets more than 8: {report}");
}

#[test]
fn a_kind_may_decide_less_often() {
    let folder = folder();
    let (dir, said) = trained("pack", folder.path(), &["--set", "Sheep.decision_interval=2"]);
    assert_eq!((policy(&dir, "Wolf").decision_interval.get(), policy(&dir, "Sheep").decision_interval.get()), (1, 2));
    assert!(said.json()["kinds"]["Sheep"]["episodes"].as_u64() > Some(10), "{}", said.json());
    let report = done("pack", folder.path(), &["eval", dir.to_str().unwrap(), "--json", "--episodes", "20"]).json();
    assert_eq!(report["kinds"]["Sheep"]["episodes"], 20, "{report}");
}

/// None of the sheep is there when the worlds are built.
#[test]
fn a_kind_may_come_later_and_go_and_come_again() {
    let folder = folder();
    let arguments = ["--set", "Sheep.rows=16", "--set", "stop.steps=20_000"];
    let runs =
        ["1", "3"].map(|threads| trained("herd", folder.path(), &[&arguments[..], &["--threads", threads]].concat()));
    let report = runs[0].1.json();
    assert!(report["kinds"]["Sheep"]["episodes"].as_u64() > Some(50), "{report}");
    assert_eq!(policy(&runs[0].0, "Sheep"), policy(&runs[1].0, "Sheep"));
    assert!(!runs[0].1.errors.contains("panicked"), "{}", runs[0].1.errors);
    let without = run("herd", folder.path(), &["train", "--set", "stop.steps=20_000"]);
    assert!(without.errors.contains("agents of `Sheep` idle without a row"), "{}", without.errors);
}

#[track_caller]
fn refused(folder: &Path, sets: &[&str], expected: &[&str]) {
    let flags: Vec<&str> = sets.iter().flat_map(|set| ["--set", set]).collect();
    let done = run_as_it_is("pack", folder, &[&["train"], &flags[..]].concat());
    assert_eq!(done.code, 2, "{}", done.errors);
    for sentence in expected {
        assert!(done.errors.contains(sentence), "`{sentence}` in {}", done.errors);
    }
    assert!(!folder.join("runs").exists(), "nothing is written");
}

#[test]
fn what_can_t_be_trained_together_is_refused_all_at_once() {
    let folder = folder();
    let path = folder.path();
    let kinds = "valid: `Wolf`, `Sheep`, `Lamb`";
    refused(
        path,
        &[
            "agents.Goat=(policy: External)",
            "Lamb.policy=SameAs(\"Wolf\")",
            "Sheep.policy=Frozen(\"none.safetensors\")",
            "Wolf.ppo.clip=7",
        ],
        &[
            &format!("--set agents.Goat=(policy: External): unknown agent `Goat`; {kinds}"),
            "`Lamb` can't share the policy of `Wolf`, they are laid out otherwise",
            "policy `none.safetensors` can't be read",
            "--set Wolf.ppo.clip=7: `clip` is 7",
        ],
    );
    refused(
        path,
        &["stop.mean_return={\"Wolf\": 1, \"Lamb\": 2, \"Goat\": 3}"],
        &[
            "the goal of `Lamb` may never be reached, since it does not learn; valid: `Wolf`, `Sheep`",
            "a goal for unknown agent `Goat`; valid: `Wolf`, `Sheep`",
        ],
    );
    refused(path, &["stop.mean_return=3"], &["write a goal for each: `{ \"Wolf\": …, \"Sheep\": …, \"Lamb\": … }`"]);
    refused(path, &["Wolf.policy=External", "Sheep.policy=External"], &["no kind of agents learns"]);
    refused(path, &["Lamb.policy=SameAs(\"Lamb\")"], &["can't share the policy of `Lamb`; valid: `Wolf`, `Sheep`"]);
    let uneven = ["decision_interval=2", "Sheep.decision_interval=3"];
    refused(path, &uneven, &["`Sheep` decides every 3 ticks, which is no multiple of 2, the smallest interval"]);
    fs::write(path.join("assets/train/pack.ron"), CONFIG.replace("\"Lamb\": (policy: External),", "")).unwrap();
    let missing = "pack.ron:4: no section for agent `Lamb`; write `\"Lamb\": (…)`, or `(policy: External)`";
    refused(path, &[], &[missing]);
    fs::write(path.join("wolf.safetensors"), "nonsense").unwrap();
    refused(path, &["Lamb.policy=Frozen(\"wolf.safetensors\")"], &["`wolf.safetensors` is not a whole policy file"]);
}

#[test]
fn a_frozen_policy_of_another_layout_is_refused() {
    let folder = folder();
    let (dir, _) = trained("pack", folder.path(), &[]);
    let frozen = format!("Sheep.policy=Frozen({:?})", dir.join("policies/Wolf.safetensors"));
    let refused = run_as_it_is("pack", folder.path(), &["train", "--set", &frozen]);
    assert_eq!(refused.code, 2);
    assert!(refused.errors.contains("was trained for a different `Sheep`: the agent was `Wolf`"), "{}", refused.errors);
    let alone = dir.join("policies/Wolf.safetensors");
    let eval = run_as_it_is("pack", folder.path(), &["eval", alone.to_str().unwrap()]);
    assert!(eval.errors.contains("has no policy of `Sheep`; name a run of this game"), "{}", eval.errors);
    let sets = ["--set", "Sheep.policy=External", "--episodes", "5", "--json"];
    let report: Value = done("pack", folder.path(), &[&["eval", alone.to_str().unwrap()], &sets[..]].concat()).json();
    assert_eq!(report["episodes"], 5, "{report}");
}

#[test]
fn a_starter_config_has_a_section_for_every_kind() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run_as_it_is("pack", folder.path(), &["train", "--write-config"]).code, 0);
    let text = fs::read_to_string(folder.path().join("assets/train/pack.ron")).unwrap();
    for section in ["\"Wolf\": (", "\"Sheep\": (", "\"Lamb\": (", "\"near\": FILL_IN", "policy: Learned"] {
        assert!(text.contains(section), "{text}");
    }
    fs::write(folder.path().join("assets/train/pack.ron"), text.replace("FILL_IN", "1.0")).unwrap();
    done("pack", folder.path(), &["train", "--set", "stop.steps=500", "--set", "worlds=1"]);
}
