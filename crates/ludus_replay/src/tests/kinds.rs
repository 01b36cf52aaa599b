//! Arenas with several kinds of agents.

use bevy::prelude::Entity;
use ludus_agent::{Arena, EpisodeScope, InArena};

use super::chase::Wind;
use super::*;
use crate::{Difference, ReplayError};

/// A game with chasers, runners and the wind.
const ALL: Cast = Cast { has_wind: true, ..BOTH };

#[test]
fn episodes_of_two_kinds_are_the_same_again() {
    let logs = exact(BOTH, vec![runner(), chaser()], 600);
    let [terminated, truncated] = outcomes(&logs);
    assert!(terminated > 3 && truncated > 3, "{terminated} {truncated}");
    for log in &logs {
        assert_eq!(names(log), ["Chaser", "Runner"], "in the game's order");
        assert_eq!(log.head.kinds.iter().map(|kind| kind.rows).collect::<Vec<_>>(), [2, 1]);
        assert_eq!((log.head.numbers.len(), log.head.ticks_per_step().get()), (4, TICKS));
        assert_eq!((log.actions_of(0, 0).len(), log.actions_of(0, 1).len()), (4, 1));
        assert_eq!(log.actions.len(), 5 * log.head.steps as usize);
        assert!(log.head.kinds.iter().all(|kind| kind.reward != 0.0));
    }
}

#[test]
fn an_action_of_any_kind_makes_another_episode() {
    let logs = exact(BOTH, vec![chaser(), runner()], 200);
    let log = logs.iter().find(|log| log.head.steps > 10).unwrap();
    for column in [0, 4] {
        let mut altered = log.clone();
        let action = &mut altered.actions[6 * 5 + column];
        *action = if column == 4 { (*action + 1.0) % 3.0 } else { -*action };
        let difference = Replay::open(&chase(BOTH), altered).unwrap().verify().unwrap();
        assert_eq!(difference, Some(Difference { step: 7, tick: u64::from(7 * TICKS) }), "column {column}");
    }
}

#[test]
fn a_replay_of_two_kinds_goes_to_any_step_and_back() {
    let logs = exact(BOTH, vec![chaser(), slow(runner(), 3)], 300);
    let log = logs.iter().find(|log| log.head.steps > 10).unwrap();
    let mut replay = Replay::open(&chase(BOTH), log.clone()).unwrap();
    for step in [10, 3, 0, 8, 7, log.head.steps] {
        replay.seek(step).unwrap();
        assert_eq!((replay.step(), replay.tick()), (step, u64::from(step * TICKS)));
        assert_eq!(replay.difference(), None);
    }
    replay.seek_tick(u64::from(4 * TICKS + 1)).unwrap();
    assert_eq!(replay.step(), 4);
}

#[test]
fn kinds_that_decide_at_different_times_decide_in_the_same_steps_again() {
    for agents in [vec![chaser(), slow(runner(), 3)], vec![slow(chaser(), 4), runner()]] {
        let every = agents.iter().filter_map(|agent| agent.decision_interval).next().unwrap().get() / TICKS;
        let logs = exact(BOTH, agents, 900);
        for phase in 0..every {
            let of_phase = logs.iter().filter(|log| log.head.restart_step % u64::from(every) == u64::from(phase));
            let mut of_phase = of_phase.filter(|log| log.head.steps > 8).peekable();
            assert!(of_phase.peek().is_some(), "an episode restarts in phase {phase} of {every}");
            // In another phase it is another episode.
            let mut shifted = of_phase.next().unwrap().clone();
            shifted.head.restart_step += 1;
            assert!(Replay::open(&chase(BOTH), shifted).unwrap().verify().unwrap().is_some());
        }
    }
}

/// Where the fast kind is absent, the slow one alone restarts for several steps.
#[test]
fn a_restart_that_lasts_is_recorded_from_its_first_step() {
    let cast = Cast { is_first_arena_special: true, ..BOTH };
    let logs = exact(cast, vec![slow(chaser(), 4), runner()], 600);
    let without = logs.iter().filter(|log| log.head.kinds[1].rows == 0).collect::<Vec<_>>();
    assert!(without.len() > 5 && without.len() < logs.len());
    assert!(without.iter().all(|log| names(log) == ["Chaser", "Runner"] && log.head.arena != Some(0)));
}

#[test]
fn agents_that_the_game_decides_for_act_again_by_themselves() {
    // The wind's number stands between those of the others.
    let logs = exact(ALL, vec![chaser(), runner()], 400);
    assert!(logs.len() > 10);
    for log in &logs {
        assert_eq!((names(log), log.head.numbers.len()), (vec!["Chaser", "Runner"], 5));
        assert_eq!(log.actions.len(), 5 * log.head.steps as usize);
    }
    let logs = exact(ALL, vec![slow(runner(), 2)], 400);
    assert!(logs.len() > 5 && logs.iter().all(|log| names(log) == ["Runner"] && log.head.numbers.len() == 5));
}

/// An episode with another number has other random numbers for the wind.
#[test]
fn the_episodes_of_agents_that_the_game_decides_for_are_recorded() {
    let logs = exact(ALL, vec![chaser(), runner()], 200);
    let mut log = logs.iter().find(|log| log.head.numbers[3] > 1).unwrap().clone();
    log.head.numbers[3] += 1;
    assert!(Replay::open(&chase(ALL), log).unwrap().verify().unwrap().is_some());
}

/// The record is from the world's start until the first of them ends, as documented.
#[test]
fn agents_that_restart_apart_are_recorded_once() {
    let cast = Cast { is_apart: true, ..ALL };
    let agent = |agent: AgentSettings, limit| AgentSettings { episode_limit: NonZeroU32::new(limit), ..agent };
    let unstaggered = |agent| AgentSettings { stagger: false, ..agent };
    let agents = || vec![unstaggered(agent(chaser(), 19)), unstaggered(agent(runner(), 31))];
    let mut world = world(cast, agents());
    let mut recorder = recorder(&world);
    let logs = record(&mut world, &mut recorder, 1_000);
    assert!(!logs.is_empty());
    for log in &logs {
        assert!(log.head.numbers.iter().all(|&number| number == 1) && log.head.steps <= 19, "{:?}", log.head);
        check_exact(&chase(cast), log);
    }
}

#[test]
fn an_arena_that_gets_more_agents_is_not_recorded_any_more() {
    let mut world = world(ALL, vec![chaser(), runner()]);
    let mut recorder = recorder(&world);
    let before = record(&mut world, &mut recorder, 200);
    assert!(before.iter().any(|log| log.head.arena == Some(0)));
    let bevy = world.world_mut();
    let mut arenas = bevy.query::<(Entity, &Arena)>();
    let arena = arenas.iter(bevy).find(|(_, arena)| arena.index == 0).unwrap().0;
    bevy.spawn((Wind, EpisodeScope::Arena, InArena(arena)));
    // Episodes in progress may still end.
    record(&mut world, &mut recorder, LIMIT + 1);
    let after = record(&mut world, &mut recorder, 400);
    assert!(!after.is_empty() && after.iter().all(|log| log.head.arena != Some(0)));
    after.iter().for_each(|log| check_exact(&chase(ALL), log));
}

#[test]
fn worlds_that_were_built_anew_have_episodes_to_play_again() {
    for failing in 1..6 {
        let mut world = world(BOTH, vec![slow(chaser(), 4), runner()]);
        let mut recorder = recorder(&world);
        record(&mut world, &mut recorder, failing - 1);
        // Actions hold until the kind decides again.
        while world.step().is_ok() {
            world.rows_mut(0).actions_mut()[..2].copy_from_slice(&[PANIC, 0.0]);
        }
        recorder.restart();
        world.rebuild().unwrap();
        recorder.record(&world);
        let logs = record(&mut world, &mut recorder, 300);
        assert!(logs.len() > 3 && logs.iter().all(|log| log.head.seed == world.seed()));
        logs.iter().for_each(|log| check_exact(&chase(BOTH), log));
    }
}

#[test]
fn a_game_that_lacks_a_kind_or_lays_it_out_otherwise_is_refused_with_its_name() {
    let log = exact(BOTH, vec![chaser(), runner()], 100).remove(0);
    let refusal = |log: EpisodeLog, cast| match Replay::open(&chase(cast), log) {
        Err(error) => (error.to_string(), error.exit_code()),
        Ok(_) => panic!("it is refused"),
    };
    let without = refusal(log.clone(), Cast::default());
    let sentence = "the episode was played by agents `Runner`, which the game does not have; its kinds: `Chaser`; \
                    replay it with the game that made it";
    assert_eq!(without, (sentence.to_owned(), 2));
    let mut other = log.clone();
    other.head.kinds[1].layout_hash = "0".repeat(16);
    let sentence = "the episode was played by other agents than `Runner`: what they see or do is laid out otherwise; \
                    replay it with the game that made it";
    assert_eq!(refusal(other, BOTH), (sentence.to_owned(), 2));
    let mut weighted = log;
    weighted.head.kinds[1].weights.pop();
    let difference = refusal(weighted, BOTH).0;
    assert!(difference.contains("`Runner`: their reward had 1 terms, now 2"), "{difference}");
}

/// No file that the library writes has such intervals, and the world refuses them.
#[test]
fn intervals_that_do_not_fit_are_refused() {
    let mut log = exact(BOTH, vec![chaser(), runner()], 100).remove(0);
    log.head.kinds[1].decision_interval = NonZeroU32::new(TICKS + 1).unwrap();
    let error = Replay::open(&chase(BOTH), log).err();
    assert!(matches!(error, Some(ReplayError::World(_))), "{error:?}");
}
