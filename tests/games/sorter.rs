//! The rules of `sorter`, and what its agents observe.

use core::num::NonZeroU32;
use std::sync::Arc;

use bevy::prelude::*;
use bevy_ludus::agent::Action;
use bevy_ludus::spec::{Outcome, Seed, stopped_clock};
use bevy_ludus::worlds::{AgentSettings, PooledWorld, WorldSettings};

use crate::examples::sorter::{RING, Ring, Roll, Roller, RollerSenses, SeenTile, TILES, Tile, TileCounts};

use crate::examples::sorter;

/// Ticks per step, as in the shipped config.
const INTERVAL: NonZeroU32 = NonZeroU32::new(3).unwrap();
/// Weights of tile, sorted, wrong and approach.
const WEIGHTS: [f32; 4] = [1.0, 10.0, -100.0, 0.0];

fn world(seed: u64, arenas: u32, counts: TileCounts) -> PooledWorld {
    let settings = WorldSettings {
        seed: Seed::new(seed),
        world: 0,
        arenas: 0..arenas,
        decision_interval: INTERVAL,
        agents: vec![AgentSettings {
            name: "Roller".to_owned(),
            weights: WEIGHTS.to_vec(),
            ..AgentSettings::default()
        }],
        parameters: Arc::default(),
        clock: stopped_clock,
    };
    let game = move |app: &mut App| {
        app.insert_resource(counts.clone());
        sorter::sorter(app);
    };
    PooledWorld::build(&(Arc::new(game) as _), settings).expect("the game can be trained")
}

/// The tiles on the rings, with their numbers, in ascending order; by arena.
fn tiles(world: &mut PooledWorld) -> Vec<Vec<(usize, Vec3)>> {
    let ecs = world.world_mut();
    let rings: Vec<_> = ecs.query::<&Ring>().iter(ecs).cloned().collect();
    let mut tiles = ecs.query::<(&Tile, &Transform)>();
    let mut shown = |ring: Ring| {
        let all = ring.tiles.map(|tile| tiles.get(ecs, tile).expect("a tile has a place"));
        let on_ring = all.into_iter().filter(|(_, place)| place.translation.y == 0.0);
        on_ring.map(|(tile, place)| (tile.number, place.translation)).collect()
    };
    rings.into_iter().map(&mut shown).collect()
}

/// The number of a tile that is observed: from -2.5 for 1 to 2.5 for 20.
fn number(tile: &SeenTile) -> usize {
    ((tile.number + 2.5) / 5.0 * (TILES - 1) as f32).round() as usize + 1
}

fn senses(world: &mut PooledWorld) -> RollerSenses {
    let ecs = world.world_mut();
    ecs.query::<&RollerSenses>().single(ecs).expect("there is one roller").clone()
}

fn step(world: &mut PooledWorld, velocity: Vec2) {
    Roll { velocity }.write(world.rows_mut(0).actions_mut());
    world.step().expect("the game doesn't panic");
}

/// Puts the roller beside a tile and rolls it there. Returns reward and outcome of the step.
fn visit(world: &mut PooledWorld, tile: Vec3) -> (f32, Outcome) {
    let ecs = world.world_mut();
    let mut roller = ecs.query_filtered::<&mut Transform, With<Roller>>().single_mut(ecs).expect("there is one roller");
    let inwards = -tile.normalize();
    roller.translation = tile + 0.7 * inwards;
    step(world, -inwards.xz());
    (world.rows(0).rewards()[0], world.rows(0).outcomes()[0])
}

#[test]
fn tiles_stand_apart_on_the_ring_and_have_different_numbers() {
    let mut world = world(1, 200, TileCounts::default());
    let all = tiles(&mut world);
    let mut counts = [0; TILES + 1];
    for tiles in &all {
        counts[tiles.len()] += 1;
        assert!(tiles.is_sorted_by(|one, other| one.0 < other.0), "{tiles:?}");
    }
    assert_eq!(counts[0], 0, "no arena is empty");
    assert!(counts[1..].iter().all(|&arenas| arenas >= 1), "{counts:?}");
    let mut ten = self::world(2, 1, TileCounts(10..=10));
    let tiles = tiles(&mut ten).remove(0);
    assert_eq!(tiles.len(), 10);
    for (index, (_, place)) in tiles.iter().enumerate() {
        assert!((place.length() - RING).abs() < 1e-4, "{place}");
        assert!(tiles[..index].iter().all(|(_, other)| other.distance(*place) > 1.5), "{tiles:?}");
    }
}

#[test]
fn the_set_has_the_tiles_that_are_left_nearest_first() {
    let mut world = world(3, 1, TileCounts(10..=10));
    step(&mut world, Vec2::ZERO);
    let (tiles, before) = (tiles(&mut world).remove(0), senses(&mut world));
    let mut seen: Vec<_> = before.tiles.elements().iter().map(number).collect();
    assert!(before.tiles.elements().is_sorted_by_key(|tile| tile.position.length()), "{:?}", before.tiles);
    seen.sort_unstable();
    assert_eq!(seen, tiles.iter().map(|(number, _)| *number).collect::<Vec<_>>());
    visit(&mut world, tiles[0].1);
    let after = senses(&mut world);
    assert_eq!(after.tiles.elements().len(), 9, "the tile that was visited is gone in the same step");
    assert!(after.tiles.elements().iter().all(|tile| number(tile) > tiles[0].0));
}

#[test]
fn tiles_that_are_visited_in_order_are_rewarded_and_the_last_ends_the_episode() {
    let mut world = world(4, 1, TileCounts(3..=3));
    step(&mut world, Vec2::ZERO);
    let tiles = tiles(&mut world).remove(0);
    let found = tiles.iter().map(|(_, place)| visit(&mut world, *place)).collect::<Vec<_>>();
    assert_eq!(found, [(1.0, Outcome::Running), (1.0, Outcome::Running), (11.0, Outcome::Terminated)]);
}

#[test]
fn a_tile_before_its_turn_ends_the_episode() {
    let mut world = world(5, 1, TileCounts(3..=3));
    step(&mut world, Vec2::ZERO);
    let place = tiles(&mut world)[0][1].1;
    assert_eq!(visit(&mut world, place), (-100.0, Outcome::Terminated));
}
