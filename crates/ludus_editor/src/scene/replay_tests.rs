//! Replays without a window.

use std::path::{Path, PathBuf};

use bevy::prelude::*;
use ludus_agent::{EpisodeRng, Slot};
use ludus_train::Ludus;
use ludus_train::replay::EpisodeLog;
use tempfile::TempDir;

use super::tests::{game, game_without_arenas, scene, scene_of, send, update, walking};
use super::{Playback, Players, Replaying, SceneKinds, Stage};
use crate::snapshot::{ReplaySnapshot, RunsSnapshot, SceneSnapshot};
use crate::timeline::Timeline;
use crate::{Direction, EditorCommand, Pace};

/// Number of steps in an episode.
const STEPS: u32 = 24;

/// Trains for a moment. Returns the runs' folder, and the file of an episode of 24 steps of 3 ticks.
fn trained() -> (TempDir, PathBuf) {
    trained_in(game)
}

fn trained_in(game: fn(&mut App)) -> (TempDir, PathBuf) {
    let runs = tempfile::tempdir().unwrap();
    let line = ["walk", "train", "--runs-dir", runs.path().to_str().unwrap(), "--threads", "1"];
    let sets =
        ["worlds=1", "arenas=4", "episode_limit=24", "decision_interval=3", "stop.steps=2_000", "reward.arrived=1"];
    let line = line.into_iter().chain(sets.into_iter().flat_map(|set| ["--set", set]));
    assert_eq!(Ludus::new("walk", game).run_with(line), AppExit::Success);
    let run = std::fs::read_dir(runs.path()).unwrap().next().unwrap().unwrap().path();
    let episode = run.join("episodes/8.episode");
    assert_eq!(EpisodeLog::read(&episode).unwrap().head.steps, STEPS);
    (runs, episode)
}

/// Returns a scene with this episode at its start, paused.
fn replaying(episode: &Path) -> App {
    let mut app = scene();
    update(&mut app, 5);
    replay_in(&mut app, episode);
    app
}

pub fn replay_in(app: &mut App, episode: &Path) {
    send(app, EditorCommand::SetPace(Pace::Paused));
    send(app, EditorCommand::Replay(episode.to_owned()));
    update(app, 3);
}

pub fn shown(app: &App) -> ReplaySnapshot {
    app.world().resource::<Replaying>().playback().map(Playback::snapshot).expect("it was asked for")
}

/// Asserts that the replay is at this step, and that it does not differ from its log.
pub fn check_at(app: &mut App, step: u32) {
    let replay = shown(app);
    assert_eq!((replay.step, replay.differs_from), (step, None));
    let log = app.world().resource::<Replaying>().log().unwrap().clone();
    let mut agents = app.world_mut().query::<(&Slot, &EpisodeRng)>();
    let rows: Vec<_> = agents.iter(app.world()).map(|(slot, _)| slot.index()).collect();
    let kind = app.world().resource::<SceneKinds>()[0].clone();
    assert!(log.is_same(step, [(kind.rows(app.world()), &rows[..])]), "not what was logged at step {step}");
}

#[test]
fn wherever_a_replay_is_sought_it_is_what_was_logged() {
    let (_runs, episode) = trained();
    let mut app = replaying(&episode);
    check_at(&mut app, 0);
    for step in [5, 19, 0, 7, 3, STEPS, 2] {
        send(&mut app, EditorCommand::SeekReplay(step));
        update(&mut app, 2);
        check_at(&mut app, step);
    }
    send(&mut app, EditorCommand::SeekReplay(u32::MAX));
    update(&mut app, 2);
    check_at(&mut app, STEPS);
}

#[test]
fn agents_outside_arenas_come_to_the_episode_too() {
    let (_runs, episode) = trained_in(game_without_arenas);
    let mut app = scene_of(game_without_arenas);
    for images in [5, 6] {
        update(&mut app, images);
        replay_in(&mut app, &episode);
        for step in [0, 9, 4] {
            send(&mut app, EditorCommand::SeekReplay(step));
            update(&mut app, 4);
            check_at(&mut app, step);
        }
        send(&mut app, EditorCommand::EndReplay);
    }
}

#[test]
fn single_steps_go_forwards_and_backwards() {
    let (_runs, episode) = trained();
    let mut app = replaying(&episode);
    send(&mut app, EditorCommand::SeekReplay(5));
    update(&mut app, 2);
    for (command, step) in [
        (EditorCommand::StepBack, 4),
        (EditorCommand::StepBack, 3),
        (EditorCommand::StepDecision, 4),
        (EditorCommand::StepTick, 4),
    ] {
        send(&mut app, command);
        update(&mut app, 2);
        assert_eq!(shown(&app).step, step);
    }
    send(&mut app, EditorCommand::StepBack);
    update(&mut app, 2);
    check_at(&mut app, 4);
}

#[test]
fn other_arenas_that_are_asked_for_meanwhile_wait() {
    let (_runs, episode) = trained();
    let mut app = replaying(&episode);
    send(&mut app, EditorCommand::SeekReplay(5));
    update(&mut app, 2);
    app.world_mut().resource_mut::<Players>().set_rival(0, walking(1.0));
    app.world_mut().resource_mut::<Stage>().set_worlds(3, 2);
    send(&mut app, EditorCommand::StepDecision);
    update(&mut app, 2);
    check_at(&mut app, 6);
    send(&mut app, EditorCommand::SeekReplay(2));
    update(&mut app, 2);
    check_at(&mut app, 2);
    assert_eq!(shown(&app).differs_from, None);
}

#[test]
fn it_plays_to_its_end_and_back_to_its_start() {
    let (_runs, episode) = trained();
    let mut app = replaying(&episode);
    send(&mut app, EditorCommand::PlayReplay(Direction::Forwards));
    update(&mut app, 10);
    assert!((2..6).contains(&shown(&app).step), "at its own pace, {:?}", shown(&app));
    send(&mut app, EditorCommand::SetPace(Pace::Times(16.0)));
    update(&mut app, 20);
    check_at(&mut app, STEPS);
    assert_eq!(app.world().resource::<Timeline>().pace(), Pace::Paused, "nothing comes after its end");
    send(&mut app, EditorCommand::PlayReplay(Direction::Backwards));
    send(&mut app, EditorCommand::SetPace(Pace::Times(1.0)));
    update(&mut app, 20);
    assert!((STEPS - 8..STEPS - 4).contains(&shown(&app).step), "as fast as forwards, {:?}", shown(&app));
    send(&mut app, EditorCommand::SetPace(Pace::Unlimited));
    update(&mut app, 40);
    check_at(&mut app, 0);
    assert_eq!(app.world().resource::<Timeline>().pace(), Pace::Paused);
}

#[test]
fn whoever_plays_on_at_the_end_begins_anew() {
    let (_runs, episode) = trained();
    let mut app = replaying(&episode);
    send(&mut app, EditorCommand::SeekReplay(STEPS));
    update(&mut app, 2);
    send(&mut app, EditorCommand::SetPace(Pace::Times(1.0)));
    update(&mut app, 8);
    assert!((1..4).contains(&shown(&app).step), "{:?}", shown(&app));
}

#[test]
fn the_next_replay_plays_although_the_last_one_has_come_to_its_end() {
    let (_runs, episode) = trained();
    let mut app = replaying(&episode);
    send(&mut app, EditorCommand::SetPace(Pace::Times(16.0)));
    update(&mut app, 20);
    assert_eq!((shown(&app).step, app.world().resource::<Timeline>().pace()), (STEPS, Pace::Paused));
    send(&mut app, EditorCommand::Replay(episode.clone()));
    update(&mut app, 3);
    assert!((1..STEPS).contains(&shown(&app).step), "{:?}", shown(&app));
    // A pause by the user lasts.
    send(&mut app, EditorCommand::SetPace(Pace::Paused));
    send(&mut app, EditorCommand::Replay(episode));
    update(&mut app, 6);
    check_at(&mut app, 0);
}

#[test]
fn the_first_step_that_differs_is_remembered() {
    let (_runs, episode) = trained();
    let mut log = EpisodeLog::read(&episode).unwrap();
    log.actions[6] += 1.0;
    log.write(&episode).unwrap();
    let mut app = replaying(&episode);
    send(&mut app, EditorCommand::SeekReplay(6));
    update(&mut app, 2);
    assert_eq!(shown(&app).differs_from, None);
    send(&mut app, EditorCommand::SeekReplay(20));
    update(&mut app, 2);
    assert_eq!(shown(&app).differs_from, Some(7));
    send(&mut app, EditorCommand::SeekReplay(1));
    update(&mut app, 2);
    assert_eq!(shown(&app).differs_from, Some(7), "also on the way back");
}

#[test]
fn after_a_replay_the_runs_own_arenas_are_back() {
    let (_runs, episode) = trained();
    let mut app = replaying(&episode);
    let agents = |app: &App| app.world().resource::<SceneSnapshot>().agents.len();
    let interval = |app: &App| app.world().resource::<SceneSnapshot>().decision_interval;
    assert_eq!((agents(&app), interval(&app)), (1, 3));
    send(&mut app, EditorCommand::EndReplay);
    send(&mut app, EditorCommand::SetPace(Pace::Times(1.0)));
    update(&mut app, 6);
    assert!(app.world().resource::<SceneSnapshot>().replay.is_none());
    assert_eq!((agents(&app), interval(&app)), (2, 2));
}

#[test]
fn what_is_no_episode_of_this_game_is_told_and_changes_nothing() {
    let (_runs, episode) = trained();
    let trouble = |app: &mut App, episode: &Path| {
        send(app, EditorCommand::Replay(episode.to_owned()));
        update(app, 2);
        assert!(app.world().resource::<Replaying>().playback().is_none());
        app.world().resource::<RunsSnapshot>().trouble.clone().unwrap_or_default()
    };
    let mut app = scene();
    assert!(trouble(&mut app, Path::new("none.episode")).contains("can't be read"));
    let mut log = EpisodeLog::read(&episode).unwrap();
    log.head.kinds[0].layout_hash = "0".repeat(16);
    log.write(&episode).unwrap();
    assert!(trouble(&mut app, &episode).contains("laid out otherwise"));
    std::fs::write(&episode, "nonsense").unwrap();
    assert!(trouble(&mut app, &episode).contains("not a whole episode"));
}
