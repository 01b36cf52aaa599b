//! Terms of the reward that a team shares.

use bevy::ecs::entity_disabling::Disabled;
use bevy::prelude::*;
use bevy::time::{TimePlugin, TimeUpdateStrategy};
use ludus_agent::spec::Outcome::{Running, Terminated, Vacant};
use ludus_agent::{
    Action, Agent, AgentAppExt, AgentRows, Arena, Arenas, Episode, InArena, Observation, Reward, Rows, ScoreAgents,
    StepClock, Team, TermAgreement,
};
use std::num::NonZeroU32;

#[derive(Component, Agent, Default)]
#[agent(observation = Nothing, action = Work, reward = Wages)]
struct Worker;

#[derive(Component, Agent, Default)]
#[agent(observation = Nothing, action = Work, reward = Wages, team = Side)]
struct Player;

#[derive(Component, Team, Clone, Copy)]
enum Side {
    Left,
    Right,
}

#[derive(Component, Observation, Default)]
struct Nothing {
    nothing: f32,
}

/// The terms that the agent writes in each tick.
#[derive(Component, Action, Default)]
struct Work {
    #[action(continuous)]
    own: f32,
    #[action(continuous)]
    shared: f32,
    /// Above 0 the agent is despawned when it has written, below 0 it is terminated and hidden.
    #[action(continuous)]
    goes: f32,
}

#[derive(Component, Reward, Default)]
struct Wages {
    own: f32,
    #[reward(team)]
    shared: f32,
}

/// Returns a game before its first step. `add` adds its agents to each arena.
fn game<A: Agent>(arenas: u32, ticks: u32, add: impl Fn(&mut Commands, Entity) + Send + Sync + 'static) -> App {
    let mut app = App::new();
    app.add_plugins(TimePlugin).insert_resource(TimeUpdateStrategy::FixedTimesteps(ticks)).add_agent::<A>();
    app.insert_resource(StepClock::new(NonZeroU32::new(ticks).expect("a step has ticks")));
    app.add_observer(move |on: On<Add, Arena>, mut commands: Commands| add(&mut commands, on.entity));
    app.add_systems(
        ScoreAgents,
        |mut agents: Query<(Entity, &Work, &mut Wages, &mut Episode)>, mut commands: Commands| {
            for (agent, work, mut wages, mut episode) in &mut agents {
                *wages = Wages { own: work.own, shared: work.shared };
                if work.goes > 0.0 {
                    commands.entity(agent).despawn();
                } else if work.goes < 0.0 {
                    episode.terminate();
                    commands.entity(agent).insert(Disabled);
                }
            }
        },
    );
    app.insert_resource(Arenas(0..arenas));
    app.update();
    app.update();
    app
}

/// Two arenas: two workers in the first, three in the second.
fn workers(ticks: u32) -> App {
    let mut app = game::<Worker>(2, ticks, |commands, arena| {
        commands.spawn((Worker, InArena(arena)));
        commands.spawn((Worker, InArena(arena)));
    });
    let mut arenas = app.world_mut().query::<(Entity, &Arena)>();
    let second = arenas.iter(app.world()).find(|(_, arena)| arena.index == 1).expect("there are two").0;
    app.world_mut().spawn((Worker, InArena(second)));
    app
}

fn rows<A: Agent>(app: &App) -> &Rows {
    app.world().resource::<AgentRows<A>>()
}

/// Takes a step in which each agent writes these terms in each tick. Returns the rewards.
fn step<A: Agent>(app: &mut App, written: &[[f32; 3]]) -> Vec<f32> {
    app.world_mut().resource_mut::<AgentRows<A>>().actions_mut().copy_from_slice(written.as_flattened());
    app.update();
    rows::<A>(app).rewards().to_vec()
}

fn agent(app: &App, row: usize) -> Entity {
    rows::<Worker>(app).agent(row).expect("the row has an agent")
}

/// Returns reward and terms of the episodes that were finished since the last call.
fn finished(app: &mut App) -> Vec<(u32, f32, Vec<f32>)> {
    let mut finished = Vec::new();
    let mut rows = app.world_mut().resource_mut::<AgentRows<Worker>>();
    rows.drain_episodes(|episode, numbers| finished.push((episode.row, episode.reward, numbers.terms.to_vec())));
    finished
}

#[test]
fn the_spec_says_which_terms_are_the_team_s() {
    let shared: Vec<_> = Worker::spec().reward.iter().map(|term| term.is_team).collect();
    assert_eq!((shared, Wages::TEAM_TERMS), (vec![false, true], &[1][..]));
}

#[test]
fn each_member_is_given_the_sum_of_its_arena() {
    let mut app = workers(1);
    // The third worker of the second arena restarts: it writes nothing that counts, and is given nothing.
    step::<Worker>(&mut app, &[[0.0; 3]; 4]);
    let rewards = step::<Worker>(
        &mut app,
        &[[0.5, 0.25, 0.0], [0.0, 0.5, 0.0], [0.0, 1.0, 0.0], [0.0, -0.5, 0.0], [0.125, 0.25, 0.0]],
    );
    assert_eq!(rewards, [1.25, 0.75, 0.75, 0.75, 0.875]);
    let terms = rows::<Worker>(&app).episode_terms();
    assert_eq!(terms[..4], [0.5, 0.75, 0.0, 0.75], "terms are those that each agent was given");
    assert_eq!(terms[8..], [0.125, 0.75]);
}

#[test]
fn weights_and_ticks_apply_to_what_is_given() {
    let mut app = workers(3);
    app.world_mut().resource_mut::<AgentRows<Worker>>().set_weights(&[1.0, 2.0]);
    step::<Worker>(&mut app, &[[0.0; 3]; 4]);
    let rewards = step::<Worker>(
        &mut app,
        &[[0.5, 0.25, 0.0], [0.0, 0.5, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
    );
    assert_eq!(rewards, [6.0, 4.5, 6.0, 6.0, 6.0]);
}

#[test]
fn the_sides_of_an_arena_are_teams_of_their_own() {
    let mut app = game::<Player>(2, 1, |commands, arena| {
        for side in [Side::Left, Side::Right, Side::Left] {
            commands.spawn((Player, side, InArena(arena)));
        }
    });
    let one = [[0.0, 0.5, 0.0], [0.0, 0.25, 0.0], [0.0, 0.125, 0.0]];
    let rewards = step::<Player>(&mut app, &[one, [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, -0.5, 0.0]]].concat());
    assert_eq!(rewards, [0.625, 0.25, 0.625, -0.5, 1.0, -0.5]);
}

#[test]
fn agents_in_no_arena_are_one_team() {
    let mut app = game::<Worker>(1, 1, |commands, arena| {
        commands.spawn((Worker, InArena(arena)));
        commands.spawn(Worker);
        commands.spawn(Worker);
    });
    let rewards = step::<Worker>(&mut app, &[[0.0, 1.0, 0.0], [0.0, 0.5, 0.0], [0.0, 0.25, 0.0]]);
    assert_eq!(rewards, [1.0, 0.75, 0.75]);
}

#[test]
fn a_member_that_goes_takes_part_in_its_last_tick() {
    for goes in [1.0, -1.0] {
        let mut app = workers(1);
        step::<Worker>(&mut app, &[[0.0; 3]; 4]);
        step::<Worker>(&mut app, &[[0.0, 1.0, 0.0]; 5]);
        let last = [[0.5, 0.0, 0.0], [0.0; 3], [0.5, 0.25, goes], [0.0, 0.5, 0.0], [0.0, 1.0, goes]];
        assert_eq!(step::<Worker>(&mut app, &last), [0.5, 0.0, 2.25, 1.75, 1.75]);
        let outcomes = rows::<Worker>(&app).outcomes();
        assert_eq!(outcomes, [Running, Running, Terminated, Running, Terminated]);
        let mut ended = finished(&mut app);
        ended.sort_by_key(|&(row, ..)| row);
        assert_eq!(ended, [(2, 5.25, vec![0.5, 4.75]), (4, 4.75, vec![0.0, 4.75])]);
        let rewards = step::<Worker>(&mut app, &[[0.0, 1.0, 0.0]; 5]);
        assert_eq!(rewards, [2.0, 2.0, 0.0, 1.0, 0.0], "those that are gone write nothing");
        assert_eq!(rows::<Worker>(&app).outcomes()[2], Vacant);
    }
}

#[test]
fn a_member_that_goes_takes_part_in_one_tick_of_a_longer_step() {
    let mut app = workers(3);
    step::<Worker>(&mut app, &[[0.0; 3]; 4]);
    let last = [[0.5, 0.0, 0.0], [0.0; 3], [0.5, 0.25, 1.0], [0.0, 0.5, 0.0], [0.0, 1.0, 1.0]];
    assert_eq!(step::<Worker>(&mut app, &last), [1.5, 0.0, 2.25, 2.75, 1.75]);
    let mut ended = finished(&mut app);
    ended.sort_by_key(|&(row, ..)| row);
    assert_eq!(ended, [(2, 2.25, vec![0.5, 1.75]), (4, 1.75, vec![0.0, 1.75])]);
}

#[test]
fn a_member_that_comes_into_a_row_of_another_team_is_in_its_own() {
    let mut app = workers(1);
    step::<Worker>(&mut app, &[[0.0; 3]; 4]);
    let (first, second) = (agent(&app, 0), agent(&app, 2));
    let home = app.world().get::<InArena>(second).unwrap().0;
    app.world_mut().despawn(first);
    app.world_mut().spawn((Worker, InArena(home)));
    step::<Worker>(&mut app, &[[0.0; 3]; 5]);
    let rewards = step::<Worker>(&mut app, &[[0.0, 1.0, 0.0], [0.0, 0.5, 0.0], [0.0; 3], [0.0; 3], [0.0; 3]]);
    assert_eq!(rewards, [1.0, 0.5, 1.0, 1.0, 1.0]);
}

#[test]
fn a_term_that_is_not_finite_spoils_the_step_of_the_whole_team() {
    let mut app = workers(1);
    step::<Worker>(&mut app, &[[0.0; 3]; 4]);
    app.add_systems(FixedPostUpdate, |mut agents: Query<&mut Work>| {
        for mut work in &mut agents {
            work.shared = if work.shared == 1.0 { f32::NAN } else { work.shared };
        }
    });
    let rewards = step::<Worker>(
        &mut app,
        &[[0.0, 1.0, 0.0], [0.0, 0.5, 0.0], [0.0, 0.5, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]],
    );
    assert_eq!(rewards, [0.0, 0.0, 0.5, 0.5, 0.5]);
    assert_eq!(rows::<Worker>(&app).fault_count(), 2);
    assert!(rows::<Worker>(&app).outcomes()[..2].iter().all(|outcome| !outcome.is_experience()));
}

#[test]
fn terms_that_all_members_write_alike_are_counted_where_that_is_watched() {
    let mut app = workers(1);
    step::<Worker>(&mut app, &[[0.0; 3]; 4]);
    assert_eq!(rows::<Worker>(&app).team_term_agreement(), []);
    app.world_mut().resource_mut::<AgentRows<Worker>>().watch_team_terms();
    let agreement = |app: &App| rows::<Worker>(app).team_term_agreement().to_vec();
    step::<Worker>(&mut app, &[[0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]);
    assert_eq!(agreement(&app), [TermAgreement { term: 1, same: 1, different: 0 }]);
    step::<Worker>(&mut app, &[[0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.5, 0.0], [0.0, 0.5, 0.0], [0.0, 0.25, 0.0]]);
    assert_eq!(agreement(&app), [TermAgreement { term: 1, same: 2, different: 1 }]);
}
