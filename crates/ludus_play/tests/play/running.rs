//! Policies decide, each for its own agents.

use core::num::NonZeroU32;

use bevy::prelude::*;
use ludus_agent::{ActionMask, EpisodeLimit};
use ludus_play::{PolicyRunner, PolicyState};

use crate::game::{Gait, Game, Place, Walk, Walker, line, looking_back};

#[test]
fn an_agent_does_what_its_policy_says() {
    let mut game = Game::new();
    let policy = game.load("walk.safetensors", &line(-0.5, 0.25));
    let walker = game.app.world_mut().spawn((Walker, PolicyRunner::new(policy))).id();
    game.tick(1);
    assert_eq!(game.place(walker), 0.0, "the restart step");
    game.tick(2);
    assert_eq!(game.place(walker), 0.25 + (0.25 - 0.5 * 0.25));
    assert_eq!(game.walk(walker).gait, Gait::Run);
    assert_eq!(game.problems(), Vec::<String>::new());
}

#[test]
fn each_agent_follows_its_own_policy_and_place() {
    let mut game = Game::new();
    let (left, right) =
        (game.load("left.safetensors", &line(0.0, -0.5)), game.load("right.safetensors", &line(0.0, 0.5)));
    let mut spawn = |policy: &Handle<_>, place| {
        game.app.world_mut().spawn((Walker, Place(place), PolicyRunner::new(policy.clone()))).id()
    };
    let walkers = [spawn(&left, 0.0), spawn(&right, 10.0), spawn(&left, 20.0), spawn(&right, 30.0)];
    let nobodys = game.app.world_mut().spawn(Walker).id();
    game.tick(3);
    assert_eq!(walkers.map(|walker| game.place(walker)), [-1.0, 11.0, 19.0, 31.0]);
    assert_eq!(game.place(nobodys), 0.0);
}

#[test]
fn an_agent_may_change_its_policy_come_and_go() {
    let mut game = Game::new();
    let (left, right) =
        (game.load("left.safetensors", &line(0.0, -0.5)), game.load("right.safetensors", &line(0.0, 0.5)));
    let first = game.app.world_mut().spawn((Walker, PolicyRunner::new(left.clone()))).id();
    let second = game.app.world_mut().spawn((Walker, PolicyRunner::new(left))).id();
    game.tick(2);
    game.app.world_mut().get_mut::<PolicyRunner>(second).expect("it has one").policy = right.clone();
    game.app.world_mut().despawn(first);
    let third = game.app.world_mut().spawn((Walker, PolicyRunner::new(right))).id();
    game.tick(3);
    assert_eq!(game.place(second), -0.5 + 3.0 * 0.5);
    assert_eq!(game.place(third), 2.0 * 0.5, "the restart, then two steps");
}

#[test]
fn drawn_actions_follow_from_the_seed_and_differ_between_agents() {
    let places = |seeds: &[u64]| {
        let mut game = Game::new();
        let policy = game.load("walk.safetensors", &line(0.0, 0.0));
        let spawn =
            |seed: &u64| game.app.world_mut().spawn((Walker, PolicyRunner::new(policy.clone()).sampled(*seed))).id();
        let walkers = seeds.iter().map(spawn).collect::<Vec<_>>();
        game.app.world_mut().spawn((Walker, PolicyRunner::new(policy)));
        game.tick(10);
        walkers.iter().map(|walker| game.place(*walker)).collect::<Vec<_>>()
    };
    let drawn = places(&[1, 1, 2]);
    assert_eq!(drawn, places(&[1, 1, 2]));
    assert_ne!(drawn[0], drawn[1], "agents with the same seed draw apart");
    assert_eq!(drawn[..2], places(&[1, 1]), "others don't matter");
    assert_ne!(drawn[..2], places(&[3, 3]));
}

#[test]
fn what_a_mask_forbids_is_not_done() {
    let mut game = Game::new();
    let policy = game.load("walk.safetensors", &line(0.0, 0.5));
    let mut mask = ActionMask::<Walk>::default();
    mask.gait.forbid(Gait::Run);
    let free = game.app.world_mut().spawn((Walker, PolicyRunner::new(policy.clone()))).id();
    let bound = game.app.world_mut().spawn((Walker, mask, PolicyRunner::new(policy))).id();
    game.tick(3);
    assert_eq!((game.walk(free).gait, game.walk(bound).gait), (Gait::Run, Gait::Stand));
    assert_eq!((game.place(free), game.place(bound)), (1.0, 1.0));
}

/// The component `PolicyState` of the agent has the steps that it has seen and its actions. An episode starts without.
#[test]
fn a_policy_looks_back_within_an_episode() {
    let mut game = Game::new();
    let policy = game.load("walk.safetensors", &looking_back());
    let limit = EpisodeLimit(NonZeroU32::new(3).expect("not zero"));
    let walker = game.app.world_mut().spawn((Walker, limit, PolicyRunner::new(policy.clone()))).id();
    game.app.world_mut().spawn((Walker, PolicyRunner::new(policy)));
    game.tick(1);
    let state =
        |game: &Game| game.app.world().get::<PolicyState>(walker).expect("its runner requires it").memory.clone();
    // ¼, then ¼ − ½·¼, then ¼ + ½·¼ − ½·⅛.
    for (place, memory) in
        [(0.25, [0.0, 0.25, 1.0, 0.0]), (0.375, [0.25, 0.125, 1.0, 0.0]), (0.6875, [0.375, 0.3125, 1.0, 0.0])]
    {
        game.tick(1);
        assert_eq!((game.place(walker), &state(&game)[..]), (place, &memory[..]));
    }
    // The restart, and the first step of the next episode, which knows nothing of the last one.
    game.tick(2);
    assert_eq!((game.place(walker), &state(&game)[..]), (0.9375, &[0.6875, 0.25, 1.0, 0.0][..]));
}

/// A policy in memory, such as the newest one of a training, needs no file.
#[test]
fn a_policy_in_memory_takes_over_in_mid_episode() {
    let mut game = Game::new();
    let policy = game.add("newest", &line(0.0, 0.5));
    let walker = game.app.world_mut().spawn((Walker, PolicyRunner::new(policy.clone()))).id();
    game.tick(3);
    assert_eq!(game.place(walker), 0.5, "Bevy's first frame has no tick, the second is the restart");
    let newer = ludus_play::PolicyAsset::new(&line(0.0, -0.25), "newest").expect("the file is whole");
    let replaced = game.app.world_mut().resource_mut::<Assets<ludus_play::PolicyAsset>>().insert(&policy, newer);
    replaced.expect("the asset is there");
    game.tick(1);
    assert_eq!(game.place(walker), 0.25);
}
