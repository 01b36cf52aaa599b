//! Episodes that an arena's agents share.

use bevy::ecs::entity_disabling::Disabled;
use bevy::prelude::*;
use ludus_agent::spec::Outcome::{Restart, Running, Terminated};
use ludus_agent::{Arena, Episode, EpisodeScope, EpisodeScoped, EpisodeStart, InArena, Slot};

use crate::game::{Counter, rows, rows_mut, unstarted};

#[derive(Resource, Default)]
struct Started(Vec<(Entity, u32)>);

/// Two counters in each of two arenas.
fn teams() -> App {
    let mut app = unstarted(2, 1);
    app.init_resource::<Started>();
    app.add_observer(|on: On<Add, Arena>, mut commands: Commands| {
        commands.spawn((Counter, InArena(on.entity)));
    });
    app.add_observer(|on: On<Add, Counter>, mut commands: Commands| {
        commands.entity(on.entity).insert(EpisodeScope::Arena);
    });
    app.add_observer(|on: On<EpisodeStart<Arena>>, mut started: ResMut<Started>, mut commands: Commands| {
        started.0.push((on.entity, on.number));
        commands.spawn(EpisodeScoped(on.entity));
    });
    app.update();
    app.update();
    app
}

#[test]
fn agents_of_an_arena_end_and_start_together() {
    let mut app = teams();
    let home = |app: &App, row: usize| {
        let agents = app.world().try_query::<(&ludus_agent::Slot, &InArena)>();
        agents.and_then(|mut agents| {
            agents.iter(app.world()).find(|(slot, _)| slot.index() == row).map(|(_, home)| home.0)
        })
    };
    rows_mut(&mut app).actions_mut().copy_from_slice(&[1.0, 0.0, 0.0, 0.0]);
    app.update();
    app.update();
    for row in 0..4 {
        let expected = if home(&app, row) == home(&app, 0) { Terminated } else { Running };
        assert_eq!(rows(&app).outcomes()[row], expected, "row {row}");
    }
    rows_mut(&mut app).actions_mut().fill(0.0);
    app.update();
    let restarting = rows(&app).outcomes().iter().filter(|outcome| **outcome == Restart).count();
    assert_eq!(restarting, 2);
}

#[test]
fn an_arena_starts_once_for_all_of_its_agents_and_clears_what_the_last_episode_left() {
    let mut app = teams();
    let started = |app: &App| app.world().resource::<Started>().0.clone();
    assert_eq!(started(&app).iter().map(|(_, number)| *number).collect::<Vec<_>>(), [1, 1]);
    rows_mut(&mut app).actions_mut().fill(1.0);
    for _ in 0..3 {
        app.update();
    }
    assert_eq!(started(&app)[2..].iter().map(|(_, number)| *number).collect::<Vec<_>>(), [2, 2]);
    let left = app.world_mut().query::<&EpisodeScoped>().iter(app.world()).count();
    assert_eq!(left, 2, "one for each arena, not one for each episode");
}

/// `one` ends in the very step in which `two` restarts.
#[test]
fn a_newcomer_restarts_with_the_arena_whose_episode_ends_while_it_comes() {
    let mut app = teams();
    let team = members(&mut app, 0);
    step(&mut app);
    let newcomer = app.world_mut().spawn((Counter, EpisodeScope::Arena, InArena(team.arena))).id();
    app.world_mut().get_mut::<Episode>(team.agents[0]).unwrap().terminate();
    step(&mut app);
    let outcome =
        |app: &App, agent: Entity| rows(app).outcomes()[app.world().get::<Slot>(agent).expect("it has a row").index()];
    assert_eq!(team.agents.map(|agent| outcome(&app, agent)), [Terminated; 2]);
    assert_eq!(outcome(&app, newcomer), Restart);
    step(&mut app);
    let starts = app.world().resource::<Started>().0.iter().filter(|(arena, _)| *arena == team.arena);
    assert_eq!(starts.map(|(_, number)| *number).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(team.agents.map(|agent| outcome(&app, agent)), [Restart; 2]);
    assert_eq!(outcome(&app, newcomer), Restart);
    step(&mut app);
    assert_eq!(outcome(&app, newcomer), Running);
}

#[test]
fn a_newcomer_joins_the_episode_that_goes_on() {
    let mut app = teams();
    let team = members(&mut app, 0);
    step(&mut app);
    app.world_mut().spawn((Counter, EpisodeScope::Arena, InArena(team.arena)));
    (0..2).for_each(|_| step(&mut app));
    assert_eq!(app.world().resource::<Started>().0.len(), 2, "each arena has started once");
    assert_eq!(rows(&app).outcomes(), [Running; 5]);
}

#[test]
fn an_arena_whose_agents_get_no_rows_does_not_start() {
    let mut app = teams();
    rows_mut(&mut app).fix_len(None);
    let late = app.world_mut().spawn(Arena { index: 2 }).id();
    (0..5).for_each(|_| step(&mut app));
    assert_eq!(rows(&app).waiting(), 2);
    let has_started = |app: &App| app.world().resource::<Started>().0.iter().any(|(arena, _)| *arena == late);
    assert!(!has_started(&app));
    let first = members(&mut app, 0);
    app.world_mut().despawn(first.arena);
    step(&mut app);
    assert!(has_started(&app));
}

/// The others go on; when it returns it joins them.
#[test]
fn a_sleeping_member_holds_up_no_shared_episode() {
    let mut app = teams();
    let team = members(&mut app, 0);
    app.world_mut().entity_mut(team.agents[0]).insert(Disabled);
    step(&mut app);
    app.world_mut().get_mut::<Episode>(team.agents[1]).unwrap().terminate();
    (0..2).for_each(|_| step(&mut app));
    let starts = app.world().resource::<Started>().0.iter().filter(|(arena, _)| *arena == team.arena);
    assert_eq!(starts.count(), 2);
}

/// The agents are not disabled: they still end and start together.
#[test]
fn a_disabled_arena_has_shared_episodes_too() {
    let mut app = teams();
    let team = members(&mut app, 0);
    app.world_mut().entity_mut(team.arena).insert(Disabled);
    step(&mut app);
    app.world_mut().get_mut::<Episode>(team.agents[0]).unwrap().terminate();
    step(&mut app);
    let slots = team.agents.map(|agent| app.world().get::<Slot>(agent).expect("it has a row").index());
    assert_eq!(slots.map(|row| rows(&app).outcomes()[row]), [Terminated; 2]);
    step(&mut app);
    let starts = app.world().resource::<Started>().0.iter().filter(|(arena, _)| *arena == team.arena);
    assert_eq!(starts.count(), 2);
}

#[test]
fn a_scope_that_is_inserted_while_an_agent_sleeps_holds_when_it_wakes() {
    let mut app = unstarted(0, 1);
    app.init_resource::<Started>();
    app.add_observer(|on: On<EpisodeStart<Arena>>, mut started: ResMut<Started>| {
        started.0.push((on.entity, on.number));
    });
    app.update();
    app.update();
    let arena = app.world_mut().spawn(Arena { index: 0 }).id();
    let sleeping = app.world_mut().query_filtered::<Entity, With<Counter>>().single(app.world()).unwrap();
    app.world_mut().entity_mut(sleeping).insert(Disabled);
    app.world_mut().entity_mut(sleeping).insert(EpisodeScope::Arena);
    app.world_mut().entity_mut(sleeping).remove::<Disabled>();
    (0..2).for_each(|_| step(&mut app));
    assert_eq!(app.world().resource::<Started>().0, [(arena, 1)]);
}

/// An arena and its two counters.
struct Team {
    arena: Entity,
    agents: [Entity; 2],
}

fn members(app: &mut App, index: u32) -> Team {
    let mut arenas = app.world_mut().query::<(Entity, &Arena)>();
    let arena = arenas.iter(app.world()).find(|(_, arena)| arena.index == index).expect("there is such an arena").0;
    let mut counters = app.world_mut().query_filtered::<(Entity, &InArena), With<Counter>>();
    let of_arena = counters.iter(app.world()).filter(|(_, home)| home.0 == arena).map(|(agent, _)| agent);
    Team { arena, agents: of_arena.collect::<Vec<_>>().try_into().expect("two counters") }
}

fn step(app: &mut App) {
    rows_mut(app).actions_mut().fill(0.0);
    app.update();
}
