//! Episodes that a run keeps, played again.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ludus_train::replay::{Difference, EpisodeLog, Replay};

use super::game;
use super::program::run;

/// Trains for 20,000 steps; returns the folder of the run's episodes.
fn trained(game: &str, folder: &Path, extra: &[&str]) -> PathBuf {
    let quick = ["train", "--json", "--set", "stop.steps=20_000", "--set", "worlds=2", "--set", "arenas=4"];
    let reward = ["--set", "reward={\"right\": 1, \"wrong\": 0}"];
    let done = run(game, folder, &[&quick[..], &reward, extra].concat());
    assert_eq!(done.code, 0, "{}", done.errors);
    folder.join(done.json()["run_dir"].as_str().unwrap()).join("episodes")
}

fn run_of(episodes: &Path) -> &str {
    episodes.parent().unwrap().to_str().unwrap()
}

#[test]
fn a_run_keeps_its_best_its_worst_and_ordinary_episodes_and_they_can_be_played_again() {
    let folder = tempfile::tempdir().unwrap();
    let episodes = trained("arrows", folder.path(), &[]);
    for name in ["best", "worst", "1", "8"] {
        let done = run("arrows", folder.path(), &["replay", run_of(&episodes), name, "--json"]);
        assert_eq!(done.code, 0, "{name}: {}", done.errors);
        assert!(done.out.contains("the same: 8 steps, 8 ticks"), "{}", done.out);
        assert_eq!(done.json()["mean_length"], 8.0);
    }
    let reward =
        |name: &str| EpisodeLog::read(&episodes.join(name).with_extension("episode")).unwrap().head.kinds[0].reward;
    assert!(reward("best") > reward("worst"));
    let size = fs::metadata(episodes.join("best.episode")).unwrap().len();
    assert!(size < 1_000, "{size} bytes");
}

#[test]
fn what_is_kept_does_not_depend_on_threads() {
    let folder = tempfile::tempdir().unwrap();
    let kept = |threads: &str| {
        let episodes = trained("arrows", folder.path(), &["--threads", threads]);
        ["best", "worst", "1", "5"].map(|name| fs::read(episodes.join(name).with_extension("episode")).unwrap())
    };
    assert!(kept("1") == kept("2"));
}

#[test]
fn a_world_that_was_built_anew_has_episodes_to_play_again() {
    let folder = tempfile::tempdir().unwrap();
    let episodes = trained("panicking", folder.path(), &[]);
    for name in ["best", "worst", "8"] {
        let done = run("panicking", folder.path(), &["replay", run_of(&episodes), name]);
        assert_eq!(done.code, 0, "{name}: {}", done.errors);
    }
}

#[test]
fn another_action_makes_another_episode_and_the_step_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = trained("arrows", folder.path(), &[]).join("best.episode");
    let mut log = EpisodeLog::read(&path).unwrap();
    log.actions[4] = 1.0 - log.actions[4];
    log.write(&path).unwrap();
    let done = run("arrows", folder.path(), &["replay", path.to_str().unwrap()]);
    assert_eq!(done.code, 1);
    assert!(done.errors.contains("first after step 5 (tick 5)"), "{}", done.errors);
}

#[test]
fn a_replay_goes_to_any_step_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = trained("arrows", folder.path(), &[]).join("3.episode");
    let mut replay = Replay::open(&(Arc::new(game::arrows) as _), EpisodeLog::read(&path).unwrap()).unwrap();
    let mut seen = Vec::new();
    for step in 0..=8 {
        replay.seek(step).unwrap();
        seen.push(replay.world().rows(0).observations()[0]);
    }
    for step in [3, 7, 0, 8, 1] {
        replay.seek(step).unwrap();
        assert_eq!(replay.step(), step);
        assert_eq!(replay.world().rows(0).observations()[0], seen[step as usize], "step {step}");
    }
    replay.seek_tick(1_000_000).unwrap();
    assert_eq!((replay.step(), replay.difference()), (8, None));

    let mut log = replay.log().clone();
    log.hashes[2] ^= 1;
    let mut altered = Replay::open(&(Arc::new(game::arrows) as _), log).unwrap();
    assert_eq!(altered.verify().unwrap(), Some(Difference { step: 2, tick: 2 }));
    altered.seek(0).unwrap();
    altered.seek(1).unwrap();
    assert_eq!(altered.difference(), Some(Difference { step: 2, tick: 2 }), "it is remembered on the way back");
}

/// The first version was written when games had one kind of agents.
#[test]
fn files_of_all_versions_are_played_again() {
    let folder = tempfile::tempdir().unwrap();
    for version in ["version_1", "whole"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/episode").join(version);
        let done = run("arrows", folder.path(), &["replay", path.to_str().unwrap()]);
        assert_eq!(done.code, 0, "{version}: {}", done.errors);
        assert!(done.out.contains("return 7.00 in 8 steps"), "{}", done.out);
        assert!(done.out.contains("the same: 8 steps, 8 ticks"), "{}", done.out);
    }
}

#[test]
fn what_is_no_episode_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let episodes = trained("arrows", folder.path(), &[]);
    let done = run("arrows", folder.path(), &["replay", run_of(&episodes), "9"]);
    assert_eq!(done.code, 2);
    assert!(done.errors.contains("no episode `9`; valid: best, worst, 1, 2, 3, 4, 5, 6, 7, 8"), "{}", done.errors);
    assert_eq!(run("arrows", folder.path(), &["replay", run_of(&episodes), "../config"]).code, 2);
    fs::write(episodes.join("best.episode"), "ludusep2 and nonsense").unwrap();
    let done = run("arrows", folder.path(), &["replay", run_of(&episodes)]);
    assert_eq!(done.code, 2);
    assert!(
        done.errors.contains("best.episode` is not a whole episode: it is not what its hash says"),
        "{}",
        done.errors
    );
}
