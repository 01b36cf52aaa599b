//! Agents that come and go.

use bevy::ecs::entity_disabling::Disabled;
use bevy::prelude::*;
use ludus_agent::spec::Outcome::{Restart, Running, Terminated, Truncated, Vacant};
use ludus_agent::spec::{Outcome, Seed};
use ludus_agent::{Episode, ScoreAgents, SenseAgents, Slot};
use rand::RngExt;

use crate::game::{Counter, Total, app, counters, finished, first, rows, rows_mut, step};

#[test]
fn an_agent_that_goes_terminates_and_leaves_its_row_vacant() {
    let mut app = app(1, 1);
    step(&mut app, 0.0);
    step(&mut app, 0.1);
    let agent = counters(&mut app)[0];
    app.world_mut().despawn(agent);
    assert_eq!(first(&app).0, Terminated, "the step that has just been taken was its last");
    step(&mut app, 0.1);
    assert_eq!(first(&app).0, Vacant);
    app.world_mut().spawn(Counter);
    step(&mut app, 0.1);
    assert_eq!(rows(&app).len(), 1, "the row is used again");
    assert_eq!(first(&app), (Restart, 0.0, [0.0, 1.0]));
    step(&mut app, 0.1);
    assert_eq!(first(&app).0, Running);
}

#[test]
fn an_episode_whose_agent_goes_between_two_steps_has_the_steps_that_it_had() {
    let mut app = app(1, 2);
    step(&mut app, 0.0);
    (0..3).for_each(|_| step(&mut app, 0.1));
    let agent = counters(&mut app)[0];
    app.world_mut().despawn(agent);
    assert_eq!(finished(&mut app).iter().map(|(steps, ..)| *steps).collect::<Vec<_>>(), [3]);
}

#[test]
fn an_episode_whose_agent_goes_in_a_step_has_that_step_too() {
    let mut app = app(1, 2);
    step(&mut app, 0.0);
    (0..3).for_each(|_| step(&mut app, 0.1));
    app.add_systems(FixedUpdate, |counters: Query<Entity, With<Counter>>, mut commands: Commands| {
        counters.iter().for_each(|counter| commands.entity(counter).despawn());
    });
    step(&mut app, 0.1);
    assert_eq!(finished(&mut app).iter().map(|(steps, ..)| *steps).collect::<Vec<_>>(), [4]);
}

/// The agent's last observation stays in its row until the next step begins.
#[test]
fn an_agent_that_goes_after_its_truncation_leaves_what_it_saw() {
    let mut app = app(1, 1);
    (0..2).for_each(|_| step(&mut app, 0.0));
    let agent = counters(&mut app)[0];
    app.world_mut().get_mut::<Episode>(agent).unwrap().truncate();
    step(&mut app, 0.5);
    app.world_mut().despawn(agent);
    assert_eq!((first(&app).0, first(&app).2), (Truncated, [0.5, 3.0]));
    assert_eq!(finished(&mut app).len(), 1, "reported once");
    step(&mut app, 0.5);
    assert_eq!((first(&app).0, first(&app).2), (Vacant, [0.0, 0.0]));
}

#[test]
fn an_agent_without_a_row_idles_until_one_is_free() {
    let mut app = app(1, 1);
    step(&mut app, 0.0);
    rows_mut(&mut app).fix_len(None);
    let late = app.world_mut().spawn(Counter).id();
    step(&mut app, 0.5);
    assert_eq!((rows(&app).len(), rows(&app).waiting()), (1, 1));
    assert_eq!(app.world().get::<Total>(late).map(|total| total.sum), Some(0.0));
    let first = counters(&mut app).into_iter().find(|agent| *agent != late);
    app.world_mut().despawn(first.expect("the first agent is there"));
    step(&mut app, 0.5);
    assert_eq!(rows(&app).waiting(), 0);
}

/// A row after a step, as the check keeps it.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Seen {
    agent: Option<Entity>,
    outcome: Outcome,
}

/// Spawns and despawns at random moments, inside of steps too, and checks after every step what must always hold.
#[test]
fn under_random_turnover_no_row_is_shared_leaked_or_learned_from_when_vacant() {
    check_turnover(|app| {
        _ = app.add_systems(FixedUpdate, churn).add_systems(SenseAgents, churn).add_systems(Update, churn);
    });
}

/// The same with agents that fall asleep, wake up, are copied and lose their component.
#[test]
fn under_random_sleep_and_copies_no_row_is_shared_leaked_or_learned_from_when_vacant() {
    check_turnover(|app| {
        app.add_systems(FixedUpdate, (churn, toss)).add_systems(ScoreAgents, toss);
        app.add_systems(SenseAgents, (churn, toss)).add_systems(Update, (churn, toss));
    });
}

fn check_turnover(add_systems: impl FnOnce(&mut App)) {
    let mut app = app(4, 2);
    app.insert_resource(Chaos(Seed::new(5).generator()));
    add_systems(&mut app);
    step(&mut app, 0.0);
    rows_mut(&mut app).fix_len(Some(16));
    let mut before = look(&mut app);
    for _ in 0..2_000 {
        step(&mut app, 0.1);
        let now = look(&mut app);
        for (row, (was, is)) in before.iter().zip(&now).enumerate() {
            check_row(row, *was, *is);
            assert_eq!(rows(&app).agent(row), is.agent, "row {row}");
        }
        let awake = app.world_mut().query_filtered::<Entity, With<Counter>>().iter(app.world()).count();
        let placed = now.iter().filter(|seen| seen.agent.is_some()).count();
        assert_eq!(placed + rows(&app).waiting(), awake);
        before = now;
    }
}

fn check_row(row: usize, was: Seen, is: Seen) {
    match (was.agent, is.agent) {
        (Some(was), Some(is)) if was == is => {}
        // A newcomer's first step is its restart; nothing of the predecessor is in it.
        (_, Some(_)) => assert_eq!(is.outcome, Restart, "row {row}"),
        (Some(_), None) => assert!(!matches!(is.outcome, Running | Outcome::Faulty), "row {row}: {is:?}"),
        (None, None) => assert!(!matches!(is.outcome, Running | Outcome::Truncated), "row {row}: {is:?}"),
    }
    if was.outcome.is_end() {
        assert!(matches!(is.outcome, Restart | Vacant), "row {row}: {was:?} then {is:?}");
    }
}

fn look(app: &mut App) -> Vec<Seen> {
    let mut seen: Vec<_> = rows(app).outcomes().iter().map(|&outcome| Seen { agent: None, outcome }).collect();
    for (agent, slot) in app.world_mut().query_filtered::<(Entity, &Slot), Allow<Disabled>>().iter(app.world()) {
        let shared = seen[slot.index()].agent.replace(agent);
        assert_eq!(shared, None, "two agents in row {}", slot.index());
    }
    seen
}

#[derive(Resource)]
struct Chaos(ludus_agent::spec::Generator);

fn churn(mut chaos: ResMut<Chaos>, agents: Query<Entity, With<Counter>>, mut commands: Commands) {
    let count = agents.iter().count();
    if chaos.0.random_bool(0.2) && count < 20 {
        commands.spawn(Counter);
    }
    if chaos.0.random_bool(0.2) && count > 0 {
        let victim = chaos.0.random_range(0..count);
        commands.entity(agents.iter().nth(victim).expect("counted")).despawn();
    }
}

/// Puts an agent to sleep or wakes it, copies it, or takes its component away or gives it back.
fn toss(
    mut chaos: ResMut<Chaos>,
    all: Query<(Entity, Has<Disabled>, Has<Counter>), With<Total>>,
    mut commands: Commands,
) {
    let count = all.iter().count();
    if count == 0 || !chaos.0.random_bool(0.5) {
        return;
    }
    let (agent, is_asleep, is_counter) = all.iter().nth(chaos.0.random_range(0..count)).expect("counted");
    let what = chaos.0.random_range(0..4);
    commands.queue(move |world: &mut World| {
        let Ok(mut agent) = world.get_entity_mut(agent) else { return };
        match what {
            0 if is_asleep => _ = agent.remove::<Disabled>(),
            0 => _ = agent.insert(Disabled),
            1 if count < 24 => _ = agent.clone_and_spawn(),
            2 if is_counter => _ = agent.remove::<Counter>(),
            2 => _ = agent.insert(Counter),
            _ => _ = agent.remove::<Slot>(),
        }
    });
}
