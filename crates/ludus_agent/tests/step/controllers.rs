//! Controllers: a game does not depend on the source of an action, and only steps of a policy are learned from.

use ludus_agent::Controller;
use ludus_agent::spec::Outcome::{Restart, Running, Vacant};

use crate::game::{Add, GOAL, app, counters, first, rows_mut, step};

#[test]
fn a_players_action_stands_and_is_not_learned_from() {
    let mut app = app(1, 1);
    step(&mut app, 0.0);
    let agent = counters(&mut app)[0];
    app.world_mut().entity_mut(agent).insert((Controller::External, Add { amount: 0.5 }));
    step(&mut app, 9.0);
    assert_eq!(first(&app).2[0], 0.5);
    assert_eq!(first(&app).0, Vacant);
    app.world_mut().entity_mut(agent).insert(Controller::Policy);
    step(&mut app, 0.25);
    assert_eq!(first(&app).2[0], 0.75);
    assert_eq!(first(&app).0, Running);
}

#[test]
fn a_player_that_goes_is_not_learned_from() {
    let mut app = app(1, 1);
    step(&mut app, 0.0);
    let agent = counters(&mut app)[0];
    app.world_mut().entity_mut(agent).insert((Controller::External, Add { amount: 0.5 }));
    step(&mut app, 9.0);
    app.world_mut().despawn(agent);
    assert_eq!(first(&app).0, Vacant);
}

#[test]
fn an_episode_that_a_player_ends_is_reported_once() {
    let mut app = app(1, 1);
    step(&mut app, 0.0);
    let agent = counters(&mut app)[0];
    app.world_mut().entity_mut(agent).insert((Controller::External, Add { amount: GOAL }));
    step(&mut app, 9.0);
    app.world_mut().despawn(agent);
    let mut ended = 0;
    rows_mut(&mut app).drain_episodes(|_, _| ended += 1);
    assert_eq!(ended, 1);
}

#[test]
fn an_idle_agent_does_the_default() {
    let mut app = app(1, 1);
    step(&mut app, 0.0);
    let agent = counters(&mut app)[0];
    app.world_mut().entity_mut(agent).insert(Controller::Idle);
    step(&mut app, 1.0);
    assert_eq!(first(&app).2[0], 0.0);
    assert_eq!(first(&app).0, Vacant);
}

#[test]
fn a_restarting_agent_idles() {
    let mut app = app(1, 1);
    step(&mut app, 1.0);
    assert_eq!(first(&app), (Restart, 0.0, [0.0, 1.0]));
}
