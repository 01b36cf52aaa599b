//! Numbers that are not finite.

use ludus_agent::spec::Outcome::{Faulty, Restart, Running};
use ludus_agent::{Fault, FaultPlace};

use crate::game::{Total, app, counters, finished, first, rows, rows_mut, step};

fn spoil(app: &mut bevy::prelude::App, sum: f32) {
    let agent = counters(app)[0];
    app.world_mut().get_mut::<Total>(agent).expect("a counter has a total").sum = sum;
}

/// The step that led there can't be bootstrapped, the one that follows was decided blindly: both are left out.
#[test]
fn a_bad_observation_costs_two_steps_and_is_named() {
    let mut app = app(2, 1);
    step(&mut app, 0.0);
    spoil(&mut app, f32::NAN);
    step(&mut app, 0.1);
    assert_eq!(first(&app).0, Faulty);
    assert_eq!(first(&app).2, [0.0, 0.0], "the batch sees nothing of it");
    let faults: Vec<_> = rows_mut(&mut app).drain_faults().collect();
    assert_eq!(faults, [Fault { row: 0, place: FaultPlace::Observation(0), tick: 2 }]);

    spoil(&mut app, 0.5);
    step(&mut app, 0.1);
    assert_eq!(first(&app).0, Faulty);
    step(&mut app, 0.1);
    assert_eq!(first(&app).0, Running);
    assert_eq!(rows(&app).fault_count(), 1);
    assert_eq!(rows(&app).outcomes()[1], Running, "the neighbour lost nothing");
}

#[test]
fn a_bad_reward_is_left_out_and_named() {
    let mut app = app(1, 1);
    step(&mut app, 0.0);
    rows_mut(&mut app).set_weights(&[f32::INFINITY, 1.0]);
    step(&mut app, 0.5);
    assert_eq!((first(&app).0, first(&app).1), (Faulty, 0.0));
    let faults: Vec<_> = rows_mut(&mut app).drain_faults().collect();
    assert_eq!(faults, [Fault { row: 0, place: FaultPlace::Reward(0), tick: 2 }]);
}

#[test]
fn an_episode_that_ends_in_a_bad_observation_restarts_all_the_same() {
    let mut app = app(1, 1);
    step(&mut app, 0.0);
    rows_mut(&mut app).set_weights(&[1.0, 1.0]);
    spoil(&mut app, f32::INFINITY);
    step(&mut app, 0.0);
    assert_eq!(first(&app).0, ludus_agent::spec::Outcome::Terminated, "infinity is past the goal: no bootstrap needed");
    step(&mut app, 0.0);
    assert_eq!(first(&app).0, Restart);
    step(&mut app, 0.0);
    assert_eq!(first(&app).0, Running);
}

/// Two ticks of 2e38 each: both are finite, their sum is not.
#[test]
fn a_step_whose_ticks_add_up_to_infinity_is_left_out_and_named() {
    let mut app = app(1, 2);
    step(&mut app, 0.0);
    rows_mut(&mut app).set_weights(&[0.0, 2e38]);
    step(&mut app, 0.0);
    assert_eq!((first(&app).0, first(&app).1), (Faulty, 2e38));
    let faults: Vec<_> = rows_mut(&mut app).drain_faults().collect();
    assert_eq!(faults, [Fault { row: 0, place: FaultPlace::Reward(1), tick: 4 }]);
}

/// Each step's reward is finite; the sum over the episode stays at the greatest number.
#[test]
fn a_return_stays_finite() {
    let mut app = app(1, 1);
    step(&mut app, 0.0);
    rows_mut(&mut app).set_weights(&[3e38, 0.0]);
    for _ in 0..3 {
        step(&mut app, -1.0);
        assert_eq!((first(&app).0, first(&app).1), (Running, -3e38));
    }
    assert_eq!(rows(&app).episode_returns(), [f32::MIN]);
    assert_eq!(rows(&app).episode_terms(), [-3.0, 3.0]);
    spoil(&mut app, 9.0);
    step(&mut app, 0.0);
    assert_eq!(finished(&mut app), [(4, ludus_agent::spec::Outcome::Terminated, f32::MIN)]);
}
