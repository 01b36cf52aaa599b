//! Episode parameters: when they are drawn, and from what.

use bevy::prelude::*;
use ludus_agent::spec::{Distribution, Seed};
use ludus_agent::{
    AgentAppExt, Arena, ArenaMembers, Episode, EpisodeParameters, EpisodeRng, EpisodeScope, EpisodeStart, InArena,
    ParameterPlan, WorldSeed,
};
use rand::Rng;

use crate::game::{Counter, rows, rows_mut, unstarted};

/// The height of a wall.
#[derive(Component, EpisodeParameters, Clone, Copy, Debug, PartialEq)]
struct Course {
    /// Height [m].
    #[parameter(range = 0.0..=4.0)]
    wall: f32,
    doors: u32,
}

impl Default for Course {
    fn default() -> Self {
        Self { wall: 4.0, doors: 1 }
    }
}

#[derive(Component, EpisodeParameters, Default)]
struct Body {
    weight: f32,
    is_lame: bool,
}

#[derive(Resource, Default)]
struct Seen {
    built: Vec<Course>,
    started: Vec<(Course, f32)>,
    draws: Vec<u64>,
}

/// Returns a game whose arenas have walls, and `agents` counters in each, with these distributions.
fn courses(arenas: u32, agents: u32, plan: &[(&str, Distribution)]) -> App {
    let mut app = unstarted(arenas, 1);
    app.init_resource::<Seen>().add_episode_parameters::<Arena, Course>().add_episode_parameters::<Counter, Body>();
    app.insert_resource(WorldSeed(Seed::new(4)));
    for (name, distribution) in plan {
        app.world_mut().resource_mut::<ParameterPlan>().set(name, Some(distribution.clone())).expect("it is there");
    }
    app.add_observer(
        move |on: On<Add, Arena>, courses: Query<&Course>, mut seen: ResMut<Seen>, mut commands: Commands| -> Result {
            seen.built.push(*courses.get(on.entity)?);
            for _ in 1..agents {
                commands.spawn((Counter, InArena(on.entity)));
            }
            Ok(())
        },
    );
    app.add_observer(
        |on: On<EpisodeStart<Counter>>,
         mut counters: Query<(&InArena, &Body, &mut EpisodeRng)>,
         courses: Query<&Course>,
         mut seen: ResMut<Seen>|
         -> Result {
            let (home, body, mut rng) = counters.get_mut(on.entity)?;
            let course = *courses.get(home.0)?;
            seen.started.push((course, body.weight));
            seen.draws.push(rng.next_u64());
            Ok(())
        },
    );
    rows_mut(&mut app).drive();
    app.update();
    app.update();
    app
}

fn seen(app: &App) -> &Seen {
    app.world().resource::<Seen>()
}

/// Ends the episodes of all agents, and takes the steps up to the next ones.
fn restart(app: &mut App) {
    app.update();
    let mut episodes = app.world_mut().query::<&mut Episode>();
    episodes.iter_mut(app.world_mut()).for_each(|mut episode| episode.terminate());
    app.update();
    app.update();
}

fn uniform() -> Vec<(&'static str, Distribution)> {
    vec![("Course.wall", Distribution::Uniform(1.0, 3.0)), ("Body.weight", Distribution::Uniform(0.0, 1.0))]
}

#[test]
fn without_a_plan_parameters_are_those_of_the_component() {
    let app = courses(2, 1, &[]);
    assert_eq!(seen(&app).built, [Course::default(); 2]);
    assert_eq!(seen(&app).started, [(Course::default(), 0.0); 2]);
    assert_eq!(rows(&app).episode_parameters(), [4.0, 1.0, 0.0, 0.0, 4.0, 1.0, 0.0, 0.0]);
}

#[test]
fn a_constant_is_read_when_an_arena_is_built_and_when_an_episode_starts() {
    let app = courses(2, 1, &[("Course.wall", 2.5.into()), ("Body.is_lame", 1.0.into()), ("Course.doors", 2.6.into())]);
    let course = Course { wall: 2.5, doors: 3 };
    assert_eq!((&seen(&app).built[..], seen(&app).started[0].0), (&[course; 2][..], course));
    assert_eq!(rows(&app).episode_parameters()[..4], [2.5, 3.0, 0.0, 1.0]);
}

#[test]
fn values_follow_from_seed_arena_and_episode() {
    let mut app = courses(3, 1, &uniform());
    (0..4).for_each(|_| restart(&mut app));
    let walls: Vec<_> = seen(&app).started.iter().map(|(course, weight)| (course.wall, *weight)).collect();
    assert_eq!(walls.len(), 15);
    for (index, wall) in walls.iter().enumerate() {
        assert!((1.0..=3.0).contains(&wall.0) && !walls[..index].contains(wall), "{walls:?}");
    }
    assert_eq!(
        seen(&app).built.iter().map(|course| course.wall).collect::<Vec<_>>(),
        walls[..3].iter().map(|wall| wall.0).collect::<Vec<_>>(),
        "built as it starts"
    );
    let mut alone = courses(1, 1, &uniform());
    (0..4).for_each(|_| restart(&mut alone));
    let of_first: Vec<_> = walls.iter().step_by(3).copied().collect();
    let own: Vec<_> = seen(&alone).started.iter().map(|(course, weight)| (course.wall, *weight)).collect();
    assert_eq!(own, of_first, "an arena is the same alone and among others");
}

#[test]
fn draws_of_the_game_do_not_depend_on_parameters() {
    let (mut with, mut without) = (courses(2, 1, &uniform()), courses(2, 1, &[]));
    restart(&mut with);
    restart(&mut without);
    assert_eq!(seen(&with).draws, seen(&without).draws);
}

#[test]
fn a_new_distribution_holds_from_the_next_start_on_and_its_number_is_reported() {
    let mut app = courses(1, 1, &[("Course.wall", 1.0.into())]);
    let mut plan = app.world_mut().resource_mut::<ParameterPlan>();
    plan.set("Course.wall", Some(2.0.into())).unwrap();
    plan.set_number(7);
    app.update();
    assert_eq!(rows(&app).episode_parameters()[0], 1.0, "an episode keeps its values");
    restart(&mut app);
    restart(&mut app);
    let mut ended = Vec::new();
    rows_mut(&mut app).drain_episodes(|episode, numbers| ended.push((episode.plan, numbers.parameters[0])));
    assert_eq!(ended, [(0, 1.0), (7, 2.0)]);
}

#[test]
fn an_arena_whose_agents_restart_apart_keeps_its_values_until_they_restart_together() {
    let mut app = courses(1, 2, &uniform());
    let first = seen(&app).started[0].0;
    app.update();
    let mut episodes = app.world_mut().query::<&mut Episode>();
    episodes.iter_mut(app.world_mut()).next().unwrap().terminate();
    app.update();
    app.update();
    assert_eq!((seen(&app).started.len(), seen(&app).started[2].0), (3, first));
    restart(&mut app);
    assert_ne!(seen(&app).started[3].0, first);
    assert_eq!(seen(&app).started[3].0, seen(&app).started[4].0);
}

#[test]
fn agents_that_share_an_episode_have_the_arenas_values() {
    let mut app = courses(1, 2, &uniform());
    let agents: Vec<_> = app.world_mut().query::<&ArenaMembers>().single(app.world()).unwrap().iter().collect();
    for agent in agents {
        app.world_mut().entity_mut(agent).insert(EpisodeScope::Arena);
    }
    app.update();
    let mut episodes = app.world_mut().query::<&mut Episode>();
    episodes.iter_mut(app.world_mut()).next().unwrap().succeed();
    app.update();
    let mut ended = Vec::new();
    rows_mut(&mut app).drain_episodes(|episode, _| ended.push(episode.success));
    assert_eq!(ended, [Some(true); 2], "they share the verdict");
    app.update();
    let started = &seen(&app).started;
    assert_eq!(started[2].0, started[3].0);
    assert_ne!(started[2].0, started[0].0);
    assert_ne!(started[2].1, started[3].1, "an agent's own differ");
}

#[test]
fn given_values_take_the_place_of_drawn_ones() {
    let mut app = unstarted(1, 1);
    app.add_episode_parameters::<Arena, Course>().add_episode_parameters::<Counter, Body>();
    let mut plan = app.world_mut().resource_mut::<ParameterPlan>();
    plan.set("Course.wall", Some(Distribution::Uniform(0.0, 1.0))).unwrap();
    plan.give(vec![vec![3.5, 2.0, 0.0, 0.0], vec![3.5, 2.0, 0.25, 1.0]]);
    app.update();
    app.update();
    assert_eq!(rows(&app).episode_parameters(), [3.5, 2.0, 0.25, 1.0]);
}

#[test]
fn an_unknown_parameter_is_named_with_those_that_there_are() {
    let mut app = unstarted(1, 1);
    let unknown = app.world_mut().resource_mut::<ParameterPlan>().set("Course.wall", None).unwrap_err();
    assert!(unknown.to_string().contains("the game has none"), "{unknown}");
    app.add_episode_parameters::<Arena, Course>();
    let unknown = app.world_mut().resource_mut::<ParameterPlan>().set("Course.wal", None).unwrap_err();
    assert!(unknown.to_string().ends_with("the game has `Course.wall`, `Course.doors`"), "{unknown}");
}

#[test]
fn a_verdict_belongs_to_one_episode() {
    let mut app = courses(1, 1, &[]);
    let episode = |app: &mut App, judge: fn(&mut Episode)| {
        app.update();
        let mut episodes = app.world_mut().query::<&mut Episode>();
        judge(&mut episodes.single_mut(app.world_mut()).unwrap());
        app.update();
        app.update();
    };
    episode(&mut app, Episode::succeed);
    episode(&mut app, Episode::fail);
    episode(&mut app, Episode::terminate);
    episode(&mut app, |episode| {
        episode.judge(true);
        episode.truncate();
    });
    let mut verdicts = Vec::new();
    rows_mut(&mut app).drain_episodes(|episode, _| verdicts.push(episode.success));
    assert_eq!(verdicts, [Some(true), Some(false), None, Some(true)]);
}
