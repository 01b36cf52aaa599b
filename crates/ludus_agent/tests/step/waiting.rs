//! Steps in which an agent does not decide: its action holds, and its reward counts.

use bevy::ecs::entity_disabling::Disabled;
use bevy::prelude::App;
use core::num::NonZeroU32;
use ludus_agent::Controller;
use ludus_agent::spec::Outcome::{
    Faulty, Restart, Running, Terminated, Vacant, Waiting, WaitingTerminated, WaitingTruncated,
};

use crate::game::{Add, app, counters, finished, first, rows_mut, step};

/// One agent that decides in every third step, after its restart step.
fn slow() -> App {
    let mut app = app(1, 1);
    rows_mut(&mut app).decide_every(NonZeroU32::new(3).expect("not zero"), 1);
    step(&mut app, 0.0);
    assert_eq!(first(&app).0, Restart);
    app
}

#[test]
fn an_action_holds_until_the_next_decision_and_every_step_has_its_reward() {
    let mut app = slow();
    step(&mut app, 0.125);
    assert_eq!(first(&app), (Running, 1.125, [0.125, 2.0]));
    for ticks in [3.0, 4.0] {
        // Actions that are written meanwhile are ignored.
        step(&mut app, 9.0);
        assert_eq!(first(&app), (Waiting, 1.125, [0.125 * (ticks - 1.0), ticks]));
    }
    step(&mut app, 0.25);
    assert_eq!(first(&app), (Running, 1.25, [0.625, 5.0]));
}

/// The restart comes with the next step and lasts until the agent decides again.
#[test]
fn an_episode_may_end_between_two_decisions() {
    let mut app = slow();
    step(&mut app, 1.0);
    step(&mut app, 0.0);
    assert_eq!(first(&app), (WaitingTerminated, 2.0, [2.0, 3.0]));
    assert_eq!(finished(&mut app), [(2, Terminated, 4.0)]);
    step(&mut app, 0.0);
    assert_eq!(first(&app), (Restart, 0.0, [0.0, 1.0]));
    step(&mut app, 0.5);
    assert_eq!(first(&app).0, Running);
}

#[test]
fn a_restart_that_begins_with_a_decision_step_lasts_until_the_next() {
    let mut app = slow();
    rows_mut(&mut app).set_episode_limit(None);
    step(&mut app, 0.75);
    step(&mut app, 0.0);
    step(&mut app, 0.0);
    assert_eq!(first(&app), (WaitingTerminated, 1.75, [2.25, 4.0]));
    for _ in 0..3 {
        step(&mut app, 0.75);
        assert_eq!(first(&app).0, Restart);
        assert_eq!(first(&app).2[0], 0.0, "it idles");
    }
    step(&mut app, 0.75);
    assert_eq!(first(&app).0, Running);
    assert_eq!(first(&app).2[0], 0.75);
}

#[test]
fn an_agent_that_goes_while_it_waits_ends_its_last_decision() {
    let mut app = slow();
    step(&mut app, 0.125);
    step(&mut app, 0.0);
    let agent = counters(&mut app)[0];
    app.world_mut().despawn(agent);
    assert_eq!(first(&app).0, WaitingTerminated);
    assert_eq!(finished(&mut app), [(2, Terminated, 2.25)]);

    let mut app = slow();
    step(&mut app, 0.125);
    step(&mut app, 0.0);
    let agent = counters(&mut app)[0];
    app.world_mut().entity_mut(agent).insert(Disabled);
    assert_eq!(first(&app).0, WaitingTruncated);
}

#[test]
fn a_number_that_is_not_finite_spoils_a_waiting_step_too() {
    let mut app = slow();
    step(&mut app, 0.125);
    rows_mut(&mut app).set_weights(&[f32::INFINITY, 1.0]);
    step(&mut app, 0.0);
    assert_eq!((first(&app).0, first(&app).1), (Faulty, 0.0));
}

/// As in a game of turns.
#[test]
fn a_game_says_when_an_agent_waits() {
    let mut app = app(2, 1);
    step(&mut app, 0.0);
    step(&mut app, 0.125);
    let agent = counters(&mut app)[0];
    let control = |app: &mut App, change: fn(&mut Controller)| {
        change(&mut app.world_mut().get_mut::<Controller>(agent).expect("an agent has a controller"));
    };
    control(&mut app, Controller::wait);
    step(&mut app, 0.25);
    assert_eq!(first(&app), (Waiting, 1.125, [0.25, 3.0]));
    assert_eq!(crate::game::rows(&app).outcomes()[1], Running, "the neighbour decides");
    control(&mut app, Controller::decide);
    step(&mut app, 0.5);
    assert_eq!(first(&app), (Running, 1.5, [0.75, 4.0]));
}

#[test]
fn only_the_policy_waits() {
    for other in [Controller::External, Controller::Idle] {
        let mut controller = other;
        controller.wait();
        controller.decide();
        assert_eq!(controller, other);
    }
}

/// The player had the control when the step began, and gives it back in the middle of the step.
#[test]
fn a_step_that_a_player_began_is_not_the_policys() {
    let mut app = app(1, 2);
    step(&mut app, 0.0);
    let agent = counters(&mut app)[0];
    app.world_mut().entity_mut(agent).insert((Controller::External, Add { amount: 0.5 }));
    app.add_systems(bevy::prelude::FixedUpdate, |mut controllers: bevy::prelude::Query<&mut Controller>| {
        controllers.iter_mut().for_each(|mut controller| *controller = Controller::Policy);
    });
    step(&mut app, 0.0);
    assert_eq!(first(&app).0, Vacant);
    step(&mut app, 0.0);
    assert_eq!(first(&app).0, Running);
}
