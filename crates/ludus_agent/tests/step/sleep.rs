//! Agents that Bevy hides from queries, and agents that return.

use bevy::ecs::entity_disabling::Disabled;
use bevy::prelude::*;
use ludus_agent::spec::Outcome::{Restart, Running, Terminated, Truncated, Vacant};
use ludus_agent::{Episode, EpisodeStart, ScoreAgents, Slot};

use crate::game::{Counter, app, counters, finished, first, rows, rows_mut, step, unstarted};

/// One running counter whose last step led to the sum 0.1.
fn running() -> (App, Entity) {
    let mut app = app(1, 1);
    step(&mut app, 0.0);
    step(&mut app, 0.1);
    let agent = counters(&mut app)[0];
    (app, agent)
}

fn disable(app: &mut App, agent: Entity) {
    app.world_mut().entity_mut(agent).insert(Disabled);
}

fn enable(app: &mut App, agent: Entity) {
    app.world_mut().entity_mut(agent).remove::<Disabled>();
}

#[test]
fn an_agent_that_falls_asleep_between_two_steps_is_truncated_and_leaves_its_row() {
    let (mut app, agent) = running();
    disable(&mut app, agent);
    assert_eq!(first(&app), (Truncated, 1.1, [0.1, 2.0]), "what was sensed is there to bootstrap from");
    assert_eq!(finished(&mut app), [(1, Truncated, 1.1)]);
    step(&mut app, 0.1);
    assert_eq!(first(&app), (Vacant, 0.0, [0.0, 0.0]));
    assert_eq!((rows(&app).agent(0), app.world().get::<Slot>(agent)), (None, None));
    step(&mut app, 0.1);
    assert_eq!(first(&app).0, Vacant);
    assert_eq!(finished(&mut app), []);
}

#[test]
fn an_agent_that_returns_restarts_with_its_next_episode() {
    let (mut app, agent) = running();
    disable(&mut app, agent);
    (0..3).for_each(|_| step(&mut app, 0.1));
    enable(&mut app, agent);
    step(&mut app, 0.5);
    assert_eq!(first(&app), (Restart, 0.0, [0.0, 1.0]));
    assert_eq!(app.world().get::<Episode>(agent).map(Episode::number), Some(2));
    step(&mut app, 0.5);
    assert_eq!(first(&app), (Running, 1.5, [0.5, 2.0]));
}

#[test]
fn an_agent_that_falls_asleep_in_its_restart_runs_once_it_has_returned() {
    let mut app = app(1, 1);
    step(&mut app, 0.0);
    let agent = counters(&mut app)[0];
    disable(&mut app, agent);
    step(&mut app, 0.1);
    assert_eq!(first(&app).0, Vacant);
    enable(&mut app, agent);
    step(&mut app, 0.1);
    assert_eq!(first(&app).0, Restart);
    step(&mut app, 0.1);
    assert_eq!(first(&app).0, Running);
}

#[test]
fn the_row_of_a_sleeping_agent_is_free_for_others() {
    let (mut app, agent) = running();
    rows_mut(&mut app).fix_len(None);
    let late = app.world_mut().spawn(Counter).id();
    step(&mut app, 0.1);
    assert_eq!(rows(&app).waiting(), 1);
    disable(&mut app, agent);
    step(&mut app, 0.1);
    assert_eq!((rows(&app).waiting(), rows(&app).agent(0)), (0, Some(late)));
    enable(&mut app, agent);
    step(&mut app, 0.1);
    assert_eq!((rows(&app).waiting(), first(&app).0), (1, Running), "now the other one waits");
}

#[test]
fn an_agent_that_is_despawned_in_its_sleep_leaves_nothing() {
    let (mut app, agent) = running();
    rows_mut(&mut app).fix_len(None);
    disable(&mut app, agent);
    step(&mut app, 0.1);
    app.world_mut().despawn(agent);
    let other = app.world_mut().spawn(Counter).id();
    step(&mut app, 0.1);
    assert_eq!((rows(&app).waiting(), rows(&app).agent(0), first(&app).0), (0, Some(other), Restart));
}

#[test]
fn an_agent_that_is_spawned_asleep_comes_when_it_wakes() {
    let mut app = app(0, 1);
    let agent = app.world_mut().spawn((Counter, Disabled)).id();
    step(&mut app, 0.1);
    assert_eq!((rows(&app).len(), rows(&app).waiting()), (0, 0));
    enable(&mut app, agent);
    step(&mut app, 0.1);
    assert_eq!(first(&app).0, Restart);
    assert_eq!(app.world().get::<Episode>(agent).map(Episode::number), Some(1));
}

/// The component that disables is the game's own, and is registered after the agents.
#[test]
fn any_default_query_filter_lets_agents_sleep() {
    #[derive(Component)]
    struct Pooled;

    let mut app = unstarted(1, 1);
    app.world_mut().register_disabling_component::<Pooled>();
    app.update();
    let pooled = app.world_mut().spawn((Counter, Pooled)).id();
    step(&mut app, 0.0);
    step(&mut app, 0.1);
    assert_eq!((rows(&app).len(), rows(&app).waiting()), (1, 0));
    let awake = rows(&app).agent(0).expect("the arena's own counter is awake");
    app.world_mut().entity_mut(awake).insert((Pooled, Disabled));
    step(&mut app, 0.1);
    assert_eq!(first(&app).0, Vacant);
    app.world_mut().entity_mut(awake).remove::<Pooled>();
    step(&mut app, 0.1);
    assert_eq!(first(&app).0, Vacant, "it is still `Disabled`");
    app.world_mut().entity_mut(pooled).remove::<Pooled>();
    step(&mut app, 0.1);
    assert_eq!((first(&app).0, rows(&app).agent(0)), (Restart, Some(pooled)));
}

/// Puts the first counter to sleep in the tick with this number.
fn sleep_at(app: &mut App, tick: u32, end: fn(&mut Episode)) {
    let sleep = move |mut counters: Query<(Entity, &mut Episode)>, mut ticks: Local<u32>, mut commands: Commands| {
        *ticks += 1;
        for (counter, mut episode) in counters.iter_mut().filter(|_| *ticks == tick) {
            end(&mut episode);
            commands.entity(counter).insert(Disabled);
        }
    };
    app.add_systems(ScoreAgents, sleep);
}

/// Ticks 4 to 6 are the first step after the restart.
#[test]
fn a_step_in_which_an_agent_falls_asleep_is_no_experience() {
    let mut app = app(1, 3);
    sleep_at(&mut app, 8, |_| ());
    step(&mut app, 0.1);
    step(&mut app, 0.1);
    assert_eq!(first(&app).0, Running);
    step(&mut app, 0.1);
    assert_eq!(first(&app).0, Vacant);
    assert_eq!(rows(&app).episode_returns().len(), 1);
    let (steps, outcome, _) = finished(&mut app)[0];
    assert_eq!((steps, outcome), (2, Truncated));
}

/// As in a game that pools dead agents: the last reward and the end are learned from.
#[test]
fn an_agent_that_dies_and_is_put_to_sleep_in_one_tick_is_learned_from() {
    let mut app = app(1, 3);
    sleep_at(&mut app, 5, Episode::terminate);
    step(&mut app, 0.0);
    step(&mut app, 0.25);
    assert_eq!((first(&app).0, first(&app).1), (Terminated, 2.5), "two ticks of 1.25 each");
    assert_eq!(finished(&mut app), [(1, Terminated, 2.5)]);
    step(&mut app, 0.25);
    assert_eq!(first(&app).0, Vacant);
}

#[test]
fn an_agent_that_is_despawned_in_the_tick_in_which_it_dies_is_paid_for_it() {
    let mut app = app(1, 1);
    let die = |mut counters: Query<(Entity, &mut Episode)>, mut ticks: Local<u32>, mut commands: Commands| {
        *ticks += 1;
        for (counter, mut episode) in counters.iter_mut().filter(|_| *ticks == 2) {
            episode.terminate();
            commands.entity(counter).despawn();
        }
    };
    app.add_systems(ScoreAgents, die);
    step(&mut app, 0.0);
    step(&mut app, 0.25);
    assert_eq!((first(&app).0, first(&app).1), (Terminated, 1.25));
    assert_eq!(finished(&mut app), [(1, Terminated, 1.25)]);
}

#[test]
fn an_agent_that_another_agents_start_puts_to_sleep_does_not_run() {
    let mut app = app(2, 1);
    app.add_observer(|_: On<EpisodeStart<Counter>>, slots: Query<(Entity, &Slot)>, mut commands: Commands| {
        let other = slots.iter().find(|(_, slot)| slot.index() == 1);
        other.into_iter().for_each(|(other, _)| _ = commands.entity(other).insert(Disabled));
    });
    step(&mut app, 0.1);
    step(&mut app, 0.1);
    assert_eq!((rows(&app).outcomes(), rows(&app).agent(1)), (&[Running, Vacant][..], None));
}
