//! Networks that are not the default: the game's own, and those with convolutions. All commands know them.

use std::io::Write;

use bevy::prelude::*;
use ludus_agent::{Agent, AgentAppExt, Arena, EpisodeRng, EpisodeStart, Grid, InArena, Observation, Score, Sense};
use ludus_net::{Layout, Network, NetworkConfig};
use ludus_policy::PolicyFile;
use ludus_spec::{AgentSpec, Seed};
use ludus_torch::Mlp;
use ludus_train::session::{Session, SessionSetup};
use ludus_train::{WatchRequest, WindowFailure, Windows};
use rand::RngExt;

use super::game::{Answer, Arrow, Marks, score};
use super::program::run;

/// Says which way the arrow in a picture points.
#[derive(Component, Agent, Default)]
#[require(Arrow)]
#[agent(observation = Picture, action = Answer, reward = Marks)]
pub struct Painter;

#[derive(Component, Observation, Default)]
pub struct Picture {
    pub cells: Grid<4, 4, 1>,
}

/// The arrows, painted.
pub fn pictures(app: &mut App) {
    app.add_agent::<Painter>()
        .add_observer(|on: On<Add, Arena>, mut commands: Commands| {
            commands.spawn((Painter, InArena(on.entity)));
        })
        .add_observer(|on: On<EpisodeStart<Painter>>, mut painters: Query<(&mut Arrow, &mut EpisodeRng)>| -> Result {
            let (mut arrow, mut rng) = painters.get_mut(on.entity)?;
            arrow.points_right = rng.random();
            Ok(())
        })
        .add_systems(Score, score)
        .add_systems(Sense, |mut painters: Query<(&Arrow, &mut Picture)>| {
            for (arrow, mut picture) in &mut painters {
                picture.cells.clear();
                picture.cells[(1, if arrow.points_right { 3 } else { 0 })] = [1.0];
            }
        });
}

/// A network of the game's own.
pub fn narrow(spec: &AgentSpec, seed: Seed) -> Mlp {
    let config = NetworkConfig { hidden: vec![7], ..NetworkConfig::default() };
    let layout = Layout::new(spec.observation_width(), &spec.heads(), &config).unwrap();
    Mlp::new(Network::new(layout, seed))
}

/// In place of a window: trains as the window does, to the end.
pub const NO_WINDOW: Windows = Windows { watch: train_without_looking, play: |_| Ok(AppExit::Success) };

fn train_without_looking(request: WatchRequest) -> Result<AppExit, WindowFailure> {
    let WatchRequest { name, game, spec, config, learner, threads, runs, .. } = request;
    let session = Session::start(SessionSetup { name, game, spec, config, learner, threads, runs });
    while session.snapshot().state.is_live() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let state = session.close().state.clone();
    let mut out = std::io::stdout();
    writeln!(out, "{state:?}").unwrap();
    Ok(AppExit::Success)
}

const MOMENT: [&str; 6] = ["--set", "worlds=2", "--set", "stop.steps=2_000", "--set", "ppo.rollout_steps=64"];
const TORCH: [&str; 4] = ["--learner", "torch", "--device", "cpu"];

/// The policy that a command has left.
fn learned(game: &str, command: &[&str]) -> PolicyFile {
    let folder = tempfile::tempdir().unwrap();
    let done = run(game, folder.path(), &[command, &MOMENT[..]].concat());
    assert_eq!(done.code, 0, "{}", done.errors);
    let runs = std::fs::read_dir(folder.path().join("runs")).unwrap();
    let run_dir = runs.map(|entry| entry.unwrap().path()).find(|path| path.is_dir()).unwrap();
    PolicyFile::read(&run_dir.join("policy.safetensors")).unwrap()
}

#[test]
fn a_window_trains_the_network_and_the_learner_that_train_does() {
    for (game, options) in [
        ("windowed", &[][..]),
        ("windowed", &TORCH),
        ("own_network", &[]),
        ("own_network", &TORCH),
        ("pictures", &["--set", "convolutions=[4]"]),
    ] {
        let trained = learned(game, &[&["train"][..], options].concat());
        let watched = learned(game, &[&["watch"][..], options].concat());
        assert!(trained == watched, "{game} {options:?}");
        let is_own = game == "own_network";
        assert_eq!(trained.network.hidden == [7], is_own, "{game}");
    }
    let native = learned("windowed", &["watch", "--learner", "native"]);
    assert!(native != learned("windowed", &[&["watch"][..], &TORCH].concat()), "they add up in another order");
}

#[test]
fn a_policy_with_convolutions_is_played_and_measured() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let convolutions = ["--set", "convolutions=[4]"];
    let learn = ["--json", "--set", "decision_interval=2", "--set", "worlds=2", "--set", "stop.steps=20_000"];
    let done = run("pictures", folder, &[&["train"][..], &convolutions, &learn].concat());
    assert_eq!(done.code, 0, "{}", done.errors);
    let run_dir = done.json()["run_dir"].as_str().unwrap().to_owned();
    for options in [&[][..], &["--sample"]] {
        let played = run("pictures", folder, &[&["play", &run_dir, "--episodes", "2", "--json"][..], options].concat());
        assert_eq!(played.code, 0, "{}", played.errors);
        let report = played.json();
        assert_eq!((&report["episodes"], &report["env_steps"]), (&2.into(), &16.into()), "{}", played.out);
    }
    let greedy = run("pictures", folder, &["play", &run_dir, "--episodes", "2", "--json"]);
    let scored = run("pictures", folder, &["eval", &run_dir, "--episodes", "20", "--json"]);
    assert_eq!(greedy.json()["mean_return"], scored.json()["mean_return"], "it plays as well as it is scored");
    let bench = ["bench", "--json", "--seconds", "0.2", "--set", "worlds=2"];
    let measured = run("pictures", folder, &[&bench[..], &convolutions].concat());
    assert_eq!(measured.code, 0, "{}", measured.errors);
    assert!(measured.json()["bench"]["decision"]["milliseconds"].as_f64().unwrap() > 0.0, "{}", measured.out);
}

#[test]
fn a_policy_of_another_network_or_tick_is_refused_before_it_plays() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let train = ["train", "--json", "--set", "convolutions=[4]", "--set", "worlds=1", "--set", "stop.steps=500"];
    let done = run("pictures", folder, &train);
    let run_dir = done.json()["run_dir"].as_str().unwrap().to_owned();
    let policy = folder.join(&run_dir).join("policy.safetensors");
    let check = |expected: &str, options: &[&str]| {
        let played = run("pictures", folder, &[&["play", &run_dir, "--episodes", "1"][..], options].concat());
        let lines = played.errors.lines().filter(|line| !line.starts_with("config: "));
        assert_eq!((played.code, lines.count()), (2, 1), "{}", played.errors);
        assert!(played.errors.contains(expected), "{}", played.errors);
    };
    check("parameters", &["--set", "convolutions=[8]"]);
    let file = PolicyFile::read(&policy).unwrap();
    PolicyFile { tick_rate_hz: 50.0, ..file }.write(&policy).unwrap();
    check("was trained at 50 ticks per second, but there are 64 here", &[]);
}
