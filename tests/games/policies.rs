//! Every example ships policies that fit it.

use std::sync::Arc;

use bevy::prelude::*;
use bevy_ludus::policy::PolicyFile;
use bevy_ludus::train::config::{ConfigSource, RunConfig};
use bevy_ludus::worlds::{parameters_of, specs_of};

use crate::configs::{GAMES, GAMES_OF_SEVERAL, NamedGame, VARIANTS, in_repository, names_in};

/// The most that a policy takes beside its parameters, of 4 bytes each \[bytes\]. A checkpoint has them three times.
const BESIDE: usize = 20_000;

/// Games and variants that ship no policy.
const WITHOUT_POLICY: [&str; 2] = ["cart_pole_hidden", "sorter_pool"];

/// The games and variants that ship policies.
fn shipping() -> impl Iterator<Item = NamedGame> {
    let games = GAMES.into_iter().chain(VARIANTS).chain(GAMES_OF_SEVERAL);
    games.filter(|(name, _)| !WITHOUT_POLICY.contains(name))
}

#[test]
fn every_example_ships_policies_that_fit_it() {
    for (name, game) in shipping() {
        let own = Arc::new(game) as _;
        let (specs, parameters) = (specs_of(&own).unwrap(), parameters_of(&own).unwrap());
        let file = in_repository("assets/train").join(name).with_extension("ron");
        let config =
            RunConfig::load(&ConfigSource { file: Some(file), parameters, ..ConfigSource::default() }, &specs).unwrap();
        let mut app = App::new();
        app.add_plugins(MinimalPlugins);
        game(&mut app);
        let tick = app.world().resource::<Time<Fixed>>().timestep().as_secs_f64();
        for spec in &specs {
            let path = in_repository(&shipped(name, &spec.name, specs.len()));
            let policy = PolicyFile::read_for(&path, spec).unwrap_or_else(|error| panic!("{error}"));
            let most = (5 * policy.parameters.len() + BESIDE) as u64;
            assert!(path.metadata().unwrap().len() < most, "{}: export it, for a checkpoint is larger", path.display());
            assert_eq!(policy.origin.program, name);
            assert_eq!(policy.decision_interval, config.interval(&spec.name), "{name}: train its policy anew");
            assert!((tick * policy.tick_rate_hz - 1.0).abs() < 1e-6, "{name}: train its policy anew");
        }
    }
}

/// The file of a shipped policy: named for the game, or, in a game with several kinds of agents, for the kind.
fn shipped(game: &str, kind: &str, kinds: usize) -> String {
    match kinds {
        1 => format!("assets/policies/{game}.safetensors"),
        _ => format!("assets/policies/{game}/{kind}.safetensors"),
    }
}

#[test]
fn every_shipped_policy_belongs_to_an_example() {
    let games = shipping().map(|(name, _)| name.to_owned()).collect();
    assert_eq!(names_in("assets/policies", |_| true), games);
}
