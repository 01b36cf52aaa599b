//! Episodes begin where the game put its things: nothing moves in the restart step. `gymnasium/starts.rs` has more of it.

use core::num::NonZeroU32;
use std::sync::Arc;

use bevy::prelude::*;
use bevy_ludus::agent::InArena;
use bevy_ludus::spec::{Seed, stopped_clock};
use bevy_ludus::worlds::{AgentSettings, PooledWorld, WorldSettings, spec_of};

use crate::examples::pillars;

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
        parameters: Arc::default(),
        clock: stopped_clock,
    };
    PooledWorld::build(&game, settings).expect("the game can be trained")
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
