//! The same seed and the same actions give the same trajectory, bit for bit, in any place of an arena.

use core::num::NonZeroU32;
use core::ops::Range;
use core::sync::atomic::AtomicUsize;
use std::sync::Arc;

use bevy::prelude::*;
use bevy_ludus::rapier::ArenaPhysics;
use bevy_ludus::spec::{Head, Outcome, Seed, stopped_clock};
use bevy_ludus::worlds::{AgentSettings, Game, PooledWorld, WorldSettings, build_worlds, spec_of};

use crate::examples::{balance, cart_pole, grid_world};

const STEPS: u64 = 120;

/// A game, and the ticks of its steps.
#[derive(Clone)]
struct Subject {
    game: Game,
    decision_interval: u32,
}

fn cart_pole() -> Subject {
    Subject { game: Arc::new(cart_pole::cart_pole), decision_interval: 1 }
}

fn grid_world() -> Subject {
    Subject { game: Arc::new(grid_world::grid_world), decision_interval: 1 }
}

fn balance() -> Subject {
    Subject { game: Arc::new(balance::balance), decision_interval: 5 }
}

fn balance_with(arenas: ArenaPhysics) -> Subject {
    let game = move |app: &mut App| {
        app.insert_resource(arenas);
        balance::balance(app);
    };
    Subject { game: Arc::new(game), decision_interval: 5 }
}

impl Subject {
    fn settings(&self, world: u32, arenas: Range<u32>) -> WorldSettings {
        let spec = spec_of(&self.game).expect("the game can be trained");
        WorldSettings {
            seed: Seed::new(11),
            world,
            arenas,
            decision_interval: NonZeroU32::new(self.decision_interval).expect("not zero"),
            agents: vec![AgentSettings {
                name: spec.name.clone(),
                weights: vec![1.0; spec.reward.len()],
                episode_limit: NonZeroU32::new(50),
                stagger: true,
                ..AgentSettings::default()
            }],
            parameters: Arc::default(),
            clock: stopped_clock,
        }
    }

    fn world(&self, world: u32, arenas: Range<u32>) -> PooledWorld {
        PooledWorld::build(&self.game, self.settings(world, arenas)).expect("the game can be trained")
    }
}

/// The numbers of one row in one step, as a learner reads them.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    observation: Vec<f32>,
    mask: Vec<bool>,
    reward: f32,
    outcome: Outcome,
}

/// Returns the steps of each arena, `[arenas][steps]`, with actions that depend on the arena and the step alone.
fn trajectories(world: &mut PooledWorld, arenas: Range<u32>) -> Vec<Vec<Seen>> {
    let spec = world.spec(0).clone();
    let heads = spec.heads();
    let mut seen = vec![Vec::new(); arenas.len()];
    for step in 0..STEPS {
        for (arena, row) in arenas.clone().zip(world.rows_mut(0).actions_mut().chunks_exact_mut(spec.action_width())) {
            act(Seed::new(step).derive(u64::from(arena)), &heads, row);
        }
        world.rows_mut(0).heed_masks();
        world.step().expect("the game doesn't panic");
        let rows = world.rows(0);
        for (row, observation) in rows.observations().chunks_exact(spec.observation_width()).enumerate() {
            let (reward, outcome) = (rows.rewards()[row], rows.outcomes()[row]);
            let mask = rows.masks()[row * spec.mask_width()..][..spec.mask_width()].to_vec();
            seen[row].push(Seen { observation: observation.to_vec(), mask, reward, outcome });
        }
    }
    seen
}

/// Draws an action: uniform in -1..1, or over the choices.
fn act(seed: Seed, heads: &[Head], row: &mut [f32]) {
    let mut columns = row.iter_mut().enumerate();
    for head in heads {
        for (column, value) in columns.by_ref().take(head.action_width()) {
            let draw = seed.derive(column as u64).uniform();
            *value = match *head {
                Head::Categorical { choices } => (draw * choices as f32).floor(),
                Head::Gaussian { .. } | Head::SquashedGaussian { .. } => draw * 2.0 - 1.0,
            };
        }
    }
}

fn a_world_is_the_same_alone_and_among_many(subject: &Subject) {
    let expected = trajectories(&mut subject.world(2, 0..4), 0..4);
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads can be had");
        let all = (0..4).map(|world| subject.settings(world, 0..4)).collect();
        let many: Vec<_> = pool.install(|| {
            use rayon::prelude::*;
            let mut worlds = build_worlds(&subject.game, all, &AtomicUsize::new(0)).expect("the game can be trained");
            worlds.par_iter_mut().map(|world| trajectories(world, 0..4)).collect()
        });
        assert!(many[2] == expected, "{threads} threads");
        assert!(many[1] != expected, "worlds differ");
    }
}

fn an_arena_is_the_same_alone_and_among_many(subject: &Subject) {
    let many = trajectories(&mut subject.world(0, 0..9), 0..9);
    for arena in [0, 4, 8] {
        let alone = trajectories(&mut subject.world(0, arena..arena + 1), arena..arena + 1);
        assert!(alone[0] == many[arena as usize], "arena {arena}");
    }
    assert!(many[0] != many[1], "arenas differ");
}

#[test]
fn a_world_of_cart_poles_is_the_same_alone_and_among_many() {
    a_world_is_the_same_alone_and_among_many(&cart_pole());
}

#[test]
fn a_world_of_plates_is_the_same_alone_and_among_many() {
    a_world_is_the_same_alone_and_among_many(&balance());
}

#[test]
fn a_world_of_boards_is_the_same_alone_and_among_many() {
    a_world_is_the_same_alone_and_among_many(&grid_world());
}

#[test]
fn an_arena_of_grid_world_is_the_same_alone_and_among_many() {
    an_arena_is_the_same_alone_and_among_many(&grid_world());
}

#[test]
fn an_arena_of_cart_pole_is_the_same_alone_and_among_many() {
    an_arena_is_the_same_alone_and_among_many(&cart_pole());
}

#[test]
fn an_arena_of_balance_with_its_own_physics_is_the_same_alone_and_among_many() {
    an_arena_is_the_same_alone_and_among_many(&balance_with(ArenaPhysics::PerArena));
}

/// Positions that are far apart are rounded differently. Observations may differ by no more than that rounding grows
/// to.
#[test]
fn what_balance_observes_does_not_depend_on_where_its_arena_stands() {
    let near = trajectories(&mut balance_with(ArenaPhysics::Shared { spacing: 12.0 }).world(0, 0..9), 0..9);
    let far = trajectories(&mut balance_with(ArenaPhysics::Shared { spacing: 200.0 }).world(0, 0..9), 0..9);
    for (near, far) in
        near.iter().flatten().zip(far.iter().flatten()).take_while(|(near, far)| near.outcome == far.outcome)
    {
        for (near, far) in near.observation.iter().zip(&far.observation) {
            assert!((near - far).abs() < 0.01, "{near} near the origin, {far} far from it");
        }
    }
    let compared = near[8].iter().zip(&far[8]).filter(|(near, far)| near.outcome == far.outcome).count();
    assert!(compared > STEPS as usize * 9 / 10, "episodes end alike: {compared} of {STEPS} steps");
}
