//! Masks in the rows.

use bevy::prelude::*;
use bevy::time::{TimePlugin, TimeUpdateStrategy};
use ludus_agent::spec::Outcome;
use ludus_agent::{
    Action, ActionMask, Agent, AgentAppExt, AgentRows, Episode, Fault, FaultPlace, Observation, Reward, Rows,
    ScoreAgents, SenseAgents,
};

use crate::game;

/// Drives in one of three gears, on one of four lanes.
#[derive(Component, Agent, Default)]
#[require(ActionMask<Drive>)]
#[agent(observation = Sight, action = Drive, reward = Nothing)]
struct Driver;

#[derive(Component, Action, Default)]
struct Drive {
    #[action(continuous)]
    speed: f32,
    #[action(discrete)]
    gear: Gear,
    #[action(continuous)]
    aim: Vec2,
    #[action(discrete = 4)]
    lane: u8,
}

#[derive(Action, Default, Clone, Copy, PartialEq, Debug)]
enum Gear {
    #[default]
    Neutral,
    Forward,
    Reverse,
}

#[derive(Component, Observation, Default)]
struct Sight {
    steps: f32,
}

#[derive(Component, Reward, Default)]
struct Nothing {
    nothing: f32,
}

/// In the first steps of an episode there is no reverse gear; the last lane is never open.
fn sense(mut drivers: Query<(&Episode, &mut Sight, &mut ActionMask<Drive>)>) {
    for (episode, mut sight, mut mask) in &mut drivers {
        sight.steps = episode.steps() as f32;
        mask.gear.allow_all();
        mask.lane.forbid(3);
        if episode.steps() < 2 {
            mask.gear.forbid(Gear::Reverse);
        }
    }
}

fn app() -> App {
    let mut app = App::new();
    app.add_plugins(TimePlugin).insert_resource(TimeUpdateStrategy::FixedTimesteps(1));
    app.add_agent::<Driver>().add_systems(SenseAgents, sense);
    app.add_systems(ScoreAgents, |mut drivers: Query<&mut Episode>| {
        drivers.iter_mut().filter(|episode| episode.steps() == 2).for_each(|mut episode| episode.terminate());
    });
    app.update();
    app
}

fn rows(app: &App) -> &Rows {
    app.world().resource::<AgentRows<Driver>>()
}

fn rows_mut(app: &mut App) -> &mut Rows {
    app.world_mut().resource_mut::<AgentRows<Driver>>().into_inner()
}

/// Shut at the start of an episode, then open: gears, then lanes.
const SHUT: [bool; 7] = [true, true, false, true, true, true, false];
const OPEN: [bool; 7] = [true, true, true, true, true, true, false];

#[test]
fn the_mask_of_the_first_observation_is_there_after_the_restart() {
    let mut app = app();
    app.world_mut().spawn(Driver);
    let mut seen = Vec::new();
    for _ in 0..5 {
        app.update();
        seen.push((rows(&app).outcomes()[0], rows(&app).masks().to_vec()));
    }
    let expected = [
        (Outcome::Restart, SHUT),
        (Outcome::Running, SHUT),
        (Outcome::Running, OPEN),
        (Outcome::Terminated, OPEN),
        (Outcome::Restart, SHUT),
    ];
    assert_eq!(seen, expected.map(|(outcome, mask)| (outcome, mask.to_vec())));
}

#[test]
fn agents_that_mask_nothing_have_no_masks() {
    let mut app = game::app(3, 1);
    game::step(&mut app, 0.0);
    assert_eq!(game::rows(&app).masks(), []);
    assert_eq!(game::rows(&app).spec().mask_width(), 0);
    assert_eq!(rows(&self::app()).spec().mask_width(), 7);
}

#[test]
fn a_mask_that_allows_nothing_allows_everything_and_is_named() {
    let mut app = app();
    app.add_systems(
        SenseAgents,
        (|mut masks: Query<&mut ActionMask<Drive>>| {
            masks.iter_mut().for_each(|mut mask| mask.gear.allow_only([]));
        })
        .after(sense),
    );
    app.world_mut().spawn(Driver);
    app.world_mut().spawn(Driver);
    app.update();
    assert_eq!(rows(&app).masks(), OPEN.repeat(2));
    let faults: Vec<_> = rows_mut(&mut app).drain_faults().collect();
    let expected = [0, 1].map(|row| Fault { row, place: FaultPlace::Mask(1), tick: 1 });
    assert_eq!((faults, rows(&app).fault_count()), (expected.to_vec(), 2));
    assert_eq!(rows(&app).spec().action[1].name, "gear");
    app.update();
    assert_eq!(rows(&app).outcomes(), [Outcome::Running; 2], "the policy decided among everything: nothing is spoiled");
}

#[test]
fn whoever_has_no_mask_may_do_everything() {
    let mut app = app();
    let [stays, loses, goes] = [0, 1, 2].map(|_| app.world_mut().spawn(Driver).id());
    app.update();
    assert_eq!(rows(&app).masks(), SHUT.repeat(3));
    app.world_mut().entity_mut(loses).remove::<ActionMask<Drive>>();
    app.world_mut().despawn(goes);
    let _ = stays;
    app.update();
    assert_eq!(rows(&app).masks(), [SHUT, [true; 7], [true; 7]].concat());
}

#[test]
fn actions_that_heed_no_mask_can_be_made_to() {
    let mut app = app();
    app.world_mut().spawn(Driver);
    app.update();
    rows_mut(&mut app).actions_mut().copy_from_slice(&[0.5, 2.0, 0.25, -0.25, 3.0]);
    rows_mut(&mut app).heed_masks();
    assert_eq!(rows_mut(&mut app).actions_mut(), [0.5, 0.0, 0.25, -0.25, 0.0]);
    rows_mut(&mut app).actions_mut().copy_from_slice(&[0.5, 1.0, 0.25, -0.25, 2.0]);
    rows_mut(&mut app).heed_masks();
    assert_eq!(rows_mut(&mut app).actions_mut(), [0.5, 1.0, 0.25, -0.25, 2.0]);
}

/// Requires no mask.
#[derive(Component, Agent, Default)]
#[agent(observation = Sight, action = Drive, reward = Nothing)]
struct Cyclist;

#[test]
#[should_panic(expected = "write `#[require(ActionMask<Drive>)]` on `Cyclist`")]
fn a_mask_without_room_for_it_is_refused() {
    let mut app = App::new();
    app.add_agent::<Cyclist>();
    app.world_mut().spawn((Cyclist, ActionMask::<Drive>::default()));
}

#[test]
#[should_panic(expected = "`Cyclist` has an `ActionMask<Drive>` that it does not require")]
fn a_mask_that_comes_later_is_refused_too() {
    let mut app = App::new();
    app.add_agent::<Cyclist>();
    let cyclist = app.world_mut().spawn(Cyclist).id();
    app.world_mut().entity_mut(cyclist).insert(ActionMask::<Drive>::default());
}
