//! Matches in a group of worlds with two debaters in each arena.

use std::num::NonZeroU32;

use bevy::prelude::*;
use ludus_agent::{
    Action, Agent, AgentAppExt, Arena, Controller, InArena, Observation, Reward, ScoreAgents, SenseAgents, Team,
};
use ludus_learn::Simulation;
use ludus_spec::{Outcome, Seed, stopped_clock};
use ludus_worlds::{AgentSettings, Game, WorldSettings};

use super::*;

#[derive(Component, Agent, Default)]
#[agent(observation = Seen, action = Claim, reward = Got, team = Side)]
struct Debater;

#[derive(Component, Team, Clone, Copy)]
enum Side {
    Left,
    Right,
}

#[derive(Component, Observation, Default)]
struct Seen {
    claim: f32,
}

/// Above 0 is a claim to victory.
#[derive(Component, Action, Default)]
struct Claim {
    #[action(continuous)]
    claim: f32,
}

#[derive(Component, Reward, Default)]
struct Got {
    claim: f32,
}

fn debates(app: &mut App) {
    app.add_agent::<Debater>();
    app.add_observer(|on: On<Add, Arena>, mut commands: Commands| {
        commands.spawn((Debater, Side::Left, InArena(on.entity)));
        commands.spawn((Debater, Side::Right, InArena(on.entity)));
    });
    app.add_systems(SenseAgents, |mut debaters: Query<(&Claim, &mut Seen)>| {
        debaters.iter_mut().for_each(|(claim, mut seen)| seen.claim = claim.claim);
    });
    app.add_systems(
        ScoreAgents,
        |mut debaters: Query<(&Claim, &Side, &InArena, &mut Got)>, mut results: Query<&mut MatchResult>| -> Result {
            for (claim, side, home, mut got) in &mut debaters {
                got.claim = claim.claim;
                if claim.claim > 0.0 {
                    results.get_mut(home.0)?.won_by(*side);
                }
            }
            Ok(())
        },
    );
}

/// Two worlds with four arenas each. Matches last five steps unless somebody claims a victory.
fn group(plan: MatchPlan) -> WorldGroup {
    let settings = |world| WorldSettings {
        seed: Seed::new(1),
        world,
        arenas: 0..4,
        decision_interval: NonZeroU32::MIN,
        agents: vec![AgentSettings {
            name: "Debater".to_owned(),
            weights: vec![1.0],
            episode_limit: NonZeroU32::new(5),
            ..AgentSettings::default()
        }],
        parameters: Arc::default(),
        clock: stopped_clock,
    };
    let game: Game = Arc::new(debates);
    let worlds = [0, 1].map(|world| PooledWorld::build(&game, settings(world)).expect("it builds"));
    let mut group = WorldGroup::new(worlds.into(), vec![vec![0]].into(), stopped_clock);
    group.expect_matches();
    group.set_match_plan(Arc::new(plan));
    group
}

const NEWEST: u32 = 7;
const SCRIPT: u32 = 9;

fn plan(mode: MatchMode) -> MatchPlan {
    let players = LanePlayers { newest: NEWEST, others: vec![(1, 3), (2, 4), (5, 5)], script: SCRIPT };
    MatchPlan { seed: Seed::new(2), mode, lanes: vec![players] }
}

fn drivers(group: &WorldGroup) -> Vec<u8> {
    group.worlds.iter().flat_map(|member| member.drivers(0).to_vec()).collect()
}

fn outcomes(group: &WorldGroup) -> Vec<Outcome> {
    let mut outcomes = vec![Outcome::Vacant; group.row_count(0)];
    group.copy_outcomes(0, &mut outcomes);
    outcomes
}

/// Steps once with claims that follow from the step and the row; returns the claims.
fn step(group: &mut WorldGroup, step: u64) -> Vec<f32> {
    let claim = |row: u64| Seed::new(3).derive(step).derive(row).uniform() - 0.7;
    let claims: Vec<f32> = (0..group.row_count(0) as u64).map(claim).collect();
    group.set_actions(0, &claims);
    group.step_in_place();
    claims
}

const HALF: MatchMode = MatchMode::Training { against_latest: 0.5, scripted: 0.0 };

#[test]
fn a_driver_changes_only_where_its_arena_restarts() {
    let mut group = group(plan(HALF));
    assert!(group.lane(0).has_drivers);
    let mut before = drivers(&group);
    assert!(before.iter().any(|&driver| driver > 0) && before.contains(&0), "{before:?}");
    let mut changes = 0;
    for number in 0..200 {
        if number == 100 {
            let players = LanePlayers { newest: 8, others: vec![(4, 6)], script: SCRIPT };
            group.set_match_plan(Arc::new(MatchPlan { lanes: vec![players], ..plan(HALF) }));
        }
        step(&mut group, number);
        let now = drivers(&group);
        for ((before, now), outcome) in before.iter().zip(&now).zip(outcomes(&group)) {
            assert!(before == now || outcome == Outcome::Restart, "step {number}");
            changes += u32::from(before != now);
        }
        for sides in now.chunks_exact(2) {
            assert!(sides.contains(&0), "the newest policy has a side of each match: {sides:?}");
        }
        before = now;
    }
    assert!(changes > 50, "{changes}");
    assert!(before.iter().all(|driver| [0, 4].contains(driver)), "{before:?}");
    let mut is_used = [false; 8];
    group.mark_drivers(0, &mut is_used);
    assert_eq!(is_used.map(u8::from), [0, 0, 0, 0, 1, 0, 0, 0]);
}

#[test]
fn results_are_those_of_the_players_who_began_the_match() {
    let mut group = group(plan(HALF));
    let (mut expected, mut found) = (Vec::new(), Vec::new());
    let mut past = [None; 8];
    for number in 0..100 {
        let (before, claims) = (drivers(&group), step(&mut group, number));
        for arena in 0..8 {
            let (sides, claims) = (&before[2 * arena..][..2], &claims[2 * arena..][..2]);
            let player = |driver: u8| [NEWEST, 3, 4, 0, 0, 5][usize::from(driver)];
            let score = [(0, 1.0), (1, 0.0)].into_iter().find(|(side, _)| claims[*side] > 0.0).map(|(_, score)| score);
            match outcomes(&group)[2 * arena] {
                Outcome::Terminated => past[arena] = Some((player(sides[0]), player(sides[1]), score.unwrap(), true)),
                Outcome::Truncated => past[arena] = Some((player(sides[0]), player(sides[1]), 0.5, false)),
                Outcome::Restart => expected.extend(past[arena].take()),
                _ => {}
            }
        }
        found.extend(group.drain_results().map(|result| (result.one, result.other, result.score, result.is_decided)));
    }
    assert!(expected.len() > 100, "{}", expected.len());
    assert_eq!(found, expected);
}

#[test]
fn episodes_of_other_policies_count_in_no_statistic() {
    let mut group = group(plan(HALF));
    let mut counts = [0, 0];
    for number in 0..50 {
        let before = drivers(&group);
        step(&mut group, number);
        for episode in group.drain_episodes() {
            assert_eq!(before[episode.row as usize], 0);
            counts[0] += 1;
        }
        counts[1] += outcomes(&group).iter().filter(|outcome| outcome.is_end()).count();
    }
    assert!(counts[0] > 50 && counts[1] > counts[0] + 20, "{counts:?}");
}

#[test]
fn the_newest_policy_has_each_side_as_often() {
    let mut group = group(plan(MatchMode::Evaluation { opponent: Opponent::Policy }));
    let mut matches: Vec<PairResult> = Vec::new();
    for number in 0..200 {
        step(&mut group, number);
        matches.extend(group.drain_results());
    }
    let (first, all) = (matches.iter().filter(|result| result.one == NEWEST).count(), matches.len());
    assert!(all > 200 && first.abs_diff(all - first) <= 8, "{first} of {all}: at most one more for each arena");
}

#[test]
fn the_script_takes_a_side_by_its_agents_controller() {
    let mut group = group(plan(MatchMode::Evaluation { opponent: Opponent::Script }));
    let scripted = |group: &mut WorldGroup| -> Vec<bool> {
        let worlds = group.worlds.iter_mut();
        let controllers = worlds.flat_map(|member| {
            let agents: Vec<_> = (0..8).filter_map(|row| member.world.rows(0).agent(row)).collect();
            agents.into_iter().map(|agent| member.world.world().get::<Controller>(agent).copied()).collect::<Vec<_>>()
        });
        controllers.map(|controller| controller == Some(Controller::Scripted)).collect()
    };
    assert_eq!(scripted(&mut group).iter().filter(|is_scripted| **is_scripted).count(), 8);
    for number in 0..50 {
        let before = scripted(&mut group);
        step(&mut group, number);
        for (was_scripted, outcome) in before.iter().zip(outcomes(&group)) {
            assert!(!was_scripted || [Outcome::Vacant, Outcome::Restart].contains(&outcome), "{outcome:?}");
        }
        for sides in scripted(&mut group).chunks_exact(2) {
            assert!(sides[0] != sides[1], "{sides:?}");
        }
        assert!(drivers(&group).iter().all(|&driver| driver == 0));
        assert!(group.drain_results().all(|result| [result.one, result.other].contains(&SCRIPT)));
    }
}
