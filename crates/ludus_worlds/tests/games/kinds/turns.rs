//! A game of turns: two players of one kind move by turns, and the third move wins.

use core::num::NonZeroU32;
use std::sync::Arc;

use bevy::prelude::*;
use ludus_agent::spec::Outcome::{self, Restart, Running, Terminated, Waiting, WaitingTerminated};
use ludus_agent::{
    Action, Agent, AgentAppExt, Arena, Controller, Episode, EpisodeScope, EpisodeStart, InArena, Observation, Reward,
    ScoreAgents, SenseAgents,
};
use ludus_worlds::{AgentSettings, Game, PooledWorld, WorldSettings};

use super::game::settings;

#[derive(Component, Agent, Default)]
#[require(Seat, EpisodeScope::Arena)]
#[agent(observation = Board, action = Move, reward = Points)]
struct Player;

/// The seat of a player; the one with 0 moves first.
#[derive(Component, Default)]
struct Seat(u32);

#[derive(Component, Observation, Default)]
struct Board {
    moves: f32,
    /// The sum of all moves so far.
    sum: f32,
}

#[derive(Component, Action, Default)]
struct Move {
    #[action(continuous)]
    amount: f32,
}

#[derive(Component, Reward, Default)]
struct Points {
    won: f32,
    /// 1 in every step.
    time: f32,
}

/// The state of an arena's match.
#[derive(Component, Default)]
struct Match {
    moves: u32,
    sum: f32,
}

fn turns(app: &mut App) {
    app.add_agent::<Player>()
        .add_observer(|on: On<Add, Arena>, mut commands: Commands| {
            commands.entity(on.entity).insert(Match::default());
            commands.spawn((Player, Seat(0), InArena(on.entity)));
            commands.spawn((Player, Seat(1), InArena(on.entity)));
        })
        .add_observer(|on: On<EpisodeStart<Arena>>, mut matches: Query<&mut Match>| {
            *matches.get_mut(on.entity).expect("an arena has a match") = Match::default();
        })
        .add_observer(|on: On<EpisodeStart<Player>>, mut players: Query<(&Seat, &mut Controller)>| {
            let (seat, mut controller) = players.get_mut(on.entity).expect("a player has a seat");
            if seat.0 == 0 { controller.decide() } else { controller.wait() }
        })
        .add_systems(FixedUpdate, play)
        .add_systems(ScoreAgents, (score, pass_on).chain())
        .add_systems(SenseAgents, |matches: Query<&Match>, mut players: Query<(&InArena, &mut Board)>| {
            for (of, mut board) in &mut players {
                let playing = matches.get(of.0).expect("an arena has a match");
                *board = Board { moves: playing.moves as f32, sum: playing.sum };
            }
        });
}

fn play(mut matches: Query<&mut Match>, players: Query<(&InArena, &Controller, &Episode, &Move)>) {
    for (of, controller, episode, played) in &players {
        if *controller == Controller::Policy && episode.is_running() {
            let mut playing = matches.get_mut(of.0).expect("an arena has a match");
            playing.moves += 1;
            playing.sum += played.amount;
        }
    }
}

fn score(matches: Query<&Match>, mut players: Query<(&InArena, &Controller, &mut Points, &mut Episode)>) {
    for (of, controller, mut points, mut episode) in &mut players {
        points.time = 1.0;
        if matches.get(of.0).is_ok_and(|playing| playing.moves == 3) {
            points.won = if *controller == Controller::Policy { 1.0 } else { -1.0 };
            episode.terminate();
        }
    }
}

fn pass_on(matches: Query<&Match>, mut players: Query<(&InArena, &Seat, &mut Controller)>) {
    for (of, seat, mut controller) in &mut players {
        let moves = matches.get(of.0).map_or(0, |playing| playing.moves);
        if moves % 2 == seat.0 { controller.decide() } else { controller.wait() }
    }
}

fn world() -> PooledWorld {
    let players = AgentSettings { name: "Player".to_owned(), weights: vec![1.0, 0.25], ..AgentSettings::default() };
    let settings = WorldSettings { decision_interval: NonZeroU32::MIN, ..settings(vec![players]) };
    let game: Game = Arc::new(turns);
    PooledWorld::build(&game, settings).expect("it builds")
}

#[test]
fn players_decide_by_turns_and_are_rewarded_while_they_wait() {
    let mut world = world();
    let steps: [([Outcome; 2], [f32; 2], [f32; 2]); 7] = [
        ([Running, Waiting], [0.25, 0.25], [1.0, 0.125]),
        ([Waiting, Running], [0.25, 0.25], [2.0, 0.125 - 0.25]),
        // The first player wins while the other one waits.
        ([Terminated, WaitingTerminated], [1.25, -0.75], [3.0, 0.25 - 0.25]),
        ([Restart, Restart], [0.0, 0.0], [0.0, 0.0]),
        ([Running, Waiting], [0.25, 0.25], [1.0, 0.125]),
        ([Waiting, Running], [0.25, 0.25], [2.0, 0.125 - 0.25]),
        ([Terminated, WaitingTerminated], [1.25, -0.75], [3.0, 0.25 - 0.25]),
    ];
    for (index, (outcomes, rewards, board)) in steps.into_iter().enumerate() {
        world.rows_mut(0).actions_mut().copy_from_slice(&[0.125, -0.25]);
        world.step().expect("the game doesn't panic");
        let rows = world.rows(0);
        assert_eq!((rows.outcomes(), rows.rewards()), (&outcomes[..], &rewards[..]), "step {}", index + 1);
        assert_eq!(rows.observations(), [board, board].concat(), "step {}", index + 1);
    }
    let mut finished = Vec::new();
    world.rows_mut(0).drain_episodes(|episode, numbers| {
        finished.push((episode.row, episode.steps, episode.outcome, episode.reward, numbers.terms.to_vec()));
    });
    let winner = (0, 3, Terminated, 1.75, vec![1.0, 3.0]);
    let loser = (1, 3, Terminated, -0.25, vec![-1.0, 3.0]);
    assert_eq!(finished, [winner.clone(), loser.clone(), winner, loser]);
}

#[test]
fn the_last_move_stays_while_a_player_waits() {
    let mut world = world();
    for (moves, expected) in [([0.125, 0.5], [0.125, 0.0]), ([0.25, 0.75], [0.125, 0.75]), ([0.5, 1.0], [0.5, 0.75])] {
        world.rows_mut(0).actions_mut().copy_from_slice(&moves);
        world.step().expect("the game doesn't panic");
        let bevy = world.world_mut();
        let mut played: Vec<_> =
            bevy.query::<(&Seat, &Move)>().iter(bevy).map(|(seat, to)| (seat.0, to.amount)).collect();
        played.sort_by_key(|(seat, _)| *seat);
        assert_eq!(played.into_iter().map(|(_, amount)| amount).collect::<Vec<_>>(), expected);
    }
}
