//! Matches of teams: sides, results, and the restarts that report them.

use bevy::prelude::*;
use bevy::time::{TimePlugin, TimeUpdateStrategy};
use ludus_agent::spec::Outcome::{self, Restart, Running, Terminated, Truncated};
use ludus_agent::{
    Action, Agent, AgentAppExt, AgentRows, Arena, Arenas, EpisodeScope, InArena, MatchRestarts, MatchResult,
    Observation, Reward, RowTeam, Rows, ScoreAgents, Team,
};
use std::num::NonZeroU32;

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
    nothing: f32,
}

/// Above 0 is a claim to victory, below 0 a draw.
#[derive(Component, Action, Default)]
struct Claim {
    #[action(continuous)]
    claim: f32,
}

#[derive(Component, Reward, Default)]
struct Got {
    nothing: f32,
}

/// Two arenas with a debater on each side.
fn debates() -> App {
    let mut app = App::new();
    app.add_plugins(TimePlugin).insert_resource(TimeUpdateStrategy::FixedTimesteps(1)).add_agent::<Debater>();
    app.add_observer(|on: On<Add, Arena>, mut commands: Commands| {
        commands.spawn((Debater, Side::Left, InArena(on.entity)));
        commands.spawn((Debater, Side::Right, InArena(on.entity)));
    });
    app.add_systems(
        ScoreAgents,
        |debaters: Query<(&Claim, &Side, &InArena)>, mut results: Query<&mut MatchResult>| -> Result {
            for (claim, side, home) in &debaters {
                let mut result = results.get_mut(home.0)?;
                match claim.claim {
                    claim if claim > 0.0 => result.won_by(*side),
                    claim if claim < 0.0 => result.draw::<Side>(),
                    _ => {}
                }
            }
            Ok(())
        },
    );
    app.world_mut().resource_mut::<AgentRows<Debater>>().set_episode_limit(NonZeroU32::new(3));
    app.insert_resource(Arenas(0..2));
    app.update();
    app.update();
    app
}

fn rows(app: &App) -> &Rows {
    app.world().resource::<AgentRows<Debater>>()
}

fn step(app: &mut App, claims: [f32; 4]) -> Vec<Outcome> {
    app.world_mut().resource_mut::<AgentRows<Debater>>().actions_mut().copy_from_slice(&claims);
    app.update();
    rows(app).outcomes().to_vec()
}

/// The arenas that have restarted in the last step, and the places in the matches that ended there.
fn restarts(app: &App) -> Vec<(u32, Option<Option<Vec<u8>>>)> {
    let restarts = app.world().resource::<MatchRestarts>().all().iter();
    restarts.map(|restart| (restart.arena, restart.ended.map(|result| result.places().map(<[u8]>::to_vec)))).collect()
}

#[test]
fn rows_know_their_arena_and_team() {
    let app = debates();
    let team = |arena, team| RowTeam { arena, team };
    assert_eq!(rows(&app).teams(), [team(0, 0), team(0, 1), team(1, 0), team(1, 1)]);
    assert_eq!(Debater::spec().teams, ["Left", "Right"]);
    assert_eq!(restarts(&app), [(0, None), (1, None)], "no match has ended before the first");
}

#[test]
fn agents_with_a_team_share_their_arena_s_episode() {
    let mut app = debates();
    let mut scopes = app.world_mut().query_filtered::<&EpisodeScope, With<Debater>>();
    assert!(scopes.iter(app.world()).all(|scope| *scope == EpisodeScope::Arena));
}

#[test]
fn a_result_ends_its_arena_alone_and_is_reported_with_the_restart() {
    let mut app = debates();
    assert_eq!(step(&mut app, [0.0, 1.0, 0.0, 0.0]), [Terminated, Terminated, Running, Running]);
    assert_eq!(restarts(&app), []);
    assert_eq!(step(&mut app, [0.0; 4]), [Restart, Restart, Running, Running]);
    assert_eq!(restarts(&app), [(0, Some(Some(vec![2, 1])))]);
    let mut results = app.world_mut().query::<&MatchResult>();
    assert!(results.iter(app.world()).all(|result| result.places().is_none()), "the next match has no result yet");
}

#[test]
fn the_first_of_two_results_counts() {
    let mut app = debates();
    step(&mut app, [0.0, 0.0, 1.0, 1.0]);
    step(&mut app, [0.0; 4]);
    assert_eq!(restarts(&app), [(1, Some(Some(vec![1, 2])))]);
}

#[test]
fn a_limit_without_a_result_is_reported_as_none_and_truncates() {
    let mut app = debates();
    step(&mut app, [0.0; 4]);
    step(&mut app, [-1.0, 0.0, 0.0, 0.0]);
    assert_eq!(step(&mut app, [0.0; 4]), [Restart, Restart, Truncated, Truncated]);
    assert_eq!(restarts(&app), [(0, Some(Some(vec![1, 1])))]);
    step(&mut app, [0.0; 4]);
    assert_eq!(restarts(&app), [(1, Some(None))]);
}

#[test]
fn a_result_in_the_last_step_before_the_limit_counts() {
    let mut app = debates();
    (0..2).for_each(|_| drop(step(&mut app, [0.0; 4])));
    assert_eq!(step(&mut app, [0.0, 0.0, 0.0, 1.0]), [Truncated, Truncated, Terminated, Terminated]);
}

#[test]
#[should_panic(expected = "an agent `Debater` was spawned without its `Side`")]
fn an_agent_without_a_side_is_named() {
    let mut app = debates();
    app.world_mut().spawn(Debater);
    step(&mut app, [0.0; 4]);
}
