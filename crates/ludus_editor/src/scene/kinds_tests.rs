//! Scenes with two kinds of agents: a walker and two jumpers in each arena.

use core::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;

use bevy::camera::RenderTargetInfo;
use bevy::prelude::*;
use ludus_agent::{
    Action, Agent, AgentAppExt, Arena, Controller, EpisodeScope, EpisodeStart, InArena, Observation, Reward,
    ScoreAgents, SenseAgents,
};
use ludus_policy::ValueEstimate;
use ludus_train::Ludus;
use ludus_train::config::{AgentConfig, PolicySource, RunConfig};
use ludus_train::replay::EpisodeLog;
use rand::RngExt;

use super::replay_tests::{replay_in, shown};
use super::tests::{Walker, file_of, scene_with, send, update, walkers, walking};
use super::{AgentsFound, Players, SceneKinds};
use crate::snapshot::{AgentId, AgentSnapshot, Driver, HeadSnapshot, SceneSnapshot};
use crate::viewport::{SceneCamera, ViewportClick, seen_at};
use crate::{EditorCommand, policies, selection};

/// An agent that goes up and down in jumps.
#[derive(Component, Agent, Default)]
#[require(Height)]
#[agent(observation = View, action = Jump, reward = Air)]
struct Jumper;

#[derive(Component, Default)]
struct Height(f32);

#[derive(Component, Observation, Default)]
struct View {
    height: f32,
    ceiling: f32,
}

#[derive(Action, Component, Clone, Copy, Debug, Default, PartialEq)]
enum Jump {
    #[default]
    Stay,
    Down,
    Up,
}

#[derive(Component, Reward, Default)]
struct Air {
    high: f32,
    jumped: f32,
}

fn game(app: &mut App) {
    walkers(app);
    app.add_agent::<Jumper>();
    app.add_observer(|arena: On<Add, Arena>, mut commands: Commands| {
        commands.spawn((Walker, InArena(arena.entity)));
        commands.spawn((Jumper, InArena(arena.entity)));
        commands.spawn((Jumper, InArena(arena.entity)));
    });
    let restart =
        |start: On<EpisodeStart<Jumper>>, mut jumpers: Query<(&mut Height, &mut ludus_agent::EpisodeRng)>| -> Result {
            let (mut height, mut rng) = jumpers.get_mut(start.entity)?;
            height.0 = rng.random_range(-1.0..1.0);
            Ok(())
        };
    app.add_observer(restart);
    app.add_systems(FixedUpdate, |mut jumpers: Query<(&mut Height, &Jump)>| {
        for (mut height, jump) in &mut jumpers {
            height.0 += match jump {
                Jump::Stay => 0.0,
                Jump::Down => -1.0,
                Jump::Up => 1.0,
            };
        }
    });
    app.add_systems(ScoreAgents, |mut jumpers: Query<(&Height, &mut Air)>| {
        jumpers.iter_mut().for_each(|(height, mut air)| *air = Air { high: height.0, jumped: 1.0 });
    });
    app.add_systems(SenseAgents, |mut jumpers: Query<(&Height, &mut View)>| {
        jumpers.iter_mut().for_each(|(height, mut view)| *view = View { height: height.0, ceiling: 9.0 });
    });
}

/// A scene with steps of 2 ticks. `change` edits the section of jumpers in the config.
fn scene(change: impl FnOnce(&mut AgentConfig)) -> App {
    let specs = [Walker::spec(), Jumper::spec()].map(Arc::new);
    let mut config = RunConfig {
        decision_interval: NonZeroU32::new(2).unwrap(),
        arenas: NonZeroU32::new(8).unwrap(),
        ..RunConfig::for_agents(&specs)
    };
    change(config.agents.get_mut("Jumper").unwrap());
    scene_with(game, &config, &specs)
}

/// A policy that always chooses the same jump.
fn jumping(choice: usize, interval: u32) -> super::Player {
    let every = NonZeroU32::new(interval).unwrap();
    let mut file = file_of(Jumper::spec(), "actor.0.bias", |index| if index == choice { 5.0 } else { 0.0 });
    file.decision_interval = every;
    policies::player("jump".to_owned(), &file, ValueEstimate::default(), every).unwrap()
}

const WALKER: AgentId = AgentId { kind: 0, row: 1 };
const JUMPER: AgentId = AgentId { kind: 1, row: 1 };

fn snapshot(app: &App) -> &SceneSnapshot {
    app.world().resource::<SceneSnapshot>()
}

fn selected(app: &App) -> AgentSnapshot {
    snapshot(app).selected.clone().expect("it was selected")
}

fn get<T: Component + Copy>(app: &App, id: AgentId) -> T {
    let world = app.world();
    *world.get(world.resource::<SceneKinds>().entity(world, id).expect("it is there")).expect("it has it")
}

fn height(app: &App, row: usize) -> f32 {
    let world = app.world();
    let agent = world.resource::<SceneKinds>().entity(world, AgentId { kind: 1, row }).unwrap();
    world.get::<Height>(agent).unwrap().0
}

#[test]
fn agents_with_the_same_row_are_told_apart_by_their_kinds() {
    let mut app = scene(|_| ());
    app.world_mut().resource_mut::<Players>().set_own(0, walking(0.25));
    app.world_mut().resource_mut::<Players>().set_own(1, jumping(2, 2));
    update(&mut app, 8);
    let names: Vec<_> = snapshot(&app).agents.iter().map(|agent| agent.name.clone()).collect();
    let walkers = ["Walker 0 · arena 0", "Walker 1 · arena 1"];
    let jumpers = ["Jumper 0 · arena 0", "Jumper 1 · arena 0", "Jumper 2 · arena 1", "Jumper 3 · arena 1"];
    assert_eq!(names, [&walkers[..], &jumpers[..]].concat());
    send(&mut app, EditorCommand::Select(WALKER));
    update(&mut app, 5);
    let walker = selected(&app);
    assert_eq!((walker.id, walker.columns.len(), walker.action.len(), snapshot(&app).shown_kind), (WALKER, 1, 1, 0));
    assert!(matches!(walker.heads[..], [HeadSnapshot::Gaussian { .. }]), "{:?}", walker.heads);
    assert_eq!(walker.decided_by.map(|label| label.name).as_deref(), Some("walk"));
    send(&mut app, EditorCommand::Select(JUMPER));
    update(&mut app, 5);
    let jumper = selected(&app);
    assert_eq!((jumper.id, jumper.columns.len(), snapshot(&app).shown_kind), (JUMPER, 2, 1));
    assert_eq!((jumper.action.as_slice(), jumper.columns[1].value), (&[2.0][..], 9.0));
    assert!(matches!(&jumper.heads[..], [HeadSnapshot::Categorical { probabilities }] if probabilities.len() == 3));
    assert_eq!(jumper.decided_by.map(|label| label.name).as_deref(), Some("jump"));
    assert_eq!(jumper.episode.terms.len() as u32, 2 * jumper.episode.steps);
    assert!(jumper.columns[0].value <= height(&app, 1) && jumper.columns[0].value > height(&app, 1) - 2.5);
}

#[test]
fn whoever_picks_a_kind_sees_it_and_keeps_the_agent() {
    let mut app = scene(|_| ());
    send(&mut app, EditorCommand::Select(JUMPER));
    send(&mut app, EditorCommand::ShowKind(0));
    update(&mut app, 4);
    assert_eq!((selected(&app).id, snapshot(&app).shown_kind), (JUMPER, 0));
    send(&mut app, EditorCommand::ShowArena { world: 0, arena: 1 });
    send(&mut app, EditorCommand::ShowKind(7));
    update(&mut app, 4);
    assert_eq!((selected(&app).id, snapshot(&app).shown_kind), (AgentId { kind: 0, row: 0 }, 1), "there are two kinds");
}

#[test]
fn an_agent_of_the_second_kind_is_taken_over_and_nobody_else() {
    let mut app = scene(|_| ());
    app.world_mut().resource_mut::<Players>().set_own(0, walking(0.25));
    app.world_mut().resource_mut::<Players>().set_own(1, jumping(2, 2));
    update(&mut app, 6);
    send(&mut app, EditorCommand::Select(JUMPER));
    send(&mut app, EditorCommand::TakeOver);
    update(&mut app, 4);
    assert_eq!(get::<Controller>(&app, JUMPER), Controller::External);
    let others = [WALKER, AgentId { kind: 0, row: 0 }, AgentId { kind: 1, row: 0 }, AgentId { kind: 1, row: 2 }];
    assert!(others.iter().all(|&other| get::<Controller>(&app, other) == Controller::Policy));
    let before = [0, 1, 2].map(|row| height(&app, row));
    update(&mut app, 4);
    let after = [0, 1, 2].map(|row| height(&app, row));
    // No key is pressed, and so it makes the first choice.
    assert_eq!((after[1], get::<Jump>(&app, JUMPER)), (before[1], Jump::Stay));
    assert!(after[0] > before[0] + 2.0 && after[2] > before[2] + 2.0);
    assert_eq!((selected(&app).driver, selected(&app).action.len()), (Driver::Player, 1));
    // Another kind, with other keys.
    send(&mut app, EditorCommand::Select(WALKER));
    send(&mut app, EditorCommand::TakeOver);
    update(&mut app, 6);
    assert_eq!(get::<Controller>(&app, JUMPER), Controller::Policy, "it was let go");
    assert_eq!(get::<Controller>(&app, WALKER), Controller::External);
    assert!(height(&app, 1) > after[1]);
    send(&mut app, EditorCommand::LetGo);
    update(&mut app, 4);
    assert_eq!(get::<Controller>(&app, WALKER), Controller::Policy);
}

#[test]
fn a_kind_that_decides_less_often_keeps_its_decision() {
    let mut app = scene(|jumper| jumper.decision_interval = NonZeroU32::new(6));
    app.world_mut().resource_mut::<Players>().set_own(0, walking(0.25));
    app.world_mut().resource_mut::<Players>().set_own(1, jumping(2, 6));
    send(&mut app, EditorCommand::Select(JUMPER));
    update(&mut app, 8);
    let mut decided = 0;
    let mut next = 0;
    for _ in 0..24 {
        update(&mut app, 1);
        let agent = selected(&app);
        decided += u32::from(!agent.heads.is_empty());
        next += u32::from(!agent.next_heads.is_empty());
    }
    assert_eq!((decided, next), (24, 4), "the next decision is known in one tick of six");
    assert_eq!(snapshot(&app).decision_interval, 2);
}

#[test]
fn a_kind_without_a_policy_is_the_games() {
    let mut app = scene(|jumper| jumper.policy = PolicySource::External);
    app.world_mut().resource_mut::<Players>().set_own(0, walking(0.25));
    // The policy does not act.
    app.world_mut().resource_mut::<Players>().set_own(1, jumping(2, 2));
    update(&mut app, 6);
    let before = height(&app, 1);
    send(&mut app, EditorCommand::Select(JUMPER));
    send(&mut app, EditorCommand::TakeOver);
    update(&mut app, 6);
    assert_eq!((height(&app, 1), selected(&app).driver), (before, Driver::Game));
    assert_eq!(get::<Controller>(&app, JUMPER), Controller::Policy, "it was not taken over");
    assert!(snapshot(&app).kinds[1].is_external && !snapshot(&app).kinds[0].is_external);
    assert!(selected(&app).columns[0].count > 0, "what it sees is shown");
}

#[test]
fn kinds_are_scored_apart() {
    let mut app = scene(|_| ());
    app.world_mut().resource_mut::<Players>().set_own(0, walking(0.25));
    app.world_mut().resource_mut::<Players>().set_own(1, jumping(2, 2));
    let kind = app.world().resource::<SceneKinds>()[1].clone();
    kind.rows_mut(app.world_mut()).set_episode_limit(NonZeroU32::new(3));
    send(&mut app, EditorCommand::ShowArenas(1));
    update(&mut app, 40);
    let [walkers, jumpers] = &snapshot(&app).kinds[..] else { panic!("two kinds") };
    assert_eq!(walkers.score.episodes, 0, "their episodes go on");
    assert!((8..=10).contains(&jumpers.score.episodes), "{:?}", jumpers.score);
}

/// Walkers come and go, jumpers stay.
#[test]
fn what_becomes_of_one_kind_is_never_shown_as_the_other_s() {
    let mut app = scene(|_| ());
    app.world_mut().resource_mut::<Players>().set_own(0, walking(0.25));
    app.world_mut().resource_mut::<Players>().set_own(1, jumping(2, 2));
    send(&mut app, EditorCommand::Select(JUMPER));
    update(&mut app, 8);
    let mut walkers = Vec::new();
    for round in 0..20_usize {
        let jumper = get_entity(&app, JUMPER);
        if round % 3 == 2 {
            walkers.drain(..).for_each(|walker| {
                app.world_mut().despawn(walker);
            });
        } else {
            walkers.push(app.world_mut().spawn(Walker).id());
        }
        update(&mut app, 3);
        let agent = selected(&app);
        assert_eq!((agent.id, agent.columns.len(), get_entity(&app, JUMPER)), (JUMPER, 2, jumper));
        assert_eq!((agent.columns[1].value, agent.columns[1].least), (9.0, 9.0), "of no walker");
        let there = snapshot(&app).agents.iter().filter(|agent| agent.id.kind == 1).count();
        assert_eq!(there, 4);
    }
    assert_eq!(app.world().resource::<selection::Selection>().agent(), Some(JUMPER));
}

fn get_entity(app: &App, id: AgentId) -> Entity {
    app.world().resource::<SceneKinds>().entity(app.world(), id).expect("it is there")
}

/// Places every agent apart from the others, before a camera.
fn stand_before_camera(app: &mut App) {
    app.init_resource::<Assets<Mesh>>().add_message::<ViewportClick>();
    app.add_systems(Update, selection::pick.after(AgentsFound));
    let (projection, place) = (Projection::default(), Transform::from_xyz(0.0, 0.0, 20.0));
    let mut camera = Camera::default();
    camera.computed.clip_from_view = projection.get_clip_from_view();
    camera.computed.target_info = Some(RenderTargetInfo { physical_size: UVec2::new(800, 600), scale_factor: 1.0 });
    app.world_mut().spawn((camera, GlobalTransform::from(place), SceneCamera(place, projection)));
    let ids: Vec<_> = snapshot(app).agents.iter().map(|agent| agent.id).collect();
    for id in ids {
        let agent = get_entity(app, id);
        let place = Transform::from_xyz(2.0 * id.row as f32, 3.0 * id.kind as f32, 0.0);
        app.world_mut().entity_mut(agent).insert(GlobalTransform::from(place));
    }
}

fn click(app: &mut App, place: Vec2) {
    app.world_mut().write_message(ViewportClick(place));
    update(app, 2);
}

#[test]
fn a_click_selects_an_agent_of_either_kind_and_shows_its_kind() {
    let mut app = scene(|_| ());
    update(&mut app, 4);
    stand_before_camera(&mut app);
    for (id, columns) in [(JUMPER, 2), (WALKER, 1), (AgentId { kind: 1, row: 3 }, 2), (AgentId { kind: 0, row: 0 }, 1)]
    {
        let place = seen_at(app.world_mut(), id).expect("the camera sees it");
        click(&mut app, place + vec2(3.0, -2.0));
        let agent = selected(&app);
        assert_eq!((agent.id, agent.columns.len(), snapshot(&app).shown_kind), (id, columns, id.kind));
    }
    click(&mut app, vec2(5.0, 5.0));
    assert!(snapshot(&app).selected.is_none(), "there is nobody");
    assert_eq!(snapshot(&app).shown_kind, 0);
}

/// The same game, with episodes that belong to the arena.
fn game_of_arenas(app: &mut App) {
    game(app);
    app.add_observer(|jumper: On<Add, Jumper>, mut commands: Commands| {
        commands.entity(jumper.entity).insert(EpisodeScope::Arena);
    });
    app.add_observer(|walker: On<Add, Walker>, mut commands: Commands| {
        commands.entity(walker.entity).insert(EpisodeScope::Arena);
    });
}

#[test]
fn an_episode_of_several_kinds_is_played_again_with_the_actions_of_all() {
    let runs = tempfile::tempdir().unwrap();
    let line = ["hunt", "train", "--runs-dir", runs.path().to_str().unwrap(), "--threads", "1"];
    let sets = [
        "worlds=1",
        "arenas=4",
        "episode_limit=24",
        "decision_interval=3",
        "Jumper.decision_interval=6",
        "stop.steps=4_000",
        "reward.arrived=1",
        "reward.high=1",
        "reward.jumped=0",
    ];
    let line = line.into_iter().chain(sets.into_iter().flat_map(|set| ["--set", set]));
    assert_eq!(Ludus::new("hunt", game_of_arenas).run_with(line), AppExit::Success);
    let run = std::fs::read_dir(runs.path()).unwrap().next().unwrap().unwrap().path();
    let episodes = std::fs::read_dir(run.join("episodes")).unwrap().map(|file| file.unwrap().path());
    let whole = |path: &PathBuf| EpisodeLog::read(path).unwrap().head.steps == 24;
    let episode = episodes.into_iter().find(whole).expect("one was kept");
    let specs = [Walker::spec(), Jumper::spec()].map(Arc::new);
    let config = RunConfig { decision_interval: NonZeroU32::new(2).unwrap(), ..RunConfig::for_agents(&specs) };
    let mut app = scene_with(game_of_arenas, &config, &specs);
    update(&mut app, 5);
    replay_in(&mut app, &episode);
    for step in [0, 5, 19, 0, 7, 24, 2] {
        send(&mut app, EditorCommand::SeekReplay(step));
        update(&mut app, 2);
        let replay = shown(&app);
        assert_eq!((replay.step, replay.differs_from), (step, None));
    }
    assert_eq!(snapshot(&app).agents.len(), 3, "a walker and two jumpers");
    assert!(snapshot(&app).agents.iter().all(|agent| agent.driver == Driver::Log));
}
