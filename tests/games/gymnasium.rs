//! The games that Gymnasium has too start, move, score and end as its do.

mod limits;
mod moves;
mod starts;

use std::path::Path;
use std::sync::Arc;

use bevy::prelude::App;
use bevy_ludus::spec::{Seed, stopped_clock};
use bevy_ludus::train::config::{ConfigSource, RunConfig};
use bevy_ludus::worlds::{AgentSettings, PooledWorld, WorldSettings, spec_of};

use crate::examples::{acrobot, cart_pole, mountain_car, pendulum};

/// A game and the name of its config.
#[derive(Clone, Copy)]
struct Game {
    name: &'static str,
    build: fn(&mut App),
}

const ACROBOT: Game = Game { name: "acrobot", build: acrobot::acrobot };
const CART_POLE: Game = Game { name: "cart_pole", build: cart_pole::cart_pole };
const MOUNTAIN_CAR: Game = Game { name: "mountain_car", build: mountain_car::mountain_car };
const MOUNTAIN_CAR_CONTINUOUS: Game =
    Game { name: "mountain_car_continuous", build: mountain_car::continuous::mountain_car_continuous };
const PENDULUM: Game = Game { name: "pendulum", build: pendulum::pendulum };

impl Game {
    /// Returns a world with the weights, the limit and the interval of the shipped config, whose agents have just
    /// restarted.
    fn world(self, arenas: u32) -> PooledWorld {
        let game = Arc::new(self.build) as _;
        let spec = spec_of(&game).expect("the game can be trained");
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/train");
        let file = Some(folder.join(self.name).with_extension("ron"));
        let source = ConfigSource { file, ..ConfigSource::default() };
        let config = RunConfig::load(&source, std::slice::from_ref(&spec)).expect("the config is shipped");
        let agent = config.agent(&spec);
        let settings = WorldSettings {
            seed: Seed::new(5),
            world: 0,
            arenas: 0..arenas,
            decision_interval: config.interval(&spec.name),
            agents: vec![AgentSettings {
                name: spec.name.clone(),
                weights: agent.weights(&spec),
                episode_limit: agent.episode_limit,
                ..AgentSettings::default()
            }],
            parameters: Arc::default(),
            clock: stopped_clock,
        };
        PooledWorld::build(&game, settings).expect("the game can be trained")
    }
}
