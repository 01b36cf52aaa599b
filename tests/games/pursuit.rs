//! The rules of `pursuit`, what its agents sense, and what its scripts come to.

use core::num::NonZeroU32;
use std::sync::Arc;

use bevy::prelude::*;
use bevy::time::TimeUpdateStrategy;
use bevy_ludus::agent::{Action, ActionMask, Episode, InArena, Slot};
use bevy_ludus::spec::{Outcome, Seed, stopped_clock};
use bevy_ludus::worlds::{AgentSettings, PooledWorld, WorldSettings};

use crate::examples::pursuit::scripts::{chase, flee};
use crate::examples::pursuit::senses::{ChaserSenses, RunnerSenses, SIGHT};
use crate::examples::pursuit::yard::{WALLS, YARD, clear_way, keep_out, sees};
use crate::examples::pursuit::{
    ABSENCE, Body, CHASER_RADIUS, CHASERS, Chaser, Dash, RUNNER_RADIUS, RUNNERS, Runner, Seat, Yard, pursuit as game,
};

/// The order in which the game adds the kinds.
const CHASER: usize = 0;
const RUNNER: usize = 1;
/// Steps, as in the shipped config.
const LIMIT: NonZeroU32 = NonZeroU32::new(600).unwrap();
/// Ticks per step, as in the shipped config.
const INTERVAL: NonZeroU32 = NonZeroU32::new(3).unwrap();

fn listed(name: &str) -> AgentSettings {
    AgentSettings {
        name: name.to_owned(),
        weights: if name == "Chaser" { vec![1.0, 1.0, 0.0] } else { vec![1.0, 1.0] },
        episode_limit: Some(LIMIT),
        ..AgentSettings::default()
    }
}

fn world(seed: u64, arenas: u32, agents: Vec<AgentSettings>) -> PooledWorld {
    let settings = WorldSettings {
        seed: Seed::new(seed),
        world: 0,
        arenas: 0..arenas,
        decision_interval: INTERVAL,
        agents,
        parameters: Arc::default(),
        clock: stopped_clock,
    };
    PooledWorld::build(&(Arc::new(game) as _), settings).expect("the game can be trained")
}

/// Both kinds have rows, and the scripts write them, as a policy would.
fn scripted_step(world: &mut PooledWorld) {
    let ecs = world.world_mut();
    let drives: Vec<_> =
        ecs.query::<(&Slot, &ChaserSenses)>().iter(ecs).map(|(slot, senses)| (slot.index(), chase(senses))).collect();
    let mut runners = ecs.query::<(&Slot, &RunnerSenses, &ActionMask<Dash>)>();
    let decide = |mask: &ActionMask<Dash>, senses| flee(senses, |dash| mask.is_allowed(dash));
    let dashes: Vec<_> = runners.iter(ecs).map(|(slot, senses, mask)| (slot.index(), decide(mask, senses))).collect();
    for (row, drive) in drives {
        drive.write(&mut world.rows_mut(CHASER).actions_mut()[2 * row..]);
    }
    for (row, dash) in dashes {
        dash.write(&mut world.rows_mut(RUNNER).actions_mut()[row..]);
    }
    world.step().expect("the game doesn't panic");
}

/// A yard in which everybody stands where it is put, and the runners that are left are far away.
fn set(chasers: [Vec2; CHASERS], runner: Vec2) -> PooledWorld {
    let mut world = world(1, 1, vec![listed("Chaser"), listed("Runner")]);
    let ecs = world.world_mut();
    for (mut body, seat, is_chaser) in ecs.query::<(&mut Body, &Seat, Has<Chaser>)>().iter_mut(ecs) {
        let others = [Vec2::new(5.5, -5.5), Vec2::new(5.5, 5.5)];
        let place = match (is_chaser, seat.0) {
            (true, seat) => chasers[seat],
            (false, 0) => runner,
            (false, seat) => others[seat - 1],
        };
        *body = Body { place, velocity: Vec2::ZERO, ahead: Vec2::X };
    }
    world
}

/// A step in which nobody moves.
fn stand(world: &mut PooledWorld) {
    // The middle of a chaser's range of speeds is forwards.
    let stopped = (0.0 - 0.375) / 0.625;
    world.rows_mut(CHASER).actions_mut().chunks_exact_mut(2).for_each(|row| row.copy_from_slice(&[stopped, 0.0]));
    world.rows_mut(RUNNER).actions_mut().fill(0.0);
    world.step().expect("the game doesn't panic");
}

/// Observations of kind `T`, by seat.
fn senses<A: Component, T: Component + Clone>(world: &mut PooledWorld) -> Vec<T> {
    let ecs = world.world_mut();
    let mut seen: Vec<_> =
        ecs.query_filtered::<(&Seat, &T), With<A>>().iter(ecs).map(|(seat, senses)| (seat.0, senses.clone())).collect();
    seen.sort_by_key(|(seat, _)| *seat);
    seen.into_iter().map(|(_, senses)| senses).collect()
}

const FAR: [Vec2; CHASERS] = [Vec2::new(-5.5, 0.0), Vec2::new(-5.5, 1.5), Vec2::new(-5.5, -1.5)];

fn with_first(place: Vec2) -> [Vec2; CHASERS] {
    [place, FAR[1], FAR[2]]
}

#[test]
fn walls_keep_circles_out_and_the_yard_keeps_them_in() {
    let steps = (-140..=140).map(|step| step as f32 / 20.0);
    for place in steps.clone().flat_map(|x| steps.clone().map(move |y| Vec2::new(x, y))) {
        let kept = keep_out(place, CHASER_RADIUS);
        assert!(kept.abs().max_element() <= YARD - CHASER_RADIUS, "{place} to {kept}");
        for wall in WALLS {
            let gap = ((kept - wall.centre).abs() - wall.half).max(Vec2::ZERO).length();
            assert!(gap > CHASER_RADIUS - 1e-4, "{place} to {kept}");
        }
    }
    assert_eq!(keep_out(Vec2::new(4.5, 4.5), CHASER_RADIUS), Vec2::new(4.5, 4.5), "a free place stays");
}

#[test]
fn walls_block_the_sight_and_rays_end_at_them() {
    let (left, right, above) = (Vec2::new(-2.0, 0.0), Vec2::new(2.0, 0.0), Vec2::new(-2.0, 2.0));
    assert!(!sees(left, right) && !sees(right, left) && sees(left, above) && sees(above, Vec2::new(2.0, 2.0)));
    let check = |from: Vec2, direction: Vec2, expected: f32| {
        let found = clear_way(from, direction);
        assert!((found - expected).abs() < 1e-4, "{found} from {from} towards {direction}");
    };
    check(left, Vec2::X, 1.0);
    check(left, Vec2::NEG_X, YARD - 2.0);
    check(Vec2::new(-4.0, 0.0), Vec2::Y, 2.2);
    check(Vec2::new(-4.0, 5.0), Vec2::NEG_Y, 2.4);
    check(Vec2::new(4.5, 4.5), Vec2::ONE.normalize(), 1.5 * 2.0_f32.sqrt());
}

#[test]
fn agents_see_each_other_unless_a_wall_is_between() {
    let (left, right) = (Vec2::new(-2.5, 0.0), Vec2::new(2.5, 0.0));
    let mut hidden = set(with_first(left), right);
    stand(&mut hidden);
    assert!(!senses::<Chaser, ChaserSenses>(&mut hidden)[0].runners[0].seen);
    assert!(!senses::<Runner, RunnerSenses>(&mut hidden)[0].chasers[0].seen);

    let mut open = set(with_first(Vec2::new(-2.5, 1.5)), Vec2::new(1.5, 1.5));
    stand(&mut open);
    let chaser = &senses::<Chaser, ChaserSenses>(&mut open)[0];
    assert!(chaser.runners[0].seen && !chaser.runners[1].seen);
    assert!((chaser.runners[0].place - Vec2::X * 4.0 / SIGHT).length() < 1e-4, "{:?}", chaser.runners);
    assert_eq!(chaser.freshness, 1.0);
    let runner = &senses::<Runner, RunnerSenses>(&mut open)[0];
    assert!((runner.chasers[0].place - Vec2::NEG_X * 4.0 / SIGHT).length() < 1e-4, "{:?}", runner.chasers);
}

#[test]
fn a_chaser_remembers_for_a_while_where_it_saw_a_runner() {
    let mut world = set(with_first(Vec2::new(-2.5, 1.5)), Vec2::new(1.5, 1.5));
    stand(&mut world);
    let ecs = world.world_mut();
    for (mut body, seat) in ecs.query_filtered::<(&mut Body, &Seat), With<Runner>>().iter_mut(ecs) {
        if seat.0 == 0 {
            body.place = Vec2::new(5.5, 0.0);
        }
    }
    let mut freshness = Vec::new();
    for _ in 0..31 {
        stand(&mut world);
        let chaser = &senses::<Chaser, ChaserSenses>(&mut world)[0];
        let expected = if chaser.freshness > 0.0 { Vec2::X * 4.0 / SIGHT } else { Vec2::ZERO };
        assert!((chaser.trail - expected).length() < 1e-4, "{:?}", chaser.trail);
        freshness.push(chaser.freshness);
    }
    assert!((freshness[0] - 29.0 / 30.0).abs() < 1e-4 && freshness[30] == 0.0, "{freshness:?}");
}

#[test]
fn a_runner_is_caught_by_the_nearest_chaser_and_another_one_comes() {
    let touching = CHASER_RADIUS + RUNNER_RADIUS - 0.05;
    let place = Vec2::new(5.0, 0.0);
    let mut world = set([place + Vec2::Y * touching, place - Vec2::Y * (touching - 0.1), FAR[0]], place);
    stand(&mut world);
    let terms: Vec<_> = world.rows(CHASER).episode_terms().chunks_exact(3).map(|terms| terms[..2].to_vec()).collect();
    assert_eq!(terms, [[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]);
    assert_eq!(world.rows(RUNNER).outcomes()[0], Outcome::Terminated);
    let reward = world.rows(RUNNER).rewards()[0];
    assert!((reward - 1.0 - 1.0 / 30.0).abs() < 1e-5, "{reward}: caught, and survived for a tick");
    let outcomes: Vec<_> = (0..=ABSENCE / INTERVAL.get() + 1)
        .map(|_| {
            stand(&mut world);
            world.rows(RUNNER).outcomes()[0]
        })
        .collect();
    let absent = outcomes.iter().take_while(|&&outcome| outcome == Outcome::Vacant).count();
    assert_eq!(outcomes[absent..], [Outcome::Restart, Outcome::Running], "{outcomes:?}");
    assert_eq!(world.rows(RUNNER).len(), RUNNERS, "the newcomer has the row of the one before it");
}

#[test]
fn a_runner_may_not_run_into_the_wall_that_it_stands_at() {
    use Dash::{North, West};
    let check = |place: Vec2, forbidden: &[Dash]| {
        let mut world = set(FAR, place);
        stand(&mut world);
        let row = world.rows(RUNNER).masks()[..9].to_vec();
        assert!(row[0], "it may always stay");
        for (dash, allowed) in Dash::DIRECTIONS.into_iter().zip(&row[1..]) {
            assert_eq!(*allowed, !forbidden.contains(&dash), "{dash:?} at {place}");
        }
    };
    check(Vec2::new(4.5, 4.5), &[]);
    check(Vec2::new(1.0 + RUNNER_RADIUS, 0.0), &[West]);
    check(Vec2::new(-3.0, 2.2 - RUNNER_RADIUS), &[North]);
    let corner = Vec2::new(-YARD + RUNNER_RADIUS, YARD - RUNNER_RADIUS);
    check(corner, &[North, West]);
}

#[test]
fn everybody_starts_free_and_away_from_the_other_kind() {
    let mut world = world(7, 200, vec![listed("Chaser"), listed("Runner")]);
    let ecs = world.world_mut();
    for (body, is_chaser) in ecs.query::<(&Body, Has<Chaser>)>().iter(ecs) {
        let radius = if is_chaser { CHASER_RADIUS } else { RUNNER_RADIUS };
        assert!(keep_out(body.place, radius).distance(body.place) < 1e-4, "{body:?}");
    }
    // Newcomers look where the chasers are.
    let (mut near, mut newcomers) = (0, 0);
    for _ in 0..300 {
        scripted_step(&mut world);
        let ecs = world.world_mut();
        let starting: Vec<_> = ecs
            .query_filtered::<(&Body, &Episode, &InArena), With<Runner>>()
            .iter(ecs)
            .filter(|(_, episode, _)| !episode.is_running() && episode.steps() == 0 && episode.number() > 0)
            .map(|(body, _, home)| (*body, home.0))
            .collect();
        for (body, home) in starting {
            let yard = ecs.get::<Yard>(home).expect("an arena has a yard");
            newcomers += 1;
            // They have driven for a step since.
            near += usize::from(yard.chasers.iter().flatten().any(|chaser| chaser.place.distance(body.place) < 3.5));
        }
    }
    assert!(newcomers > 500 && near * 50 < newcomers, "{near} of {newcomers}");
}

#[test]
fn the_kinds_restart_in_different_steps() {
    let mut world = world(3, 8, vec![listed("Chaser"), listed("Runner")]);
    let mut restarts = [0, 0, 0];
    for _ in 0..1400 {
        scripted_step(&mut world);
        let of = |kind: usize| world.rows(kind).outcomes().contains(&Outcome::Restart);
        restarts[0] += usize::from(of(CHASER));
        restarts[1] += usize::from(of(RUNNER));
        restarts[2] += usize::from(of(CHASER) && of(RUNNER));
    }
    let [chasers, runners, both] = restarts;
    assert!(chasers == 2 && runners > 50 && both <= 2, "{restarts:?}");
}

fn bodies(world: &mut PooledWorld) -> Vec<(bool, usize, Body)> {
    let ecs = world.world_mut();
    let mut all: Vec<_> =
        ecs.query::<(&Body, &Seat, Has<Chaser>)>().iter(ecs).map(|(body, seat, is)| (is, seat.0, *body)).collect();
    all.sort_by_key(|&(is_chaser, seat, _)| (is_chaser, seat));
    all
}

/// With the script for a kind that is left to the game, the game goes as with a policy that does the same.
#[test]
fn scripts_decide_for_the_kinds_that_are_left_to_the_game() {
    let endless = |name| AgentSettings { episode_limit: None, ..listed(name) };
    let mut driven = world(5, 1, vec![endless("Chaser"), endless("Runner")]);
    let mut chasers = world(5, 1, vec![endless("Chaser")]);
    let mut runners = world(5, 1, vec![endless("Runner")]);
    let mut neither = world(5, 1, Vec::new());
    for step in 0..400 {
        [&mut driven, &mut chasers, &mut runners].into_iter().for_each(scripted_step);
        neither.step().expect("the game doesn't panic");
        let expected = bodies(&mut driven);
        for world in [&mut chasers, &mut runners, &mut neither] {
            assert_eq!(bodies(world), expected, "step {step}");
        }
    }
}

/// As on a screen, where nobody has given the agents a policy.
#[test]
fn scripts_decide_in_a_game_without_policies() {
    let mut app = App::new();
    app.add_plugins(MinimalPlugins).insert_resource(TimeUpdateStrategy::FixedTimesteps(1));
    game(&mut app);
    let mut moved = 0.0;
    for _ in 0..300 {
        app.update();
        let ecs = app.world_mut();
        moved += ecs.query::<&Body>().iter(ecs).map(|body| body.velocity.length()).sum::<f32>() / 30.0;
    }
    assert!(moved > 50.0, "{moved} m");
}

/// The catches of a chaser in an episode, and the steps that a runner lasts, on average over the first lives of each row:
/// as many of each, as `eval` takes them, so that short lives do not count more often.
fn yardstick() -> (f32, f32) {
    const LIVES: usize = 4;
    let mut world = world(1, 64, vec![listed("Chaser"), listed("Runner")]);
    let mut lives = vec![Vec::new(); 64 * RUNNERS];
    let (mut catches, mut episodes) = (0.0, 0.0);
    while lives.iter().any(|of_row| of_row.len() < LIVES) {
        scripted_step(&mut world);
        world.rows_mut(CHASER).drain_episodes(|_, numbers| {
            catches += numbers.terms[0];
            episodes += 1.0;
        });
        world.rows_mut(RUNNER).drain_episodes(|life, _| lives[life.row as usize].push(life.steps as f32));
    }
    let counted = lives.iter().flat_map(|of_row| &of_row[..LIVES]);
    (catches / episodes, counted.sum::<f32>() / (LIVES * lives.len()) as f32)
}

#[test]
fn scripts_are_a_yardstick() {
    let (catches, life) = yardstick();
    assert!((2.9..3.9).contains(&catches) && (130.0..180.0).contains(&life), "{catches} catches, {life} steps");
}
