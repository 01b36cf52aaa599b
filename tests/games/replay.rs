//! Episodes of whole games, played again in a world with one arena.
#![expect(clippy::unwrap_used, reason = "all of this is tests, where a panic is the report")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bevy::app::AppExit;
use bevy::prelude::App;
use bevy_ludus::Ludus;
use bevy_ludus::rapier::ArenaPhysics;
use bevy_ludus::train::RunFolder;
use bevy_ludus::train::replay::{Difference, EpisodeLog, Replay};
use bevy_ludus::worlds::Game;

use crate::examples::{balance, cart_pole};

/// Weights of all terms, since there is no config.
const CART_POLE_REWARD: &str = "reward={\"upright\": 1}";
const BALANCE_REWARD: &str = "reward={\"balanced\": 1, \"dropped\": 1}";

fn cart_pole() -> Game {
    Arc::new(cart_pole::cart_pole)
}

fn balance_with(arenas: ArenaPhysics) -> Game {
    let game = move |app: &mut App| {
        app.insert_resource(arenas);
        balance::balance(app);
    };
    Arc::new(game)
}

/// Trains for a moment in nine arenas of one world, and returns the run's folder.
fn trained(game: &Game, runs: &Path, interval: u32, reward: &str) -> RunFolder {
    let (game, interval) = (game.clone(), format!("decision_interval={interval}"));
    let line = ["game", "train", "--runs-dir", runs.to_str().unwrap(), "--set", &interval, "--set", reward];
    let sets = ["worlds=1", "arenas=9", "episode_limit=60", "ppo.rollout_steps=128", "stop.steps=20_000"];
    let line = line.into_iter().chain(sets.into_iter().flat_map(|set| ["--set", set]));
    assert_eq!(Ludus::new("replayed", move |app| game(app)).run_with(line), AppExit::Success);
    RunFolder::newest(runs, "replayed").unwrap()
}

fn episodes(run: &RunFolder) -> Vec<PathBuf> {
    let files = std::fs::read_dir(run.episodes()).unwrap().map(|entry| entry.unwrap().path());
    let files = files.collect::<Vec<_>>();
    assert!(files.len() >= 8, "{files:?}");
    files
}

/// Replays each of the kept episodes, and returns its first difference from the record.
fn differences(game: &Game, interval: u32, reward: &str) -> Vec<Option<Difference>> {
    let runs = tempfile::tempdir().unwrap();
    let run = trained(game, runs.path(), interval, reward);
    let replay = |path: &PathBuf| {
        let mut replay = Replay::open(game, EpisodeLog::read(path).unwrap()).unwrap();
        replay.verify().unwrap()
    };
    episodes(&run).iter().map(replay).collect()
}

#[test]
fn episodes_of_cart_pole_are_the_same_again() {
    let differences = differences(&cart_pole(), 1, CART_POLE_REWARD);
    assert!(differences.iter().all(Option::is_none), "{differences:?}");
}

#[test]
fn episodes_of_balance_with_its_own_physics_are_the_same_again() {
    let differences = differences(&balance_with(ArenaPhysics::PerArena), 5, BALANCE_REWARD);
    assert!(differences.iter().all(Option::is_none), "{differences:?}");
}

#[test]
fn episodes_of_balance_are_the_same_again() {
    let differences = differences(&balance_with(ArenaPhysics::Shared { spacing: 12.0 }), 5, BALANCE_REWARD);
    assert!(differences.iter().all(Option::is_none), "{differences:?}");
}
