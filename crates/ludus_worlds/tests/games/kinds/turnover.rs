//! Agents of one kind that come and go, while those of the other stay.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use bevy::prelude::*;
use ludus_agent::Arena;
use ludus_agent::spec::Outcome::{self, Faulty, Restart, Running, Vacant};
use ludus_worlds::{AgentSettings, Game, PooledWorld, WorldSettings, build_worlds};
use rayon::prelude::*;

use super::game::{
    Mark, PANIC, SHEEP, TICKS, Turnover, WOLVES, Wolf, flock, outcomes, pasture, refuse_foreign_starts, restless,
    settings, sheep, spawn_sheep, step, wolves,
};

/// Checks that every row has the numbers of its own agent, or none.
fn check_rows(world: &PooledWorld, kind: usize, sign: f32) {
    let (rows, width) = (world.rows(kind), world.spec(kind).observation_width());
    for (row, &outcome) in rows.outcomes().iter().enumerate() {
        let (seen, reward) = (rows.observations()[row * width], rows.rewards()[row]);
        assert!(seen * sign >= 0.0 && reward * sign >= 0.0, "another kind's numbers in row {row} of kind {kind}");
        let Some(agent) = rows.agent(row) else {
            assert!(matches!(outcome, Vacant | Restart | Outcome::Terminated), "{outcome:?} of nobody");
            continue;
        };
        let mark = world.world().get::<Mark>(agent).expect("an agent of these kinds has a mark").0;
        assert_eq!((outcome, seen), (outcome, mark), "row {row} of kind {kind}");
        let expected = if outcome.is_experience() { mark * TICKS as f32 } else { 0.0 };
        // An episode that ended in the middle of a step has not had all of the step's ticks.
        assert!(reward == expected || outcome.is_end() && reward * 2.0 == expected, "{outcome:?}: {reward}");
    }
}

#[test]
fn no_row_of_one_kind_is_read_or_written_as_the_others() {
    for share in [0.0, 0.1, 0.4] {
        let game: Game = Arc::new(move |app: &mut App| {
            restless(share)(app);
            refuse_foreign_starts(app);
        });
        let mut world = PooledWorld::build(&game, settings(vec![sheep(), wolves()])).expect("it builds");
        let names: Vec<_> = world.specs().map(|spec| spec.name.clone()).collect();
        assert_eq!(names, ["Wolf", "Sheep"], "as the game adds them, whatever the settings' order");
        let (mut restarts, mut vacancies) = (0, 0);
        for _ in 0..400 {
            step(&mut world);
            check_rows(&world, WOLVES, 1.0);
            check_rows(&world, SHEEP, -1.0);
            restarts += outcomes(&world, SHEEP).iter().filter(|&&outcome| outcome == Restart).count();
            vacancies += outcomes(&world, SHEEP).iter().filter(|&&outcome| outcome == Vacant).count();
        }
        assert!(restarts > 100);
        assert_eq!(vacancies, 0, "sheep stay");
        assert_eq!((world.row_count(WOLVES), world.row_count(SHEEP)), (8, 3));
    }
}

/// Returns everything that a learner would read of both kinds.
fn trajectory(world: &mut PooledWorld) -> Vec<(Vec<Outcome>, Vec<u32>)> {
    let seen = |world: &mut PooledWorld, kind: usize| {
        let rows = world.rows(kind);
        let numbers = rows.observations().iter().chain(rows.rewards()).map(|number| number.to_bits());
        (rows.outcomes().to_vec(), numbers.collect())
    };
    (0..100)
        .flat_map(|_| {
            step(world);
            [seen(world, WOLVES), seen(world, SHEEP)]
        })
        .collect()
}

#[test]
fn a_world_with_two_kinds_alone_is_the_same_as_among_many_with_any_number_of_threads() {
    let of = |world| WorldSettings { world, ..settings(vec![wolves(), sheep()]) };
    let game = restless(0.2);
    let expected = trajectory(&mut PooledWorld::build(&game, of(2)).expect("it builds"));
    for threads in [1, 2, 5] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads can be had");
        let many: Vec<_> = pool.install(|| {
            let mut worlds = build_worlds(&game, (0..4).map(of).collect(), &AtomicUsize::new(0)).expect("they build");
            worlds.par_iter_mut().map(trajectory).collect()
        });
        assert_eq!(many[2], expected, "{threads} threads");
        assert_ne!(many[1], expected, "worlds differ from each other");
    }
}

/// Sheep from the start, a wolf from the eighth tick on.
fn late(app: &mut App) {
    pasture(app);
    app.add_observer(|on: On<Add, Arena>, mut turnover: ResMut<Turnover>, mut commands: Commands| {
        spawn_sheep(&mut commands, &mut turnover, on.entity);
    });
    let come = |mut turnover: ResMut<Turnover>, mut ticks: Local<u32>, mut commands: Commands| {
        *ticks += 1;
        if *ticks == 8 {
            commands.spawn((Wolf, turnover.mark()));
        }
    };
    app.add_systems(FixedUpdate, come);
}

#[test]
fn a_kind_that_comes_later_has_the_rows_that_its_settings_give() {
    let game: Game = Arc::new(late);
    let mut world = PooledWorld::build(&game, settings(vec![wolves(), sheep()])).expect("it builds");
    let mut seen = Vec::new();
    for _ in 0..5 {
        step(&mut world);
        check_rows(&world, WOLVES, 1.0);
        check_rows(&world, SHEEP, -1.0);
        seen.push(outcomes(&world, WOLVES)[0]);
    }
    assert_eq!(seen, [Vacant, Vacant, Vacant, Restart, Running]);
    assert_eq!(outcomes(&world, WOLVES)[1..], [Vacant; 7]);

    let without = AgentSettings { rows: None, ..wolves() };
    let world = PooledWorld::build(&game, settings(vec![without, sheep()])).expect("it builds");
    assert_eq!(world.row_count(WOLVES), 0);
}

#[test]
fn a_world_that_panics_is_built_anew_with_all_of_its_kinds() {
    let game: Game = Arc::new(flock);
    let mut world = PooledWorld::build(&game, settings(vec![wolves(), sheep()])).expect("it builds");
    step(&mut world);
    world.set_weights(SHEEP, &[1.0, 3.0]);
    world.rows_mut(SHEEP).actions_mut()[3] = PANIC;
    assert!(world.step().expect_err("it panics").message.contains("stumbled"));
    world.rebuild().expect("it builds again");
    assert_eq!((outcomes(&world, WOLVES), outcomes(&world, SHEEP)), (vec![Faulty; 8], vec![Faulty; 3]));
    step(&mut world);
    assert_eq!(outcomes(&world, WOLVES), [[Running; 2].as_slice(), &[Vacant; 6]].concat());
    assert_eq!(outcomes(&world, SHEEP), [Running; 3]);
    assert_eq!(world.rows(SHEEP).weights(), [1.0, 3.0]);
    assert_eq!(world.rows(WOLVES).weights(), [1.0]);
}

#[test]
fn what_stands_in_the_actions_of_a_kind_is_its_own() {
    let mut world = PooledWorld::build(&restless(0.0), settings(vec![wolves(), sheep()])).expect("it builds");
    step(&mut world);
    let written = |kind, world: &mut PooledWorld| -> Vec<_> {
        let mut written = world.written_actions(kind);
        written.sort_by_key(|written| written.row);
        written.into_iter().map(|written| written.action).collect()
    };
    assert_eq!(written(WOLVES, &mut world), [[1.0 / 64.0], [2.0 / 64.0]]);
    assert_eq!(written(SHEEP, &mut world), [[-1.0 / 64.0, 0.25], [-2.0 / 64.0, 0.25], [-3.0 / 64.0, 0.25]]);
}
