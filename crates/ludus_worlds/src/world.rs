//! One headless world.

use core::num::NonZeroU64;
use core::time::Duration;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use bevy::diagnostic::FrameCountPlugin;
use bevy::ecs::schedule::{Schedules, SingleThreadedExecutor};
use bevy::prelude::*;
use bevy::time::{TimePlugin, TimeUpdateStrategy};
use ludus_agent::spec::{AgentSpec, Outcome, Seed};
use ludus_agent::{
    AgentKind, Arenas, FirstEpisodes, Rows, SenseScoreTime, StartingArena, StateHash, StateHashes, StepClock,
    WorldSeed, WrittenAction, hash_state_every,
};

use crate::error::explained;
use crate::kinds::{WorldKind, configure_kinds};
use crate::names::shown;
use crate::states::{add_states_if_used, prepare_states};
use crate::ticks::{begin_ticks, hold_clocks, replace_fixed_loop};
use crate::world_app::WorldApp;
use crate::{EpisodeOrigin, Game, WorldError, WorldPanic, WorldSettings};

/// Seeds that are tried when a world is built for the first time.
const MOST_BUILDS: u32 = 4;

/// A sentence for a world whose resources are gone, the library's among them.
pub const CLEARED: &str = "all resources of the world are gone, those of the library too, as after \
                       `World::clear_entities`: despawn the game's own entities instead";

/// A game without a window, stepped by hand.
///
/// Its first step, the restart step of all its agents, is part of building it: then [`rows`](Self::rows) hold the
/// first observations.
///
/// # Kinds of agents
///
/// Its kinds of agents stand in the order in which the game adds them by
/// [`add_agent`](ludus_agent::AgentAppExt::add_agent). `kind` in the methods is the index in that order; an index that
/// is too great panics.
///
/// A step of the world has the ticks of the smallest decision interval. A kind with a greater one decides in the first
/// step that a driver takes, then in every so many; in between its rows are [`Outcome::Waiting`].
pub struct PooledWorld {
    app: WorldApp,
    kinds: Vec<WorldKind>,
    /// Steps so far, that of building not counted.
    steps: u64,
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
    /// `AppExit`s of the worlds that stood here before.
    past_exits: u64,
    /// Panics with the seeds that were tried before this world could be built.
    build_panics: Vec<WorldPanic>,
    /// A panic outside a step, which the next step reports.
    late_panic: Option<WorldPanic>,
    /// What the game said when it panicked once more while a broken world was dropped.
    drop_panic: Option<String>,
}

impl PooledWorld {
    /// Builds the world and takes its first step.
    ///
    /// # Errors
    ///
    /// A game without agents, with settings that do not fit its kinds, with none of the agents that are listed in the
    /// world after its first step, or one that panics.
    pub fn build(game: &Game, settings: WorldSettings) -> Result<Self, WorldError> {
        let origin = EpisodeOrigin { seed: world_seed(&settings, 0), ..EpisodeOrigin::default() };
        Self::build_at(game, settings, origin)
    }

    /// As [`build`](Self::build), but a game that panics with a seed is tried with a few more.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build): a game that panics with all of these seeds panics with any.
    pub fn build_with_some_seed(game: &Game, settings: WorldSettings) -> Result<Self, WorldError> {
        let mut panics = Vec::new();
        for rebuilt in 0..MOST_BUILDS {
            let origin = EpisodeOrigin { seed: world_seed(&settings, rebuilt), ..EpisodeOrigin::default() };
            match Self::build_at(game, settings.clone(), origin) {
                Ok(world) => return Ok(Self { rebuilt, build_panics: panics, ..world }),
                Err(WorldError::Panicked(panic)) => panics.push(panic),
                Err(error) => return Err(error),
            }
        }
        Err(panics.swap_remove(0).into())
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
        let (app, kinds) = build_app(game, &settings, &origin)?;
        let mut world = Self {
            app,
            kinds,
            steps: origin.step,
            game: game.clone(),
            settings,
            seed: origin.seed,
            rebuilt: 0,
            past_ticks: 0,
            hash_every: None,
            past_hashes: Vec::new(),
            past_exits: 0,
            build_panics: Vec::new(),
            late_panic: None,
            drop_panic: None,
        };
        world.begin()?;
        Ok(world)
    }

    /// Takes one step with the actions that stand in the rows.
    ///
    /// It has as many ticks as the settings say, whatever the game does to its time, its timestep or its clocks.
    ///
    /// # Errors
    ///
    /// If the game panics, or takes the library's resources away. Its rows are then half written:
    /// [`rebuild`](Self::rebuild) the world before they are read.
    pub fn step(&mut self) -> Result<(), WorldPanic> {
        self.steps += 1;
        self.update()
    }

    fn update(&mut self) -> Result<(), WorldPanic> {
        if let Some(panic) = self.late_panic.take() {
            return Err(panic);
        }
        let tick_before = self.tick();
        let (app, ticks) = (&mut self.app, self.settings.ticks_per_step());
        let update = || {
            hold_clocks(app.world_mut(), ticks);
            app.update();
        };
        let outcome = catch_unwind(AssertUnwindSafe(update));
        let is_cleared = !self.kinds.iter().all(|kind| kind.kind.has_rows(self.app.world()));
        if outcome.is_ok() && !is_cleared {
            return Ok(());
        }
        let mut message = outcome.err().map(|panic| explained(&*panic)).unwrap_or_default();
        if is_cleared {
            message = if message.is_empty() { CLEARED.to_owned() } else { format!("{message}; {CLEARED}") };
            self.past_ticks += tick_before;
            self.stand_still();
            return Err(self.panic(tick_before, message));
        }
        Err(self.panic(self.tick(), message))
    }

    /// Builds the world anew, with another seed, after it has panicked.
    ///
    /// Its rows say [`Outcome::Faulty`] and hold first observations: what was going on is lost, nothing else.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build). The world then stands still, its rows say [`Outcome::Faulty`], and it may be tried
    /// again: every try has a seed of its own.
    pub fn rebuild(&mut self) -> Result<(), WorldError> {
        let rows: Vec<_> = self.kinds.iter().map(|kind| kind.row_count).collect();
        let thread_bound = thread_bound(self.world());
        self.past_hashes = self.take_hashes();
        self.past_ticks += self.tick();
        self.past_exits = self.exits();
        self.stand_still();
        // With another seed it would be the same.
        thread_bound?;
        self.rebuilt += 1;
        self.seed = world_seed(&self.settings, self.rebuilt);
        let origin = EpisodeOrigin { seed: self.seed, numbers: Vec::new(), step: self.steps };
        let (app, kinds) = build_app(&self.game, &self.settings, &origin)?;
        if !kinds.iter().map(WorldKind::name).eq(self.kinds.iter().map(WorldKind::name)) {
            return Err(WorldError::OtherKinds { world: self.settings.world });
        }
        (self.app, self.kinds) = (app, kinds);
        if let Some(every) = self.hash_every {
            self.hash_every(every);
        }
        let begun = self.begin();
        for (kind, row_count) in self.kinds.iter_mut().zip(rows) {
            kind.row_count = row_count;
        }
        if begun.is_err() {
            self.stand_still();
            return begun;
        }
        for kind in self.kinds.iter().filter(|kind| kind.is_listed) {
            let rows = kind.kind.rows_mut(self.app.world_mut());
            rows.fix_len(Some(kind.row_count));
            rows.mark_all(Outcome::Faulty);
        }
        Ok(())
    }

    /// Takes the panics with the seeds that were tried before the world could be
    /// [built](Self::build_with_some_seed).
    pub fn take_build_panics(&mut self) -> Vec<WorldPanic> {
        core::mem::take(&mut self.build_panics)
    }

    /// What the game said when it panicked once more while a broken world was dropped, since the last call.
    pub fn take_drop_panic(&mut self) -> Option<String> {
        self.drop_panic.take()
    }

    /// Drops the game; what is left has as many rows, all of them faulty, and does nothing.
    fn stand_still(&mut self) {
        let idle = WorldApp::idle(self.kinds.iter().map(|kind| (&kind.kind, kind.row_count)));
        let said = core::mem::replace(&mut self.app, idle).close();
        self.drop_panic = said.or(self.drop_panic.take());
    }

    fn panic(&self, tick: u64, message: String) -> WorldPanic {
        let (world, arena, seed) = (self.settings.world, self.arena(), self.seed.bits());
        WorldPanic { world, arena, tick, seed, message }
    }

    /// The kinds of agents, those included that the game decides for.
    pub fn kinds(&self) -> impl ExactSizeIterator<Item = &AgentKind> {
        self.kinds.iter().map(|kind| &kind.kind)
    }

    /// The layout of the rows of each kind.
    pub fn specs(&self) -> impl ExactSizeIterator<Item = &Arc<AgentSpec>> {
        self.kinds().map(AgentKind::spec)
    }

    /// The layout of a kind's rows.
    pub fn spec(&self, kind: usize) -> &Arc<AgentSpec> {
        self.kind(kind).spec()
    }

    /// True if the settings list a kind; else the game decides for it.
    pub fn is_listed(&self, kind: usize) -> bool {
        self.kinds[kind].is_listed
    }

    /// The rows of a kind.
    pub fn rows(&self, kind: usize) -> &Rows {
        self.kind(kind).rows(self.app.world())
    }

    /// The rows of a kind, to write actions.
    pub fn rows_mut(&mut self, kind: usize) -> &mut Rows {
        self.kinds[kind].kind.rows_mut(self.app.world_mut())
    }

    /// Rows that a kind has for ever, those of worlds that are built anew included; 0 for one that the game decides for.
    pub fn row_count(&self, kind: usize) -> usize {
        self.kinds[kind].row_count
    }

    /// Weighs the terms of a kind's reward anew from the next step on, also if the world is [rebuilt](Self::rebuild).
    ///
    /// # Panics
    ///
    /// If there are not as many weights as terms.
    pub fn set_weights(&mut self, kind: usize, weights: &[f32]) {
        self.rows_mut(kind).set_weights(weights);
        let name = self.kinds[kind].name();
        if let Some(agent) = self.settings.agents.iter_mut().find(|agent| agent.name == name) {
            agent.weights.copy_from_slice(weights);
        }
    }

    /// The actions that stand in the components of agents of a kind that a policy controls, to find out whether the game
    /// has written them. Slow.
    pub fn written_actions(&mut self, kind: usize) -> Vec<WrittenAction> {
        let (kind, app) = (&self.kinds[kind].kind, &mut self.app);
        let written = catch_unwind(AssertUnwindSafe(|| kind.written_actions(app.world_mut())));
        self.note_panic(written).unwrap_or_default()
    }

    /// What a call into the game outside a step returned; if the game panicked in it, the next step says so.
    fn note_panic<T>(&mut self, outcome: std::thread::Result<T>) -> Option<T> {
        match outcome {
            Ok(value) => Some(value),
            Err(panic) => {
                self.late_panic = Some(self.panic(self.tick(), explained(&*panic)));
                None
            }
        }
    }

    /// How often the game has written `AppExit`, as if to quit. Nothing comes of it in a world.
    pub fn exits(&self) -> u64 {
        let exits = self.world().get_resource::<Messages<AppExit>>();
        self.past_exits + exits.map_or(0, |exits| (exits.oldest_message_count() + exits.len()) as u64)
    }

    /// A kind of agents.
    pub fn kind(&self, kind: usize) -> &AgentKind {
        &self.kinds[kind].kind
    }

    /// The number of the last step: 0 for the one that is part of building the world, then 1, 2, ….
    ///
    /// A world that is [rebuilt](Self::rebuild) counts on, so that its agents decide in the same steps as those of
    /// others.
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    /// The Bevy world, to look at or to change from outside.
    pub fn world_mut(&mut self) -> &mut World {
        self.app.world_mut()
    }

    /// The Bevy world, to look at.
    pub fn world(&self) -> &World {
        self.app.world()
    }

    /// The settings that it is built from, with the weights as they are now.
    pub const fn settings(&self) -> &WorldSettings {
        &self.settings
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
        let app = &mut *self.app;
        // It inserts a resource, which the game may observe.
        let hashed = catch_unwind(AssertUnwindSafe(|| hash_state_every(app, every)));
        self.note_panic(hashed);
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
        self.world().get_resource::<SenseScoreTime>().map_or(0, SenseScoreTime::total)
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
        self.update()?;
        begin_ticks(self.app.world_mut(), self.settings.ticks_per_step());
        self.update()?;
        thread_bound(self.world())?;
        for kind in self.kinds.iter_mut().filter(|kind| kind.is_listed) {
            let given = self.settings.agent(kind.name()).and_then(|agent| agent.rows);
            let rows = kind.kind.rows_mut(self.app.world_mut());
            rows.fix_len(given.map(|rows| rows as usize));
            kind.row_count = rows.len();
        }
        let mut listed = self.kinds.iter().filter(|kind| kind.is_listed).peekable();
        if listed.peek().is_some() && listed.all(|kind| kind.row_count == 0) {
            let agents = self.settings.agents.iter().map(|agent| agent.name.clone()).collect();
            return Err(WorldError::NobodyCame { world: self.settings.world, agents });
        }
        Ok(())
    }
}

fn build_app(
    game: &Game,
    settings: &WorldSettings,
    origin: &EpisodeOrigin,
) -> Result<(WorldApp, Vec<WorldKind>), WorldError> {
    let mut app = bare_app(game, settings, origin)?;
    let kinds = configure_kinds(app.world_mut(), settings, origin.step)?;
    run_on_one_thread(app.world_mut());
    Ok((app, kinds))
}

/// The game with what `DefaultPlugins` would give it, less everything that needs a window, a clock or a thread.
pub(crate) fn bare_app(game: &Game, settings: &WorldSettings, origin: &EpisodeOrigin) -> Result<WorldApp, WorldPanic> {
    let mut app = plain_app(settings, origin);
    let built = catch_panic(settings, origin.seed, || add_game(&mut app, game));
    // Whatever there is of it, the game's destructors may panic too.
    let app = WorldApp::new(app);
    built.map(|()| app)
}

fn add_game(app: &mut App, game: &Game) {
    game(app);
    add_states_if_used(app);
    add_transforms_if_used(app);
    // Bevy cuts a frame that lasts too long, by default 250 ms; a step may last longer.
    app.world_mut().resource_mut::<Time<Virtual>>().set_max_delta(Duration::MAX);
    replace_fixed_loop(app);
    app.finish();
    app.cleanup();
}

/// What a game is added to.
pub(crate) fn plain_app(settings: &WorldSettings, origin: &EpisodeOrigin) -> App {
    let interval = settings.ticks_per_step();
    let mut app = App::new();
    app.insert_resource(shared_types());
    app.add_plugins((TaskPoolPlugin::default(), FrameCountPlugin, TimePlugin));
    app.insert_resource(TimeUpdateStrategy::FixedTimesteps(interval.get()));
    app.insert_resource(WorldSeed(origin.seed)).insert_resource(FirstEpisodes(origin.numbers.clone()));
    app.insert_resource(Arenas(settings.arenas.clone()));
    app.insert_resource(StepClock::new(interval)).insert_resource(SenseScoreTime::new(settings.clock));
    prepare_states(&mut app);
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

fn world_seed(settings: &WorldSettings, rebuilt: u32) -> Seed {
    settings.seed.derive(u64::from(settings.world)).derive(u64::from(rebuilt))
}

fn only_arena(settings: &WorldSettings) -> Option<u32> {
    let mut arenas = settings.arenas.clone();
    arenas.next().filter(|_| arenas.next().is_none())
}

/// Data that can't leave its thread is of no use in a world, which any thread may step.
fn thread_bound(world: &World) -> Result<(), WorldError> {
    let present = world.storages().non_sends.iter().filter(|(_, data)| data.is_present());
    let names = present.map(|(id, _)| world.components().get_name(id).and_then(shown)).collect::<Vec<_>>();
    if names.is_empty() { Ok(()) } else { Err(WorldError::ThreadBound { types: names }) }
}

pub(crate) fn catch_panic<T>(settings: &WorldSettings, seed: Seed, build: impl FnOnce() -> T) -> Result<T, WorldPanic> {
    catch_unwind(AssertUnwindSafe(build)).map_err(|panic| WorldPanic {
        world: settings.world,
        arena: only_arena(settings),
        tick: 0,
        seed: seed.bits(),
        message: explained(&*panic),
    })
}
