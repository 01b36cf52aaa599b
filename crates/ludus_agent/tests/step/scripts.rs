//! Scripts: a game decides for agents that no driver and no player controls.

use bevy::prelude::*;
use ludus_agent::{AgentSystems, Controller, left_to_the_game};

use crate::game::{Add, Counter, counters, finished, first, rows_mut, step, unstarted};

/// The height that the script adds.
const SCRIPTED: f32 = 0.5;
/// The height that a player adds.
const PLAYED: f32 = 0.125;

/// A game with a script, and with input systems as of a player who takes over agents that are `External`.
fn app() -> App {
    let mut app = unstarted(1, 1);
    let script = |mut adds: Query<&mut Add>| adds.iter_mut().for_each(|mut add| add.amount = SCRIPTED);
    let script = script.run_if(left_to_the_game::<Counter>).before(AgentSystems::Act);
    let play = |mut adds: Query<(&Controller, &mut Add)>| {
        let taken = adds.iter_mut().filter(|(controller, _)| **controller == Controller::External);
        taken.for_each(|(_, mut add)| add.amount = PLAYED);
    };
    app.add_systems(FixedPreUpdate, (script, play.in_set(AgentSystems::Act)));
    app.update();
    app.update();
    app
}

/// Returns the sum that the agent senses after another step without a driver.
fn sum(app: &mut App) -> f32 {
    app.update();
    first(app).2[0]
}

#[test]
fn a_script_decides_where_nobody_drives() {
    let mut app = app();
    assert_eq!(first(&app).2[0], 0.0, "in its restart step an agent idles");
    assert_eq!([sum(&mut app), sum(&mut app), sum(&mut app)], [0.5, 1.0, 1.5]);
}

#[test]
fn a_script_decides_no_more_once_somebody_drives() {
    let mut app = app();
    assert_eq!(sum(&mut app), 0.5);
    step(&mut app, 0.25);
    assert_eq!(first(&app).2[0], 0.75);
    assert_eq!(sum(&mut app), 1.0, "what was written last holds");
}

#[test]
fn a_script_decides_nothing_where_rows_are_driven_from_the_start() {
    let mut app = app();
    rows_mut(&mut app).drive();
    assert_eq!(sum(&mut app), 0.0, "the row is still that of an agent that idles");
}

#[test]
fn a_script_decides_again_where_the_driver_leaves_the_kind_to_the_game() {
    let mut app = app();
    step(&mut app, 0.25);
    rows_mut(&mut app).leave_to_the_game();
    assert_eq!([sum(&mut app), sum(&mut app)], [0.75, 1.25]);
}

#[test]
fn a_player_overrules_a_script() {
    let mut app = app();
    let agent = counters(&mut app)[0];
    app.world_mut().entity_mut(agent).insert(Controller::External);
    assert_eq!([sum(&mut app), sum(&mut app)], [0.125, 0.25]);
    app.world_mut().entity_mut(agent).insert(Controller::Idle);
    assert_eq!(sum(&mut app), 0.25, "an agent that idles has the default action");
    app.world_mut().entity_mut(agent).insert(Controller::Policy);
    assert_eq!(sum(&mut app), 0.75);
}

/// Otherwise reports that are not read would accumulate.
#[test]
fn where_nobody_drives_only_the_last_step_s_episodes_are_reported() {
    let mut app = app();
    for _ in 0..30 {
        app.update();
    }
    assert!(finished(&mut app).len() <= 1);
}
