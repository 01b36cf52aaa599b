//! Playing: the game with a policy that decides for its agents.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bevy::prelude::*;
use ludus_agent::{AgentKinds, AgentSystems, Episode, FinishedEpisode, WorldSeed};
use ludus_play::{PolicyAsset, PolicyPlugin, PolicyProblem, PolicyRunner, give_runner};
use ludus_policy::ActionChoice;
use ludus_spec::Seed;
use ludus_worlds::Game;

use crate::clock;
use crate::episodes::Spread;
use crate::error::TrainError;

/// Between two updates without a window: as with a screen of 60 Hz.
const FRAME: Duration = Duration::from_nanos(1_000_000_000 / 60);

/// Seconds without an end of an episode until one that goes on is told of, first and then again.
const SILENCE: [f64; 2] = [1.0, 5.0];

/// What is told while a game is played without a window.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PlayEvent<'a> {
    /// The episode of this number, from 1, has ended.
    Ended(usize, &'a FinishedEpisode),
    /// None has ended for a while; the one that is the furthest has come so far.
    GoesOn { steps: u32, reward: f32 },
}

/// How a game is played.
#[derive(Clone, Debug)]
pub(crate) struct PlaySettings {
    /// How the policy chooses.
    pub choice: ActionChoice,
    /// Of the world.
    pub seed: Seed,
    /// The weight of each reward term, in the spec's order.
    pub weights: Vec<f32>,
    /// Truncates episodes after so many steps.
    pub episode_limit: Option<NonZeroU32>,
}

/// The episodes that were played.
#[derive(Resource, Clone, Debug, Default)]
pub(crate) struct Played {
    pub episodes: Vec<FinishedEpisode>,
}

impl Played {
    /// Their returns.
    pub fn returns(&self) -> Spread {
        Spread::of(self.episodes.iter().map(|episode| f64::from(episode.reward)))
    }

    /// Steps of all of them.
    pub fn steps(&self) -> u64 {
        self.episodes.iter().map(|episode| u64::from(episode.steps)).sum()
    }
}

/// The game with a policy that decides for all of its agents, scored as in training.
pub(crate) fn played(game: Game, policy: PolicyAsset, settings: PlaySettings) -> Game {
    Arc::new(move |app: &mut App| {
        app.insert_resource(WorldSeed(settings.seed));
        game(app);
        add_policy(app, policy.clone(), settings.choice);
        for kind in kinds(app) {
            let rows = kind.rows_mut(app.world_mut());
            rows.set_weights(&settings.weights);
            rows.set_episode_limit(settings.episode_limit);
        }
    })
}

/// Lets a policy decide for all agents of the game that the app has.
pub(crate) fn add_policy(app: &mut App, policy: PolicyAsset, choice: ActionChoice) {
    if !app.is_plugin_added::<AssetPlugin>() {
        app.add_plugins(AssetPlugin::default());
    }
    app.add_plugins(PolicyPlugin);
    let policy = app.world_mut().resource_mut::<Assets<PolicyAsset>>().add(policy);
    let runner = PolicyRunner { policy, choice };
    for kind in kinds(app) {
        give_runner(app, &kind, &runner);
    }
}

fn kinds(app: &App) -> Vec<ludus_agent::AgentKind> {
    app.world().get_resource::<AgentKinds>().map_or(Vec::new(), |kinds| kinds.iter().cloned().collect())
}

/// Plays without a window, as fast as the wall clock, until so many episodes have ended or somebody interrupts.
///
/// # Errors
///
/// If the policy can't decide in this game.
pub(crate) fn play_in_real_time(
    game: &Game,
    episodes: u32,
    interrupted: &AtomicBool,
    tell: &mut dyn FnMut(PlayEvent<'_>),
) -> Result<Played, TrainError> {
    let mut app = windowless(game);
    let mut told = 0;
    let mut next_words = clock::seconds() + SILENCE[0];
    while told < episodes as usize && !interrupted.load(Ordering::Relaxed) && app.should_exit().is_none() {
        app.update();
        if let Some(problem) = app.world_mut().resource_mut::<Messages<PolicyProblem>>().drain().next() {
            return Err(TrainError::Unplayable(problem.sentence));
        }
        let played = app.world().resource::<Played>();
        for episode in played.episodes.iter().take(episodes as usize).skip(told) {
            told += 1;
            tell(PlayEvent::Ended(told, episode));
            next_words = clock::seconds() + SILENCE[1];
        }
        if clock::seconds() >= next_words
            && let Some((steps, reward)) = furthest(app.world_mut())
        {
            tell(PlayEvent::GoesOn { steps, reward });
            next_words = clock::seconds() + SILENCE[1];
        }
        std::thread::sleep(FRAME);
    }
    let mut played = app.world_mut().remove_resource::<Played>().unwrap_or_default();
    played.episodes.truncate(episodes as usize);
    Ok(played)
}

/// Steps and return of the agent whose episode has gone on for the most steps.
fn furthest(world: &mut World) -> Option<(u32, f32)> {
    let kinds = world.resource::<AgentKinds>().iter().cloned().collect::<Vec<_>>();
    let agents = kinds.iter().flat_map(|kind| {
        let rows = kind.rows_mut(world);
        let agents = (0..rows.len()).map(|row| (rows.agent(row), rows.episode_returns()[row]));
        agents.collect::<Vec<_>>()
    });
    let agents = agents.collect::<Vec<_>>();
    let steps = |agent: Entity| Some(world.get::<Episode>(agent)?.steps());
    let episodes = agents.into_iter().filter_map(|(agent, reward)| Some((steps(agent?)?, reward)));
    episodes.max_by_key(|(steps, _)| *steps)
}

/// The game with what `DefaultPlugins` would give it, less what needs a window.
fn windowless(game: &Game) -> App {
    let mut app = App::new();
    app.add_plugins(MinimalPlugins);
    game(&mut app);
    if !app.is_plugin_added::<TransformPlugin>() {
        app.add_plugins(TransformPlugin);
    }
    app.init_resource::<Played>().add_systems(FixedLast, note_episodes.after(AgentSystems::Sense));
    app.finish();
    app.cleanup();
    app
}

/// Takes the episodes that ended in this tick, before the next decision forgets them.
fn note_episodes(world: &mut World) {
    let kinds = world.resource::<AgentKinds>().iter().cloned().collect::<Vec<_>>();
    world.resource_scope(|world, mut played: Mut<Played>| {
        for kind in kinds {
            kind.rows_mut(world).drain_episodes(|episode, _| played.episodes.push(episode));
        }
    });
}
