//! The game of arrows with a field for the critic alone: what is left of the episode.

use std::fs;
use std::path::{Path, PathBuf};

use bevy::prelude::*;
use ludus_agent::{
    Agent, AgentAppExt, Arena, Episode, EpisodeRng, EpisodeStart, InArena, Observation, ScoreAgents, SenseAgents,
};
use ludus_policy::PolicyFile;
use rand::RngExt;

use super::game::{Answer, Arrow, Marks, score};
use super::program::run;

/// Says which way an arrow points. It has the name of the reader without the field, so policies of both can be swapped.
#[derive(Component, Agent, Default)]
#[require(Arrow)]
#[agent(observation = Insight, action = Answer, reward = Marks)]
pub struct Reader;

#[derive(Component, Observation, Default)]
pub struct Insight {
    /// Arrows that were read, as a share of all.
    #[observation(critic, range = 0.0..=1.0)]
    pub read: f32,
    /// -1 left, 1 right.
    pub arrow: f32,
}

/// The game.
pub fn secrets(app: &mut App) {
    app.add_agent::<Reader>()
        .add_observer(|on: On<Add, Arena>, mut commands: Commands| {
            commands.spawn((Reader, InArena(on.entity)));
        })
        .add_observer(|on: On<EpisodeStart<Reader>>, mut readers: Query<(&mut Arrow, &mut EpisodeRng)>| -> Result {
            let (mut arrow, mut rng) = readers.get_mut(on.entity)?;
            arrow.points_right = rng.random();
            Ok(())
        })
        .add_systems(ScoreAgents, score)
        .add_systems(SenseAgents, |mut readers: Query<(&Arrow, &Episode, &mut Insight)>| {
            for (arrow, episode, mut seen) in &mut readers {
                seen.read = episode.steps() as f32 / 8.0;
                seen.arrow = if arrow.points_right { 1.0 } else { -1.0 };
            }
        });
}

const QUICK: [&str; 14] = [
    "train",
    "--json",
    "--set",
    "arenas=8",
    "--set",
    "worlds=2",
    "--set",
    "reward={\"right\": 1, \"wrong\": 0}",
    "--set",
    "ppo.learning_rate=0.01",
    "--set",
    "ppo.minibatch=256",
    "--set",
    "stop.steps=60_000",
];

fn train(folder: &Path, changes: &[&str]) -> PathBuf {
    let done = run("secrets", folder, &[&QUICK, changes].concat());
    assert_eq!(done.code, 0, "{}", done.errors);
    folder.join(done.json()["run_dir"].as_str().unwrap())
}

/// The names of a policy's tensors, and the widths of the first layers of actor and critic.
fn tensors(path: &Path) -> (Vec<String>, [Option<usize>; 2]) {
    let file = PolicyFile::read(path).unwrap().to_tensor_file();
    let inputs = |name: &str| file.tensors.get(name).map(|tensor| tensor.shape[1]);
    let widths = [inputs("actor.0.weight"), inputs("critic.0.weight")];
    (file.tensors.keys().cloned().collect(), widths)
}

#[test]
fn a_policy_is_shipped_without_what_only_its_critic_read() {
    for changes in [&[][..], &["--set", "network.memory=MinGru(8)"], &["--set", "ppo.normalize_observations=true"]] {
        let folder = tempfile::tempdir().unwrap();
        let run_dir = train(folder.path(), changes);
        assert_eq!(tensors(&run_dir.join("policy.safetensors")).1, [Some(1), Some(2)], "a run keeps its critic");
        let scored = |game: &str, arguments: &[&str]| {
            let done = run(game, folder.path(), &[&["eval", "--json", "--episodes", "50"], arguments].concat());
            assert_eq!(done.code, 0, "{}", done.errors);
            done.json()["mean_return"].as_f64().unwrap()
        };
        assert_eq!(scored("secrets", &[]), 8.0);

        let shipped = folder.path().join("shipped.safetensors");
        let to = shipped.to_str().unwrap();
        let done = run("secrets", folder.path(), &["export", "--to", to]);
        assert_eq!(done.code, 0, "{}", done.errors);
        let (names, widths) = tensors(&shipped);
        assert_eq!(widths, [Some(1), None], "{names:?}");
        assert!(!names.iter().any(|name| name.starts_with("critic.")), "{names:?}");
        let weights = ["--set", "reward={\"right\": 1, \"wrong\": 0}"];
        // In the game that still has the field, and in the game without it.
        for game in ["secrets", "arrows"] {
            assert_eq!(scored(game, &[&[to], &weights[..]].concat()), 8.0, "{game}");
            let arguments = [&["play", to, "--episodes", "2", "--json"], &weights[..]].concat();
            let played = run(game, folder.path(), &arguments);
            assert_eq!(played.json()["mean_return"], 8.0, "{game}: {}{}", played.out, played.errors);
        }
        let graph = folder.path().join("shipped.onnx");
        let done = run("secrets", folder.path(), &["export", "--onnx", "--to", graph.to_str().unwrap()]);
        assert_eq!(done.code, 0, "{}", done.errors);
        let graph = fs::read(graph).unwrap();
        assert_eq!(graph, PolicyFile::read(&shipped).unwrap().to_onnx().unwrap());
    }
}

#[test]
fn a_run_is_resumed_with_the_fields_that_it_began_with() {
    let folder = tempfile::tempdir().unwrap();
    train(folder.path(), &[]);
    let resume = ["train", "--json", "--resume", "latest", "--set", "stop.steps=64_000"];
    let done = run("arrows", folder.path(), &resume);
    assert_eq!(done.code, 2, "{}", done.errors);
    assert!(done.errors.contains("observation field 1 was `read`, now `arrow`"), "{}", done.errors);
    let done = run("secrets", folder.path(), &resume);
    assert_eq!(done.code, 0, "{}", done.errors);
    let from = ["train", "--json", "--initialize-from", "latest", "--set", "stop.steps=4_000"];
    let done = run("arrows", folder.path(), &[&from[..], &["--set", "arenas=8"]].concat());
    assert_eq!(done.code, 0, "{}", done.errors);
    assert!(done.errors.contains("observation `read` is gone") || done.out.contains("observation `read` is gone"));
}

#[test]
fn a_kept_episode_is_replayed_with_what_the_critic_saw() {
    let folder = tempfile::tempdir().unwrap();
    train(folder.path(), &[]);
    let done = run("secrets", folder.path(), &["replay", "latest", "best"]);
    assert_eq!(done.code, 0, "{}{}", done.out, done.errors);
    let done = run("arrows", folder.path(), &["replay", "latest", "best"]);
    assert_ne!(done.code, 0, "its rows are others: {}{}", done.out, done.errors);
}

#[test]
fn what_can_not_learn_with_such_fields_is_refused_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    for (setting, expected) in [
        ("network.shared=true", "`read` is for the critic alone; set `shared: false`, or observe `read` without"),
        ("network.encoders={\"read\": Stack(2)}", "`read` is for the critic alone; leave the encoder out"),
        ("dqn=()", "`dqn` has no critic: its policy is the value of each choice, and `read` of `Reader` is for"),
        ("pqn=()", "`pqn` has no critic: its policy is the value of each choice"),
        ("sac=()", "`sac` learns with critics that read what its policy reads, and `read` of `Reader` is for the"),
    ] {
        let done = run("secrets", folder.path(), &["train", "--set", setting]);
        assert!(done.code == 2 && done.errors.contains(expected), "{setting}: {}", done.errors);
    }
    let done = run("secrets", folder.path(), &["check", "--json", "--set", "worlds=1"]);
    assert_eq!(done.code, 0, "{}{}", done.out, done.errors);
}
