//! Episodes that are recorded while a game is played.

use bevy::prelude::*;
use ludus_agent::{AgentSystems, Controller, Episode, ScoreAgents, WorldReset};
use ludus_play::ludus_demonstrations::{DecidedBy, Demonstration, DemonstrationFile};
use ludus_play::{
    DemonstrationFilesPlugin, DemonstrationFinished, DemonstrationPlugin, DemonstrationRecorder, ExternalSource,
    KeptDemonstrations, PolicyRunner,
};
use ludus_spec::Outcome;

use crate::game::{Game, Nothing, Walk, Walker, every, line};

/// The episodes that were recorded.
#[derive(Resource, Default)]
struct Recorded(Vec<Demonstration>);

fn collect(mut finished: MessageReader<DemonstrationFinished>, mut recorded: ResMut<Recorded>) {
    recorded.0.extend(finished.read().map(|finished| finished.episode.clone()));
}

/// A player whose finger is on the key in every other tick.
fn fidget(mut ticks: Local<u32>, mut walkers: Query<(&Controller, &mut Walk)>) {
    *ticks += 1;
    for (controller, mut walk) in &mut walkers {
        if *controller == Controller::External {
            walk.velocity = if ticks.is_multiple_of(2) { 0.5 } else { -0.25 };
        }
    }
}

/// A game of walkers that decide once in so many ticks, the walker, and its recorder.
fn recorded_game(interval: u32, recorder: DemonstrationRecorder) -> (Game, Entity) {
    let mut game = Game::new();
    game.app.add_systems(FixedPreUpdate, fidget.in_set(AgentSystems::Act));
    game.app.add_plugins(DemonstrationPlugin { game: "walkers".to_owned(), records_all: false });
    game.app.init_resource::<Recorded>().add_systems(Last, collect);
    let policy = game.load("walk.safetensors", &every(interval, line(0.0, -0.125)));
    let walker = game.app.world_mut().spawn((Walker, recorder, PolicyRunner::new(policy))).id();
    (game, walker)
}

fn end(game: &mut Game, walker: Entity) {
    game.app.world_mut().get_mut::<Episode>(walker).expect("the walker is there").truncate();
}

fn episodes(game: &Game) -> &[Demonstration] {
    &game.app.world().resource::<Recorded>().0
}

/// A step that a person decided counts as the person's, the rest of its episode as the policy's. What was recorded is what
/// happened, although the player let the key go in the middle of each step.
#[test]
fn a_corrected_step_is_the_person_s_and_its_action_is_that_of_the_first_tick() {
    let (mut game, walker) = recorded_game(3, DemonstrationRecorder::default());
    game.tick(10);
    game.app.world_mut().entity_mut(walker).insert(Controller::External);
    game.tick(9);
    game.app.world_mut().entity_mut(walker).insert(Controller::Policy);
    game.tick(9);
    end(&mut game, walker);
    game.tick(6);
    let [episode] = episodes(&game) else { panic!("{} episodes", episodes(&game).len()) };
    let steps = episode.steps();
    let by_person = episode.decided_by.iter().filter(|&&by| by == DecidedBy::Person).count();
    assert_eq!((by_person, episode.info.outcome), (3, Outcome::Truncated), "{:?}", episode.decided_by);
    assert!(
        steps > 6 && episode.decided_by[0] == DecidedBy::Policy && episode.decided_by[steps - 1] == DecidedBy::Policy
    );
    for step in 0..steps {
        let (before, after) = (episode.observations[step], episode.observations[step + 1]);
        let velocity = episode.actions[2 * step];
        // An episode that ends in the middle of a step is not observed at its end, but at that of the step.
        assert_eq!(after - before, 3.0 * velocity, "step {step} of {:?}", episode.observations);
        let expected: &[f32] = match episode.decided_by[step] {
            DecidedBy::Policy => &[-0.125],
            _ => &[0.5, -0.25],
        };
        assert!(expected.contains(&velocity), "{velocity}");
    }
    assert_eq!(episode.masks, vec![true; 2 * steps]);
    assert_eq!(episode.terms, vec![0.0; steps]);
}

/// A game may end an episode at any time: within a step, or between the last tick of one and the first tick of the next.
/// The agent acts until it restarts, and all of its steps are recorded.
#[test]
fn no_step_is_missing_wherever_the_game_ends_the_episode() {
    for ticks in 10..16 {
        let (mut game, walker) = recorded_game(3, DemonstrationRecorder::default());
        game.tick(ticks);
        end(&mut game, walker);
        game.tick(6);
        let [episode] = episodes(&game) else { panic!("{} episodes", episodes(&game).len()) };
        let moved: Vec<f32> = episode.observations.windows(2).map(|places| places[1] - places[0]).collect();
        assert_eq!(moved, vec![3.0 * -0.125; episode.steps()], "ended after {ticks} ticks");
    }
}

#[test]
fn an_episode_is_recorded_from_its_start_or_not_at_all() {
    let mut recorder = DemonstrationRecorder::default();
    recorder.external = ExternalSource::Script;
    let (mut game, walker) = recorded_game(1, recorder.clone());
    game.app.world_mut().entity_mut(walker).remove::<DemonstrationRecorder>();
    game.tick(5);
    game.app.world_mut().entity_mut(walker).insert((recorder, Controller::External));
    game.tick(5);
    end(&mut game, walker);
    game.tick(5);
    assert_eq!(episodes(&game), [], "its start was not seen");
    end(&mut game, walker);
    game.tick(3);
    let [episode] = episodes(&game) else { panic!("{} episodes", episodes(&game).len()) };
    assert!(episode.decided_by.iter().all(|&by| by == DecidedBy::Script));
    // An agent that idles decides nothing.
    game.app.world_mut().entity_mut(walker).insert(Controller::Idle);
    game.tick(3);
    end(&mut game, walker);
    game.tick(3);
    assert_eq!(episodes(&game).len(), 1);
}

#[test]
fn episodes_are_appended_to_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut game, walker) = recorded_game(2, DemonstrationRecorder::default());
    let keeps = KeptDemonstrations::default();
    let files = |name: &str| DemonstrationFilesPlugin { folder: folder.path().join(name), keeps };
    files("shown").record_all(&mut game.app, "walkers");
    // The game records itself already, so a command that records changes nothing.
    files("other").record_all(&mut game.app, "walkers");
    game.tick(7);
    for _ in 0..2 {
        end(&mut game, walker);
        game.tick(8);
    }
    let file = DemonstrationFile::read(&folder.path().join("shown/Walker.demonstrations")).expect("it was written");
    assert_eq!((&file.episodes[..], file.damage.len()), (episodes(&game), 0));
    assert_eq!((file.episodes.len(), file.header.decision_interval.get(), file.header.tick_rate_hz), (2, 2, 64.0));
    assert!(!folder.path().join("other").exists());
}

/// Counts the ticks in which it is scored as its reward.
fn reward_ticks(mut rewards: Query<&mut Nothing>) {
    rewards.iter_mut().for_each(|mut reward| reward.nothing = 1.0);
}

/// A game may despawn an agent when it dies: within a step, or between two.
#[test]
fn the_episode_of_an_agent_that_is_despawned_is_recorded_as_terminated() {
    for ticks in 10..16 {
        let (mut game, walker) = recorded_game(3, DemonstrationRecorder::default());
        game.app.add_systems(ScoreAgents, reward_ticks);
        game.tick(ticks);
        game.app.world_mut().get_mut::<Episode>(walker).expect("the walker is there").fail();
        game.app.world_mut().despawn(walker);
        game.tick(6);
        let [episode] = episodes(&game) else { panic!("{} episodes after {ticks} ticks", episodes(&game).len()) };
        assert_eq!((episode.info.outcome, episode.info.success), (Outcome::Terminated, Some(false)));
        let (steps, places) = (episode.steps(), &episode.observations);
        assert_eq!((episode.actions.len(), places.len(), episode.terms.len()), (2 * steps, steps + 1, steps));
        // The restart takes the first step.
        let scored = ticks - 3;
        assert_eq!((steps as u32, episode.terms.iter().sum::<f32>()), (scored.div_ceil(3), scored as f32), "{ticks}");
        assert!(places.windows(2).take(steps - 1).all(|places| places[1] - places[0] == 3.0 * -0.125), "{places:?}");
    }
}

#[test]
fn arenas_that_are_replaced_end_no_episode() {
    let (mut game, walker) = recorded_game(3, DemonstrationRecorder::default());
    game.tick(11);
    game.app.world_mut().despawn(walker);
    game.app.world_mut().trigger(WorldReset);
    game.tick(6);
    assert_eq!(episodes(&game), []);
}
