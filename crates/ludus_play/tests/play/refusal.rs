//! Policies that don't fit are refused in a sentence, and the game goes on.

use bevy::prelude::*;
use ludus_play::PolicyRunner;
use ludus_policy::PolicyFile;

use crate::game::{Gait, Game, Walk, Walker, every, line};

/// Returns a policy file for the game's agents, with a change that makes it another.
fn other(change: impl FnOnce(&mut PolicyFile)) -> PolicyFile {
    let mut file = line(0.0, 0.5);
    change(&mut file);
    file
}

/// Runs an agent with this policy beside an agent with a good one, and returns the problem that is reported.
fn refused(file: &PolicyFile) -> String {
    let mut game = Game::new();
    let good = game.load("good.safetensors", &line(0.0, 0.5));
    let bad = game.load("bad.safetensors", file);
    let fit = game.app.world_mut().spawn((Walker, PolicyRunner::new(good))).id();
    let unfit = game.app.world_mut().spawn((Walker, PolicyRunner::new(bad))).id();
    game.tick(3);
    assert_eq!(game.walk(unfit), Walk { velocity: 0.0, gait: Gait::Stand }, "it idles");
    assert_eq!((game.place(unfit), game.place(fit)), (0.0, 1.0), "the game goes on");
    let problems = game.problems();
    assert_eq!(problems.len(), 1, "it is told once: {problems:?}");
    game.tick(3);
    assert_eq!(game.problems(), Vec::<String>::new(), "and not again");
    problems[0].clone()
}

#[test]
fn a_policy_of_another_layout_is_refused_with_the_field() {
    assert_eq!(
        refused(&other(|file| file.spec.observation[0].name = "height".to_owned())),
        "`bad.safetensors` was trained for a different `Walker`: observation field 1 was `height`, now `place`; \
         retrain, or load a policy of that layout"
    );
}

#[test]
fn a_policy_for_other_agents_is_refused() {
    let sentence = refused(&other(|file| file.spec.name = "Runner".to_owned()));
    assert!(sentence.contains("the agent was `Runner`, now `Walker`"), "{sentence}");
}

#[test]
fn a_policy_with_other_steps_is_refused() {
    assert_eq!(
        refused(&every(4, line(0.0, 0.5))),
        "`bad.safetensors` decides every 4 ticks, but a step lasts 1 here; train all policies of a game with the same \
         `decision_interval`, and let the plugin set the `StepClock`"
    );
}

#[test]
fn a_policy_with_other_ticks_is_refused_with_what_to_insert() {
    assert_eq!(
        refused(&other(|file| file.tick_rate_hz = 50.0)),
        "`bad.safetensors` was trained at 50 ticks per second, but there are 64 here; insert \
         `Time::<Fixed>::from_hz(50.0)`, or train anew"
    );
}

#[test]
fn a_policy_that_fits_replaces_one_that_did_not() {
    let mut game = Game::new();
    let policy = game.load("walk.safetensors", &other(|file| file.tick_rate_hz = 50.0));
    let walker = game.app.world_mut().spawn((Walker, PolicyRunner::new(policy.clone()))).id();
    game.tick(3);
    assert_eq!(game.problems().len(), 1);
    let fit = ludus_play::PolicyAsset::new(&line(0.0, 0.5), "walk.safetensors").expect("the file is whole");
    let replaced = game.app.world_mut().resource_mut::<Assets<ludus_play::PolicyAsset>>().insert(&policy, fit);
    replaced.expect("the asset is there");
    game.tick(2);
    assert_eq!((game.place(walker), game.problems().len()), (1.0, 0));
}

#[test]
fn a_policy_that_does_not_fit_does_not_replace_one_that_does() {
    let mut game = Game::new();
    let policy = game.load("walk.safetensors", &line(0.0, 0.5));
    let walker = game.app.world_mut().spawn((Walker, PolicyRunner::new(policy.clone()))).id();
    game.tick(2);
    let unfit = other(|file| file.spec.observation[0].name = "height".to_owned());
    let unfit = ludus_play::PolicyAsset::new(&unfit, "walk.safetensors").expect("the file is whole");
    let replaced = game.app.world_mut().resource_mut::<Assets<ludus_play::PolicyAsset>>().insert(&policy, unfit);
    replaced.expect("the asset is there");
    game.tick(2);
    assert_eq!((game.place(walker), game.problems().len()), (1.5, 1), "the old one goes on, and one is told");
}
