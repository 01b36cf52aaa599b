//! Groups of worlds with two kinds of agents.

use std::num::NonZeroU32;
use std::sync::Arc;

use bevy::prelude::*;
use ludus_agent::{
    Action, Agent, AgentAppExt, Arena, FaultPlace, InArena, Observation, Reward, ScoreAgents, SenseAgents,
};
use ludus_spec::Outcome::{self, Restart, Running, Truncated};
use ludus_spec::{Seed, stopped_clock};
use ludus_worlds::{AgentSettings, Game, PooledWorld, WorldSettings};

use ludus_learn::Simulation;

use super::{WorldGroup, group_size};

#[test]
fn groups_have_enough_rows_and_are_enough() {
    let check = |worlds, rows, expected| assert_eq!(group_size(worlds, rows), expected, "{worlds} worlds, {rows} rows");
    check(4096, 4096, 64); // small worlds share a forward pass
    check(2, 32, 1); // too few to share a thread
    check(32, 32, 4);
    check(8, 8 * 256, 1); // large enough by themselves
    check(1, 1, 1);
    check(64, 0, 8);
}

#[derive(Component, Agent, Default)]
#[agent(observation = Seen, action = Done, reward = Got)]
struct Wolf;

#[derive(Component, Agent, Default)]
#[agent(observation = PairSeen, action = PairDone, reward = PairGot)]
struct Sheep;

#[derive(Component, Observation, Default)]
struct Seen {
    done: f32,
}

#[derive(Component, Action, Default)]
struct Done {
    #[action(continuous)]
    one: f32,
}

#[derive(Component, Reward, Default)]
struct Got {
    done: f32,
}

#[derive(Component, Observation, Default)]
struct PairSeen {
    one: f32,
    other: f32,
}

#[derive(Component, Action, Default)]
struct PairDone {
    #[action(continuous)]
    one: f32,
    #[action(continuous)]
    other: f32,
}

#[derive(Component, Reward, Default)]
struct PairGot {
    one: f32,
    other: f32,
}

/// Agents observe their actions and get them as rewards. A sheep whose action is -1 gets an infinite reward.
fn echo(app: &mut App) {
    app.add_agent::<Wolf>().add_agent::<Sheep>();
    app.add_observer(|on: On<Add, Arena>, mut commands: Commands| {
        commands.spawn((Wolf, InArena(on.entity)));
        commands.spawn((Sheep, InArena(on.entity)));
        commands.spawn((Sheep, InArena(on.entity)));
    });
    app.add_systems(
        ScoreAgents,
        |mut wolves: Query<(&Done, &mut Got)>, mut sheep: Query<(&PairDone, &mut PairGot)>| {
            wolves.iter_mut().for_each(|(done, mut got)| got.done = done.one);
            for (done, mut got) in &mut sheep {
                *got = PairGot { one: if done.one == -1.0 { f32::INFINITY } else { done.one }, other: done.other };
            }
        },
    );
    app.add_systems(
        SenseAgents,
        |mut wolves: Query<(&Done, &mut Seen)>, mut sheep: Query<(&PairDone, &mut PairSeen)>| {
            wolves.iter_mut().for_each(|(done, mut seen)| seen.done = done.one);
            for (done, mut seen) in &mut sheep {
                *seen = PairSeen { one: done.one, other: done.other };
            }
        },
    );
}

/// Two worlds with two arenas each. Episodes of wolves last 2 steps, those of sheep 3.
fn group() -> WorldGroup {
    group_of_streams(&[])
}

/// The same, with these streams of the sheep's rewards beside the first.
fn group_of_streams(streams: &[Vec<usize>]) -> WorldGroup {
    let agent = |name: &str, terms, limit| AgentSettings {
        name: name.to_owned(),
        weights: vec![1.0; terms],
        episode_limit: NonZeroU32::new(limit),
        ..AgentSettings::default()
    };
    let settings = |world| WorldSettings {
        seed: Seed::new(1),
        world,
        arenas: 0..2,
        decision_interval: NonZeroU32::MIN,
        agents: vec![agent("Wolf", 1, 2), AgentSettings { reward_streams: streams.to_vec(), ..agent("Sheep", 2, 3) }],
        parameters: Arc::default(),
        clock: stopped_clock,
    };
    let game: Game = Arc::new(echo);
    let worlds = [0, 1].map(|world| PooledWorld::build(&game, settings(world)).expect("it builds"));
    WorldGroup::new(worlds.into(), vec![vec![0], vec![1]].into(), stopped_clock)
}

/// The rewards, outcomes and observations of a kind's rows.
fn numbers(group: &WorldGroup, kind: usize) -> (Vec<f32>, Vec<Outcome>, Vec<f32>) {
    let rows = group.row_count(kind);
    let mut found = (vec![0.0; rows], vec![Outcome::Vacant; rows], vec![0.0; rows * (kind + 1)]);
    group.copy_rewards(kind, &mut found.0);
    group.copy_outcomes(kind, &mut found.1);
    group.copy_observations(kind, &mut found.2);
    found
}

#[test]
fn each_kind_has_its_own_rows_through_all_worlds_of_a_group() {
    let mut group = group();
    assert_eq!((group.kind_count(), group.row_count(0), group.row_count(1)), (2, 4, 8));
    assert_eq!(group.world_rows(1).collect::<Vec<_>>(), [4, 4]);
    assert_eq!(group.arenas(0), [0, 1, 0, 1]);
    assert_eq!(group.arenas(1), [0, 0, 1, 1, 0, 0, 1, 1]);
    let wolves: Vec<f32> = (1..=4).map(|row| row as f32 / 16.0).collect();
    let sheep: Vec<f32> = (1..=16).map(|column| -(column as f32) / 32.0).collect();
    group.set_actions(0, &wolves);
    group.set_actions(1, &sheep);
    group.step_in_place();
    assert_eq!(numbers(&group, 0), (wolves.clone(), vec![Running; 4], wolves));
    let sums: Vec<f32> = sheep.chunks_exact(2).map(|pair| pair[0] + pair[1]).collect();
    assert_eq!(numbers(&group, 1), (sums, vec![Running; 8], sheep));
    assert_eq!(group.episode_so_far(1, 5).map(|episode| (episode.kind, episode.row)), Some((1, 5)));
}

#[test]
fn episodes_and_faults_name_their_kind() {
    let mut group = group();
    let mut ended = Vec::new();
    for _ in 0..3 {
        group.set_actions(0, &[0.5; 4]);
        group.set_actions(1, &[[0.0; 14].as_slice(), &[-1.0, 0.0]].concat());
        group.step_in_place();
        let episodes = group.drain_episodes();
        ended.extend(episodes.map(|episode| (episode.kind, episode.row, episode.steps, episode.terms.len())));
    }
    let wolves = (0..4).map(|row| (0, row, 2, 1));
    assert_eq!(ended, wolves.chain((0..8).map(|row| (1, row, 3, 2))).collect::<Vec<_>>());
    assert_eq!((numbers(&group, 0).1, numbers(&group, 1).1[..7].to_vec()), (vec![Restart; 4], vec![Truncated; 7]));
    let faults: Vec<_> = group.drain_faults().collect();
    assert_eq!((faults.len(), group.fault_count()), (3, 3));
    assert!(faults.iter().all(|fault| (fault.world, fault.kind, fault.fault.row) == (1, 1, 3)));
    assert!(faults.iter().all(|fault| fault.fault.place == FaultPlace::Reward(0)));
}

#[test]
fn streams_of_rewards_are_columns_of_their_own() {
    let mut group = group_of_streams(&[vec![0]]);
    assert_eq!((group.lane(0).reward_streams, group.lane(1).reward_streams), (0, 1));
    group.set_weights(1, &[2.0, 4.0]);
    group.set_actions(0, &[0.5; 4]);
    let sheep: Vec<f32> = (1..=16).map(|column| column as f32 / 32.0).collect();
    group.set_actions(1, &sheep);
    group.step_in_place();
    let (mut first, mut others) = (vec![0.0; 8], vec![0.0; 8]);
    group.copy_streams(1, &mut first, &mut others);
    assert_eq!(first, sheep.chunks_exact(2).map(|pair| 4.0 * pair[1]).collect::<Vec<_>>());
    assert_eq!(others, sheep.chunks_exact(2).map(|pair| 2.0 * pair[0]).collect::<Vec<_>>());
    let sums: Vec<f32> = first.iter().zip(&others).map(|(first, other)| first + other).collect();
    assert_eq!(numbers(&group, 1).0, sums, "the reward of a step has all terms");
}

#[test]
fn weights_are_those_of_one_kind() {
    let mut group = group();
    group.set_weights(1, &[0.0, 4.0]);
    group.set_actions(0, &[0.5; 4]);
    group.set_actions(1, &[0.25; 16]);
    group.step_in_place();
    assert_eq!((numbers(&group, 0).0, numbers(&group, 1).0), (vec![0.5; 4], vec![1.0; 8]));
}
