//! Playing: the game with a policy that decides for its agents.

mod opponents;

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bevy::prelude::*;
use ludus_agent::{AgentKind, AgentKinds, AgentSystems, Episode, FinishedEpisode, ParameterPlan, StepClock, WorldSeed};
use ludus_learn::after_step;
use ludus_net::AfterStep;
use ludus_play::{
    DemonstrationFilesPlugin, KeptDemonstrations, PolicyAsset, PolicyPlugin, PolicyProblem, PolicyRunner,
    PolicySystems, give_runner,
};
use ludus_policy::{ActionChoice, PolicyFile, Sensed};
use ludus_spec::{Distribution, Outcome, Seed};
use ludus_worlds::{CLEARED, Game, add_with_states, explained};

pub(crate) use opponents::{FirstSide, PlayedOpponents};

use crate::actor::{Actor, ActorScratch};
use crate::blueprint::Blueprint;
use crate::clock;
use crate::error::TrainError;
use crate::fit::check_fit;

/// Time between two updates without a window: that of a screen with 60 Hz.
const FRAME: Duration = Duration::from_nanos(1_000_000_000 / 60);

/// Time without the end of an episode until the longest episode in progress is reported, at the start and then again
/// [s].
const SILENCE: [f64; 2] = [1.0, 5.0];

/// The events that are reported while a game is played without a window.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PlayEvent<'a> {
    /// The episode of this number, from 1, has ended.
    Ended(usize, &'a PlayedEpisode),
    /// No episode has ended for a while: the steps and the return of the longest one in progress.
    GoesOn { steps: u32, reward: f32 },
}

/// The settings with which a game is played.
#[derive(Clone)]
pub(crate) struct PlaySettings {
    /// The way in which policies choose actions.
    pub choice: ActionChoice,
    /// The seed of the world.
    pub seed: Seed,
    /// The kinds of agents that a policy decides for; the game decides for others.
    pub kinds: Vec<PlayedKind>,
    /// The distributions of episode parameters, which the game has.
    pub parameters: Vec<(String, Distribution)>,
    /// The policies of all sides but the first, if they are others.
    pub against: Option<PlayedOpponents>,
    /// The recording of its episodes, if they are recorded.
    pub recorded: Option<RecordedPlay>,
}

/// The recording of the episodes of a game that is played.
#[derive(Clone)]
pub(crate) struct RecordedPlay {
    /// The name of the game.
    pub game: String,
    /// The folder that gets a file for each kind of agents.
    pub folder: PathBuf,
}

/// A kind of agents that a policy decides for.
#[derive(Clone)]
pub(crate) struct PlayedKind {
    pub name: String,
    pub policy: PlayedPolicy,
    /// The weight of each reward term, in the spec's order.
    pub weights: Vec<f32>,
    /// The number of steps after which episodes are truncated.
    pub episode_limit: Option<NonZeroU32>,
}

/// An episode that was played.
#[derive(Clone, Debug)]
pub(crate) struct PlayedEpisode {
    /// The name of the kind of agents; `None` in a game that has only one.
    pub kind: Option<String>,
    pub episode: FinishedEpisode,
}

/// The episodes that were played.
#[derive(Resource, Clone, Debug, Default)]
pub(crate) struct Played {
    pub episodes: Vec<PlayedEpisode>,
    /// True if the game has written `AppExit`.
    pub has_quit: bool,
}

impl Played {
    /// The names of the kinds that played; `None` stands for a game's only kind.
    pub fn kinds(&self) -> BTreeSet<Option<&str>> {
        self.episodes.iter().map(|played| played.kind.as_deref()).collect()
    }

    /// The episodes of a kind.
    pub fn of_kind<'a>(&'a self, kind: Option<&'a str>) -> impl Iterator<Item = &'a FinishedEpisode> + Clone {
        let of_kind = self.episodes.iter().filter(move |played| played.kind.as_deref() == kind);
        of_kind.map(|played| &played.episode)
    }

    /// The number of steps of all episodes.
    pub fn steps(&self) -> u64 {
        self.episodes.iter().map(|played| u64::from(played.episode.steps)).sum()
    }
}

/// The game with policies that decide for its agents, scored as in training.
pub(crate) fn played(game: Game, settings: PlaySettings) -> Game {
    Arc::new(move |app: &mut App| {
        app.insert_resource(WorldSeed(settings.seed));
        game(app);
        for kind in kinds(app) {
            let of_kind = settings.kinds.iter().find(|played| played.name == kind.spec().name);
            let Some(PlayedKind { policy, weights, episode_limit, .. }) = of_kind else {
                kind.rows_mut(app.world_mut()).leave_to_the_game();
                continue;
            };
            policy.add_to(app, &kind, settings.choice);
            let rows = kind.rows_mut(app.world_mut());
            rows.set_weights(weights);
            rows.set_episode_limit(*episode_limit);
        }
        if let Some(against) = &settings.against {
            against.add_to(app, settings.choice);
        }
        if let Some(RecordedPlay { game, folder }) = &settings.recorded {
            let files = DemonstrationFilesPlugin { folder: folder.clone(), keeps: KeptDemonstrations::All };
            files.record_all(app, game);
        }
        if let Some(mut plan) = app.world_mut().get_resource_mut::<ParameterPlan>() {
            for (name, distribution) in &settings.parameters {
                // The config was checked for this game, so it has the parameter.
                let _ = plan.set(name, Some(distribution.clone()));
            }
        }
    })
}

/// A policy that a game is played with.
#[derive(Clone)]
pub(crate) enum PlayedPolicy {
    /// A policy that runs as in a shipped game, as an asset.
    Asset(PolicyAsset),
    /// A policy with the game's own network, which runs in this program alone, on libtorch, and its ticks per step.
    Own(Arc<Actor>, NonZeroU32),
}

impl PlayedPolicy {
    /// The policy of a file for a kind of agents, in a game of this blueprint.
    ///
    /// # Errors
    ///
    /// If this program does not have the network, or if the game has other ticks per step or per second.
    pub fn new(file: &PolicyFile, name: &Path, blueprint: &Blueprint, kind: usize) -> Result<Self, TrainError> {
        if file.network.own().is_none() {
            // Its steps and ticks are checked as in a shipped game.
            return Ok(Self::Asset(PolicyAsset::new(file, name)?));
        }
        let actor = Actor::new(file, blueprint, kind)?;
        // Steps that the game has not set are set by the policy.
        check_fit(file, name, &blueprint.with_interval(kind, file.decision_interval), kind)?;
        Ok(Self::Own(Arc::new(actor), file.decision_interval))
    }

    /// Adds the policy to the app, so that it decides for all agents of this kind.
    pub fn add_to(&self, app: &mut App, kind: &AgentKind, choice: ActionChoice) {
        match self {
            Self::Asset(policy) => add_asset(app, kind, policy.clone(), choice),
            Self::Own(actor, interval) => add_own(app, kind, actor.clone(), *interval, choice),
        }
    }
}

fn add_asset(app: &mut App, kind: &AgentKind, policy: PolicyAsset, choice: ActionChoice) {
    if !app.is_plugin_added::<AssetPlugin>() {
        app.add_plugins(AssetPlugin::default());
    }
    if !app.is_plugin_added::<PolicyPlugin>() {
        app.add_plugins(PolicyPlugin);
    }
    let policy = app.world_mut().resource_mut::<Assets<PolicyAsset>>().add(policy);
    give_runner(app, kind, &PolicyRunner::new(policy).choosing(choice));
}

/// Policies that decide without being assets, each for a kind of agents.
#[derive(Resource, Default)]
struct OwnRunners(Vec<OwnRunner>);

struct OwnRunner {
    kind: AgentKind,
    actor: Arc<Actor>,
    scratch: ActorScratch,
    choice: ActionChoice,
    memory: EpisodeMemory,
}

/// The memory that a policy keeps of each row's episode, before its last decision and after it. `[rows, memory width]`.
#[derive(Default)]
struct EpisodeMemory {
    past: Vec<f32>,
    now: Vec<f32>,
}

impl EpisodeMemory {
    /// Returns what is remembered before the next decision, which replaces it.
    fn recall(&mut self, rows: usize, width: usize) -> &mut [f32] {
        self.now.resize(rows * width, 0.0);
        self.past.clone_from(&self.now);
        &mut self.now
    }

    /// Corrects what is remembered after a step with these outcomes.
    fn settle(&mut self, outcomes: &[Outcome]) {
        let Self { past, now } = self;
        let width = now.len() / outcomes.len().max(1);
        let rows = now.chunks_exact_mut(width.max(1)).zip(past.chunks_exact(width.max(1)));
        for ((now, past), &outcome) in rows.zip(outcomes) {
            match after_step(outcome) {
                AfterStep::Keep => {}
                AfterStep::Reset => now.fill(0.0),
                AfterStep::Restore => now.copy_from_slice(past),
            }
        }
    }
}

fn add_own(app: &mut App, kind: &AgentKind, actor: Arc<Actor>, interval: NonZeroU32, choice: ActionChoice) {
    app.world_mut().get_resource_or_init::<StepClock>().set_decision_interval(interval);
    let is_first = !app.world().contains_resource::<OwnRunners>();
    let (kind, scratch, memory) = (kind.clone(), actor.scratch(), EpisodeMemory::default());
    let runner = OwnRunner { kind, actor, scratch, choice, memory };
    app.world_mut().get_resource_or_init::<OwnRunners>().0.push(runner);
    if is_first {
        app.configure_sets(FixedPreUpdate, PolicySystems::Decide.before(AgentSystems::Act));
        app.add_systems(FixedPreUpdate, decide_own.in_set(PolicySystems::Decide));
        app.add_systems(FixedLast, settle_own.after(AgentSystems::Sense));
    }
}

/// On a step's first tick: observation rows become action rows.
fn decide_own(world: &mut World) {
    let clock = *world.resource::<StepClock>();
    if !clock.is_first_tick() {
        return;
    }
    world.resource_scope(|world, mut runners: Mut<OwnRunners>| {
        for OwnRunner { kind, actor, scratch, choice, memory } in &mut runners.0 {
            let choice = match *choice {
                ActionChoice::Greedy => ActionChoice::Greedy,
                ActionChoice::Sampled(seed) => ActionChoice::Sampled(seed.derive(clock.ticks())),
            };
            let rows = kind.rows_mut(world);
            // libtorch has no batch without rows.
            if rows.len() == 0 {
                continue;
            }
            // All systems that read the episodes have run by now.
            rows.drain_episodes(|_, _| {});
            let memory = memory.recall(rows.len(), actor.memory_width());
            rows.decide(|observations, masks, actions| {
                actor.act(Sensed { observations, masks }, memory, choice, scratch, actions);
            });
        }
    });
}

/// After a step, while its outcomes are there: corrects what policies remember.
fn settle_own(world: &mut World) {
    if !world.resource::<StepClock>().is_last_tick() {
        return;
    }
    world.resource_scope(|world, mut runners: Mut<OwnRunners>| {
        for OwnRunner { kind, memory, .. } in &mut runners.0 {
            memory.settle(kind.rows(world).outcomes());
        }
    });
}

fn kinds(app: &App) -> Vec<AgentKind> {
    app.world().get_resource::<AgentKinds>().map_or(Vec::new(), |kinds| kinds.iter().cloned().collect())
}

/// Plays without a window, as fast as the wall clock, until `episodes` episodes have ended, the game quits or the user
/// interrupts it.
///
/// # Errors
///
/// If the policy can't decide in this game, or the game panics.
pub(crate) fn play_in_real_time(
    game: &Game,
    episodes: u32,
    interrupted: &AtomicBool,
    tell: &mut dyn FnMut(PlayEvent<'_>),
) -> Result<Played, TrainError> {
    let mut app = windowless(game)?;
    let mut told = 0;
    let mut next_words = clock::seconds() + SILENCE[0];
    let mut has_quit = false;
    while told < episodes as usize && !interrupted.load(Ordering::Relaxed) && !has_quit {
        unless_panicked(|| app.update())?;
        has_quit = app.should_exit().is_some();
        let problems = app.world_mut().get_resource_mut::<Messages<PolicyProblem>>();
        if let Some(problem) = problems.and_then(|mut problems| problems.drain().next()) {
            return Err(TrainError::Unplayable(problem.sentence));
        }
        let Some(played) = app.world().get_resource::<Played>() else {
            return Err(TrainError::GamePanicked(CLEARED.to_owned()));
        };
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
    played.has_quit = has_quit;
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

/// Runs `work`, and returns its panic as an error.
fn unless_panicked<T>(work: impl FnOnce() -> T) -> Result<T, TrainError> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| TrainError::GamePanicked(explained(&*panic)))
}

/// An app with the game and the plugins that it needs without a window.
fn windowless(game: &Game) -> Result<App, TrainError> {
    let mut app = App::new();
    unless_panicked(|| add_windowless(&mut app, game))?;
    Ok(app)
}

fn add_windowless(app: &mut App, game: &Game) {
    app.add_plugins(MinimalPlugins);
    add_with_states(app, |app| game(app));
    if !app.is_plugin_added::<TransformPlugin>() {
        app.add_plugins(TransformPlugin);
    }
    app.init_resource::<Played>().add_systems(FixedLast, note_episodes.after(AgentSystems::Sense));
    app.finish();
    app.cleanup();
}

/// Adds the episodes that ended in this tick to [`Played`], before the next decision removes them.
fn note_episodes(world: &mut World) {
    let kinds = world.resource::<AgentKinds>().iter().cloned().collect::<Vec<_>>();
    world.resource_scope(|world, mut played: Mut<Played>| {
        let has_several = kinds.len() > 1;
        for kind in kinds {
            let name = has_several.then(|| kind.spec().name.clone());
            kind.rows_mut(world).drain_episodes(|episode, _| {
                played.episodes.push(PlayedEpisode { kind: name.clone(), episode });
            });
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two numbers per row, of rows that decide, begin an episode, and wait.
    #[test]
    fn what_is_remembered_follows_the_outcomes() {
        let mut memory = EpisodeMemory::default();
        let before_decision = |memory: &mut EpisodeMemory, rows: usize| memory.recall(rows, 2).to_vec();
        let step = |memory: &mut EpisodeMemory, decided: [f32; 6], outcomes: [Outcome; 3]| {
            memory.recall(3, 2).copy_from_slice(&decided);
            memory.settle(&outcomes);
        };
        assert_eq!(before_decision(&mut memory, 3), [0.0; 6]);
        step(&mut memory, [9.0; 6], [Outcome::Restart; 3]);
        assert_eq!(before_decision(&mut memory, 3), [0.0; 6], "the first decision of an episode remembers nothing");
        step(&mut memory, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [Outcome::Running; 3]);
        step(&mut memory, [9.0; 6], [Outcome::Running, Outcome::Restart, Outcome::Waiting]);
        assert_eq!(before_decision(&mut memory, 4), [9.0, 9.0, 0.0, 0.0, 5.0, 6.0, 0.0, 0.0]);
        memory.settle(&[Outcome::Running; 4]);
        assert_eq!(EpisodeMemory::default().recall(4, 0), [0.0; 0]);
        EpisodeMemory::default().settle(&[Outcome::Running; 4]);
    }
}
