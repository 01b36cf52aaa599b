//! One headless world.

use core::num::NonZeroU64;
use core::time::Duration;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use bevy::app::SubApp;
use bevy::diagnostic::FrameCountPlugin;
use bevy::ecs::schedule::{Schedules, SingleThreadedExecutor};
use bevy::prelude::*;
use bevy::time::{TimePlugin, TimeUpdateStrategy};
use ludus_agent::spec::{AgentSpec, Outcome, Seed};
use ludus_agent::{
    AgentKind, AgentKinds, Arenas, FirstEpisodes, Rows, SenseScoreTime, StartingArena, StateHash, StateHashes,
    StepClock, WorldSeed, WrittenAction, hash_state_every,
};

use crate::error::panic_message;
use crate::ticks::{begin_ticks, hold_clocks, replace_fixed_loop};
use crate::{EpisodeOrigin, Game, WorldError, WorldPanic, WorldSettings};

/// A game without a window, stepped by hand.
///
/// Its first step, the restart step of all its agents, is part of building it: then [`rows`](Self::rows) hold the
/// first observations.
pub struct PooledWorld {
    app: SubApp,
    kind: AgentKind,
    game: Game,
    settings: WorldSettings,
    seed: Seed,
    /// How often the world was built anew after a panic; its seed derives from it then.
    rebuilt: u32,
    /// Ticks of the worlds that stood here before they panicked.
    past_ticks: u64,
    /// Ticks between two state hashes, if they are taken.
    hash_every: Option<NonZeroU64>,
    /// Those of the worlds that stood here before.
    past_hashes: Vec<StateHash>,
}

impl PooledWorld {
    /// Builds the world and takes its first step.
    ///
    /// # Errors
    ///
    /// A game without agents or with several kinds of them, with none of them in the world after its first step, or
    /// one that panics.
    pub fn build(game: &Game, settings: WorldSettings) -> Result<Self, WorldError> {
        let origin = EpisodeOrigin { seed: world_seed(&settings, 0), numbers: Vec::new() };
        Self::build_at(game, settings, origin)
    }

    /// Builds a world whose agents begin with an episode that another world has had, and takes its first step.
    ///
    /// Its seed is that of `origin`, not that of `settings`. What happens is what happened then, as long as the game
    /// has nothing outside the episode that the episode depends on.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build).
    pub fn build_at(game: &Game, settings: WorldSettings, origin: EpisodeOrigin) -> Result<Self, WorldError> {
        let (app, kind) = build_app(game, &settings, &origin)?;
        let (past_ticks, hash_every, past_hashes) = (0, None, Vec::new());
        let game = game.clone();
        let mut world =
            Self { app, kind, game, settings, seed: origin.seed, rebuilt: 0, past_ticks, hash_every, past_hashes };
        world.begin()?;
        Ok(world)
    }

    /// Takes one step with the actions that stand in the rows.
    ///
    /// It has as many ticks as the settings say, whatever the game does to its time, its timestep or its clocks.
    ///
    /// # Errors
    ///
    /// If the game panics. Its rows are then half written: [`rebuild`](Self::rebuild) the world before they are read.
    pub fn step(&mut self) -> Result<(), WorldPanic> {
        let (app, interval) = (&mut self.app, self.settings.decision_interval);
        let update = || {
            hold_clocks(app.world_mut(), interval);
            app.update();
        };
        catch_unwind(AssertUnwindSafe(update)).map_err(|panic| WorldPanic {
            world: self.settings.world,
            arena: self.arena(),
            tick: self.tick(),
            seed: self.seed().bits(),
            message: panic_message(&*panic),
        })
    }

    /// Builds the world anew, with another seed, after it has panicked.
    ///
    /// Its rows say [`Outcome::Faulty`] and hold first observations: what was going on is lost, nothing else.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build).
    pub fn rebuild(&mut self) -> Result<(), WorldError> {
        let rows = self.rows().len();
        self.past_hashes = self.take_hashes();
        self.past_ticks += self.tick();
        self.rebuilt += 1;
        self.seed = world_seed(&self.settings, self.rebuilt);
        let origin = EpisodeOrigin { seed: self.seed, numbers: Vec::new() };
        (self.app, self.kind) = build_app(&self.game, &self.settings, &origin)?;
        if let Some(every) = self.hash_every {
            hash_state_every(&mut self.app, every);
        }
        self.begin()?;
        self.rows_mut().fix_len(Some(rows));
        self.rows_mut().mark_all(Outcome::Faulty);
        Ok(())
    }

    /// What a batch sees of the world.
    pub fn rows(&self) -> &Rows {
        self.kind.rows(self.app.world())
    }

    /// What a batch sees of the world, to write actions.
    pub fn rows_mut(&mut self) -> &mut Rows {
        self.kind.rows_mut(self.app.world_mut())
    }

    /// Weighs the reward's terms anew from the next step on, also if the world is [rebuilt](Self::rebuild).
    ///
    /// # Panics
    ///
    /// If there are not as many weights as terms.
    pub fn set_weights(&mut self, weights: &[f32]) {
        self.rows_mut().set_weights(weights);
        self.settings.agent.weights.copy_from_slice(weights);
    }

    /// The actions that stand in the components of agents that a policy controls, to find out whether the game has
    /// written them. Slow.
    pub fn written_actions(&mut self) -> Vec<WrittenAction> {
        self.kind.written_actions(self.app.world_mut())
    }

    /// The layout of the rows.
    pub fn spec(&self) -> &Arc<AgentSpec> {
        self.kind.spec()
    }

    /// The Bevy world, to look at or to change from outside.
    pub fn world_mut(&mut self) -> &mut World {
        self.app.world_mut()
    }

    /// The Bevy world, to look at.
    pub fn world(&self) -> &World {
        self.app.world()
    }

    /// Which of the run's worlds it is.
    pub fn index(&self) -> u32 {
        self.settings.world
    }

    /// Ticks since the world was built.
    pub fn tick(&self) -> u64 {
        self.world().get_resource::<StepClock>().map_or(0, StepClock::ticks)
    }

    /// From now on takes a hash of the world's state at the end of every tick that `every` divides.
    pub fn hash_every(&mut self, every: NonZeroU64) {
        self.hash_every = Some(every);
        hash_state_every(&mut self.app, every);
    }

    /// What is hashed, by name; nothing unless [`hash_every`](Self::hash_every) was called.
    pub fn hashed_parts(&self) -> &[String] {
        self.world().get_resource::<StateHashes>().map_or(&[], StateHashes::parts)
    }

    /// Takes the state hashes since the last call, in order. Their ticks count on where the world was built anew.
    pub fn take_hashes(&mut self) -> Vec<StateHash> {
        let past_ticks = self.past_ticks;
        let mut hashes = core::mem::take(&mut self.past_hashes);
        if let Some(mut taken) = self.app.world_mut().get_resource_mut::<StateHashes>() {
            hashes.extend(taken.drain().map(|hash| StateHash { tick: hash.tick + past_ticks, ..hash }));
        }
        hashes
    }

    /// Time spent in sensing and scoring so far [ns of the settings' clock].
    pub fn sense_score_time(&self) -> u64 {
        self.world().resource::<SenseScoreTime>().total()
    }

    /// The arena in which something is going on, as far as that can be known.
    fn arena(&self) -> Option<u32> {
        let starting = self.world().get_resource::<StartingArena>().and_then(|starting| starting.0);
        starting.or_else(|| only_arena(&self.settings))
    }

    /// The world's own seed.
    pub fn seed(&self) -> Seed {
        self.seed
    }

    /// `Startup` and the first step. How many agents come in it decides how many rows there are.
    fn begin(&mut self) -> Result<(), WorldError> {
        // Bevy's first update has no fixed tick.
        self.step()?;
        begin_ticks(self.app.world_mut(), self.settings.decision_interval);
        self.step()?;
        let rows = self.settings.agent.rows.map(|rows| rows as usize);
        self.rows_mut().fix_len(rows);
        if self.rows().len() == 0 {
            let agent = self.spec().name.clone();
            return Err(WorldError::NobodyCame { world: self.settings.world, agent });
        }
        Ok(())
    }
}

/// What a game's agents sense, do and are rewarded for.
///
/// # Errors
///
/// A game without agents, with several kinds of them, or one that panics.
pub fn spec_of(game: &Game) -> Result<Arc<AgentSpec>, WorldError> {
    let settings = spec_settings();
    let app = catch_panic(&settings, Seed::default(), || bare_app(game, &settings, &EpisodeOrigin::default()))?;
    Ok(only_kind(app.world())?.spec().clone())
}

/// For an app that is only looked at.
pub(crate) fn spec_settings() -> WorldSettings {
    WorldSettings {
        seed: Seed::default(),
        world: 0,
        arenas: 0..0,
        decision_interval: core::num::NonZeroU32::MIN,
        agent: crate::AgentSettings::default(),
        clock: ludus_agent::spec::stopped_clock,
    }
}

fn build_app(game: &Game, settings: &WorldSettings, origin: &EpisodeOrigin) -> Result<(SubApp, AgentKind), WorldError> {
    let mut app = catch_panic(settings, origin.seed, || bare_app(game, settings, origin))?;
    let kind = only_kind(app.world())?;
    configure_rows(kind.rows_mut(app.world_mut()), settings)?;
    run_on_one_thread(app.world_mut());
    Ok((core::mem::take(app.main_mut()), kind))
}

fn configure_rows(rows: &mut Rows, settings: &WorldSettings) -> Result<(), WorldError> {
    let (terms, weights) = (rows.spec().reward.len(), settings.agent.weights.len());
    if terms != weights {
        return Err(WorldError::WrongWeights { agent: rows.spec().name.clone(), terms, weights });
    }
    rows.set_weights(&settings.agent.weights);
    rows.set_episode_limit(settings.agent.episode_limit);
    if settings.agent.stagger {
        rows.stagger_first_episodes();
    }
    Ok(())
}

/// The game with what `DefaultPlugins` would give it, less everything that needs a window, a clock or a thread.
fn bare_app(game: &Game, settings: &WorldSettings, origin: &EpisodeOrigin) -> App {
    let mut app = plain_app(settings, origin);
    game(&mut app);
    add_transforms_if_used(&mut app);
    // Bevy cuts a frame that lasts too long, by default 250 ms; a step may last longer.
    app.world_mut().resource_mut::<Time<Virtual>>().set_max_delta(Duration::MAX);
    replace_fixed_loop(&mut app);
    app.finish();
    app.cleanup();
    app
}

/// What a game is added to.
pub(crate) fn plain_app(settings: &WorldSettings, origin: &EpisodeOrigin) -> App {
    let interval = settings.decision_interval;
    let mut app = App::new();
    app.insert_resource(shared_types());
    app.add_plugins((TaskPoolPlugin::default(), FrameCountPlugin, TimePlugin));
    app.insert_resource(TimeUpdateStrategy::FixedTimesteps(interval.get()));
    app.insert_resource(WorldSeed(origin.seed)).insert_resource(FirstEpisodes(origin.numbers.clone()));
    app.insert_resource(Arenas(settings.arenas.clone()));
    app.insert_resource(StepClock::new(interval)).insert_resource(SenseScoreTime::new(settings.clock));
    app
}

/// What Bevy knows of types by reflection is the same in all worlds, and large.
fn shared_types() -> AppTypeRegistry {
    static TYPES: OnceLock<AppTypeRegistry> = OnceLock::new();
    TYPES.get_or_init(AppTypeRegistry::default).clone()
}

/// Adds the plugin that propagates transforms, unless nothing in the game looks at one.
///
/// Thousands of small worlds would pay for it in memory and time.
fn add_transforms_if_used(app: &mut App) {
    let world = app.world_mut();
    let labels: Vec<_> = world.resource::<Schedules>().iter().map(|(_, schedule)| schedule.label()).collect();
    for label in labels {
        // Systems name the components that they use when they are initialized.
        // What is wrong with a schedule is reported when it runs.
        let _ = world.schedule_scope(label, |world, schedule| schedule.initialize(world));
    }
    if world.components().component_id::<GlobalTransform>().is_some() && !app.is_plugin_added::<TransformPlugin>() {
        app.add_plugins(TransformPlugin);
    }
}

fn run_on_one_thread(world: &mut World) {
    for (_, schedule) in world.resource_mut::<Schedules>().iter_mut() {
        schedule.set_executor(SingleThreadedExecutor::new());
    }
}

pub(crate) fn only_kind(world: &World) -> Result<AgentKind, WorldError> {
    let kinds: Vec<_> = world.get_resource::<AgentKinds>().map_or(Vec::new(), |kinds| kinds.iter().cloned().collect());
    match kinds.as_slice() {
        [] => Err(WorldError::NoAgents),
        [kind] => Ok(kind.clone()),
        several => Err(WorldError::SeveralKinds(several.iter().map(|kind| kind.spec().name.clone()).collect())),
    }
}

fn world_seed(settings: &WorldSettings, rebuilt: u32) -> Seed {
    settings.seed.derive(u64::from(settings.world)).derive(u64::from(rebuilt))
}

fn only_arena(settings: &WorldSettings) -> Option<u32> {
    let mut arenas = settings.arenas.clone();
    arenas.next().filter(|_| arenas.next().is_none())
}

pub(crate) fn catch_panic<T>(settings: &WorldSettings, seed: Seed, build: impl FnOnce() -> T) -> Result<T, WorldPanic> {
    catch_unwind(AssertUnwindSafe(build)).map_err(|panic| WorldPanic {
        world: settings.world,
        arena: only_arena(settings),
        tick: 0,
        seed: seed.bits(),
        message: panic_message(&*panic),
    })
}
