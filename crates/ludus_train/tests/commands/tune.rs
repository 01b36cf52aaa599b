//! Searches over a config: what they try, leave behind and say, and what ends a trial or a whole search.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bevy::prelude::*;
use ludus_agent::Arena;
use serde_json::{Value, json};

use super::game::arrows;
use super::program::{Done, run, start};

/// A small config of the game, which is learned within 4,000 steps.
const CONFIG: &str = r#"(
    worlds: 1,
    arenas: 16,
    agents: {
        "Reader": (
            reward: { "right": 1.0, "wrong": 0.0 },
            network: (hidden: [8]),
            ppo: (rollout_steps: 16, epochs: 2, minibatch: 64, normalize_observations: false),
        ),
    },
    stop: (steps: 4_000),
)"#;

const SPACE: &str = r#"{
    "ppo.learning_rate": Log(1e-4, 1e-1),
    "ppo.epochs": Int(1, 4),
    "network.hidden": Choice([[8], [4, 4]]),
}"#;

/// A process that ends if a world has more than 20 arenas, as one that has no memory left does.
pub fn aborting(app: &mut App) {
    arrows(app);
    app.add_systems(FixedUpdate, |arenas: Query<&Arena>| {
        if arenas.iter().count() > 20 {
            std::process::abort();
        }
    });
}

/// A folder with the config and this space.
fn folder(space: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("train", CONFIG), ("tune", space)] {
        fs::create_dir_all(folder.path().join("assets").join(name)).unwrap();
        fs::write(folder.path().join(format!("assets/{name}/arrows.ron")), text).unwrap();
    }
    folder
}

fn tune(game: &str, folder: &Path, arguments: &[&str]) -> Done {
    run(game, folder, &[&["tune", "--json"], arguments].concat())
}

/// The result of another command that went well.
fn run_command(game: &str, folder: &Path, arguments: &[&str]) -> Value {
    let done = run(game, folder, arguments);
    assert_eq!(done.code, 0, "{}", done.errors);
    done.json()
}

/// The result of a search that went well.
fn searched(game: &str, folder: &Path, arguments: &[&str]) -> Value {
    let done = tune(game, folder, arguments);
    assert_eq!(done.code, 0, "{}", done.errors);
    done.json()["search"].clone()
}

fn newest(folder: &Path) -> PathBuf {
    begun(folder).unwrap()
}

/// The newest search, once there is one.
fn begun(folder: &Path) -> Option<PathBuf> {
    let searches = fs::read_dir(folder.join("runs")).into_iter().flatten().map(|entry| entry.unwrap().path());
    searches.filter(|path| path.to_string_lossy().contains("-tune-")).max()
}

/// The events in the journal of a search, without the times.
fn events(search: &Path) -> Vec<Value> {
    let text = fs::read_to_string(search.join("journal.jsonl")).unwrap_or_default();
    let mut events: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    for event in &mut events {
        for run in event["report"]["done"].as_array_mut().into_iter().flatten() {
            run["seconds"] = json!(null);
            run["cpu_seconds"] = json!(null);
            run["evaluation_cpu_seconds"] = json!(null);
            run["run"] = json!(null);
        }
    }
    events
}

fn named<'a>(events: &'a [Value], name: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["event"] == name).collect()
}

#[test]
fn a_search_finds_a_better_config_and_writes_it() {
    let folder = folder(SPACE);
    let arguments = ["--trials", "6", "--seeds", "2", "--jobs", "2", "--write", "best.ron"];
    let result = searched("arrows", folder.path(), &arguments);
    let trials = result["trials"].as_array().unwrap();
    assert_eq!(trials.len(), 7, "six, and the config as it is: {result}");
    let best = trials[0].clone();
    assert_eq!(best["state"], "finished");
    assert!(best["value"].as_f64().unwrap() >= trials[1]["value"].as_f64().unwrap(), "{result}");
    assert!(best["value"].as_f64().unwrap() > 7.0, "eight arrows are answered: {result}");
    assert_eq!(best["fresh"].as_array().unwrap().len(), 5, "{result}");

    // The run folders are those of `train`, with the words by which people recognise them.
    let search = folder.path().join(result["search"].as_str().unwrap());
    for run in best["runs"].as_array().unwrap() {
        let run = search.join(run.as_str().unwrap());
        assert!(run.join("policy.safetensors").is_file() && run.join("metrics.csv").is_file());
        let tag = fs::read_to_string(run.join("tag")).unwrap();
        assert_eq!(tag, format!("trial {}\n", best["trial"]));
    }
    // A run that is named without its folder is never that of a trial.
    let scored = run("arrows", folder.path(), &["eval"]);
    assert_eq!(scored.code, 2, "{}", scored.errors);

    let config = fs::read_to_string(folder.path().join("best.ron")).unwrap();
    assert!(config.starts_with("// Found by `tune`, in runs/arrows-tune-"), "{config}");
    let trained = run("arrows", folder.path(), &["train", "--config", "best.ron", "--set", "stop.steps=100"]);
    assert_eq!(trained.code, 0, "{}", trained.errors);
}

#[test]
fn a_search_prints_a_table_with_the_best_trial_first() {
    let folder = folder(SPACE);
    let done = run("arrows", folder.path(), &["tune", "--trials", "3", "--fresh-seeds", "2", "--jobs", "2"]);
    assert_eq!(done.code, 0, "{}", done.errors);
    let header = "evaluated return  mean return  steps  ppo.learning_rate  ppo.epochs  network.hidden";
    assert!(done.out.contains(header), "{}", done.out);
    assert!(done.out.contains("as it is"), "{}", done.out);
    assert!(done.out.contains("\nbest: "), "{}", done.out);
    assert!(done.out.contains("evaluated return on 2 fresh seeds, the config as it is: median "), "{}", done.out);
    assert!(done.errors.contains("trial 0 of 3: evaluated return "), "{}", done.errors);
}

#[test]
fn with_one_job_a_search_is_the_same_bit_for_bit() {
    let [one, other] = [(); 2].map(|()| {
        let folder = folder(SPACE);
        searched("arrows", folder.path(), &["--trials", "14", "--jobs", "1", "--fresh-seeds", "1", "--goal", "7.5"]);
        folder
    });
    let [one, other] = [&one, &other].map(|folder| newest(folder.path()));
    assert_eq!(events(&one), events(&other));
    assert!(named(&events(&one), "ended").len() == 15);
    let policies = |search: &Path| {
        let runs = fs::read_dir(search).unwrap().map(|entry| entry.unwrap().path().join("policy.safetensors"));
        let mut runs: Vec<_> = runs.filter(|path| path.is_file()).collect();
        runs.sort();
        runs.into_iter().map(|path| fs::read(path).unwrap()).collect::<Vec<_>>()
    };
    assert!(policies(&one) == policies(&other), "the policies differ");
}

/// The evaluations on the way leave no trace in what is learned.
#[test]
fn a_trial_alone_is_a_run_that_can_be_trained_again() {
    let folder = folder(SPACE);
    let arguments = ["--trials", "4", "--jobs", "3", "--seeds", "2", "--no-pruning", "--metric", "area"];
    let result = searched("arrows", folder.path(), &arguments);
    let search = folder.path().join(result["search"].as_str().unwrap());
    for trial in result["trials"].as_array().unwrap() {
        let of_trial = search.join(trial["runs"][1].as_str().unwrap());
        let config = of_trial.join("config.ron");
        let again = run("arrows", folder.path(), &["train", "--json", "--config", config.to_str().unwrap()]);
        assert_eq!(again.code, 0, "{}", again.errors);
        let again = folder.path().join(again.json()["run_dir"].as_str().unwrap());
        let policies = [of_trial, again].map(|run| fs::read(run.join("policy.safetensors")).unwrap());
        assert!(policies[0] == policies[1], "{trial}");
    }
}

#[test]
fn a_search_that_is_killed_goes_on_without_repeating_a_finished_trial() {
    let arguments = ["--trials", "6", "--jobs", "1", "--fresh-seeds", "1"];
    let whole = folder(SPACE);
    searched("arrows", whole.path(), &arguments);
    let killed = folder(SPACE);
    let mut child = start("arrows", killed.path(), &[&["tune"], &arguments[..]].concat());
    let ended = |search: &Path| named(&events(search), "ended").len();
    while begun(killed.path()).is_none_or(|search| ended(&search) < 3) {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it was killed");
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let search = newest(killed.path());
    let before = ended(&search);
    assert!(before < 7, "it was killed too late");
    let result = searched("arrows", killed.path(), &["--resume", "latest", "--jobs", "1"]);
    assert_eq!(result["trials"].as_array().unwrap().len(), 7);
    let after = events(&search);
    let numbers: Vec<_> = named(&after, "ended").iter().map(|event| event["trial"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6], "each trial ended once");
    assert_eq!(after, events(&newest(whole.path())), "it came to the same as without the interruption");
}

#[test]
fn a_search_that_is_over_goes_on_with_more_trials() {
    let folder = folder(SPACE);
    searched("arrows", folder.path(), &["--trials", "2", "--fresh-seeds", "0"]);
    let result = searched("arrows", folder.path(), &["--resume", "latest", "--trials", "4"]);
    assert_eq!(result["trials"].as_array().unwrap().len(), 5, "{result}");
    assert_eq!(named(&events(&newest(folder.path())), "ended").len(), 5);
}

#[test]
fn no_trial_outlives_its_search() {
    let folder = folder(SPACE);
    let endless = ["tune", "--jobs", "1", "--set", "stop.steps=1_000_000_000_000", "--set", "checkpoints.every=1"];
    let mut child = start("arrows", folder.path(), &endless);
    let checkpoints = || -> Vec<PathBuf> {
        let search = begun(folder.path()).and_then(|search| fs::read_dir(search).ok());
        let runs = search.into_iter().flatten().map(|entry| entry.unwrap().path().join("checkpoints"));
        let files = runs.filter_map(|path| fs::read_dir(path).ok()).flatten();
        files.map(|entry| entry.unwrap().path()).collect()
    };
    while checkpoints().is_empty() {
        assert!(child.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let is_still = || {
        let before = checkpoints();
        std::thread::sleep(Duration::from_millis(300));
        before == checkpoints()
    };
    assert!((0..20).any(|_| is_still()), "the trial's process goes on");
}

#[test]
fn trials_that_fail_are_marked_and_end_nothing() {
    let check = |game: &str, space: &str, part: &str| {
        let folder = folder(space);
        let result = searched(game, folder.path(), &["--trials", "6", "--sampler", "random", "--fresh-seeds", "1"]);
        let trials = result["trials"].as_array().unwrap();
        let failed: Vec<_> = trials.iter().filter(|trial| trial["state"] == "failed").collect();
        assert_eq!(trials.len(), 7, "{result}");
        assert!(!failed.is_empty() && failed.len() < 6, "{result}");
        for trial in failed {
            assert!(trial["reason"].as_str().unwrap().contains(part), "{trial}");
        }
    };
    check("panicking", r#"{ "faults.panics": Choice([0, 1000]) }"#, "tick 100 was too much");
    check("aborting", r#"{ "arenas": Choice([4, 24]) }"#, "its process ended with signal: 6 (SIGABRT)");
    check("arrows", r#"{ "ppo.learning_rate": Choice([1e-3, 1e30]) }"#, "not finite");
}

#[test]
fn problems_of_the_game_are_reported_once() {
    let folder = folder(SPACE);
    let done = tune("two_writers", folder.path(), &["--trials", "2", "--seeds", "2", "--fresh-seeds", "1"]);
    assert_eq!(done.code, 0, "{}", done.errors);
    let told = done.errors.lines().filter(|line| line.starts_with("warning: 2 systems write the action of `Reader`"));
    assert_eq!(told.count(), 1, "{}", done.errors);
}

#[test]
fn a_search_in_which_every_trial_fails_ends_with_the_reason() {
    let folder = folder(SPACE);
    let done = tune("aborting", folder.path(), &["--set", "arenas=24", "--jobs", "1"]);
    assert_eq!(done.code, 1, "{}", done.errors);
    let expected = "error: none of the first 5 trials came to its end, so the search was ended; the last one: its process \
                    ended with signal: 6 (SIGABRT)";
    assert!(done.errors.contains(expected), "{}", done.errors);
}

#[test]
fn bad_trials_are_pruned() {
    let folder = folder(r#"{ "ppo.learning_rate": Choice([1e-2, 1e-9]) }"#);
    let arguments = ["--trials", "18", "--jobs", "1", "--sampler", "random", "--fresh-seeds", "0"];
    let result = searched("arrows", folder.path(), &arguments);
    let trials = result["trials"].as_array().unwrap();
    let pruned: Vec<_> = trials.iter().filter(|trial| trial["state"] == "pruned").collect();
    assert!(!pruned.is_empty(), "{result}");
    for trial in &pruned {
        assert!(trial["steps"].as_f64().unwrap() < 3_000.0, "{trial}");
    }
    assert_eq!(trials[0]["values"]["ppo.learning_rate"], "0.01", "{result}");
    let whole = searched("arrows", folder.path(), &[&arguments[..], &["--no-pruning"]].concat());
    assert!(whole["trials"].as_array().unwrap().iter().all(|trial| trial["state"] == "finished"), "{whole}");
}

/// The runs of a search, as its journal has them.
fn runs_of(folder: &Path) -> Vec<Value> {
    let events = events(&newest(folder));
    let ended = named(&events, "ended").into_iter();
    ended.flat_map(|event| event["report"]["done"].as_array().unwrap().clone()).collect()
}

/// The points of a curve in a journal.
fn points(curve: &Value) -> Vec<(f64, f64)> {
    serde_json::from_value(curve.clone()).unwrap()
}

#[test]
fn a_trial_is_judged_by_an_evaluation_that_eval_repeats() {
    let check = |metric: &str, of_eval: &dyn Fn(&Value) -> f64, options: &[&str]| {
        let folder = folder(SPACE);
        let arguments = ["--trials", "1", "--metric", metric, "--fresh-seeds", "0", "--jobs", "1"];
        let result = searched("arrows", folder.path(), &[&arguments[..], options].concat());
        for trial in result["trials"].as_array().unwrap() {
            let run = newest(folder.path()).join(trial["runs"][0].as_str().unwrap());
            let score = [&["eval", run.to_str().unwrap(), "--episodes", "100", "--json"], options].concat();
            let evaluated = run_command("arrows", folder.path(), &score);
            assert_eq!(trial["value"].as_f64().unwrap(), of_eval(&evaluated), "{metric} {options:?} {trial}");
        }
    };
    check("return", &|evaluated| evaluated["mean_return"].as_f64().unwrap(), &[]);
    check("return", &|evaluated| evaluated["mean_return"].as_f64().unwrap(), &["--sample"]);
    check("reward/wrong", &|evaluated| evaluated["terms"]["wrong"].as_f64().unwrap(), &[]);
}

#[test]
fn the_area_is_that_under_evaluations() {
    let folder = folder(SPACE);
    searched("arrows", folder.path(), &["--trials", "2", "--metric", "area", "--fresh-seeds", "0", "--no-pruning"]);
    for run in runs_of(folder.path()) {
        let points = points(&run["evaluations"]);
        assert!((8..=11).contains(&points.len()), "a tenth of the steps apart: {run}");
        let first = points[0].0 * points[0].1;
        let rest = points.windows(2).map(|pair| (pair[1].0 - pair[0].0) * 0.5 * (pair[0].1 + pair[1].1));
        let mean = (first + rest.sum::<f64>()) / points[points.len() - 1].0;
        assert!((run["value"].as_f64().unwrap() - mean).abs() < 1e-9, "{run}");
    }
}

#[test]
fn a_goal_is_reached_in_an_evaluation() {
    let folder = folder(SPACE);
    searched("arrows", folder.path(), &["--trials", "3", "--goal", "4.7", "--fresh-seeds", "0", "--no-pruning"]);
    let runs = runs_of(folder.path());
    let reached: Vec<_> = runs.iter().filter(|run| run["end"] == "reached").collect();
    assert!(!reached.is_empty());
    for run in reached {
        let &(steps, mean) = points(&run["evaluations"]).last().unwrap();
        assert!(mean >= 4.7 && run["value"].as_f64() == Some(steps) && run["steps"].as_f64() == Some(steps), "{run}");
    }
    assert!(runs.iter().any(|run| run["steps"].as_f64().unwrap() < 4_000.0), "a run ends there: {runs:?}");
    for run in runs.iter().filter(|run| run["end"] == "over") {
        let &(_, mean) = points(&run["evaluations"]).last().unwrap();
        assert!(mean < 4.7 && run["value"].is_null(), "{run}");
    }
}

#[test]
fn a_column_of_the_metrics_can_be_the_metric() {
    let folder = folder(SPACE);
    let arguments = ["--trials", "3", "--metric", "losses/entropy", "--minimize", "--fresh-seeds", "0"];
    let result = searched("arrows", folder.path(), &arguments);
    let values: Vec<_> =
        result["trials"].as_array().unwrap().iter().map(|trial| trial["value"].as_f64().unwrap()).collect();
    assert!(values.is_sorted(), "{values:?}");
    let area =
        searched("arrows", folder.path(), &["--trials", "2", "--metric", "area", "--sample", "--fresh-seeds", "0"]);
    assert!((3.0..8.0).contains(&area["trials"][0]["value"].as_f64().unwrap()), "{area}");
}

#[test]
fn each_kind_of_agents_can_be_judged() {
    let folder = tempfile::tempdir().unwrap();
    for (file, text) in [("pack.ron", super::pack::CONFIG), ("space.ron", r#"{ "Wolf.ppo.epochs": Int(1, 3) }"#)] {
        fs::write(folder.path().join(file), text).unwrap();
    }
    let quick = ["--config", "pack.ron", "--space", "space.ron", "--trials", "1", "--fresh-seeds", "0"];
    let done = tune("pack", folder.path(), &quick);
    assert_eq!(done.code, 2, "{}", done.errors);
    let expected = "several kinds of agents, and `--metric return` names none; valid: `Wolf/return`, `Sheep/return`";
    assert!(done.errors.contains(expected), "{}", done.errors);
    let result = searched("pack", folder.path(), &[&quick[..], &["--metric", "Sheep/return"]].concat());
    assert!(result["trials"][0]["value"].as_f64().unwrap() > 2.5, "a sheep's episode has five steps: {result}");
    let steps = ["--metric", "Sheep/steps", "--goal", "3.5", "--set", "stop.steps=20_000"];
    let result = searched("pack", folder.path(), &[&quick[..], &steps].concat());
    assert_eq!(result["metric"], "steps to 3.5");
    assert!(result["trials"][0]["steps"].as_f64().unwrap() < 20_000.0, "a run ends at the goal: {result}");
}

/// Runs a search that is refused; returns the lines of its error output that begin with `error: `.
fn refused(space: &str, arguments: &[&str]) -> Vec<String> {
    let folder = folder(space);
    let done = tune("arrows", folder.path(), arguments);
    assert_eq!(done.code, 2, "{}", done.errors);
    assert!(!folder.path().join("runs").exists(), "nothing was begun");
    done.errors.lines().filter_map(|line| line.strip_prefix("error: ")).map(str::to_owned).collect()
}

#[test]
fn a_space_that_the_config_does_not_fit_is_refused_with_every_line() {
    let space = r#"{
        "ppo.learning_rat": Log(1e-4, 1e-2),
        "ppo.epochs": Int(4, 1),
        "ppo.gamma": Uniform(0.9, 1.5),
        "network.hidden": Choice([[8], "many"]),
        "reward.right": Uniform(0, 1),
    }"#;
    let lines = refused(space, &[]);
    let expected = [
        "assets/tune/arrows.ron:2: `ppo.learning_rat` with the value `0.0001`: unknown field `learning_rat`; ",
        "assets/tune/arrows.ron:3: `ppo.epochs`: the range from 4 to 1 is empty; ",
        "assets/tune/arrows.ron:4: `ppo.gamma` with the value `1.5`: ",
        "assets/tune/arrows.ron:5: `network.hidden` with the value `\"many\"`: ",
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(expected), "{line}");
    }
    assert!(lines[0].contains("valid: `") && lines[0].contains("`learning_rate`"), "{}", lines[0]);
}

#[test]
fn what_a_search_can_not_begin_with_is_said_in_a_sentence() {
    let check = |arguments: &[&str], expected: &str| {
        let lines = refused(SPACE, arguments);
        assert!(lines.len() == 1 && lines[0].contains(expected), "{lines:?}");
    };
    check(&["--metric", "steps"], "`--metric steps` counts up to a goal; add one, such as `--goal 475`");
    check(&["--metric", "area", "--goal", "7"], "`--metric area` has no goal; leave --goal out");
    check(&["--space", "nowhere.ron"], "nowhere.ron: can't be read: ");
    check(
        &["--write", "assets/train/arrows.ron"],
        "is there already and is not overwritten; name another file with --write",
    );
    check(&["--resume", "latest"], "no search of `arrows` in `runs`; start one without --resume");
    check(&["--resume", "elsewhere"], "no search `elsewhere`, neither as a path nor in `runs`; check the name");
    let without = tempfile::tempdir().unwrap();
    let weighed = ["--set", "reward.right=1", "--set", "reward.wrong=0"];
    let done = tune("arrows", without.path(), &weighed);
    assert!(done.errors.contains("no space `assets/tune/arrows.ron` in `"), "{}", done.errors);
}

#[test]
fn a_metric_that_no_run_has_ends_the_search_with_the_names_that_there_are() {
    let folder = folder(SPACE);
    let done = tune("arrows", folder.path(), &["--metric", "losses/entropi"]);
    assert_eq!(done.code, 2, "{}", done.errors);
    let expected = "error: a run has no metric `losses/entropi`; valid: `return`, `area`, `steps`, `seconds`, `step`, ";
    assert!(done.errors.contains(expected) && done.errors.contains("`losses/entropy`"), "{}", done.errors);
}

#[test]
fn a_goal_that_no_trial_reaches_is_said_in_a_sentence() {
    let folder = folder(SPACE);
    let done = tune("arrows", folder.path(), &["--trials", "2", "--goal", "9", "--write", "best.ron"]);
    assert_eq!(done.code, 1, "{}", done.errors);
    assert!(done.errors.contains("error: no trial reached the goal 9 on all of its seeds; the best, trial "));
    assert!(done.errors.contains("lower --goal, raise `stop.steps`, or widen the space"), "{}", done.errors);
    assert!(!folder.path().join("best.ron").exists());
}

#[test]
fn the_second_process_on_a_search_is_refused() {
    let folder = folder(SPACE);
    let mut first = start("arrows", folder.path(), &["tune", "--set", "stop.steps=1_000_000_000", "--jobs", "1"]);
    super::crash::lines_up_to(&mut first, "search: ");
    let second = tune("arrows", folder.path(), &["--resume", "latest"]);
    assert_eq!(second.code, 2, "{}", second.errors);
    assert!(second.errors.contains(&format!("is being trained by process {}", first.id())), "{}", second.errors);
    first.kill().unwrap();
    first.wait().unwrap();
}
