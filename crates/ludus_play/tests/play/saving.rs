//! Saved games: what is saved at any tick goes on in another app as if it had never been saved.

use core::any::TypeId;
use core::num::NonZeroU32;
use std::collections::BTreeMap;

use bevy::prelude::*;
use bevy::reflect::GetTypeRegistration;
use bevy::reflect::serde::{TypedReflectDeserializer, TypedReflectSerializer};
use ludus_agent::{
    ActionMask, Arena, Episode, EpisodeLimit, EpisodeRng, EpisodeStart, InArena, SavedAgent, SenseAgents, Slot,
    StepClock, save_agent,
};
use ludus_net::{Layout, Memory, Network, NetworkConfig};
use ludus_play::{PolicyRunner, PolicyState};
use ludus_policy::PolicyFile;
use ludus_spec::Seed;
use rand::RngExt;
use serde::de::DeserializeSeed;

use crate::game::{Gait, Game, Place, Walk, Walker, every, line};

/// Ticks per step.
const INTERVAL: u32 = 3;
/// Steps per episode.
const LIMIT: NonZeroU32 = NonZeroU32::new(4).unwrap();
const WALKERS: usize = 3;
/// Ticks that are compared after a game was loaded.
const AFTER: u32 = 4 * INTERVAL * (LIMIT.get() + 1);

/// Returns a policy that remembers, with random weights.
fn remembering() -> PolicyFile {
    let config = NetworkConfig { hidden: vec![8], memory: Some(Memory::Gru(6)), ..NetworkConfig::default() };
    let file = line(0.0, 0.0);
    let layout = Layout::of_agent(&file.spec, &config).expect("there is such a network");
    let mut parameters = Network::new(layout, Seed::new(2)).parameters().to_vec();
    // The head of a new network is nearly 0.
    parameters.iter_mut().for_each(|parameter| *parameter *= 3.0);
    every(INTERVAL, PolicyFile { network: config.into(), parameters, ..file })
}

/// The policy that walkers get.
#[derive(Resource)]
struct GivenPolicy(PolicyRunner);

/// Returns a game whose arena has walkers, if `has_walkers`. They begin at drawn places, are pushed by draws in every tick,
/// and are masked at some places. The game has `others` further walkers, which come first.
fn game(seed: Option<u64>, has_walkers: bool, others: usize) -> Game {
    let mut game = Game::new();
    let policy = game.add("remembering", &remembering());
    let runner = PolicyRunner { policy, seed: seed.map(|seed| Seed::new(seed).bits()) };
    for index in 0..others {
        let walker = (Walker, Place(index as f32), runner.clone(), EpisodeLimit(NonZeroU32::new(7).expect("not zero")));
        game.app.world_mut().spawn(walker);
    }
    game.app.insert_resource(GivenPolicy(runner)).add_observer(restart);
    if has_walkers {
        game.app.add_observer(|arena: On<Add, Arena>, given: Res<GivenPolicy>, mut commands: Commands| {
            for _ in 0..WALKERS {
                commands.spawn((Walker, InArena(arena.entity), EpisodeLimit(LIMIT), given.0.clone()));
            }
        });
    }
    game.app.add_systems(FixedUpdate, |mut walkers: Query<(&mut Place, &mut EpisodeRng)>| {
        walkers.iter_mut().for_each(|(mut place, mut rng)| place.0 += rng.random_range(-0.1..0.1));
    });
    game.app.add_systems(SenseAgents, |mut walkers: Query<(&Place, &mut ActionMask<Walk>)>| {
        for (place, mut mask) in &mut walkers {
            mask.gait.allow_all();
            if place.0.rem_euclid(1.0) < 0.3 {
                mask.gait.forbid(Gait::Run);
            }
        }
    });
    game
}

fn restart(start: On<EpisodeStart<Walker>>, mut walkers: Query<(&mut Place, &mut EpisodeRng)>) -> Result {
    let (mut place, mut rng) = walkers.get_mut(start.entity)?;
    place.0 = rng.random_range(-1.0..1.0);
    Ok(())
}

/// The texts of the game's file.
struct SavedGame {
    clock: String,
    seed: Option<u64>,
    /// By the number of the agent in its arena.
    walkers: BTreeMap<u32, [String; 3]>,
}

fn text<T: Reflect>(world: &World, value: &T) -> String {
    let registry = world.resource::<AppTypeRegistry>().read();
    serde_json::to_string(&TypedReflectSerializer::new(value, &registry)).expect("it is reflected")
}

fn value<T: FromReflect + GetTypeRegistration>(world: &World, text: &str) -> T {
    world.resource::<AppTypeRegistry>().write().register::<T>();
    let registry = world.resource::<AppTypeRegistry>().read();
    let registration = registry.get(TypeId::of::<T>()).expect("it is registered");
    let mut text = serde_json::Deserializer::from_str(text);
    let read = TypedReflectDeserializer::new(registration, &registry).deserialize(&mut text).expect("it was written");
    T::from_reflect(&*read).expect("it is whole")
}

/// Returns the agents in the arena by their numbers.
fn walkers(game: &mut Game) -> BTreeMap<u32, Entity> {
    let world = game.app.world_mut();
    let mut walkers = world.query_filtered::<(Entity, &EpisodeRng), (With<Walker>, With<InArena>)>();
    walkers.iter(world).map(|(walker, rng)| (rng.home().member, walker)).collect()
}

fn save(game: &mut Game) -> SavedGame {
    let walkers = walkers(game);
    let world = game.app.world();
    let save = |walker: Entity| {
        let (place, state) = (world.get::<Place>(walker), world.get::<PolicyState>(walker));
        let saved = save_agent(world, walker).expect("it has a row");
        let (place, state) = (place.expect("it has a place"), state.expect("its policy remembers"));
        [text(world, &saved), text(world, place), text(world, state)]
    };
    SavedGame {
        clock: text(world, world.resource::<StepClock>()),
        seed: world.resource::<GivenPolicy>().0.seed,
        walkers: walkers.iter().map(|(member, walker)| (*member, save(*walker))).collect(),
    }
}

/// Loads a saved game: into the walkers that are there, in another order, or into new ones.
fn load(game: &mut Game, saved: &SavedGame) {
    let there = walkers(game).into_values().rev().collect::<Vec<_>>();
    let world = game.app.world_mut();
    let clock: StepClock = value(world, &saved.clock);
    world.insert_resource(clock);
    let arena = world.query_filtered::<Entity, With<Arena>>().single(world).expect("there is one arena");
    let runner = PolicyRunner { seed: saved.seed, ..world.resource::<GivenPolicy>().0.clone() };
    for (index, [agent, place, state]) in saved.walkers.values().enumerate() {
        let walker = match there.get(index) {
            Some(walker) => *walker,
            None => world.spawn((Walker, InArena(arena), EpisodeLimit(LIMIT))).id(),
        };
        let agent: SavedAgent = value(world, agent);
        let (place, state): (Place, PolicyState) = (value(world, place), value(world, state));
        world.entity_mut(walker).insert((agent, place, state, runner.clone()));
    }
}

/// The place, the action and the episode of each walker of the arena, by its number.
type Moment = BTreeMap<u32, (u32, Walk, u32, u32)>;

fn moment(game: &mut Game) -> Moment {
    let walkers = walkers(game);
    let of = |walker: Entity| {
        let episode = game.app.world().get::<Episode>(walker).expect("an agent has one");
        (game.place(walker).to_bits(), game.walk(walker), episode.number(), episode.steps())
    };
    walkers.iter().map(|(member, walker)| (*member, of(*walker))).collect()
}

fn moments(game: &mut Game, ticks: u32) -> Vec<Moment> {
    let tick = |game: &mut Game| {
        game.tick(1);
        moment(game)
    };
    (0..ticks).map(|_| tick(game)).collect()
}

/// Checks a game that is saved after each of some ticks and loaded into new apps, some of which run already.
fn check(seed: Option<u64>) {
    let mut never_saved = game(seed, true, 0);
    // Bevy's first update has no tick.
    never_saved.tick(1);
    let before = INTERVAL * (LIMIT.get() + 2) * 2;
    let all = moments(&mut never_saved, before + AFTER);
    assert!(all.last().is_some_and(|walkers| walkers.len() == WALKERS && walkers[&1].2 >= 4), "restarts are compared");
    let distinct =
        all.iter().map(|walkers| walkers[&1].1.velocity.to_bits()).collect::<std::collections::BTreeSet<_>>();
    assert!(distinct.len() > 10, "the walkers act in different ways");
    let mut saving = game(seed, true, 0);
    saving.tick(1);
    for tick in 1..=before {
        saving.tick(1);
        let saved = save(&mut saving);
        // In the middle of a step and of an episode, with rows 2 to 4; then with new agents and rows 5 to 7.
        for (has_walkers, others) in [(true, 2), (false, 5)] {
            let mut loaded = game(Some(99), has_walkers, others);
            loaded.tick(1 + 7 + tick % 3);
            load(&mut loaded, &saved);
            let found = moments(&mut loaded, AFTER);
            for (after, (found, expected)) in found.iter().zip(&all[tick as usize..]).enumerate() {
                assert_eq!(found, expected, "saved at tick {tick}, {after} ticks after it was loaded");
            }
            let agents = walkers(&mut loaded);
            let rows = agents.values().filter_map(|walker| loaded.app.world().get::<Slot>(*walker));
            assert!(rows.map(|slot| slot.index()).min() >= Some(others), "the rows are others");
        }
    }
}

#[test]
fn a_loaded_game_decides_as_if_it_had_never_been_saved_by_the_most_probable_action() {
    check(None);
}

#[test]
fn a_loaded_game_draws_as_if_it_had_never_been_saved() {
    check(Some(7));
}

#[test]
fn what_a_policy_remembers_is_cloned_by_reflection() {
    let mut game = game(Some(1), true, 0);
    game.tick(2 + INTERVAL * 2);
    let (_, walker) = walkers(&mut game).pop_first().expect("there are walkers");
    let state = game.app.world().get::<PolicyState>(walker).expect("its policy remembers");
    assert!(state.memory.iter().any(|&number| number != 0.0), "{state:?}");
    let copy = state.reflect_clone().expect("it is reflected").take::<PolicyState>().expect("of the same type");
    assert_eq!(&copy, state);
}
