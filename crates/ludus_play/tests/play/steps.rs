//! The length of steps, which is the same as in training.

use core::num::NonZeroU32;
use std::time::Duration;

use bevy::prelude::*;
use bevy::time::TimeUpdateStrategy;
use ludus_agent::{ActionMask, Agent, AgentAppExt, StepClock};
use ludus_play::PolicyRunner;
use ludus_policy::PolicyFile;

use crate::game::{Game, Nothing, Place, Senses, Walk, Walker, every, line};

/// The velocity of the walker in each tick.
#[derive(Resource, Default)]
struct Velocities(Vec<f32>);

fn record(walkers: Query<&Walk>, mut velocities: ResMut<Velocities>) {
    walkers.iter().for_each(|walk| velocities.0.push(walk.velocity));
}

/// Returns the velocities of the first `ticks` ticks, in frames of these lengths \[ms\], which repeat.
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

/// Walks as a walker does, and decides less often.
#[derive(Component, Agent, Default)]
#[require(Place, ActionMask<Walk>)]
#[agent(observation = Senses, action = Walk, reward = Nothing)]
struct Strider;

/// Returns the velocities of a walker and of a strider in each of 20 ticks; their policies decide every 2 ticks and
/// every 6.
fn of_two_kinds(strider_comes_first: bool) -> [Vec<f32>; 2] {
    let mut game = Game::new();
    game.app.add_agent::<Strider>();
    let walks = every(2, line(1.0, 0.125));
    let strides = every(6, PolicyFile { spec: Strider::spec(), ..line(1.0, 0.125) });
    let mut load = |name: &str, file: &PolicyFile| game.load(name, file);
    let (walks, strides) = if strider_comes_first {
        let strides = load("strides.safetensors", &strides);
        (load("walks.safetensors", &walks), strides)
    } else {
        (load("walks.safetensors", &walks), load("strides.safetensors", &strides))
    };
    let walker = game.app.world_mut().spawn((Walker, PolicyRunner::new(walks))).id();
    let strider = game.app.world_mut().spawn((Strider, PolicyRunner::new(strides))).id();
    let mut velocities = [Vec::new(), Vec::new()];
    for _ in 0..20 {
        game.tick(1);
        for (velocities, agent) in velocities.iter_mut().zip([walker, strider]) {
            velocities.push(game.walk(agent).velocity);
        }
    }
    assert_eq!(game.problems(), Vec::<String>::new());
    assert_eq!(game.app.world().resource::<StepClock>().decision_interval().get(), 2);
    velocities
}

/// Returns the lengths of the stretches of equal velocities, without the first and the last stretch.
fn stretches(velocities: &[f32]) -> Vec<usize> {
    let lengths: Vec<_> = velocities.chunk_by(|one, other| one == other).map(<[f32]>::len).collect();
    lengths[1..lengths.len() - 1].to_vec()
}

#[test]
fn kinds_decide_as_often_as_their_policies_were_trained_to_in_whatever_order_they_load() {
    for strider_comes_first in [false, true] {
        let [walker, strider] = of_two_kinds(strider_comes_first);
        assert!(stretches(&walker).iter().all(|&ticks| ticks == 2), "{walker:?}");
        assert!(stretches(&strider).iter().all(|&ticks| ticks == 6), "{strider:?}");
        assert!(!stretches(&strider).is_empty(), "{strider:?}");
    }
}
