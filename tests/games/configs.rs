//! Every config that is shipped belongs to a game and loads.
#![expect(clippy::unwrap_used, reason = "all of this is tests, where a panic is the report")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bevy::prelude::App;
use bevy_ludus::train::config::{ConfigSource, RunConfig};
use bevy_ludus::worlds::{parameters_of, specs_of};

#[cfg(feature = "torch")]
use crate::examples::custom_network;
use crate::examples::{
    acrobot, balance, cart_pole, grid_world, hallway, minimal, mountain_car, pendulum, pillars, pong, pursuit,
    push_together, pyramids, soccer, sorter, wall_jump,
};

/// A game by the name of its config.
pub(crate) type NamedGame = (&'static str, fn(&mut App));

pub(crate) const GAMES: [NamedGame; 15] = [
    ("acrobot", acrobot::acrobot),
    ("balance", balance::balance),
    ("cart_pole", cart_pole::cart_pole),
    ("grid_world", grid_world::grid_world),
    ("hallway", hallway::hallway),
    ("minimal", minimal::seek),
    ("mountain_car", mountain_car::mountain_car),
    ("pendulum", pendulum::pendulum),
    ("pillars", pillars::pillars),
    ("pong", pong::pong),
    ("push_together", push_together::push_together),
    ("pyramids", pyramids::pyramids),
    ("soccer", soccer::soccer),
    ("sorter", sorter::sorter),
    ("wall_jump", wall_jump::wall_jump),
];

/// Variants of these games, which have configs of their own.
pub(crate) const VARIANTS: [NamedGame; 3] = [
    ("cart_pole_hidden", cart_pole::cart_pole),
    ("mountain_car_continuous", mountain_car::continuous::mountain_car_continuous),
    ("sorter_pool", sorter::sorter),
];

/// The games with several kinds of agents.
pub(crate) const GAMES_OF_SEVERAL: [NamedGame; 1] = [("pursuit", pursuit::pursuit)];

/// The games that need libtorch to build.
#[cfg(feature = "torch")]
const TORCH_GAMES: [NamedGame; 1] = [("custom_network", custom_network::gather)];
#[cfg(not(feature = "torch"))]
const TORCH_GAMES: [NamedGame; 0] = [];

/// The names of the games that need libtorch, without the feature too.
const TORCH_NAMES: [&str; 1] = ["custom_network"];

#[test]
fn every_shipped_config_loads() {
    let games: BTreeMap<_, _> = GAMES.into_iter().chain(VARIANTS).chain(GAMES_OF_SEVERAL).chain(TORCH_GAMES).collect();
    for config in names_in("assets/train", |_| true) {
        let Some(game) = games.get(game_of(&config)) else { continue };
        let game = Arc::new(*game) as _;
        let (specs, parameters) = (specs_of(&game).unwrap(), parameters_of(&game).unwrap());
        let file = in_repository("assets/train").join(&config).with_extension("ron");
        let loaded = RunConfig::load(&ConfigSource { file: Some(file), parameters, ..ConfigSource::default() }, &specs);
        assert!(loaded.is_ok(), "{}", loaded.unwrap_err());
    }
}

#[cfg(feature = "tune")]
#[test]
fn every_shipped_space_fits_its_config() {
    let named = |name: &str| GAMES.into_iter().find(|(game, _)| *game == name);
    let spaces = names_in("assets/tune", |_| true);
    assert!(spaces.len() >= 5, "{spaces:?}");
    for name in spaces {
        let (_, game) = named(&name).unwrap_or_else(|| panic!("`assets/tune/{name}.ron` belongs to no game"));
        let specs = specs_of(&(Arc::new(game) as _)).unwrap();
        let [config, space] =
            ["train", "tune"].map(|kind| in_repository("assets").join(kind).join(&name).with_extension("ron"));
        let base = ConfigSource { file: Some(config), ..ConfigSource::default() };
        let checked = bevy_ludus::train::tune::check_space(&space, &base, &specs);
        assert!(checked.is_ok(), "{}", checked.unwrap_err());
    }
}

/// The name of the game of a config, which may be followed by `-` and an algorithm.
fn game_of(config: &str) -> &str {
    config.split('-').next().unwrap_or(config)
}

#[test]
fn every_example_is_a_game_with_a_config() {
    let games = GAMES.iter().chain(&GAMES_OF_SEVERAL).map(|(name, _)| *name).chain(TORCH_NAMES);
    let games: BTreeSet<_> = games.map(str::to_owned).collect();
    assert_eq!(names_in("examples", |path| path.is_dir() || path.extension().is_some_and(|end| end == "rs")), games);
    let games: BTreeSet<_> = games.into_iter().chain(VARIANTS.map(|(name, _)| name.to_owned())).collect();
    let configs = names_in("assets/train", |_| true);
    assert!(configs.is_superset(&games), "each has one for `train` without `--config`: {configs:?}");
    assert_eq!(configs.iter().map(|config| game_of(config).to_owned()).collect::<BTreeSet<_>>(), games);
}

/// Returns a path in the repository.
pub(crate) fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Returns the names of the entries of a folder, without their extensions.
pub(crate) fn names_in(folder: &str, is_wanted: impl Fn(&Path) -> bool) -> BTreeSet<String> {
    let entries = std::fs::read_dir(in_repository(folder)).unwrap().map(|entry| entry.unwrap().path());
    entries
        .filter(|path| is_wanted(path))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect()
}
