//! Kinds that decide at different times.

use core::num::NonZeroU32;
use std::sync::Arc;

use bevy::prelude::*;
use ludus_agent::spec::Outcome::{
    self, Restart, Running, Terminated, Truncated, Waiting, WaitingTerminated, WaitingTruncated,
};
use ludus_agent::{Arena, EpisodeScope, InArena};
use ludus_worlds::{AgentSettings, Game, PooledWorld};

use super::game::{
    Chase, Mark, PANIC, SHEEP, Sheep, TICKS, Turnover, WOLVES, Wolf, flock, pasture, restless, settings, sheep, step,
    wolves,
};

fn ticks(ticks: u32) -> Option<NonZeroU32> {
    NonZeroU32::new(ticks)
}

/// Wolves decide in every third step of the sheep.
fn slow_wolves() -> AgentSettings {
    AgentSettings { decision_interval: ticks(3 * TICKS), rows: None, ..wolves() }
}

fn world(wolves: AgentSettings) -> PooledWorld {
    PooledWorld::build(&restless(0.0), settings(vec![wolves, sheep()])).expect("it builds")
}

/// Returns the first row's outcomes in this many steps.
fn first_row(world: &mut PooledWorld, kind: usize, steps: usize) -> Vec<Outcome> {
    (0..steps)
        .map(|_| {
            step(world);
            world.rows(kind).outcomes()[0]
        })
        .collect()
}

#[test]
fn a_kind_may_decide_in_every_third_step_of_another() {
    let mut world = world(slow_wolves());
    let expected = [Running, Waiting, Waiting, Running, Waiting, Waiting, Running];
    for (index, expected) in expected.into_iter().enumerate() {
        step(&mut world);
        assert_eq!(world.tick(), u64::from(TICKS) * (index as u64 + 2), "a step is that of the sheep");
        assert_eq!(world.rows(WOLVES).outcomes(), [expected; 2]);
        assert_eq!(world.rows(WOLVES).rewards(), [TICKS as f32, 2.0 * TICKS as f32], "in every step");
        assert_eq!(world.rows(SHEEP).outcomes(), [Running; 3], "step {index}");
        assert_eq!(world.rows(WOLVES).episode_returns()[1], (index + 1) as f32 * 2.0 * TICKS as f32);
    }
}

#[test]
fn an_action_holds_until_its_kind_decides_again() {
    let mut world = world(slow_wolves());
    for (given, expected) in [(0.125, 0.125), (0.25, 0.125), (0.375, 0.125), (0.5, 0.5)] {
        step_with(&mut world, given);
        let world = world.world_mut();
        let speeds: Vec<_> = world.query::<&Chase>().iter(world).map(|chase| chase.speed).collect();
        assert_eq!(speeds, [expected; 2]);
    }
}

/// Takes a step in which all wolves have the same speed.
fn step_with(world: &mut PooledWorld, speed: f32) {
    world.world_mut().resource_mut::<Turnover>().is_checked = false;
    world.rows_mut(WOLVES).actions_mut().fill(speed);
    world.step().expect("the game doesn't panic");
}

#[test]
fn a_limit_may_end_an_episode_between_two_decisions() {
    let mut short = world(AgentSettings { episode_limit: ticks(5), ..slow_wolves() });
    let expected = [Running, Waiting, Waiting, Running, WaitingTruncated, Restart, Running, Waiting];
    assert_eq!(first_row(&mut short, WOLVES, expected.len()), expected);
    let mut finished = Vec::new();
    short.rows_mut(WOLVES).drain_episodes(|episode, _| finished.push((episode.row, episode.steps, episode.outcome)));
    assert_eq!(finished, [(0, 5, Truncated), (1, 5, Truncated)]);

    // A restart that comes with a decision step lasts until the next one.
    let mut long = world(AgentSettings { episode_limit: ticks(3), ..slow_wolves() });
    let expected = [Running, Waiting, WaitingTruncated, Restart, Restart, Restart, Running];
    assert_eq!(first_row(&mut long, WOLVES, expected.len()), expected);
}

/// Adds a wolf and a sheep whose episodes are those of their arena.
fn together(app: &mut App) {
    pasture(app);
    app.add_observer(|on: On<Add, Arena>, mut turnover: ResMut<Turnover>, mut commands: Commands| {
        commands.spawn((Wolf, turnover.mark(), EpisodeScope::Arena, InArena(on.entity)));
        commands.spawn((Sheep, Mark(-turnover.mark().0), EpisodeScope::Arena, InArena(on.entity)));
    });
}

#[test]
fn agents_of_an_arena_start_together_however_often_they_decide() {
    let check = |limit, wolf: &[Outcome], others: &[Outcome]| {
        let game: Game = Arc::new(together);
        let limited = AgentSettings { episode_limit: ticks(limit), ..sheep() };
        let mut world = PooledWorld::build(&game, settings(vec![slow_wolves(), limited])).expect("it builds");
        for (index, expected) in wolf.iter().zip(others).enumerate() {
            step(&mut world);
            let found = (world.rows(WOLVES).outcomes()[0], world.rows(SHEEP).outcomes()[0]);
            assert_eq!(found, (*expected.0, *expected.1), "limit {limit}, step {}", index + 1);
        }
    };
    let wolf = [Running, Waiting, Waiting, Truncated, Restart, Restart, Running, Waiting];
    check(4, &wolf, &[Running, Running, Running, Truncated, Restart, Running, Running, Running]);
    let wolf = [Running, WaitingTruncated, Restart, Running, WaitingTruncated, Restart, Running];
    check(2, &wolf, &[Running, Truncated, Restart, Running, Truncated, Restart, Running]);
    // The sheep's second episode ends before the wolf has decided: the wolf starts once more with it.
    let wolf = [Truncated, Restart, Restart, Restart, Restart, Restart, Truncated, Restart];
    check(1, &wolf, &[Truncated, Restart, Truncated, Restart, Truncated, Restart, Truncated, Restart]);
}

#[test]
fn what_terminates_between_two_decisions_terminates() {
    let mut world = PooledWorld::build(
        &restless(0.0),
        settings(vec![
            AgentSettings { decision_interval: ticks(TICKS), ..wolves() },
            AgentSettings { decision_interval: ticks(4 * TICKS), ..sheep() },
        ]),
    )
    .expect("it builds");
    // The first sheep's mark is -3: its episode ends in its eighth step.
    let expected = [Running, Waiting, Waiting, Waiting, Running, Waiting, Waiting, WaitingTerminated];
    assert_eq!(first_row(&mut world, SHEEP, expected.len()), expected);
    let mut finished = Vec::new();
    world.rows_mut(SHEEP).drain_episodes(|episode, _| finished.push((episode.steps, episode.outcome)));
    assert_eq!(finished, [(8, Terminated)]);
    assert_eq!(world.rows(WOLVES).outcomes()[..2], [Running; 2]);
}

/// A world that was built anew decides in the same steps as the others of its group.
#[test]
fn a_rebuilt_world_decides_in_the_same_steps() {
    let game: Game = Arc::new(flock);
    for failing in 1..6 {
        let mut world = PooledWorld::build(&game, settings(vec![slow_wolves(), sheep()])).expect("it builds");
        for _ in 1..failing {
            step(&mut world);
        }
        world.rows_mut(SHEEP).actions_mut()[1] = PANIC;
        world.step().expect_err("it panics");
        world.rebuild().expect("it builds again");
        assert_eq!(world.steps(), failing);
        for number in failing + 1..12 {
            step(&mut world);
            let outcome = world.rows(WOLVES).outcomes()[0];
            let is_decision = (number - 1) % 3 == 0;
            assert!(!is_decision || outcome == Running, "{outcome:?} in step {number} after {failing}");
            assert!(is_decision || outcome != Running, "{outcome:?} in step {number} after {failing}");
        }
    }
}

#[test]
fn an_interval_that_is_no_multiple_is_refused_with_both_kinds() {
    let uneven = AgentSettings { decision_interval: ticks(3), ..wolves() };
    let error = PooledWorld::build(&restless(0.0), settings(vec![uneven, sheep()])).err().expect("it is refused");
    let sentence = "`Wolf` decides every 3 ticks, which is no multiple of the 2 ticks of `Sheep`, which decides most \
                    often: choose a multiple of 2";
    assert_eq!(error.to_string(), sentence);
}

#[test]
fn a_step_of_the_world_is_that_of_the_smallest_interval() {
    let of = |wolf, sheep_ticks| {
        let wolf = AgentSettings { decision_interval: wolf, ..wolves() };
        let sheep = AgentSettings { decision_interval: sheep_ticks, ..sheep() };
        settings(vec![wolf, sheep]).ticks_per_step().get()
    };
    assert_eq!((of(None, None), of(ticks(8), ticks(4)), of(ticks(8), None)), (2, 4, 2));
    assert_eq!(settings(Vec::new()).ticks_per_step().get(), 2);
}
