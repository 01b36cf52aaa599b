//! Games that break their worlds: commands report and count it, and lose nothing else.

use std::fs;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bevy::prelude::*;
use bevy_state::app::AppExtStates;
use bevy_state::state::{FreelyMutableState, OnEnter, States};
use ludus_agent::{Arena, ScoreAgents, WorldSeed};

use super::game::{Answer, Arrow, Reader, Sight, arrows, panicking};
use super::program::{Done, run};

/// Panics now and then, and with every other seed while it is built.
pub fn mazes(app: &mut App) {
    let WorldSeed(seed) = *app.world().resource::<WorldSeed>();
    panicking(app);
    // In a system, so that it does not panic where only the game's specs are read.
    app.add_systems(PreStartup, move || assert!(seed.bits().is_multiple_of(2), "a maze without an exit"));
}

#[expect(dead_code, reason = "it is there to be `!Send`")]
struct Handle(Rc<u32>);

/// Has data that can't leave its thread.
pub fn thread_bound(app: &mut App) {
    arrows(app);
    app.insert_non_send(Handle(Rc::new(1)));
}

#[derive(Resource, Default)]
struct Board(Arc<Mutex<u32>>);

impl Drop for Board {
    fn drop(&mut self) {
        *self.0.lock().unwrap() += 1;
    }
}

/// Panics, and once more when it is dropped.
pub fn poisoned(app: &mut App) {
    arrows(app);
    app.init_resource::<Board>().add_systems(FixedUpdate, |board: Res<Board>| {
        let mut ticks = board.0.lock().unwrap();
        *ticks += 1;
        assert!(*ticks < 100, "the game's own panic");
    });
}

/// Clears all entities at times, the library's included.
pub fn clearing(app: &mut App) {
    arrows(app);
    app.add_systems(FixedLast, |world: &mut World, mut ticks: Local<u32>| {
        *ticks += 1;
        if *ticks == 100 {
            world.clear_entities();
        }
    });
}

/// Writes `AppExit` in every 100th tick.
pub fn quitting(app: &mut App) {
    arrows(app);
    app.add_systems(ScoreAgents, |mut ticks: Local<u32>, mut exits: MessageWriter<AppExit>| {
        *ticks += 1;
        if ticks.is_multiple_of(100) {
            exits.write(AppExit::Success);
        }
    });
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
enum Mode {
    #[default]
    Playing,
}

// The derive would refer to them in `bevy`, which lacks them with these features.
impl States for Mode {}
impl FreelyMutableState for Mode {}

/// Has states, and no plugin for them.
pub fn staged(app: &mut App) {
    arrows(app);
    app.init_state::<Mode>().init_resource::<Entered>();
    app.add_systems(OnEnter(Mode::Playing), |mut entered: ResMut<Entered>| entered.0 = true);
    app.add_systems(FixedUpdate, |entered: Res<Entered>| assert!(entered.0, "the state was not entered"));
}

#[derive(Resource, Default)]
struct Entered(bool);

/// Takes half a second to build.
pub fn slow_to_build(app: &mut App) {
    arrows(app);
    app.add_systems(Startup, || std::thread::sleep(Duration::from_millis(500)));
}

/// Adds plugins that a world already has.
pub fn with_plugins(app: &mut App) {
    app.add_plugins(MinimalPlugins);
    arrows(app);
}

/// Has a `Single` that finds the agents of all arenas, one that finds none, and one that is not meant to run.
pub fn single(app: &mut App) {
    arrows(app);
    app.add_systems(FixedUpdate, |_: Single<&mut Arrow>| {});
    app.add_systems(FixedUpdate, |_: Single<(&Arrow, &Name)>| {});
    app.add_systems(FixedUpdate, (|_: Single<&Arena>| {}).run_if(|| false));
}

/// Reads the action and observes in `Update`.
pub fn in_update(app: &mut App) {
    arrows(app);
    app.add_systems(Update, |answers: Query<&Answer, With<Reader>>| assert!(answers.iter().count() < 1000));
    app.add_systems(PostUpdate, |_: Query<&mut Sight>| {});
}

/// Trains a game for 5,000 steps.
fn train(game: &str, options: &[&str]) -> Done {
    let folder = tempfile::tempdir().unwrap();
    let quick = ["train", "--json", "--set", "worlds=2", "--set", "stop.steps=5_000"];
    run(game, folder.path(), &[&quick[..], options].concat())
}

/// The number of warnings that contain `part`.
fn warnings(done: &Done, part: &str) -> usize {
    done.errors.lines().filter(|line| line.starts_with("warning: ") && line.contains(part)).count()
}

#[test]
fn a_rebuild_that_fails_is_counted_and_the_next_seed_is_tried() {
    let done = train("mazes", &["--set", "faults.panics=100_000", "--set", "stop.steps=20_000"]);
    assert_eq!(done.code, 0, "{}", done.errors);
    assert!(warnings(&done, "while the world was built anew, with a seed for each try, last: a maze") > 0);
    assert!(warnings(&done, "a maze without an exit; the world was built anew, the others lost nothing") > 0);
    let panics = done.json()["panics"].as_u64().unwrap();
    let limit = format!("faults.panics={}", panics - 1);
    let stopped = train("mazes", &["--set", &limit, "--set", "stop.steps=20_000"]);
    assert_eq!(stopped.code, 1, "{}", stopped.errors);
    assert!(stopped.errors.contains(&format!("the game panicked {panics} times:")), "{}", stopped.errors);
    assert!(stopped.errors.contains("× `a maze without an exit` in worlds 0, 1"), "{}", stopped.errors);
}

#[test]
fn data_that_can_not_leave_its_thread_is_refused_in_one_sentence() {
    for command in ["train", "check", "bench"] {
        let folder = tempfile::tempdir().unwrap();
        let done = run("thread_bound", folder.path(), &[command]);
        let lines: Vec<_> = done.errors.lines().filter(|line| !line.starts_with("config: ")).collect();
        assert_eq!(lines.len(), 1, "{}", done.errors);
        assert!(lines[0].starts_with("error: the game has data that can't leave its thread, "), "{}", done.errors);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is written");
    }
}

#[test]
fn a_panic_while_a_broken_world_is_dropped_ends_nothing() {
    let done = train("poisoned", &[]);
    assert_eq!(done.code, 0, "{}", done.errors);
    let expected = "the game's own panic; it panicked again while the world was dropped: called `Result::unwrap()`";
    assert!(warnings(&done, expected) > 0, "{}", done.errors);
    assert!(done.json()["panics"].as_u64().unwrap() > 1, "{}", done.out);
}

#[test]
fn a_game_that_clears_all_entities_trains_on_and_is_told_the_remedy() {
    let done = train("clearing", &[]);
    assert_eq!(done.code, 0, "{}", done.errors);
    let expected = "`World::clear_entities`: despawn the game's own entities instead; the world was built anew";
    assert!(warnings(&done, expected) > 0, "{}", done.errors);
}

#[test]
fn a_game_that_quits_trains_on_and_is_told_once() {
    let done = train("quitting", &[]);
    assert_eq!(done.code, 0, "{}", done.errors);
    assert_eq!(warnings(&done, "the game wrote `AppExit` in world 0, as if to quit"), 1, "{}", done.errors);
    assert!(done.json()["env_steps"].as_u64().unwrap() >= 5_000);
    let folder = tempfile::tempdir().unwrap();
    let checked = run("quitting", folder.path(), &["check"]);
    assert!(checked.out.contains("the game wrote `AppExit` in world 0"), "{}", checked.out);
}

#[test]
fn a_game_with_states_trains_and_plays_without_the_plugin() {
    let folder = tempfile::tempdir().unwrap();
    let quick = ["train", "--json", "--set", "worlds=1", "--set", "stop.steps=1_000"];
    let done = run("staged", folder.path(), &quick);
    assert_eq!(done.code, 0, "{}", done.errors);
    assert_eq!(warnings(&done, "panicked"), 0, "{}", done.errors);
    let run_dir = done.json()["run_dir"].as_str().unwrap().to_owned();
    let played = run("staged", folder.path(), &["play", &run_dir, "--episodes", "1"]);
    assert_eq!(played.code, 0, "{}", played.errors);
}

#[test]
fn building_that_lasts_long_says_how_far_it_is() {
    let done = train("slow_to_build", &["--set", "worlds=4", "--threads", "1", "--set", "stop.steps=1"]);
    assert_eq!(done.code, 0, "{}", done.errors);
    let first = done.errors.lines().find(|line| !line.starts_with("config: ")).unwrap_or_default();
    assert!(first.starts_with("building worlds: ") && first.ends_with(" of 4 are there after 1 s"), "{}", done.errors);
}

#[test]
fn plugins_that_a_world_has_are_refused_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let done = run("with_plugins", folder.path(), &["train"]);
    assert_eq!(done.code, 1, "{}", done.errors);
    let error = done.errors.lines().find(|line| line.starts_with("error: ")).unwrap();
    assert!(error.contains("add `DefaultPlugins` or `MinimalPlugins` in `main`"), "{error}");
}

#[test]
fn systems_that_are_skipped_or_seldom_run_are_found_before_training_and_in_check() {
    let folder = tempfile::tempdir().unwrap();
    let check = |game: &str, options: &[&str], expected: &[&str]| {
        let checked = run(game, folder.path(), &[&["check", "--json", "--set", "worlds=1"][..], options].concat());
        let report = checked.json();
        let found: Vec<_> =
            report["findings"].as_array().unwrap().iter().map(|one| one["what"].as_str().unwrap()).collect();
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (expected, found) in expected.iter().zip(&found) {
            assert!(found.contains(expected), "{found}");
        }
        let done = train(game, options);
        expected.iter().for_each(|expected| assert_eq!(warnings(&done, expected), 1, "{}", done.errors));
    };
    check(
        "single",
        &["--set", "arenas=3"],
        &["`FixedUpdate` is skipped in every tick: a `Single` of it finds several"],
    );
    check("single", &["--set", "arenas=1"], &[]);
    check(
        "in_update",
        &["--set", "decision_interval=4"],
        &[
            "`PostUpdate` writes the observation of `Reader`, and runs only once in a step of training, which lasts 4 ticks",
            "`Update` reads the action of `Reader`, and runs only once in a step of training, which lasts 4 ticks",
        ],
    );
}
