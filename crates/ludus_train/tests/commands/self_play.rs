//! Runs whose policy plays against itself, and the commands that compare their versions.

use std::fs;
use std::path::{Path, PathBuf};

use ludus_policy::PolicyFile;
use ludus_train::{Checkpoint, PlayerSource};
use tempfile::TempDir;

use super::duels::CONFIG;
use super::kinds::copy_folder;
use super::program::{self, Done, run};

/// A folder with the game's config.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("assets/train")).unwrap();
    fs::write(folder.path().join("assets/train/duels.ron"), CONFIG).unwrap();
    folder
}

#[track_caller]
fn done(folder: &Path, arguments: &[&str]) -> Done {
    program::done("duels", folder, arguments)
}

#[track_caller]
fn trained(folder: &Path, more: &[&str]) -> PathBuf {
    program::trained("duels", folder, more)
}

fn newest_checkpoint(run: &Path) -> Checkpoint {
    let checkpoints = fs::read_dir(run.join("checkpoints")).unwrap().map(|entry| entry.unwrap().path());
    let numbered = checkpoints.filter(|path| !path.ends_with("best.safetensors"));
    Checkpoint::read(&numbered.max().unwrap()).unwrap()
}

fn versions(run: &Path) -> Vec<String> {
    let files = fs::read_dir(run.join("versions")).unwrap();
    let mut names: Vec<_> = files.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_policy_learns_against_itself_and_its_versions_are_rated() {
    let folder = folder();
    let dir = trained(folder.path(), &[]);
    let run = dir.to_str().unwrap();
    let against = |opponent: &str| {
        let said = done(folder.path(), &["eval", run, "--against", opponent, "--episodes", "96", "--json"]);
        let report = said.json();
        let number = |key: &str| report["matches"][key].as_f64().unwrap();
        (said, number("wins"), number("draws"), number("losses"))
    };
    let (said, wins, draws, losses) = against("script");
    assert_eq!((wins, draws, losses), (96.0, 0.0, 0.0), "who bids 4 beats who bids 2: {}", said.out);
    assert!(said.out.contains("score 1.000 against the game's script: 96 won, 0 drawn, 0 lost"), "{}", said.out);
    let (said, wins, draws, losses) = against("random");
    assert!(said.out.contains("against random actions"), "{}", said.out);
    // Who bids 4 beats four of five bids, and plays again against the fifth.
    assert_eq!((wins, losses), (96.0 - draws, 0.0), "{}", said.out);
    assert!(wins > 90.0, "{}", said.out);
    assert_eq!(against("random").1, wins, "the draws follow from the seed");
    let (_, wins, draws, losses) = against(run);
    assert_eq!((wins, draws, losses), (0.0, 96.0, 0.0), "a policy is as good as itself");
    let first = dir.join("versions/Bidder-000000000000.safetensors");
    let (said, wins, ..) = against(first.to_str().unwrap());
    assert!(wins > 60.0, "{}", said.out);

    let kept = versions(&dir);
    assert_eq!(kept.len(), 4, "{kept:?}");
    assert!(kept[0].contains("-000000000000"), "the first version is kept: {kept:?}");
    let record = newest_checkpoint(&dir).record.self_play.unwrap();
    let taken = record.players.iter().filter(|player| matches!(player.source, PlayerSource::Version { .. }));
    assert_eq!(taken.count(), 6, "{:?}", record.players);
    let ladder = done(folder.path(), &["ladder", run, "--json"]);
    let rungs = ladder.json()["ladder"].clone();
    let rungs = rungs.as_array().unwrap();
    let rating =
        |name: &str| rungs.iter().find(|rung| rung["player"] == name).map(|rung| rung["rating"].as_f64().unwrap());
    assert_eq!(rating("Bidder 0"), Some(0.0), "{}", ladder.out);
    assert!(rating("Bidder newest") > Some(100.0), "{}", ladder.out);
    assert!(rating("script").is_some(), "{}", ladder.out);
    assert!(ladder.out.contains("shares of the points, by row against column:"), "{}", ladder.out);
    let table = fs::read_to_string(dir.join("metrics.csv")).unwrap();
    let header = table.lines().next().unwrap();
    for column in ["self_play/rating", "self_play/share", "self_play/share_against/script"] {
        assert!(header.split(',').any(|name| name == column), "{column} in {header}");
    }
}

#[test]
fn a_stage_of_a_curriculum_ends_by_a_rating() {
    let folder = folder();
    let stages =
        "parameters.Rules.lot=Curriculum([(value: 0, until: Rating(50)), (value: 1, until: Rating(1e6)), (value: 2)])";
    let done = done(folder.path(), &["train", "--set", stages]);
    assert!(done.errors.contains("`Rules.lot` is 1 from here on, stage 2 of 3"), "{}", done.errors);
    assert!(!done.errors.contains("stage 3 of 3"), "{}", done.errors);
}

#[test]
fn self_play_is_the_same_with_any_number_of_threads() {
    let folder = folder();
    let runs = ["1", "2", "5"].map(|threads| trained(folder.path(), &["--threads", threads]));
    let policy = |run: &Path| PolicyFile::read(&run.join("policy.safetensors")).unwrap();
    let matches = |run: &Path| newest_checkpoint(run).record.self_play.unwrap();
    for run in &runs[1..] {
        assert!(policy(run) == policy(&runs[0]));
        assert_eq!(matches(run), matches(&runs[0]));
    }
}

#[test]
fn self_play_goes_on_with_its_versions_and_results_and_the_same_twice() {
    let folder = folder();
    let dir = trained(folder.path(), &[]);
    let before = newest_checkpoint(&dir).record.self_play.unwrap();
    let copy = folder.path().join("runs/copy");
    copy_folder(&dir, &copy);
    let resumed = |run: &Path| {
        trained(folder.path(), &["--resume", run.to_str().unwrap(), "--set", "stop.steps=16_000"]);
        newest_checkpoint(run).record.self_play.unwrap()
    };
    let [one, other] = [&dir, &copy].map(|run| resumed(run));
    assert_eq!(one, other);
    let policies = [&dir, &copy].map(|run| PolicyFile::read(&run.join("policy.safetensors")).unwrap());
    assert!(policies[0] == policies[1]);
    assert!(one.players.len() > before.players.len());
    for pair in &before.matches {
        let after = one.matches.iter().find(|after| (after.one, after.other) == (pair.one, pair.other)).unwrap();
        assert!(after.tally.matches() >= pair.tally.matches(), "no match is forgotten");
    }
}

#[test]
fn a_version_that_is_gone_is_no_opponent_any_more() {
    let folder = folder();
    let dir = trained(folder.path(), &[]);
    for name in versions(&dir) {
        fs::write(dir.join("versions").join(name), "damaged").unwrap();
    }
    let more = ["train", "--resume", dir.to_str().unwrap(), "--set", "stop.steps=16_000"];
    let said = done(folder.path(), &more);
    assert!(said.errors.contains("it is no opponent any more"), "{}", said.errors);
}

#[test]
fn a_fixed_opponent_is_a_yardstick() {
    let folder = folder();
    let dir = trained(folder.path(), &["--set", "stop.steps=4_000"]);
    let fixed = format!("Bidder.self_play.fixed=[{:?}]", dir.join("policy.safetensors"));
    let dir = trained(folder.path(), &["--set", &fixed]);
    let table = fs::read_to_string(dir.join("metrics.csv")).unwrap();
    assert!(table.lines().next().unwrap().contains("self_play/share_against/"), "{table}");
    let record = newest_checkpoint(&dir).record.self_play.unwrap();
    let place =
        record.players.iter().position(|player| matches!(player.source, PlayerSource::Fixed(_))).unwrap() as u32;
    assert!(record.matches.iter().any(|pair| pair.one == place || pair.other == place), "{record:?}");
}

#[test]
fn a_best_response_beats_what_it_was_trained_against() {
    let folder = folder();
    let run = trained(folder.path(), &["--set", "stop.steps=1_000"]);
    let first = run.join("versions/Bidder-000000000000.safetensors");
    let before = fs::read(&first).unwrap();
    let arguments = ["exploit", first.to_str().unwrap(), "--episodes", "48", "--json", "--set", "stop.steps=12_000"];
    let said = done(folder.path(), &arguments);
    let report = said.json();
    assert!(report["matches"]["wins"].as_u64().unwrap() >= 40, "{report}");
    assert!(said.out.contains("best response: score "), "{}", said.out);
    let dir = folder.path().join(report["run_dir"].as_str().unwrap());
    let record = newest_checkpoint(&dir).record.self_play.unwrap();
    let is_fixed = |place: u32| matches!(record.players[place as usize].source, PlayerSource::Fixed(_));
    assert!(record.matches.iter().all(|pair| is_fixed(pair.one) != is_fixed(pair.other)), "{record:?}");
    assert_eq!(fs::read(&first).unwrap(), before, "what is exploited stays as it is");
}

#[test]
fn a_policy_is_played_against_another_or_by_a_person() {
    let folder = folder();
    let dir = trained(folder.path(), &[]);
    let first = dir.join("versions/Bidder-000000000000.safetensors");
    let (run, first) = (dir.to_str().unwrap(), first.to_str().unwrap());
    let played = |arguments: &[&str]| {
        let rest = ["--headless", "--episodes", "10", "--json"];
        done(folder.path(), &[&["play"], arguments, &rest].concat())
    };
    // The first side is the learned policy, which bids most: each of its matches is won and lost once.
    let returns = |said: &Done| -> Vec<String> {
        let lines = said.out.lines().filter(|line| line.starts_with("episode "));
        lines.map(|line| line.split("return ").nth(1).unwrap().split(',').next().unwrap().to_owned()).collect()
    };
    let said = played(&[run, "--against", first]);
    let found = returns(&said);
    assert!(found.contains(&"1.00".to_owned()) && found.contains(&"-1.00".to_owned()), "{}", said.out);
    let itself = returns(&played(&[run, "--against", run]));
    assert!(itself.iter().all(|sum| sum == "0.00"), "{itself:?}");
    // Nobody presses a key, so the first side bids nothing and loses.
    let person = returns(&played(&["--against", run]));
    assert!(person.contains(&"1.00".to_owned()) && person.contains(&"-1.00".to_owned()), "{person:?}");
}

#[test]
fn opponents_remember_as_the_policy_does() {
    let folder = folder();
    let memory = ["--set", "Bidder.network.memory=MinGru(8)", "--set", "stop.steps=6_000"];
    let dir = trained(folder.path(), &memory);
    let more = ["--against", dir.to_str().unwrap(), "--episodes", "24", "--json"];
    let report = done(folder.path(), &[&["eval", dir.to_str().unwrap()], &more[..]].concat()).json();
    assert_eq!(report["matches"]["draws"], 24, "{report}");
    let fixed = format!("Bidder.self_play.fixed=[{:?}]", dir.join("policy.safetensors"));
    let said = run("duels", folder.path(), &["train", "--set", &fixed, "--set", "stop.steps=6_000"]);
    assert!(said.errors.contains("remembers 8 numbers") && said.code == 0, "{}", said.errors);
}

#[cfg(feature = "torch")]
#[test]
fn a_policy_on_libtorch_plays_against_its_versions() {
    let folder = folder();
    let dir = trained(folder.path(), &["--learner", "torch", "--device", "cpu"]);
    assert_eq!(versions(&dir).len(), 4);
    let more = ["--against", "script", "--episodes", "48", "--json"];
    let report = done(folder.path(), &[&["eval", dir.to_str().unwrap()], &more[..]].concat()).json();
    assert_eq!(report["matches"]["wins"], 48, "{report}");
    let memory = ["train", "--learner", "torch", "--set", "Bidder.network.memory=MinGru(8)"];
    let said = run("duels", folder.path(), &memory);
    assert_eq!(said.code, 2, "{}", said.errors);
    assert!(said.errors.contains("its opponents can't remember on libtorch; use --learner native"), "{}", said.errors);
}

#[test]
fn a_game_that_never_says_who_won_is_reported() {
    let folder = folder();
    let said = run("endless_duels", folder.path(), &["train"]);
    assert_eq!(said.code, 0, "{}", said.errors);
    let sentence = "matches had a result, so all count as draws; call `won_by`, `draw` or `ranked`";
    assert_eq!(said.errors.matches(sentence).count(), 1, "{}", said.errors);
}

#[test]
fn bad_settings_are_named_with_the_remedy() {
    let folder = folder();
    let refused = |game: &str, arguments: &[&str], sentence: &str| {
        let said = run(game, folder.path(), arguments);
        assert_eq!(said.code, 2, "{arguments:?}: {}", said.errors);
        assert!(said.errors.contains(sentence), "{sentence} in {}", said.errors);
    };
    let set = |change: &'static str| ["train", "--set", change];
    refused("duels", &set("Bidder.self_play.against_latest=2"), "`against_latest` is 2; it must be from 0 to 1");
    refused("duels", &set("Bidder.self_play.snapshots=1"), "at least 2 are needed");
    refused("duels", &set("Bidder.self_play.concurrent=65"), "`concurrent` is 65; it must be at most 64");
    refused("duels", &set("Bidder.self_play.sampling=Hard(-1.0)"), "the power of `Hard` is -1");
    refused("duels", &set("Bidder.self_play.fixed=[\"none.safetensors\"]"), "none.safetensors");
    refused("arrows", &set("self_play=()"), "`Reader` has no teams, so it can't play against itself");
    let dir = trained(folder.path(), &["--set", "stop.steps=100", "--set", "Bidder.self_play=None"]);
    refused("duels", &["ladder", dir.to_str().unwrap()], "its config has no `self_play`");
    let against = ["eval", dir.to_str().unwrap(), "--against", "nobody"];
    refused("duels", &against, "no opponent `nobody`");
    refused("duels", &against, "`script` for the game's own script, or `random` for random actions");
    let arrows = run("arrows", folder.path(), &["train", "--json", "--set", "stop.steps=100"]).json();
    let arrows = folder.path().join(arrows["run_dir"].as_str().unwrap());
    refused("arrows", &["eval", arrows.to_str().unwrap(), "--against", "script"], "the game has no teams");
}
