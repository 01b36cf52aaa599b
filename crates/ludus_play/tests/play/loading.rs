//! Policy files that are loaded late, change, or become corrupt.

use bevy::prelude::*;
use ludus_play::{PolicyAsset, PolicyRunner};
use ludus_policy::PolicyFile;

use crate::game::{Gait, Game, Told, Walker, line};

fn bytes(file: &PolicyFile) -> Vec<u8> {
    file.to_tensor_file().to_bytes()
}

fn reload(game: &Game) {
    game.app.world().resource::<AssetServer>().reload("walk.safetensors");
}

fn reload_and_wait(game: &mut Game, policy: &Handle<PolicyAsset>) {
    let before = loaded(game.app.world(), policy);
    reload(game);
    game.pass_frames_until(|world| !std::ptr::eq(loaded(world, policy).policy(), before.policy()));
}

fn loaded(world: &World, policy: &Handle<PolicyAsset>) -> PolicyAsset {
    world.resource::<Assets<PolicyAsset>>().get(policy).expect("it is loaded").clone()
}

fn is_told(world: &World) -> bool {
    !world.resource::<Told>().0.is_empty()
}

#[test]
fn an_agent_idles_until_its_policy_is_there() {
    let mut game = Game::new();
    let policy = game.app.world().resource::<Assets<PolicyAsset>>().reserve_handle();
    let walker = game.app.world_mut().spawn((Walker, PolicyRunner::new(policy.clone()))).id();
    game.tick(4);
    assert_eq!((game.place(walker), game.walk(walker).gait), (0.0, Gait::Stand));
    let asset = PolicyAsset::new(&line(0.0, 0.5), "late").expect("the file is whole");
    game.app.world_mut().resource_mut::<Assets<PolicyAsset>>().insert(&policy, asset).expect("the handle is good");
    game.tick(2);
    assert_eq!(game.place(walker), 1.0);
}

#[test]
fn a_file_that_is_replaced_takes_over_in_mid_episode() {
    let mut game = Game::new();
    let policy = game.load("walk.safetensors", &line(0.0, 0.5));
    let walker = game.app.world_mut().spawn((Walker, PolicyRunner::new(policy.clone()))).id();
    game.tick(2);
    game.write("walk.safetensors", &bytes(&line(0.0, -0.25)));
    reload_and_wait(&mut game, &policy);
    assert_eq!(game.place(walker), 0.5);
    game.tick(1);
    assert_eq!(game.place(walker), 0.25);
}

#[test]
fn a_file_that_turns_to_garbage_changes_nothing_and_is_told() {
    let mut game = Game::new();
    let policy = game.load("walk.safetensors", &line(0.0, 0.5));
    let walker = game.app.world_mut().spawn((Walker, PolicyRunner::new(policy.clone()))).id();
    game.tick(2);
    let whole = bytes(&line(0.0, -0.25));
    for (garbage, part) in
        [(&b"nonsense, and more of it"[..], "header"), (&whole[..whole.len() - 4], "bytes of numbers")]
    {
        game.write("walk.safetensors", garbage);
        reload(&game);
        game.pass_frames_until(is_told);
        let problems = game.problems();
        assert_eq!(problems.len(), 1, "it is told once: {problems:?}");
        assert!(problems[0].starts_with("`walk.safetensors` is not a whole policy file: "), "{problems:?}");
        assert!(problems[0].contains(part), "{problems:?}");
        let before = game.place(walker);
        game.tick(2);
        assert_eq!(game.place(walker) - before, 1.0, "the old one goes on");
    }
    game.write("walk.safetensors", &whole);
    reload_and_wait(&mut game, &policy);
    let before = game.place(walker);
    game.tick(2);
    assert_eq!(game.place(walker) - before, -0.5, "a whole file takes over again");
}

#[test]
fn a_file_that_is_not_there_is_told_and_its_agent_idles() {
    let mut game = Game::new();
    let policy = game.app.world().resource::<AssetServer>().load("none.safetensors");
    let walker = game.app.world_mut().spawn((Walker, PolicyRunner::new(policy))).id();
    game.pass_frames_until(is_told);
    let problems = game.problems();
    assert!(problems[0].contains("none.safetensors"), "{problems:?}");
    game.tick(3);
    assert_eq!((game.place(walker), game.walk(walker).gait), (0.0, Gait::Stand));
}

/// Uses the file watcher itself, which notices a change only after a moment.
#[cfg(feature = "hot_reload")]
#[test]
fn a_file_that_changes_on_the_disk_is_loaded_again() {
    let mut game = Game::new();
    let policy = game.load("walk.safetensors", &line(0.0, 0.5));
    let before = loaded(game.app.world(), &policy);
    game.write("walk.safetensors", &bytes(&line(0.0, -0.25)));
    game.pass_frames_until(|world| !std::ptr::eq(loaded(world, &policy).policy(), before.policy()));
}
