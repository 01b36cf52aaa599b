//! Networks that are not the default: the game's own, and those with encoders. All commands support them.

use std::io::Write;
use std::path::Path;

use bevy::prelude::*;
use ludus_agent::{
    Agent, AgentAppExt, Arena, EpisodeRng, EpisodeStart, Grid, InArena, Observation, ScoreAgents, SenseAgents,
};
use ludus_net::{Layout, Network, NetworkConfig};
use ludus_policy::PolicyFile;
use ludus_spec::{AgentSpec, Head, Seed};
use ludus_torch::tch::{Kind, Tensor};
use ludus_torch::{Forward, Mlp, Parameter, RecurrentForward, TorchNetwork};
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

/// The game with the arrow as a picture.
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
        .add_systems(ScoreAgents, score)
        .add_systems(SenseAgents, |mut painters: Query<(&Arrow, &mut Picture)>| {
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

/// A network that no config describes: its features are squares of linear functions of the observation, and what is
/// left of those of earlier steps.
pub struct Lens {
    inputs: usize,
    width: usize,
    heads: Vec<Head>,
}

impl Lens {
    pub fn of(spec: &AgentSpec, width: usize) -> Self {
        Self { inputs: spec.observation_width(), width, heads: spec.heads() }
    }
}

impl TorchNetwork for Lens {
    fn inputs(&self) -> usize {
        self.inputs
    }

    fn heads(&self) -> &[Head] {
        &self.heads
    }

    fn parameters(&self) -> Vec<Parameter> {
        let outputs = self.heads.iter().map(|head| head.output_width()).sum();
        vec![
            Parameter {
                name: "lens".to_owned(),
                shape: vec![self.width, self.inputs],
                values: vec![0.5; self.width * self.inputs],
            },
            Parameter::zeros("actor", &[outputs, self.width]),
            Parameter::zeros("critic", &[1, self.width]),
        ]
    }

    fn forward(&self, parameters: &[Tensor], observations: &Tensor) -> Forward {
        let rows = observations.size()[0];
        let nothing = Tensor::zeros([rows, self.width as i64], (Kind::Float, observations.device()));
        self.step(parameters, observations, &nothing).forward
    }

    fn memory_width(&self) -> usize {
        self.width
    }

    fn step(&self, parameters: &[Tensor], observations: &Tensor, memory: &Tensor) -> RecurrentForward {
        let seen = observations.matmul(&parameters[0].tr()).square() + memory * 0.1;
        let (outputs, values) = (seen.matmul(&parameters[1].tr()), seen.matmul(&parameters[2].tr()).squeeze_dim(-1));
        RecurrentForward { forward: Forward { outputs, values }, memory: seen }
    }
}

/// A stand-in for windows that trains to the end, as a window does.
pub const NO_WINDOW: Windows = Windows { watch: train_without_looking, play: |_| Ok(AppExit::Success) };

fn train_without_looking(request: WatchRequest) -> Result<AppExit, WindowFailure> {
    let WatchRequest { definition, specs, config, learner, threads, runs, .. } = request;
    let session = Session::start(SessionSetup { definition, specs, config, learner, threads, runs });
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

const REMEMBERING: [&str; 6] = ["--learner", "torch", "--device", "cpu", "--set", "network.memory=MinGru(5)"];

/// Runs a command; returns the policy that it has saved.
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
        ("windowed", &REMEMBERING),
        ("own_network", &[]),
        ("own_network", &TORCH),
        ("pictures", &["--set", CONVOLVED]),
    ] {
        let trained = learned(game, &[&["train"][..], options].concat());
        let watched = learned(game, &[&["watch"][..], options].concat());
        assert!(trained == watched, "{game} {options:?}");
        let is_own = game == "own_network";
        assert_eq!(trained.network.described().unwrap().hidden == [7], is_own, "{game}");
    }
    let native = learned("windowed", &["watch", "--learner", "native"]);
    assert!(native != learned("windowed", &[&["watch"][..], &TORCH].concat()), "they add up in another order");
}

/// A network that convolves the pictures, in a form that trains fast.
const CONVOLVED: &str = "network=(encoders: {\"cells\": Convolve([4])}, activation: Relu, shared: true)";

/// Weights by which only right answers count, so that the return measures what was learned.
const RIGHT: [&str; 2] = ["--set", r#"reward={"right": 1, "wrong": 0}"#];

/// Trains on pictures; returns the run's folder.
fn trained_on_pictures(folder: &Path, options: &[&str]) -> String {
    let train = ["train", "--json", "--set", CONVOLVED, "--set", "worlds=2", "--set", "ppo.learning_rate=0.01"];
    let done = run("pictures", folder, &[&train[..], &RIGHT, options].concat());
    assert_eq!(done.code, 0, "{}", done.errors);
    done.json()["run_dir"].as_str().unwrap().to_owned()
}

#[test]
fn a_policy_with_convolutions_is_played_and_measured() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let run_dir = trained_on_pictures(folder, &["--set", "decision_interval=2", "--set", "stop.steps=20_000"]);
    for options in [&[][..], &["--sample"]] {
        let played = run("pictures", folder, &[&["play", &run_dir, "--episodes", "2", "--json"][..], options].concat());
        assert_eq!(played.code, 0, "{}", played.errors);
        let report = played.json();
        assert_eq!((&report["episodes"], &report["env_steps"]), (&2.into(), &16.into()), "{}", played.out);
    }
    let greedy = run("pictures", folder, &["play", &run_dir, "--episodes", "2", "--json"]);
    let scored = run("pictures", folder, &["eval", &run_dir, "--episodes", "20", "--json"]);
    let [greedy, scored] = [greedy, scored].map(|done| done.json()["mean_return"].as_f64().unwrap());
    assert!(scored > 11.0 && (greedy - scored).abs() < 0.5, "it plays as well as it is scored: {greedy}, {scored}");
    let bench = ["bench", "--json", "--seconds", "0.2", "--set", "worlds=2", "--set", CONVOLVED];
    let measured = run("pictures", folder, &bench);
    assert_eq!(measured.code, 0, "{}", measured.errors);
    assert!(measured.json()["bench"]["decision"]["milliseconds"].as_f64().unwrap() > 0.0, "{}", measured.out);
}

/// The file alone is enough, in any folder: here, no config has its convolutions, not even that of a run.
#[test]
fn a_policy_with_convolutions_needs_nothing_but_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let run_dir = trained_on_pictures(folder, &["--set", "stop.steps=20_000"]);
    let file = folder.join("elsewhere.safetensors");
    std::fs::copy(folder.join(&run_dir).join("policy.safetensors"), &file).unwrap();
    std::fs::remove_dir_all(folder.join("runs")).unwrap();
    let file = file.to_str().unwrap();
    let all_right = 8.0;
    for command in [&["eval", file, "--episodes", "20"][..], &["play", file, "--episodes", "2"]] {
        for encoders in [&[][..], &["--set", "network.encoders={\"cells\": Convolve([8])}"]] {
            let done = run("pictures", folder, &[command, &["--json"], &RIGHT, encoders].concat());
            assert_eq!((done.code, done.json()["mean_return"].as_f64()), (0, Some(all_right)), "{}", done.errors);
        }
    }
    let exported = run("pictures", folder, &["export", file, "--onnx", "--to", "pictures.onnx"]);
    assert_eq!(exported.code, 0, "{}", exported.errors);
    assert!(folder.join("pictures.onnx").is_file());
}

#[test]
fn a_run_with_convolutions_starts_from_another_one() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let run_dir = trained_on_pictures(folder, &["--set", "stop.steps=20_000"]);
    let start = ["train", "--json", "--initialize-from", &run_dir, "--set", "worlds=2", "--set", "stop.steps=1"];
    let check = |network: &str, expected: &str| {
        let done = run("pictures", folder, &[&start[..], &RIGHT, &["--set", network]].concat());
        assert!(done.errors.contains(expected), "{}", done.errors);
        done
    };
    let done = check(CONVOLVED, "starting from `runs/");
    assert!(done.json()["mean_return"].as_f64().unwrap() > 6.0, "{}", done.out);
    check(
        &CONVOLVED.replace("[4]", "[5]"),
        "; encoder `cells: Convolve([5]) over 4×4×1` is new; encoder `cells: Convolve([4])",
    );
}

#[test]
fn a_network_of_the_game_s_own_is_played_by_its_program_alone() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let done = run("seen_through", folder, &[&["train", "--json"][..], &MOMENT].concat());
    assert_eq!(done.code, 0, "{}", done.errors);
    let run_dir = done.json()["run_dir"].as_str().unwrap().to_owned();
    for command in [["eval", &run_dir, "--episodes", "8"], ["play", &run_dir, "--episodes", "2"]] {
        let done = run("seen_through", folder, &command);
        assert_eq!(done.code, 0, "{}", done.errors);
    }
    let refuse = |game: &str, command: &[&str]| {
        let done = run(game, folder, command);
        let lines = done.errors.lines().filter(|line| line.starts_with("error: ")).collect::<Vec<_>>();
        let [line] = lines[..] else { panic!("{}", done.errors) };
        assert!(done.code == 2 && line.contains("networks::Lens` is one of `arrows`'s own, which no file"), "{line}");
        assert!(line.contains("run it in that program, built with the feature `torch`"), "{line}");
    };
    refuse("arrows", &["play", &run_dir, "--episodes", "2"]);
    refuse("arrows", &["eval", &run_dir]);
    refuse("arrows", &["export", &run_dir, "--onnx", "--to", "arrows.onnx"]);
    refuse("seen_through", &["export", &run_dir, "--onnx", "--to", "arrows.onnx"]);
    assert!(!folder.join("arrows.onnx").exists());
    let other = run("wider", folder, &["eval", &run_dir]);
    assert!(other.errors.contains("has other parameters than the game's"), "{}", other.errors);
}

#[test]
fn a_policy_of_another_tick_is_refused_before_it_plays() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let run_dir = trained_on_pictures(folder, &["--set", "stop.steps=500"]);
    let policy = folder.join(&run_dir).join("policy.safetensors");
    let file = PolicyFile::read(&policy).unwrap();
    PolicyFile { tick_rate_hz: 50.0, ..file }.write(&policy).unwrap();
    let played = run("pictures", folder, &["play", &run_dir, "--episodes", "1"]);
    let lines = played.errors.lines().filter(|line| line.starts_with("error: "));
    assert_eq!((played.code, lines.count()), (2, 1), "{}", played.errors);
    let expected = "was trained at 50 ticks per second, but there are 64 here";
    assert!(played.errors.contains(expected), "{}", played.errors);
}
