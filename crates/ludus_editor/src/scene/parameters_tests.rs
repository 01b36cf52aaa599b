//! Tests of episode parameters that are set by hand, without a window.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use bevy::prelude::*;
use ludus_agent::spec::Distribution;
use ludus_agent::{Agent, AgentAppExt, Arena, EpisodeParameters, EpisodeStart, InArena};
use ludus_train::config::{ParameterConfig, RunConfig};

use super::SceneKinds;
use super::tests::{Walker, scene_with, send, update, walkers};
use crate::EditorCommand;
use crate::snapshot::{AgentId, SceneSnapshot};

#[derive(Component, EpisodeParameters)]
struct Course {
    /// Height of the wall [m].
    #[parameter(range = 0.0..=4.0)]
    wall_height: f32,
    slope: f32,
}

impl Default for Course {
    fn default() -> Self {
        Self { wall_height: 2.0, slope: 0.5 }
    }
}

/// The heights that the game has read at the start of an arena, and of each episode.
#[derive(Resource, Default)]
struct Read {
    arenas: Vec<f32>,
    episodes: Vec<f32>,
}

fn courses(app: &mut App) {
    walkers(app);
    app.init_resource::<Read>().add_episode_parameters::<Arena, Course>();
    app.add_observer(
        |arena: On<Add, Arena>, courses: Query<&Course>, mut read: ResMut<Read>, mut commands: Commands| -> Result {
            read.arenas.push(courses.get(arena.entity)?.wall_height);
            commands.spawn((Walker, InArena(arena.entity)));
            Ok(())
        },
    );
    app.add_observer(
        |start: On<EpisodeStart<Walker>>,
         homes: Query<&InArena>,
         courses: Query<&Course>,
         mut read: ResMut<Read>|
         -> Result {
            read.episodes.push(courses.get(homes.get(start.entity)?.0)?.wall_height);
            Ok(())
        },
    );
}

/// The game on screen, with a height of 1 in its config.
fn scene() -> App {
    let specs = vec![Arc::new(Walker::spec())];
    let height = ParameterConfig::Drawn(Distribution::Constant(1.0));
    let config = RunConfig {
        decision_interval: NonZeroU32::new(2).unwrap(),
        arenas: NonZeroU32::new(8).unwrap(),
        parameters: BTreeMap::from([("Course.wall_height".to_owned(), height)]),
        ..RunConfig::for_agents(&specs)
    };
    let mut app = scene_with(courses, &config, &specs);
    let kind = app.world().resource::<SceneKinds>()[0].clone();
    kind.rows_mut(app.world_mut()).set_episode_limit(NonZeroU32::new(3));
    app
}

fn set(app: &mut App, name: &str, value: Option<f32>) {
    send(app, EditorCommand::SetParameter { name: name.to_owned(), value });
}

/// Plays some episodes, and returns the heights that the game has read at the starts of the last of them.
fn read(app: &mut App) -> Vec<f32> {
    update(app, 20);
    app.world_mut().resource_mut::<Read>().episodes.clear();
    update(app, 20);
    app.world().resource::<Read>().episodes.clone()
}

fn check(app: &mut App, expected: f32) {
    let heights = read(app);
    assert!(heights.len() >= 4 && heights.iter().all(|&height| height == expected), "{heights:?} for {expected}");
}

#[test]
fn a_value_that_is_set_by_hand_is_what_the_game_reads_when_the_next_episode_starts() {
    let mut app = scene();
    check(&mut app, 1.0);
    // Now the agents are in the middle of an episode.
    update(&mut app, 3);
    set(&mut app, "Course.wall_height", Some(3.5));
    let before = app.world().resource::<Read>().episodes.len();
    update(&mut app, 1);
    assert_eq!(app.world().resource::<Read>().episodes.len(), before, "no episode ends for it");
    check(&mut app, 3.5);
    set(&mut app, "Course.wall_height", Some(9.0));
    check(&mut app, 4.0);
    set(&mut app, "Course.wall_height", None);
    check(&mut app, 1.0);
}

#[test]
fn new_arenas_have_the_value_that_was_set_by_hand() {
    let mut app = scene();
    set(&mut app, "Course.wall_height", Some(3.0));
    send(&mut app, EditorCommand::ShowArena { world: 0, arena: 2 });
    update(&mut app, 4);
    let arenas = &app.world().resource::<Read>().arenas;
    assert_eq!(arenas[arenas.len() - 2..], [3.0, 3.0]);
}

#[test]
fn parameters_are_described_with_their_values() {
    let mut app = scene();
    send(&mut app, EditorCommand::Select(AgentId { kind: 0, row: 0 }));
    set(&mut app, "Course.slope", Some(0.75));
    // No parameter has this name, and the last value is no number: neither changes anything.
    set(&mut app, "Course.length", Some(1.0));
    set(&mut app, "Course.wall_height", Some(f32::NAN));
    update(&mut app, 40);
    let scene = app.world().resource::<SceneSnapshot>();
    let shown: Vec<_> = scene.parameters.iter().map(|shown| (shown.parameter.name.as_str(), shown.by_hand)).collect();
    assert_eq!(shown, [("Course.wall_height", None), ("Course.slope", Some(0.75))]);
    assert_eq!((scene.parameters[0].owner.as_str(), scene.parameters[0].distribution.as_str()), ("Arena", "1"));
    assert_eq!(scene.selected.as_ref().unwrap().parameters, [1.0, 0.75]);
    // Without a line in the config, a parameter goes back to the game's default.
    set(&mut app, "Course.slope", None);
    update(&mut app, 40);
    assert_eq!(app.world().resource::<SceneSnapshot>().selected.as_ref().unwrap().parameters, [1.0, 0.5]);
}
