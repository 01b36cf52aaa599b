//! Worlds alone and among many, without a clock, with panics, without allocations.

use core::num::NonZeroU32;
use core::time::Duration;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use bevy::prelude::*;
use bevy::time::Real;
use ludus_agent::spec::{Outcome, Seed, stopped_clock};
use ludus_agent::{
    Action, Agent, AgentAppExt, Arena, Episode, EpisodeRng, EpisodeStart, InArena, Observation, Reward, ScoreAgents,
    SenseAgents,
};
use ludus_worlds::{AgentSettings, Game, PooledWorld, WorldError, WorldSettings, build_worlds, spec_of};
use rand::RngExt;

/// Walks at random, plus the stride of its action.
#[derive(Component, Agent, Default)]
#[require(Place)]
#[agent(observation = Here, action = Stride, reward = Distance)]
struct Walker;

#[derive(Component, Default)]
struct Place(f32);

#[derive(Component, Observation, Default)]
struct Here {
    place: f32,
}

#[derive(Component, Action, Default)]
struct Stride {
    #[action(continuous)]
    length: f32,
}

#[derive(Component, Reward, Default)]
struct Distance {
    walked: f32,
}

/// The stride at which the game panics.
const PANIC: f32 = -0.75;

fn walk(app: &mut App) {
    app.add_agent::<Walker>()
        .add_observer(|on: On<Add, Arena>, mut commands: Commands| {
            commands.spawn((Walker, InArena(on.entity)));
        })
        .add_observer(|on: On<EpisodeStart<Walker>>, mut walkers: Query<(&mut Place, &mut EpisodeRng)>| -> Result {
            let (mut place, mut rng) = walkers.get_mut(on.entity)?;
            place.0 = rng.random_range(-1.0..1.0);
            Ok(())
        })
        .add_systems(FixedUpdate, |mut walkers: Query<(&mut Place, &Stride, &mut EpisodeRng)>| {
            for (mut place, stride, mut rng) in &mut walkers {
                assert!(stride.length != PANIC, "stumbled");
                place.0 += stride.length + rng.random_range(-0.1..0.1);
            }
        })
        .add_systems(ScoreAgents, |mut walkers: Query<(&Place, &mut Distance, &mut Episode)>| {
            for (place, mut distance, mut episode) in &mut walkers {
                distance.walked = place.0.abs();
                if place.0.abs() > 3.0 {
                    episode.terminate();
                }
            }
        })
        .add_systems(SenseAgents, |mut walkers: Query<(&Place, &mut Here)>| {
            for (place, mut here) in &mut walkers {
                here.place = place.0;
            }
        });
}

fn game() -> Game {
    Arc::new(walk)
}

fn settings(world: u32, arenas: core::ops::Range<u32>) -> WorldSettings {
    WorldSettings {
        seed: Seed::new(3),
        world,
        arenas,
        decision_interval: NonZeroU32::new(2).expect("not zero"),
        agents: vec![AgentSettings {
            name: "Walker".to_owned(),
            weights: vec![1.0],
            episode_limit: NonZeroU32::new(20),
            stagger: true,
            ..AgentSettings::default()
        }],
        parameters: Arc::default(),
        clock: stopped_clock,
    }
}

/// Steps with actions that depend on the row's arena and the step alone, and returns everything that a learner would
/// read.
fn trajectory(world: &mut PooledWorld, first_arena: u32, steps: u64) -> Vec<Vec<(u32, u32, Outcome)>> {
    (0..steps)
        .map(|step| {
            for (row, action) in world.rows_mut(0).actions_mut().iter_mut().enumerate() {
                *action = Seed::new(step).derive(u64::from(first_arena) + row as u64).uniform() * 0.5;
            }
            world.step().expect("the game doesn't panic");
            let rows = world.rows(0);
            let seen = rows.observations().iter().zip(rows.rewards()).zip(rows.outcomes());
            seen.map(|((seen, reward), outcome)| (seen.to_bits(), reward.to_bits(), *outcome)).collect()
        })
        .collect()
}

#[test]
fn a_world_alone_is_the_same_as_among_many_with_any_number_of_threads() {
    let mut alone = PooledWorld::build(&game(), settings(5, 0..3)).expect("it builds");
    let expected = trajectory(&mut alone, 0, 200);
    for threads in [1, 4] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads can be had");
        let all = (0..8).map(|world| settings(world, 0..3)).collect();
        let mut worlds = pool.install(|| build_worlds(&game(), all, &AtomicUsize::new(0))).expect("they build");
        let many: Vec<_> = pool.install(|| {
            use rayon::prelude::*;
            worlds.par_iter_mut().map(|world| trajectory(world, 0, 200)).collect()
        });
        assert_eq!(many[5], expected, "{threads} threads");
        assert_ne!(many[4], expected, "worlds differ from each other");
    }
}

#[test]
fn an_arena_alone_is_the_same_as_among_many() {
    let mut many = PooledWorld::build(&game(), settings(0, 0..6)).expect("it builds");
    let mut alone = PooledWorld::build(&game(), settings(0, 4..5)).expect("it builds");
    let column = |all: Vec<Vec<_>>, arena: usize| all.into_iter().map(|step| step[arena]).collect::<Vec<_>>();
    let expected = column(trajectory(&mut many, 0, 200), 4);
    assert_eq!(column(trajectory(&mut alone, 4, 200), 0), expected);
}

/// A pause between steps changes nothing in the world.
#[test]
fn a_world_has_no_wall_clock() {
    let clocks = |pause: Duration| {
        let mut world = PooledWorld::build(&game(), settings(0, 0..1)).expect("it builds");
        for _ in 0..3 {
            std::thread::sleep(pause);
            world.step().expect("the game doesn't panic");
        }
        let world = world.world();
        (
            world.resource::<Time<Real>>().elapsed(),
            world.resource::<Time>().elapsed(),
            world.resource::<Time<Fixed>>().elapsed(),
        )
    };
    assert_eq!(clocks(Duration::ZERO), clocks(Duration::from_millis(30)));
}

/// Bevy would cut a frame of more than 250 ms.
#[test]
fn a_long_step_has_all_of_its_ticks() {
    let long = WorldSettings { decision_interval: NonZeroU32::new(100).expect("not zero"), ..settings(0, 0..1) };
    let mut world = PooledWorld::build(&game(), long).expect("it builds");
    let before = world.tick();
    world.step().expect("the game doesn't panic");
    assert_eq!(world.tick() - before, 100);
}

#[test]
fn a_panic_is_named_and_costs_one_world_only() {
    let mut world = PooledWorld::build(&game(), settings(7, 0..2)).expect("it builds");
    world.rows_mut(0).actions_mut()[1] = PANIC;
    let panic = world.step().expect_err("it panics");
    assert_eq!((panic.world, panic.tick), (7, 3));
    assert!(panic.to_string().contains("stumbled"), "{panic}");

    world.rebuild().expect("it builds again");
    assert_eq!(world.rows(0).outcomes(), [Outcome::Faulty; 2]);
    world.rows_mut(0).actions_mut().fill(0.0);
    world.step().expect("the game doesn't panic");
    assert_eq!(world.rows(0).outcomes(), [Outcome::Running; 2]);
}

#[test]
fn a_game_that_cannot_be_trained_is_refused_with_the_remedy() {
    fn check(game: impl Fn(&mut App) + Send + Sync + 'static, expected: &str) {
        let game: Game = Arc::new(game);
        let error = PooledWorld::build(&game, settings(0, 0..1)).err().expect("it is refused").to_string();
        assert!(error.contains(expected), "{error}");
    }
    check(|_| {}, "add_agent");
    check(|app| _ = app.add_agent::<Walker>(), "has no `Walker` after its first step");
    check(|_| panic!("no such level"), "no such level");
}

#[test]
fn weights_must_fit_the_terms() {
    let walker = AgentSettings { name: "Walker".to_owned(), ..AgentSettings::default() };
    let none = WorldSettings { agents: vec![walker], ..settings(0, 0..1) };
    let error = PooledWorld::build(&game(), none).err();
    assert_eq!(error, Some(WorldError::WrongWeights { agent: "Walker".to_owned(), terms: 1, weights: 0 }));
}

#[test]
fn a_spec_can_be_had_without_a_world() {
    assert_eq!(spec_of(&game()).expect("a game with one kind").name, "Walker");
}

#[test]
fn a_step_does_not_allocate() {
    let mut world = PooledWorld::build(&game(), settings(0, 0..16)).expect("it builds");
    let mut step = |count: u32| {
        for _ in 0..count {
            world.rows_mut(0).actions_mut().fill(0.4);
            world.step().expect("the game doesn't panic");
            world.rows_mut(0).drain_episodes(|_, _| {});
        }
    };
    // Bevy's message buffers and tables take their size once.
    step(200);
    let before = ALLOCATIONS.get();
    step(200);
    assert_eq!(ALLOCATIONS.get() - before, 0);
}

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

#[expect(unsafe_code, reason = "an allocator is unsafe by nature")]
// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;
