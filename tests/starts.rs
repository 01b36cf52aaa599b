//! Episodes of the examples begin where their originals' do: nothing moves in the restart step.

use core::num::NonZeroU32;
use std::sync::Arc;

use bevy::prelude::*;
use bevy_ludus::agent::InArena;
use bevy_ludus::spec::{Outcome, Seed, stopped_clock};
use bevy_ludus::worlds::{AgentSettings, PooledWorld, WorldSettings, spec_of};

#[path = "../examples/cart_pole/game.rs"]
mod cart_pole;
#[path = "../examples/pillars/game.rs"]
mod pillars;

const ARENAS: u32 = 256;

/// Returns a world whose agents have just restarted.
fn world(game: fn(&mut App), decision_interval: u32) -> PooledWorld {
    let game = Arc::new(game) as _;
    let spec = spec_of(&game).expect("the game can be trained");
    let settings = WorldSettings {
        seed: Seed::new(5),
        world: 0,
        arenas: 0..ARENAS,
        decision_interval: NonZeroU32::new(decision_interval).expect("not zero"),
        agents: vec![AgentSettings {
            name: spec.name.clone(),
            weights: vec![1.0; spec.reward.len()],
            ..AgentSettings::default()
        }],
        clock: stopped_clock,
    };
    PooledWorld::build(&game, settings).expect("the game can be trained")
}

/// Returns the observations of the rows that restart in this step.
fn starts(world: &PooledWorld) -> Vec<Vec<f32>> {
    let (rows, width) = (world.rows(0), world.spec(0).observation_width());
    let restarts = rows.outcomes().iter().zip(rows.observations().chunks_exact(width));
    restarts.filter(|(outcome, _)| **outcome == Outcome::Restart).map(|(_, row)| row.to_vec()).collect()
}

/// Gymnasium's `CartPoleEnv.reset`: all four numbers are uniform within ±0.05.
fn assert_gymnasium_starts(starts: &[Vec<f32>]) {
    for column in 0..4 {
        let numbers = || starts.iter().map(|start| start[column]);
        assert!(numbers().all(|number| number.abs() <= 0.05), "column {column}: {starts:?}");
        let (least, most) = (numbers().fold(1.0, f32::min), numbers().fold(-1.0, f32::max));
        assert!(least < -0.045 && most > 0.045, "column {column} is from {least} to {most}");
        // The mean of as many has a deviation of 0.029 / √256.
        let mean = numbers().sum::<f32>() / starts.len() as f32;
        assert!(mean.abs() < 0.008, "column {column} has the mean {mean}");
    }
}

#[test]
fn cart_pole_starts_where_gymnasium_s_does() {
    let mut world = world(cart_pole::cart_pole, 1);
    assert_gymnasium_starts(&starts(&world));
    let mut later = Vec::new();
    // A constant push lasts 9 steps or so, which the restart after it follows.
    while later.len() < ARENAS as usize {
        world.rows_mut(0).actions_mut().fill(1.0);
        world.step().expect("the game doesn't panic");
        later.extend(starts(&world));
    }
    assert_gymnasium_starts(&later);
}

/// One step of Gymnasium's `CartPoleEnv` 1.x from `[0.01, -0.02, 0.03, 0.04]`, worked out in double precision.
#[test]
fn cart_pole_moves_as_gymnasium_s_does() {
    let check = |action: f32, expected: [f32; 4]| {
        let mut world = world(cart_pole::cart_pole, 1);
        let ecs = world.world_mut();
        for mut motion in ecs.query::<&mut cart_pole::Motion>().iter_mut(ecs) {
            *motion = cart_pole::Motion { position: 0.01, velocity: -0.02, angle: 0.03, angular_velocity: 0.04 };
        }
        world.rows_mut(0).actions_mut().fill(action);
        world.step().expect("the game doesn't panic");
        for (found, expected) in world.rows(0).observations().iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found} instead of {expected}");
        }
    };
    check(0.0, [0.0096, -0.215539, 0.0308, 0.3419952]);
    check(1.0, [0.0096, 0.1746792, 0.0308, -0.2430687]);
}

/// The centres of things are at least two pillar radii and half a metre apart at the start [m].
#[test]
fn a_rover_starts_where_it_was_put() {
    let mut world = world(pillars::pillars, 5);
    let ecs = world.world_mut();
    let mut rovers = ecs.query_filtered::<(&Transform, &InArena), With<pillars::Rover>>();
    let mut pillars = ecs.query_filtered::<(&Transform, &InArena), With<pillars::Pillar>>();
    for (rover, home) in rovers.iter(ecs) {
        for (pillar, _) in pillars.iter(ecs).filter(|(_, other)| other.0 == home.0) {
            let distance = rover.translation.distance(pillar.translation);
            assert!(distance > 2.0 * pillars::PILLAR_RADIUS + 0.5 - 1e-3, "{distance}");
        }
    }
}
