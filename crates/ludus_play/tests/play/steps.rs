//! Steps last as long as in training.

use core::num::NonZeroU32;
use std::time::Duration;

use bevy::prelude::*;
use bevy::time::TimeUpdateStrategy;
use ludus_agent::StepClock;
use ludus_play::PolicyRunner;

use crate::game::{Game, Walk, Walker, every, line};

/// What the walker did in each tick.
#[derive(Resource, Default)]
struct Velocities(Vec<f32>);

fn record(walkers: Query<&Walk>, mut velocities: ResMut<Velocities>) {
    walkers.iter().for_each(|walk| velocities.0.push(walk.velocity));
}

/// The velocities of the first `ticks` ticks in frames that last so long \[ms\], over and over.
fn velocities(frames: &[u64], ticks: usize) -> Vec<f32> {
    let mut game = Game::new();
    game.app.init_resource::<Velocities>().add_systems(FixedPostUpdate, record);
    let policy = game.load("walk.safetensors", &every(3, line(1.0, 0.125)));
    game.app.world_mut().spawn((Walker, PolicyRunner::new(policy)));
    for frame in frames.iter().cycle() {
        game.app.insert_resource(TimeUpdateStrategy::ManualDuration(Duration::from_millis(*frame)));
        game.app.update();
        if game.app.world().resource::<Velocities>().0.len() >= ticks {
            break;
        }
    }
    game.app.world().resource::<Velocities>().0[..ticks].to_vec()
}

#[test]
fn a_decision_lasts_as_many_ticks_as_in_training_whatever_frames_do() {
    let expected = [0.0, 0.0, 0.0, 0.125, 0.125, 0.125, 0.5, 0.5, 0.5];
    for frames in [&[16][..], &[1, 40, 3, 100, 7], &[200], &[15, 0, 0, 1]] {
        assert_eq!(velocities(frames, 9), expected, "{frames:?}");
    }
}

#[test]
fn a_step_clock_of_the_games_own_stands() {
    let mut game = Game::new();
    game.app.insert_resource(StepClock::new(NonZeroU32::new(2).expect("not zero")));
    let policy = game.load("walk.safetensors", &every(3, line(0.0, 0.5)));
    let walker = game.app.world_mut().spawn((Walker, PolicyRunner::new(policy))).id();
    game.tick(6);
    assert_eq!(game.place(walker), 0.0);
    let problems = game.problems();
    assert!(problems[0].contains("decides every 3 ticks, but a step lasts 2 here"), "{problems:?}");
}
