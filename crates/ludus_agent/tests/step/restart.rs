//! Episodes: the restart step, true final observations, limits, decision intervals.

use core::num::NonZeroU32;

use bevy::prelude::*;
use ludus_agent::spec::Outcome::{Restart, Running, Terminated, Truncated};
use ludus_agent::{EpisodeLimit, EpisodeStart};

use crate::game::{Counter, app, counters, first, rows_mut, step};

/// The whole life of two episodes, one tick per step; weights 1, so a step's reward is `amount + 1`.
#[test]
fn an_episode_ends_with_its_true_final_observation_and_restarts_in_a_step_of_its_own() {
    let mut app = app(1, 1);
    step(&mut app, 1.0);
    assert_eq!(first(&app), (Restart, 0.0, [0.0, 1.0]), "idle: nothing was added, but the game ran");
    step(&mut app, 1.0);
    assert_eq!(first(&app), (Running, 2.0, [1.0, 2.0]));
    step(&mut app, 1.0);
    assert_eq!(first(&app), (Terminated, 2.0, [2.0, 3.0]));
    step(&mut app, 1.0);
    assert_eq!(first(&app), (Restart, 0.0, [0.0, 1.0]));
    step(&mut app, 0.5);
    assert_eq!(first(&app), (Running, 1.5, [0.5, 2.0]));
}

#[test]
fn a_limit_truncates_after_so_many_steps() {
    let mut app = app(1, 1);
    rows_mut(&mut app).set_episode_limit(NonZeroU32::new(2));
    step(&mut app, 0.0);
    step(&mut app, 0.1);
    assert_eq!(first(&app).0, Running);
    step(&mut app, 0.1);
    assert_eq!(first(&app).0, Truncated);
    step(&mut app, 0.1);
    assert_eq!(first(&app).0, Restart);
}

#[test]
fn an_agents_own_limit_goes_before_the_runs() {
    let mut app = app(1, 1);
    rows_mut(&mut app).set_episode_limit(NonZeroU32::new(50));
    step(&mut app, 0.0);
    let agent = counters(&mut app)[0];
    app.world_mut().entity_mut(agent).insert(EpisodeLimit(NonZeroU32::MIN));
    step(&mut app, 0.1);
    assert_eq!(first(&app).0, Truncated);
}

#[test]
fn a_limit_that_is_taken_away_gives_way_to_the_runs() {
    let mut app = app(1, 1);
    rows_mut(&mut app).set_episode_limit(NonZeroU32::new(3));
    step(&mut app, 0.0);
    let agent = counters(&mut app)[0];
    app.world_mut().entity_mut(agent).insert(EpisodeLimit(NonZeroU32::MAX));
    step(&mut app, 0.1);
    app.world_mut().entity_mut(agent).remove::<EpisodeLimit>();
    step(&mut app, 0.1);
    assert_eq!(first(&app).0, Running);
    step(&mut app, 0.1);
    assert_eq!(first(&app).0, Truncated);
}

#[test]
fn a_run_that_changes_its_limit_changes_that_of_the_next_episodes() {
    let mut app = app(1, 1);
    let mut outcomes = |limit: Option<u32>, steps: usize| {
        rows_mut(&mut app).set_episode_limit(limit.and_then(NonZeroU32::new));
        let mut next = |_| {
            step(&mut app, 0.1);
            first(&app).0
        };
        (0..steps).map(&mut next).collect::<Vec<_>>()
    };
    assert_eq!(outcomes(Some(2), 2), [Restart, Running]);
    assert_eq!(outcomes(Some(3), 1), [Truncated], "the episode that is under way keeps its own");
    assert_eq!(outcomes(Some(3), 4), [Restart, Running, Running, Truncated]);
    assert_eq!(outcomes(None, 5), [Restart, Running, Running, Running, Running]);
}

/// Three ticks a step: the action holds for all of them, terms add up, one observation at the end.
#[test]
fn a_step_of_several_ticks_is_one_decision() {
    let mut app = app(1, 3);
    step(&mut app, 0.25);
    assert_eq!(first(&app), (Restart, 0.0, [0.0, 3.0]));
    step(&mut app, 0.25);
    assert_eq!(first(&app), (Running, 3.75, [0.75, 6.0]));
}

/// The goal of 2 is reached in the second of three ticks: the third is not scored, but observed.
#[test]
fn what_comes_after_the_end_is_not_scored() {
    let mut app = app(1, 3);
    step(&mut app, 1.0);
    step(&mut app, 1.0);
    assert_eq!(first(&app), (Terminated, 4.0, [3.0, 6.0]));
}

#[test]
fn weights_turn_terms_into_rewards() {
    let mut app = app(1, 1);
    rows_mut(&mut app).set_weights(&[10.0, -1.0]);
    step(&mut app, 0.0);
    step(&mut app, 0.5);
    assert_eq!(first(&app).1, 4.0);
}

/// A term in a stream of its own, with its weight. The reward of the step has all terms.
#[test]
fn terms_add_up_in_their_streams() {
    let mut app = app(1, 1);
    let rows = rows_mut(&mut app);
    rows.set_weights(&[10.0, -1.0]);
    assert_eq!((rows.reward_streams(), rows.stream_rewards()), (0, &[][..]));
    rows.set_reward_streams(&[vec![1]]);
    assert_eq!(rows_mut(&mut app).reward_streams(), 1);
    step(&mut app, 0.0);
    step(&mut app, 0.5);
    assert_eq!((first(&app).1, rows_mut(&mut app).stream_rewards()), (4.0, &[5.0, -1.0][..]));
    step(&mut app, 0.25);
    assert_eq!((first(&app).1, rows_mut(&mut app).stream_rewards()), (1.5, &[2.5, -1.0][..]));
}

#[test]
fn a_finished_episode_is_reported_with_its_sums() {
    let mut app = app(1, 1);
    rows_mut(&mut app).set_weights(&[10.0, -1.0]);
    for _ in 0..3 {
        step(&mut app, 1.0);
    }
    let mut seen = Vec::new();
    rows_mut(&mut app).drain_episodes(|episode, numbers| seen.push((episode, numbers.terms.to_vec())));
    let (episode, terms) = &seen[0];
    assert_eq!((episode.row, episode.steps, episode.outcome, episode.reward), (0, 2, Terminated, 18.0));
    assert_eq!(terms, &[2.0, 2.0]);
    rows_mut(&mut app).drain_episodes(|_, _| panic!("reported twice"));
}

/// The start of one agent's episode gives another agent, which starts in the same step, a component that none had before.
#[test]
fn an_agent_starts_though_another_start_has_changed_its_components() {
    #[derive(Component)]
    struct Marked;

    #[derive(Resource, Default)]
    struct Starts(usize);

    let mut app = app(3, 1);
    app.init_resource::<Starts>();
    app.add_observer(
        |on: On<EpisodeStart<Counter>>,
         counters: Query<Entity, With<Counter>>,
         mut starts: ResMut<Starts>,
         mut commands: Commands| {
            starts.0 += 1;
            for other in counters.iter().filter(|&other| other != on.entity) {
                commands.entity(other).insert(Marked);
            }
        },
    );
    step(&mut app, 0.0);
    assert_eq!(app.world().resource::<Starts>().0, 3);
}
