//! The scene without a window: its time, its policies, its arenas.

use core::time::Duration;
use std::num::NonZeroU32;
use std::sync::Arc;

use bevy::prelude::*;
use bevy::time::{TimePlugin, TimeUpdateStrategy};
use ludus_agent::spec::{AgentSpec, Seed};
use ludus_agent::{
    Action, Agent, AgentAppExt, Arena, Controller, Episode, EpisodeRng, EpisodeStart, InArena, Observation, Reward,
    SenseAgents, SensorLine, SensorSketches, Slot, StepClock,
};
use ludus_net::{Layout, Memory, Network, NetworkConfig};
use ludus_policy::{Origin, PolicyFile, ValueEstimate};
use ludus_train::config::RunConfig;
use ludus_train::demonstrations::{DecidedBy, DemonstrationFile};
use ludus_train::record_corrections;
use rand::RngExt;

use super::{AgentsFound, Players, ScenePlugin, Stage, configure, prepare};
use crate::snapshot::{AgentId, AgentSnapshot, HeadSnapshot, RunsSnapshot, SceneKindSnapshot, SceneSnapshot};
use crate::time_control::TimeControlPlugin;
use crate::{EditorCommand, Pace, gather, policies, selection, sensors, takeover};

/// An agent that moves along a line.
#[derive(Component, Agent, Default)]
#[require(Place)]
#[agent(observation = Sight, action = Walk, reward = Success)]
pub struct Walker;

#[derive(Component, Default)]
pub struct Place(f32);

#[derive(Component, Observation, Default)]
pub struct Sight {
    place: f32,
}

#[derive(Component, Action, Default)]
pub struct Walk {
    #[action(continuous)]
    velocity: f32,
}

#[derive(Component, Reward, Default)]
pub struct Success {
    arrived: f32,
}

pub fn game(app: &mut App) {
    walkers(app);
    app.add_observer(|arena: On<Add, Arena>, mut commands: Commands| {
        commands.spawn((Walker, InArena(arena.entity)));
    });
}

/// The same game with one walker, outside any arena.
pub fn game_without_arenas(app: &mut App) {
    walkers(app);
    app.add_systems(Startup, |mut commands: Commands| {
        commands.spawn(Walker);
    });
}

pub fn walkers(app: &mut App) {
    app.insert_resource(Time::<Fixed>::from_hz(50.0)).add_agent::<Walker>();
    app.add_observer(|start: On<EpisodeStart<Walker>>, mut walkers: Query<(&mut Place, &mut EpisodeRng)>| -> Result {
        let (mut place, mut rng) = walkers.get_mut(start.entity)?;
        place.0 = rng.random_range(-1.0..1.0);
        Ok(())
    });
    app.add_systems(FixedUpdate, |mut walkers: Query<(&mut Place, &Walk)>| {
        walkers.iter_mut().for_each(|(mut place, walk)| place.0 += walk.velocity);
    });
    app.add_systems(SenseAgents, |mut walkers: Query<(&Place, &mut Sight)>| {
        walkers.iter_mut().for_each(|(place, mut sight)| sight.place = place.0);
    });
}

/// The game on a screen that refreshes every 20 ms, one tick of the game; a step is 2 ticks.
pub fn scene() -> App {
    scene_of(game)
}

pub fn scene_of(game: fn(&mut App)) -> App {
    scene_for(game, vec![Arc::new(Walker::spec())])
}

pub fn scene_for(game: impl FnOnce(&mut App), specs: Vec<Arc<AgentSpec>>) -> App {
    let config = RunConfig {
        decision_interval: NonZeroU32::new(2).unwrap(),
        arenas: NonZeroU32::new(8).unwrap(),
        ..RunConfig::for_agents(&specs)
    };
    scene_with(game, &config, &specs)
}

pub fn scene_with(game: impl FnOnce(&mut App), config: &RunConfig, specs: &[Arc<AgentSpec>]) -> App {
    let mut app = App::new();
    app.add_plugins((TaskPoolPlugin::default(), TimePlugin));
    app.insert_resource(TimeUpdateStrategy::ManualDuration(Duration::from_millis(20)));
    prepare(&mut app, config);
    game(&mut app);
    app.add_message::<EditorCommand>().add_plugins((ScenePlugin, TimeControlPlugin));
    app.insert_resource(Stage::new(Seed::new(1), config, NonZeroU32::new(2).unwrap()));
    app.init_resource::<RunsSnapshot>().init_resource::<SceneSnapshot>();
    app.init_resource::<selection::Selection>().init_resource::<selection::ShownKind>();
    app.insert_resource(takeover::TakeOver::new(specs.iter()));
    app.add_systems(PreUpdate, (selection::obey, takeover::obey).chain().after(AgentsFound));
    app.add_systems(FixedPreUpdate, takeover::act.in_set(ludus_agent::AgentSystems::Act));
    app.add_systems(Update, gather::gather.after(AgentsFound));
    app.finish();
    configure(&mut app, config, specs);
    // Bevy's first update has no tick.
    app.update();
    app
}

const fn walker(row: usize) -> AgentId {
    AgentId { kind: 0, row }
}

pub fn send(app: &mut App, command: EditorCommand) {
    app.world_mut().write_message(command);
}

fn ticks(app: &App) -> u64 {
    app.world().resource::<StepClock>().ticks()
}

pub fn update(app: &mut App, images: u32) {
    (0..images).for_each(|_| app.update());
}

fn places(app: &mut App) -> Vec<f32> {
    let mut walkers = app.world_mut().query::<(&Slot, &Place)>();
    let mut places: Vec<_> = walkers.iter(app.world()).map(|(slot, place)| (slot.index(), place.0)).collect();
    places.sort_unstable_by_key(|(row, _)| *row);
    places.into_iter().map(|(_, place)| place).collect()
}

pub fn walking(velocity: f32) -> super::Player {
    let file = walking_file(velocity);
    policies::player("walk".to_owned(), &file, ValueEstimate::default(), file.decision_interval).unwrap()
}

/// A policy that always walks at this speed: one layer, only its bias is not 0.
fn walking_file(velocity: f32) -> PolicyFile {
    linear_file("actor.0.bias", velocity)
}

/// A policy whose speed is `gain` times the place of the walker, and so differs in every step.
fn homing(gain: f32) -> super::Player {
    let file = linear_file("actor.0.weight", gain);
    policies::player("home".to_owned(), &file, ValueEstimate::default(), file.decision_interval).unwrap()
}

/// A policy with memory and random weights.
fn remembering() -> super::Player {
    let network = NetworkConfig { memory: Some(Memory::Gru(5)), ..NetworkConfig::default() };
    let file = walking_file(0.0);
    let layout = Layout::of_agent(&file.spec, &network).unwrap();
    let parameters = Network::new(layout, Seed::new(3)).parameters().to_vec();
    let file = PolicyFile { network: network.into(), parameters, ..file };
    policies::player("remember".to_owned(), &file, ValueEstimate::default(), file.decision_interval).unwrap()
}

fn linear_file(tensor_name: &str, value: f32) -> PolicyFile {
    file_of(Walker::spec(), tensor_name, |_| value)
}

/// A policy of one layer. All of its weights are 0 but those of the tensor `tensor_name`.
pub fn file_of(spec: AgentSpec, tensor_name: &str, value: impl Fn(usize) -> f32) -> PolicyFile {
    let network = NetworkConfig { hidden: Vec::new(), ..NetworkConfig::default() };
    let layout = Layout::new(spec.observation_width(), &spec.heads(), &network).unwrap();
    let tensors = layout.tensors().map(|tensor| {
        let value = |index| if tensor.name == tensor_name { value(index) } else { 0.0 };
        (tensor.name.clone(), tensor.shape.clone(), (0..tensor.element_count()).map(value).collect())
    });
    let parameters = layout.import(&tensors.collect::<Vec<_>>()).unwrap();
    let origin = Origin { program: "walk".to_owned(), library: String::new(), seed: 1, steps: 7 };
    PolicyFile {
        spec,
        network: network.into(),
        parameters,
        normalizer: None,
        decision_interval: NonZeroU32::new(2).unwrap(),
        tick_rate_hz: 50.0,
        origin,
    }
}

#[test]
fn a_policy_that_decides_more_or_less_often_is_refused_with_what_to_do() {
    let error =
        policies::player("walk".to_owned(), &walking_file(1.0), ValueEstimate::default(), NonZeroU32::new(5).unwrap())
            .err()
            .unwrap();
    assert_eq!(error, "`walk` decides every 2 ticks, the game on screen every 5: open it with `watch walk`");
}

#[test]
fn a_pause_is_between_two_ticks_and_steps_are_whole_ones() {
    let mut app = scene();
    update(&mut app, 3);
    send(&mut app, EditorCommand::SetPace(Pace::Paused));
    update(&mut app, 2);
    let before = ticks(&app);
    update(&mut app, 10);
    assert_eq!(ticks(&app), before, "paused");
    send(&mut app, EditorCommand::StepTick);
    update(&mut app, 3);
    assert_eq!(ticks(&app), before + 1);
    send(&mut app, EditorCommand::StepDecision);
    update(&mut app, 3);
    let after = ticks(&app);
    assert!(after > before + 1 && after.is_multiple_of(2), "a step of two ticks is over after tick {after}");
}

#[test]
fn a_pace_is_a_number_of_ticks_per_image() {
    let mut app = scene();
    let mut ticks_at = |pace: f32| {
        send(&mut app, EditorCommand::SetPace(Pace::Times(pace)));
        update(&mut app, 2);
        let before = ticks(&app);
        update(&mut app, 20);
        ticks(&app) - before
    };
    assert_eq!(ticks_at(1.0), 20);
    assert_eq!(ticks_at(0.5), 10);
    assert_eq!(ticks_at(8.0), 160);
    assert_eq!(ticks_at(f32::NAN), 20, "what is no number is the usual pace");
    send(&mut app, EditorCommand::SetPace(Pace::Unlimited));
    let before = ticks(&app);
    update(&mut app, 20);
    assert!(ticks(&app) > before + 200, "as many as there is time for");
}

#[test]
fn a_newer_policy_decides_from_the_next_decision_on() {
    let mut app = scene();
    update(&mut app, 6);
    let before = places(&mut app);
    assert_eq!(before.len(), 2);
    update(&mut app, 4);
    assert_eq!(places(&mut app), before, "nobody decides, so nobody walks");
    app.world_mut().resource_mut::<Players>().set_own(0, walking(0.25));
    update(&mut app, 8);
    let episodes = app.world_mut().query::<&Episode>().iter(app.world()).map(Episode::number).collect::<Vec<_>>();
    assert_eq!(episodes, [1, 1], "in the middle of the episode");
    assert!(places(&mut app).iter().zip(before).all(|(now, before)| *now > before + 1.0));
    assert_eq!(app.world().resource::<SceneSnapshot>().kinds[0].policy.as_ref().map(|label| label.steps), Some(7));
}

#[test]
fn two_policies_play_the_same_episode_side_by_side() {
    let mut app = scene();
    app.world_mut().resource_mut::<Players>().set_own(0, walking(0.25));
    app.world_mut().resource_mut::<Players>().set_rival(0, walking(-0.25));
    send(&mut app, EditorCommand::ShowArenas(1));
    update(&mut app, 4);
    let start = places(&mut app);
    assert_eq!(start.len(), 2, "one arena, twice");
    update(&mut app, 10);
    let (own, rival) = (places(&mut app)[0] - start[0], places(&mut app)[1] - start[1]);
    assert!(own > 0.0 && (own + rival).abs() < 1e-5, "{own} and {rival}");
}

#[test]
fn another_arena_is_shown_from_its_first_episode_on() {
    let starts = |world, arena| {
        let mut app = scene();
        send(&mut app, EditorCommand::SetPace(Pace::Paused));
        send(&mut app, EditorCommand::ShowArena { world, arena });
        update(&mut app, 3);
        for _ in 0..2 {
            send(&mut app, EditorCommand::StepDecision);
            update(&mut app, 2);
        }
        places(&mut app)
    };
    let (first, second) = (starts(0, 0), starts(0, 1));
    assert_eq!(first, starts(0, 0), "the same arena, the same draws");
    assert_eq!(first[1], second[0], "an arena is the same as the first or the second that is shown");
    // The config has eight worlds.
    assert_eq!(starts(7, 0), starts(100, 0));
    assert_ne!(starts(7, 0), first);
}

#[test]
fn a_player_takes_over_and_lets_go() {
    let mut app = scene();
    app.world_mut().resource_mut::<Players>().set_own(0, walking(0.25));
    update(&mut app, 6);
    send(&mut app, EditorCommand::Select(walker(1)));
    send(&mut app, EditorCommand::TakeOver);
    update(&mut app, 4);
    let before = places(&mut app);
    update(&mut app, 4);
    let after = places(&mut app);
    assert!(after[0] > before[0], "the other one goes on");
    assert_eq!(after[1], before[1], "nobody presses a key");
    let controllers = |app: &mut App| {
        let mut all = app.world_mut().query::<(&Slot, &Controller)>();
        all.iter(app.world()).find(|(slot, _)| slot.index() == 1).map(|(_, controller)| *controller)
    };
    assert_eq!(controllers(&mut app), Some(Controller::External));
    send(&mut app, EditorCommand::LetGo);
    update(&mut app, 6);
    assert_eq!(controllers(&mut app), Some(Controller::Policy));
    assert!(places(&mut app)[1] > after[1], "the policy walks on");
}

/// Ends the episodes of all walkers, and waits until the next ones have begun.
fn end_all(app: &mut App) {
    let mut episodes = app.world_mut().query_filtered::<&mut Episode, With<Walker>>();
    episodes.iter_mut(app.world_mut()).for_each(|mut episode| episode.terminate());
    update(app, 4);
}

/// Returns what is recorded of a walker that a player takes over and lets go, and that the game stops `images` images
/// later.
fn recorded_correction(images: u32) -> DemonstrationFile {
    let folder = tempfile::tempdir().unwrap();
    let recorded = |app: &mut App| {
        game(app);
        record_corrections(app, "walkers", folder.path());
    };
    let mut app = scene_for(recorded, vec![Arc::new(Walker::spec())]);
    app.world_mut().resource_mut::<Players>().set_own(0, walking(0.25));
    update(&mut app, 4);
    end_all(&mut app);
    update(&mut app, 6);
    send(&mut app, EditorCommand::Select(walker(1)));
    send(&mut app, EditorCommand::TakeOver);
    update(&mut app, 6);
    send(&mut app, EditorCommand::LetGo);
    update(&mut app, images);
    end_all(&mut app);
    update(&mut app, 6);
    end_all(&mut app);
    DemonstrationFile::read(&folder.path().join("Walker.demonstrations")).unwrap()
}

/// The whole episode is recorded, with the source of each decision, wherever in a step the game ends it; episodes of the
/// policy alone are not.
#[test]
fn an_episode_in_which_a_player_took_over_is_recorded() {
    for images in 6..8 {
        let file = recorded_correction(images);
        assert_eq!((file.header.game.as_str(), file.header.decision_interval.get()), ("walkers", 2));
        let [episode] = &file.episodes[..] else { panic!("{} episodes", file.episodes.len()) };
        let by = &episode.decided_by;
        let by_person: Vec<bool> = by.iter().map(|&by| by == DecidedBy::Person).collect();
        assert_eq!((by_person[0], by_person.last()), (false, Some(&false)), "{by:?}");
        assert_eq!(episode.imitated(), by_person, "the person's steps are imitated, and no others");
        for (step, &is_person) in by_person.iter().enumerate() {
            // Nobody presses a key, and the policy walks on.
            assert_eq!(episode.actions[step], if is_person { 0.0 } else { 0.25 }, "step {step} of {by:?}");
            let moved = episode.observations[step + 1] - episode.observations[step];
            assert!((moved - 2.0 * episode.actions[step]).abs() < 1e-5, "step {step} of {by:?}: {moved}");
        }
    }
}

/// An agent whose episode the game ends between two steps acts in one step more, and idles in the one after it.
#[test]
fn an_agent_is_shown_to_act_until_it_restarts() {
    let mut app = scene();
    app.world_mut().resource_mut::<Players>().set_own(0, walking(0.25));
    update(&mut app, 4);
    let mut idle = [0, 0];
    for (images, idle) in (4..6).zip(&mut idle) {
        update(&mut app, images);
        let mut episodes = app.world_mut().query_filtered::<&mut Episode, With<Walker>>();
        episodes.iter_mut(app.world_mut()).for_each(|mut episode| episode.terminate());
        for _ in 0..8 {
            update(&mut app, 1);
            *idle += u32::from(app.world().resource::<Players>().is_idle(walker(0)));
        }
    }
    assert_eq!(idle, [2, 2], "the restart is a step of two ticks");
}

#[test]
fn the_selected_agents_sensors_are_drawn() {
    let mut app = scene();
    app.init_resource::<sensors::SensorLines>().add_systems(Update, sensors::sketch);
    update(&mut app, 4);
    let agents = app.world_mut().query_filtered::<Entity, With<Walker>>().iter(app.world()).collect::<Vec<_>>();
    for agent in agents {
        let mut sketches = SensorSketches::default();
        sketches.add(|_, _| vec![SensorLine { from: Vec3::ZERO, to: Vec3::X, is_hit: true }]);
        app.world_mut().entity_mut(agent).insert(sketches);
    }
    let lines = |app: &mut App| {
        update(app, 2);
        app.world().resource::<sensors::SensorLines>().len()
    };
    assert_eq!(lines(&mut app), 0, "nobody is selected");
    send(&mut app, EditorCommand::Select(walker(1)));
    assert_eq!(lines(&mut app), 1);
}

#[test]
fn the_selected_agent_is_described() {
    let mut app = scene();
    app.world_mut().resource_mut::<Players>().set_own(0, walking(0.25));
    send(&mut app, EditorCommand::Select(walker(0)));
    update(&mut app, 12);
    let scene = app.world().resource::<SceneSnapshot>();
    let agent = scene.selected.as_ref().expect("it was selected");
    assert_eq!((scene.agents.len(), agent.name.as_str()), (2, "Walker 0 · arena 0"));
    assert_eq!((agent.columns.len(), agent.heads.len(), agent.action.len()), (1, 1, 1));
    assert!(agent.columns[0].deviation > 0.0 && agent.columns[0].count > 2);
    assert_eq!(agent.episode.values.len() as u32, agent.episode.steps);
    assert_eq!(agent.episode.terms.len() as u32, agent.episode.steps);
}

fn selected(app: &App) -> AgentSnapshot {
    app.world().resource::<SceneSnapshot>().selected.clone().expect("it was selected")
}

fn mean(heads: &[HeadSnapshot]) -> f32 {
    let [HeadSnapshot::Gaussian { mean, .. }] = heads else { panic!("{heads:?}") };
    mean[0]
}

#[test]
fn a_distribution_stays_that_of_the_decision_until_the_next_one() {
    let mut app = scene();
    app.world_mut().resource_mut::<Players>().set_own(0, homing(-0.2));
    send(&mut app, EditorCommand::Select(walker(0)));
    update(&mut app, 8);
    let mut next = None;
    for _ in 0..12 {
        update(&mut app, 1);
        let agent = selected(&app);
        assert_eq!(mean(&agent.heads), agent.action[0], "the most probable action was chosen");
        assert_eq!(agent.decided_by.as_ref().map(|label| label.steps), Some(7));
        if agent.next_heads.is_empty() {
            assert!(agent.next_value.is_nan(), "the step is not over");
            if let Some(decided) = next.take() {
                assert_eq!(mean(&agent.heads), decided, "what was next is now");
            }
        } else {
            assert!((mean(&agent.next_heads) + 0.2 * agent.columns[0].value).abs() < 1e-6, "of what is seen now");
            assert_ne!(mean(&agent.next_heads), mean(&agent.heads));
            next = Some(mean(&agent.next_heads));
        }
    }
}

#[test]
fn a_policy_that_takes_over_does_not_change_what_another_one_decided() {
    let mut app = scene();
    app.world_mut().resource_mut::<Players>().set_own(0, homing(-0.2));
    send(&mut app, EditorCommand::Select(walker(0)));
    send(&mut app, EditorCommand::SetPace(Pace::Paused));
    update(&mut app, 2);
    for _ in 0..3 {
        send(&mut app, EditorCommand::StepDecision);
        update(&mut app, 2);
    }
    let before = selected(&app);
    app.world_mut().resource_mut::<Players>().set_own(0, walking(0.5));
    update(&mut app, 2);
    let after = selected(&app);
    assert_eq!((&after.heads, &after.action), (&before.heads, &before.action));
    assert_eq!(after.decided_by.map(|label| label.name).as_deref(), Some("home"));
    assert_eq!(mean(&after.next_heads), 0.5);
}

fn with_episodes_of(app: &mut App, steps: u32) {
    let kind = app.world().resource::<super::SceneKinds>()[0].clone();
    kind.rows_mut(app.world_mut()).set_episode_limit(NonZeroU32::new(steps));
}

#[test]
fn in_a_restart_step_nobody_decides() {
    let mut app = scene();
    with_episodes_of(&mut app, 3);
    app.world_mut().resource_mut::<Players>().set_own(0, homing(-0.2));
    send(&mut app, EditorCommand::Select(walker(0)));
    update(&mut app, 4);
    let mut idle = 0;
    for _ in 0..32 {
        update(&mut app, 1);
        let agent = selected(&app);
        assert_eq!(agent.heads.is_empty(), agent.action.is_empty());
        idle += u32::from(agent.heads.is_empty());
    }
    assert_eq!(idle, 8, "one step in four, of two ticks");
}

/// Of every episode of three steps, the first decision remembers nothing, and the others do.
#[test]
fn what_a_policy_remembers_lasts_for_an_episode() {
    let mut app = scene();
    with_episodes_of(&mut app, 3);
    app.world_mut().resource_mut::<Players>().set_own(0, remembering());
    send(&mut app, EditorCommand::Select(walker(0)));
    update(&mut app, 4);
    let mut last = None;
    let mut remembered = Vec::new();
    for _ in 0..32 {
        update(&mut app, 1);
        let agent = selected(&app);
        assert_eq!(agent.memory.len(), if agent.heads.is_empty() { 0 } else { 5 });
        let step = (agent.episode.number, agent.episode.steps, agent.heads.is_empty());
        if last.replace(step) != Some(step) && !agent.heads.is_empty() {
            remembered.push(agent.memory.iter().any(|&number| number != 0.0));
        }
    }
    // The restart step shows the first decision, and is a step of its own in the list.
    let begins = remembered.iter().position(|&remembers| !remembers).expect("an episode began");
    let whole = (remembered.len() - begins) / 4;
    assert!(whole > 2);
    for episode in remembered[begins..].chunks_exact(4) {
        assert_eq!(episode, [false, false, true, true], "{remembered:?}");
    }
}

#[test]
fn two_policies_that_are_compared_are_scored_apart() {
    let mut app = scene();
    with_episodes_of(&mut app, 3);
    app.world_mut().resource_mut::<Players>().set_own(0, walking(0.25));
    app.world_mut().resource_mut::<Players>().set_rival(0, walking(-0.25));
    send(&mut app, EditorCommand::ShowArenas(1));
    update(&mut app, 40);
    let scene = app.world().resource::<SceneSnapshot>();
    let SceneKindSnapshot { score, rival_score, .. } = &scene.kinds[0];
    assert!((4..=5).contains(&score.episodes), "{score:?}");
    assert_eq!(rival_score, score);
    assert_eq!(score.mean_return(), Some(0.0));
    send(&mut app, EditorCommand::ShowArena { world: 0, arena: 2 });
    update(&mut app, 2);
    assert_eq!(app.world().resource::<SceneSnapshot>().kinds[0].score.episodes, 0, "counted anew");
}

#[test]
fn what_moves_a_replay_leaves_the_pace_alone_where_none_plays() {
    let mut app = scene();
    let commands =
        [EditorCommand::EndReplay, EditorCommand::PlayReplay(crate::Direction::Backwards), EditorCommand::StepBack];
    for pace in [Pace::Paused, Pace::Times(2.0)] {
        send(&mut app, EditorCommand::SetPace(pace));
        for command in &commands {
            send(&mut app, command.clone());
            update(&mut app, 2);
            assert_eq!(app.world().resource::<crate::timeline::Timeline>().pace(), pace, "after {command:?}");
        }
    }
}
