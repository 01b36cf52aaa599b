//! Games that break their world, in every known way: each is reported in a sentence, and only that world is lost.

use core::num::NonZeroU32;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use bevy::prelude::*;
use ludus_agent::spec::{Outcome, Seed, stopped_clock};
use ludus_agent::{AgentAppExt, ScoreAgents, StateHashes};
use ludus_worlds::{AgentSettings, Game, PooledWorld, WorldError, WorldPanic, WorldSettings, spec_of};

use crate::mouse::{Do, Mouse};

/// The action at which the game panics.
const PANIC: f32 = 0.5;

fn mice(app: &mut App) {
    app.add_agent::<Mouse>();
    app.add_systems(Startup, |mut commands: Commands| commands.spawn_batch([Mouse, Mouse]));
    app.add_systems(FixedUpdate, |mice: Query<&Do>| {
        assert!(mice.iter().all(|mouse| mouse.go != PANIC), "the game's own panic");
    });
}

fn settings() -> WorldSettings {
    WorldSettings {
        seed: Seed::new(1),
        world: 3,
        arenas: 0..1,
        decision_interval: NonZeroU32::new(2).expect("not zero"),
        agents: vec![AgentSettings { name: "Mouse".to_owned(), weights: vec![1.0], ..AgentSettings::default() }],
        parameters: Arc::default(),
        clock: stopped_clock,
    }
}

fn build(game: impl Fn(&mut App) + Send + Sync + 'static) -> Result<PooledWorld, WorldError> {
    let game: Game = Arc::new(game);
    PooledWorld::build(&game, settings())
}

/// Takes a step in which the game panics.
fn panic(world: &mut PooledWorld) -> WorldPanic {
    world.rows_mut(0).actions_mut()[1] = PANIC;
    world.step().expect_err("it panics")
}

/// Rebuilds the world and checks that it runs again.
fn check_rebuilt(world: &mut PooledWorld) {
    world.rebuild().expect("it builds again");
    assert_eq!(world.rows(0).outcomes(), [Outcome::Faulty; 2]);
    world.rows_mut(0).actions_mut().fill(0.0);
    world.step().expect("the game doesn't panic");
    assert_eq!(world.rows(0).outcomes(), [Outcome::Running; 2]);
}

/// Panics when it is dropped after a panic of the game: a guard on a mutex that is poisoned by then.
#[derive(Default)]
struct Guarded(Arc<Mutex<u32>>);

impl Guarded {
    fn poison(&self) {
        let _guard = self.0.lock().expect("nobody has panicked yet");
        panic!("poisoned");
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        *self.0.lock().expect("the board is whole") += 1;
    }
}

#[derive(Resource, Default)]
struct Board(Guarded);

#[derive(Resource, Default)]
struct OtherBoard(#[expect(dead_code, reason = "it is dropped")] Arc<Guarded>);

#[derive(Component, Default)]
struct Piece(#[expect(dead_code, reason = "it is dropped")] Guarded);

/// Two resources and some entities panic when they are dropped: two at once would end the process.
#[test]
fn what_panics_while_a_broken_world_is_dropped_is_told_and_costs_nothing() {
    let mut world = build(|app| {
        mice(app);
        let mutex = Arc::<Mutex<u32>>::default();
        app.insert_resource(Board(Guarded(mutex.clone())))
            .insert_resource(OtherBoard(Arc::new(Guarded(mutex.clone()))));
        app.world_mut().spawn_batch((0..3).map(move |_| Piece(Guarded(mutex.clone()))));
        app.add_systems(FixedUpdate, |mice: Query<&Do>, board: Res<Board>| {
            if mice.iter().any(|mouse| mouse.go == -PANIC) {
                board.0.poison();
            }
        });
    })
    .expect("it builds");
    world.rows_mut(0).actions_mut()[1] = -PANIC;
    assert_eq!(world.step().expect_err("it panics").message, "poisoned");
    check_rebuilt(&mut world);
    assert!(world.take_drop_panic().expect("it was told").contains("the board is whole"));
    assert_eq!(world.take_drop_panic(), None);
    world.rows_mut(0).actions_mut()[1] = -PANIC;
    world.step().expect_err("it panics");
    // And once more, here.
    drop(world);
}

/// The app is half built and has to be dropped.
#[test]
fn a_panic_while_a_half_built_world_is_dropped_is_no_other() {
    fn broken(app: &mut App) {
        mice(app);
        let mutex = Arc::<Mutex<u32>>::default();
        app.insert_resource(Board(Guarded(mutex.clone()))).insert_resource(OtherBoard(Arc::new(Guarded(mutex))));
        app.world().resource::<Board>().0.poison();
    }
    let error = build(broken).err().expect("it is refused").to_string();
    assert!(error.ends_with(": poisoned"), "{error}");
    let game: Game = Arc::new(broken);
    assert!(spec_of(&game).expect_err("it is refused").to_string().ends_with(": poisoned"));
}

#[expect(dead_code, reason = "it is there to be `!Send`")]
struct Handle(Rc<u32>);

#[test]
fn data_that_can_not_leave_its_thread_is_refused_with_the_remedy() {
    let check = |game: fn(&mut App)| {
        let error = build(game).err().expect("it is refused");
        assert!(matches!(error, WorldError::ThreadBound { .. }), "{error}");
        assert!(error.to_string().contains("`insert_non_send`") || error.to_string().contains("Handle"), "{error}");
        assert!(error.to_string().contains("`Mutex`"), "{error}");
    };
    check(|app| {
        mice(app);
        app.insert_non_send(Handle(Rc::new(1)));
    });
    check(|app| {
        mice(app);
        app.add_systems(Startup, |world: &mut World| world.insert_non_send(Handle(Rc::new(1))));
    });
}

/// The data was not there when the world was built, so only the first panic reports it.
#[test]
fn data_of_another_thread_that_came_later_ends_the_world_with_a_sentence() {
    let mut world = build(|app| {
        mice(app);
        app.add_systems(FixedUpdate, |world: &mut World, mut ticks: Local<u32>| {
            *ticks += 1;
            match *ticks {
                1..=3 => {}
                4 => world.insert_non_send(Handle(Rc::new(1))),
                _ => drop(world.non_send_mut::<Handle>()),
            }
        });
    })
    .expect("it builds");
    let mut world = std::thread::spawn(move || {
        world.step().expect("the game doesn't panic");
        world
    })
    .join()
    .expect("the thread ends well");
    let panic = world.step().expect_err("the data is another thread's");
    assert!(panic.message.contains("from thread"), "{panic}");
    let error = world.rebuild().expect_err("it would come to the same");
    assert!(matches!(error, WorldError::ThreadBound { .. }), "{error}");
    assert_eq!(world.rows(0).outcomes(), [Outcome::Faulty; 2]);
}

#[test]
fn a_game_that_clears_all_entities_is_told_that_resources_are_among_them() {
    for is_last in [false, true] {
        let mut world = build(move |app| {
            mice(app);
            let clear = |world: &mut World| {
                let is_told = world.query::<&Do>().iter(world).any(|mouse| mouse.go == -PANIC);
                if is_told {
                    world.clear_entities();
                }
            };
            // After the last of all systems, nothing else panics.
            if is_last {
                app.add_systems(Last, clear)
            } else {
                app.add_systems(FixedUpdate, clear)
            };
        })
        .expect("it builds");
        world.step().expect("the game doesn't panic");
        world.rows_mut(0).actions_mut()[1] = -PANIC;
        let panic = world.step().expect_err("nothing is left");
        assert!(panic.message.contains("`World::clear_entities`: despawn"), "{panic}");
        assert!(panic.tick > 2, "{panic}");
        assert_eq!(world.rows(0).outcomes(), [Outcome::Faulty; 2], "what is left can be read");
        check_rebuilt(&mut world);
    }
}

#[test]
fn a_world_that_can_not_be_built_with_one_seed_is_built_with_the_next() {
    static BUILT: AtomicU32 = AtomicU32::new(0);
    let mut world = build(|app| {
        mice(app);
        assert!(!(1..4).contains(&BUILT.fetch_add(1, Ordering::Relaxed)), "a maze without an exit");
    })
    .expect("it builds");
    assert_eq!(panic(&mut world).message, "the game's own panic");
    for _ in 0..3 {
        let error = world.rebuild().expect_err("these seeds don't serve").to_string();
        assert!(error.ends_with("a maze without an exit"), "{error}");
        assert_eq!(world.rows(0).outcomes(), [Outcome::Faulty; 2]);
        world.rows_mut(0).actions_mut().fill(0.0);
        world.step().expect("what stands still does not panic");
        assert_eq!(world.rows(0).outcomes(), [Outcome::Faulty; 2]);
    }
    check_rebuilt(&mut world);
}

/// A world is also built if the game panics with its first seeds.
#[test]
fn a_world_whose_first_seeds_do_not_serve_is_built_with_another() {
    fn built(unlucky: u32) -> (Result<PooledWorld, WorldError>, u32) {
        let tries = Arc::new(AtomicU32::new(0));
        let counted = tries.clone();
        let game: Game = Arc::new(move |app: &mut App| {
            let number = counted.fetch_add(1, Ordering::Relaxed);
            assert!(number >= unlucky, "maze {number} has no exit");
            mice(app);
        });
        (PooledWorld::build_with_some_seed(&game, settings()), tries.load(Ordering::Relaxed))
    }
    let mut world = built(2).0.expect("it builds");
    let said: Vec<_> = world.take_build_panics().into_iter().map(|panic| panic.message).collect();
    assert_eq!(said, ["maze 0 has no exit", "maze 1 has no exit"]);
    let seed = world.seed();
    world.rebuild().expect("it builds");
    let seeds = [0, 1, 2, 3].map(|rebuilt| Seed::new(1).derive(3).derive(rebuilt));
    assert_eq!([seed, world.seed()], seeds[2..], "no seed comes twice");
    let (refused, tries) = built(u32::MAX);
    assert!(refused.err().expect("no seed serves").to_string().ends_with("maze 0 has no exit"));
    assert_eq!(tries, 4);
}

/// Hashing inserts a resource, outside any step.
#[test]
fn an_observer_that_panics_outside_a_step_is_told_by_the_next_one() {
    let mut world = build(|app| {
        mice(app);
        app.add_observer(|_: On<Add, StateHashes>| panic!("no hashes, please"));
    })
    .expect("it builds");
    world.hash_every(core::num::NonZeroU64::MIN);
    let panic = world.step().expect_err("it panicked");
    assert_eq!((panic.world, panic.message.as_str()), (3, "no hashes, please"));
}

#[test]
fn a_game_that_quits_goes_on_and_is_counted() {
    let mut world = build(|app| {
        mice(app);
        app.add_systems(ScoreAgents, |mice: Query<&Do>, mut exits: MessageWriter<AppExit>| {
            if mice.iter().any(|mouse| mouse.go == -PANIC) {
                exits.write(AppExit::Success);
            }
        });
    })
    .expect("it builds");
    world.step().expect("the game doesn't panic");
    assert_eq!(world.exits(), 0);
    world.rows_mut(0).actions_mut()[0] = -PANIC;
    for _ in 0..4 {
        world.step().expect("the game doesn't panic");
        assert_eq!(world.rows(0).outcomes(), [Outcome::Running; 2]);
    }
    assert_eq!(world.exits(), 8, "once in every tick");
    panic(&mut world);
    let exits = world.exits();
    check_rebuilt(&mut world);
    assert!(exits >= 8 && world.exits() == exits, "they are not forgotten");
}

#[test]
fn what_bevy_says_has_a_remedy_that_holds_in_a_world() {
    let check = |game: fn(&mut App), expected: &[&str]| {
        let error = build(game).err().expect("it is refused").to_string();
        assert!(expected.iter().any(|expected| error.contains(expected)), "{error}");
    };
    check(|app| _ = app.add_plugins(MinimalPlugins), &["add `DefaultPlugins` or `MinimalPlugins` in `main`"]);
    #[derive(Resource)]
    struct Missing;
    check(
        |app| {
            mice(app);
            app.add_systems(FixedUpdate, |_: Res<Missing>| {});
        },
        // Bevy names the plugin only if it was built with that feature.
        &["Bevy's feature `debug`", "Missing"],
    );
}
