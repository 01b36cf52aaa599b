//! Episodes that an arena's agents share.

use bevy::prelude::*;
use ludus_agent::spec::Outcome::{Restart, Running, Terminated};
use ludus_agent::{Arena, EpisodeScope, EpisodeScoped, EpisodeStart, InArena};

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
