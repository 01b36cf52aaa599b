//! A comparison of the samplers of `tune`: TPE against random values, with as many trials.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::checks::cargo;
use crate::{refuse, repository, say};

/// A game that is searched with both samplers.
#[derive(Clone, Copy, Debug)]
struct SearchedGame {
    name: &'static str,
    /// Environment steps of each run: so few that good values make a difference.
    steps: u32,
}

const GAMES: [SearchedGame; 4] = [
    SearchedGame { name: "balance", steps: 12_000 },
    SearchedGame { name: "cart_pole", steps: 10_000 },
    SearchedGame { name: "minimal", steps: 6_000 },
    SearchedGame { name: "pillars", steps: 20_000 },
];

/// The samplers, as on the command line.
const SAMPLERS: [&str; 2] = ["tpe", "random"];

/// Searches with each sampler in each game.
const SEARCHES: u64 = 10;

/// Trials of a search, and runs of each trial.
const TRIALS: &str = "30";
const SEEDS: &str = "2";

/// Episodes of the evaluation that judges a trial.
const EPISODES: &str = "20";

/// Seeds with which the best trial of a search is trained again, and episodes of each evaluation of these runs.
const FRESH_SEEDS: u64 = 3;
const FRESH_EPISODES: &str = "20";

/// A search, and the score of the best trial that it found.
#[derive(Clone, Copy, Debug)]
struct Search {
    game: SearchedGame,
    sampler: &'static str,
    /// The seed of the search; those of both samplers begin with the same random trials.
    seed: u64,
}

/// The return of the best trial of a search.
#[derive(Clone, Copy, Debug)]
struct Score {
    /// As the search itself judged it.
    found: f64,
    /// When it was trained again with fresh seeds.
    fresh: f64,
}

/// A judge of searches.
#[derive(Clone, Copy)]
struct Judge {
    name: &'static str,
    /// The number of a score that it judges by.
    number: fn(&Score) -> f64,
}

const JUDGES: [Judge; 2] = [
    Judge { name: "the search", number: |score| score.found },
    Judge { name: "fresh seeds", number: |score| score.fresh },
];

/// Searches with both samplers in the game with this name, or in all games, and prints a table in Markdown.
pub fn compare(game: Option<&str>) -> ExitCode {
    let games: Vec<_> = GAMES.into_iter().filter(|searched| game.is_none_or(|name| name == searched.name)).collect();
    if games.is_empty() {
        let names = GAMES.map(|game| game.name).join(", ");
        return refuse(&format!("the games that are searched are {names}"));
    }
    match compare_in(&games) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse(&format!("{error:#}")),
    }
}

fn compare_in(games: &[SearchedGame]) -> Result<()> {
    build()?;
    println!(
        "| game | steps of a run | judged by | TPE: mean return of ten searches | random values | TPE is better in |"
    );
    println!("|---|---|---|---|---|---|");
    for &game in games {
        let [tpe, random] = scores(game)?;
        let SearchedGame { name, steps } = game;
        for Judge { name: judge, number } in JUDGES {
            let [tpe, random] = [&tpe, &random].map(|scores| scores.iter().map(number).collect::<Vec<_>>());
            let pairs = || tpe.iter().zip(&random);
            let (wins, losses) = (pairs().filter(|(a, b)| a > b).count(), pairs().filter(|(a, b)| a < b).count());
            let [shown, other] = [&tpe, &random].map(|scores| summary(scores));
            println!(
                "| `{name}` | {steps} | {judge} | {shown} | {other} | {wins} of {SEARCHES} searches, worse in {losses} |"
            );
        }
    }
    Ok(())
}

/// Builds the examples for speed.
fn build() -> Result<()> {
    let mut cargo = cargo();
    cargo.args(["build", "--release", "--features", "tune"]);
    for game in GAMES {
        cargo.args(["--example", game.name]);
    }
    let status = cargo.status().context("cargo can't be started")?;
    ensure!(status.success(), "the examples can't be built");
    Ok(())
}

/// The scores of all searches in a game, for each sampler. As many searches run at once as there are cores.
fn scores(game: SearchedGame) -> Result<[Vec<Score>; 2]> {
    let of_seed = |seed| SAMPLERS.map(|sampler| Search { game, sampler, seed });
    let searches: Vec<_> = (1..=SEARCHES).flat_map(of_seed).collect();
    let scores: Vec<_> = searches.iter().map(|_| Mutex::new(None)).collect();
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(search) = searches.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let index = searches.iter().position(|other| std::ptr::eq(other, search)).unwrap_or(0);
                    let score = score(*search);
                    say(&format!("{} with {}, seed {}: {score:?}", search.game.name, search.sampler, search.seed));
                    *scores[index].lock().expect("no thread panics with the lock") = Some(score);
                }
            });
        }
    });
    let mut of_samplers = [Vec::new(), Vec::new()];
    for (index, score) in scores.into_iter().enumerate() {
        let score = score.into_inner().ok().flatten().context("a search has no score")?;
        of_samplers[index % SAMPLERS.len()].push(score?);
    }
    Ok(of_samplers)
}

/// Searches, trains the best trial again with fresh seeds, and returns the mean returns of what was learned.
fn score(search: Search) -> Result<Score> {
    let runs = tempfile::tempdir()?;
    let Search { game, sampler, seed } = search;
    // Each search has seeds of its own for its runs, far from those of the others.
    let seed = seed * 1_000;
    let mut tune = program(game, &["tune", "--sampler", sampler, "--trials", TRIALS, "--seeds", SEEDS]);
    tune.args(["--episodes", EPISODES]);
    tune.args(["--metric", "return", "--fresh-seeds", "0", "--jobs", "1", "--threads", "1"]);
    tune.args(["--seed", &seed.to_string(), "--set", &format!("stop.steps={}", game.steps)]);
    let found = result(tune.args(["--json", "--runs-dir"]).arg(runs.path()))?;
    let search = &found["search"];
    let best = best_trial(search)?;
    let value = best["value"].as_f64().context("the best trial has no value")?;
    let run = best["runs"][0].as_str().context("a trial has no run")?;
    let folder = search["search"].as_str().context("`tune` names no folder")?;
    let config = Path::new(folder).join(run).join("config.ron");
    let mut sum = 0.0;
    for fresh in 1..=FRESH_SEEDS {
        let mut train = program(game, &["train", "--threads", "1", "--seed", &(seed + 100 + fresh).to_string()]);
        let run = result(train.arg("--config").arg(&config).args(["--json", "--runs-dir"]).arg(runs.path()))?;
        let run = run["run_dir"].as_str().context("`train` names no run")?;
        let mut eval = program(game, &["eval", run, "--episodes", FRESH_EPISODES, "--threads", "1", "--json"]);
        sum += result(&mut eval)?["mean_return"].as_f64().context("`eval` has no mean return")?;
    }
    Ok(Score { found: value, fresh: sum / FRESH_SEEDS as f64 })
}

/// The best trial that a sampler proposed: the config as it is does not count.
fn best_trial(search: &Value) -> Result<&Value> {
    let trials = search["trials"].as_array().context("`tune` has no trials")?;
    trials.iter().find(|trial| trial["trial"] != 0).context("`tune` has no trial")
}

fn program(game: SearchedGame, arguments: &[&str]) -> Command {
    let mut command = Command::new(repository().join("target/release/examples").join(game.name));
    command.current_dir(repository()).args(arguments);
    command
}

/// The JSON that a command prints last.
fn result(command: &mut Command) -> Result<Value> {
    let output = command.output().with_context(|| format!("{command:?} can't be started"))?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {}", told.trim());
    let printed = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(printed.lines().last().unwrap_or_default()).context("a command printed no JSON")
}

fn mean(scores: &[f64]) -> f64 {
    scores.iter().sum::<f64>() / scores.len() as f64
}

/// The mean, and the least and the greatest score.
fn summary(scores: &[f64]) -> String {
    let ends =
        scores.iter().fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], &score| [low.min(score), high.max(score)]);
    format!("{:.2} ({:.2} to {:.2})", mean(scores), ends[0], ends[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_config_as_it_is_is_not_the_best_trial() {
        let search = serde_json::json!({ "trials": [
            { "trial": 0, "runs": ["a-1"] }, { "trial": 7, "runs": ["a-8"] }, { "trial": 2, "runs": ["a-3"] },
        ] });
        assert_eq!(best_trial(&search).unwrap()["runs"][0], "a-8");
        assert!(best_trial(&serde_json::json!({ "trials": [] })).is_err());
    }

    #[test]
    fn scores_have_their_mean_and_their_ends() {
        assert_eq!(summary(&[2.0, 4.0, 9.0]), "5.00 (2.00 to 9.00)");
    }
}
