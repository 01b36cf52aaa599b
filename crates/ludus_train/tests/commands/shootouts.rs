//! A game of two kinds of agents that play against each other, each with versions of its own.

use std::fs;
use std::path::PathBuf;

use bevy::prelude::*;
use ludus_agent::{
    Action, Agent, AgentAppExt, Arena, Episode, InArena, MatchResult, Observation, Reward, ScoreAgents, SenseAgents,
    Team,
};
use ludus_policy::PolicyFile;

use super::program::{done, trained};

const CONFIG: &str = r#"(
    worlds: 3,
    arenas: 8,
    agents: {
        "Striker": (
            episode_limit: 6,
            reward: { "scored": 1.0 },
            network: (hidden: [16]),
            self_play: (concurrent: 2, snapshot_every: 2_000, snapshots: 4),
            ppo: (rollout_steps: 16, minibatch: 256, learning_rate: 0.01),
        ),
        "Keeper": (
            episode_limit: 6,
            reward: { "saved": 1.0 },
            network: (hidden: [8]),
            self_play: (concurrent: 3, snapshot_every: 3_000, snapshots: 3),
            ppo: (rollout_steps: 16, minibatch: 128, learning_rate: 0.01),
        ),
    },
    checkpoints: (every: 6_000),
    stop: (steps: 24_000),
)"#;

#[derive(Component, Agent, Default)]
#[agent(observation = Seen, action = Shot, reward = Scored, team = Side)]
struct Striker;

#[derive(Component, Agent, Default)]
#[agent(observation = Waited, action = Dive, reward = Saved, team = Side)]
struct Keeper;

#[derive(Component, Team, Clone, Copy, PartialEq)]
enum Side {
    Attack,
    Defence,
}

#[derive(Component, Observation, Default)]
struct Seen {
    /// 1 in the second half of a match.
    late: f32,
}

#[derive(Component, Observation, Default)]
struct Waited {
    steps: Vec2,
}

#[derive(Component, Action, Default, Clone, Copy)]
struct Shot {
    #[action(discrete = 5)]
    power: u32,
}

#[derive(Component, Action, Default, Clone, Copy)]
struct Dive {
    #[action(discrete = 5)]
    reach: u32,
}

#[derive(Component, Reward, Default)]
struct Scored {
    scored: f32,
}

#[derive(Component, Reward, Default)]
struct Saved {
    saved: f32,
}

/// After three steps a shot scores if its power is above the keeper's reach.
pub fn shootouts(app: &mut App) {
    app.add_agent::<Striker>().add_agent::<Keeper>();
    app.add_observer(|on: On<Add, Arena>, mut commands: Commands| {
        commands.spawn((Striker, Side::Attack, InArena(on.entity)));
        commands.spawn((Keeper, Side::Defence, InArena(on.entity)));
    });
    app.add_systems(ScoreAgents, shoot);
    app.add_systems(SenseAgents, |mut strikers: Query<(&Episode, &mut Seen)>| {
        strikers.iter_mut().for_each(|(episode, mut seen)| seen.late = f32::from(episode.steps() > 2));
    });
    app.add_systems(SenseAgents, |mut keepers: Query<(&Episode, &mut Waited)>| {
        keepers.iter_mut().for_each(|(episode, mut waited)| waited.steps = Vec2::splat(episode.steps() as f32));
    });
}

fn shoot(
    mut strikers: Query<(&InArena, &Episode, &Shot, &mut Scored)>,
    mut keepers: Query<(&InArena, &Dive, &mut Saved)>,
    mut results: Query<&mut MatchResult>,
) -> Result {
    for (home, episode, shot, mut scored) in &mut strikers {
        if !episode.is_running() || episode.steps() < 2 {
            continue;
        }
        let Some((_, dive, mut saved)) = keepers.iter_mut().find(|(other, ..)| other.0 == home.0) else { continue };
        let is_goal = shot.power > dive.reach;
        (scored.scored, saved.saved) = if is_goal { (1.0, -1.0) } else { (-1.0, 1.0) };
        results.get_mut(home.0)?.won_by(if is_goal { Side::Attack } else { Side::Defence });
    }
    Ok(())
}

#[test]
fn two_kinds_play_against_each_other_each_with_versions_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::create_dir_all(folder.join("assets/train")).unwrap();
    fs::write(folder.join("assets/train/shootouts.ron"), CONFIG).unwrap();
    let runs = ["1", "2", "5"].map(|threads| trained("shootouts", folder, &["--threads", threads]));
    for kind in ["Striker", "Keeper"] {
        let policy = |run: &PathBuf| PolicyFile::read(&run.join(format!("policies/{kind}.safetensors"))).unwrap();
        assert!(policy(&runs[1]) == policy(&runs[0]) && policy(&runs[2]) == policy(&runs[0]), "{kind}");
    }
    let run = runs[0].to_str().unwrap();
    let versions = fs::read_dir(runs[0].join("versions")).unwrap();
    let names: Vec<_> = versions.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let of = |kind: &str| names.iter().filter(|name| name.starts_with(kind)).count();
    assert_eq!((of("Striker-"), of("Keeper-")), (4, 3), "{names:?}");

    let ladder = done("shootouts", folder, &["ladder", run, "--json"]);
    let rungs = ladder.json()["ladder"].clone();
    let rung = |name: &str| rungs.as_array().unwrap().iter().find(|rung| rung["player"] == name).cloned();
    for kind in ["Striker", "Keeper"] {
        let rating = |version: &str| rung(&format!("{kind} {version}")).map(|rung| rung["rating"].as_f64().unwrap());
        assert!(rating("newest") > rating("0") && rating("0").is_some(), "{kind}: {}", ladder.out);
    }
    // Players of one kind never meet.
    let rungs = rungs.as_array().unwrap();
    for (one, other) in (0..rungs.len()).flat_map(|one| (0..rungs.len()).map(move |other| (one, other))) {
        let kind = |rung: usize| rungs[rung]["player"].as_str().unwrap().split(' ').next().unwrap().to_owned();
        assert!(rungs[one]["shares"][other].is_null() || kind(one) != kind(other), "{}", ladder.out);
    }

    // Each kind learns against the other one as the run left it.
    let before =
        ["Striker", "Keeper"].map(|kind| fs::read(runs[0].join(format!("policies/{kind}.safetensors"))).unwrap());
    let exploited =
        done("shootouts", folder, &["exploit", run, "--episodes", "48", "--json", "--set", "stop.steps=4_000"]);
    let tally = exploited.json()["matches"].clone();
    let count = |key: &str| tally[key].as_u64().unwrap();
    assert_eq!(count("wins") + count("draws") + count("losses"), 48, "{}", exploited.out);
    let response = folder.join(exploited.json()["run_dir"].as_str().unwrap());
    for (kind, before) in ["Striker", "Keeper"].iter().zip(before) {
        let file = format!("policies/{kind}.safetensors");
        assert!(fs::read(runs[0].join(&file)).unwrap() == before, "what is exploited stays as it is");
        assert!(fs::read(response.join(&file)).unwrap() != before, "{kind} has learned a response");
    }

    // Against random play, the keeper always saves, and the striker mostly scores.
    let report = done("shootouts", folder, &["eval", run, "--against", "random", "--episodes", "96", "--json"]).json();
    let won = report["matches"]["wins"].as_f64().unwrap();
    assert!(won >= 80.0, "{report}");

    let resumed = [(); 2].map(|()| {
        let copy = tempfile::tempdir().unwrap();
        let copied = copy.path().join("run");
        super::kinds::copy_folder(&runs[0], &copied);
        done("shootouts", folder, &["train", "--resume", copied.to_str().unwrap(), "--set", "stop.steps=30_000"]);
        ["Striker", "Keeper"]
            .map(|kind| PolicyFile::read(&copied.join(format!("policies/{kind}.safetensors"))).unwrap().parameters)
    });
    assert!(resumed[0] == resumed[1], "resumed twice from one checkpoint, both learn the same");
}
