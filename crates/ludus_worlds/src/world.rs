//! A pooled world: one headless copy of a game's app.

use core::num::NonZeroU64;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bevy::ecs::schedule::{Schedules, SingleThreadedExecutor};
use bevy::prelude::*;
use ludus_agent::spec::{AgentSpec, Outcome, Seed};
use ludus_agent::{
    AgentKind, ParameterPlan, Rows, SenseScoreTime, StartingArena, StateHash, StateHashes, StepClock, WrittenAction,
    hash_state_every,
};

use crate::error::explained;
use crate::game_app::{bare_app, only_arena};
use crate::kinds::{WorldKind, configure_kinds};
use crate::names::shown;
use crate::parameters::set_distributions;
use crate::ticks::{begin_ticks, hold_clocks};
use crate::world_app::WorldApp;
use crate::{EpisodeOrigin, Game, WorldError, WorldPanic, WorldParameters, WorldSettings};

/// Seeds that are tried when a world is built for the first time.
const MOST_BUILDS: u32 = 4;

/// The message for a world whose resources are gone, the library's included.
pub const CLEARED: &str = "all resources of the world are gone, those of the library too, as after \
                       `World::clear_entities`: despawn the game's own entities instead";

/// A game's app without a window, stepped by its driver.
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
    /// The count of rebuilds after a panic; the world's seed derives from it.
    rebuilt: u32,
    /// The ticks of earlier builds of this world, which have panicked.
    past_ticks: u64,
    /// Ticks between two state hashes, if they are taken.
    hash_every: Option<NonZeroU64>,
    /// The state hashes of earlier builds of this world.
    past_hashes: Vec<StateHash>,
    /// The count of `AppExit`s in earlier builds of this world.
    past_exits: u64,
    /// Panics with the seeds that were tried before this world could be built.
    build_panics: Vec<WorldPanic>,
    /// A panic outside a step, which the next step reports.
    late_panic: Option<WorldPanic>,
    /// The message of a game that panicked again while its broken world was dropped.
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
    /// Its rows are [`Outcome::Faulty`] and hold first observations. Only the episodes that were going on are lost.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build). The world then has no game, and its rows are [`Outcome::Faulty`]. `rebuild` may be
    /// called again; every call has another seed.
    pub fn rebuild(&mut self) -> Result<(), WorldError> {
        let rows: Vec<_> = self.kinds.iter().map(|kind| kind.row_count).collect();
        let thread_bound = thread_bound(self.world());
        self.past_hashes = self.take_hashes();
        self.past_ticks += self.tick();
        self.past_exits = self.exits();
        self.stand_still();
        // Another seed would not help.
        thread_bound?;
        self.rebuilt += 1;
        self.seed = world_seed(&self.settings, self.rebuilt);
        let origin = EpisodeOrigin { seed: self.seed, step: self.steps, ..EpisodeOrigin::default() };
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

    /// Takes the message of a game that panicked again while its broken world was dropped, since the last call.
    pub fn take_drop_panic(&mut self) -> Option<String> {
        self.drop_panic.take()
    }

    /// Drops the game. The app that replaces it has as many rows, all of them faulty, and does nothing.
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

    /// The count of rows of a kind, which stays the same if the world is rebuilt; 0 for a kind that the game decides
    /// for.
    pub fn row_count(&self, kind: usize) -> usize {
        self.kinds[kind].row_count
    }

    /// Sets the weights of a kind's reward terms from the next step on, also if the world is [rebuilt](Self::rebuild).
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

    /// Sets the distributions of the episode parameters for all episodes that start from the next step on, also if the
    /// world is [rebuilt](Self::rebuild).
    ///
    /// # Errors
    ///
    /// A parameter that the game does not have.
    pub fn set_parameters(&mut self, parameters: &Arc<WorldParameters>) -> Result<(), WorldError> {
        set_distributions(self.app.world_mut(), parameters)?;
        self.settings.parameters = parameters.clone();
        Ok(())
    }

    /// Reads the actions back from the components of all agents of a kind that a policy controls, to find out if the
    /// game has written them. Slow: it allocates for every agent.
    pub fn written_actions(&mut self, kind: usize) -> Vec<WrittenAction> {
        let (kind, app) = (&self.kinds[kind].kind, &mut self.app);
        let written = catch_unwind(AssertUnwindSafe(|| kind.written_actions(app.world_mut())));
        self.note_panic(written).unwrap_or_default()
    }

    /// Returns the result of a call into the game outside a step. If the game panicked in it, the next step reports the
    /// panic.
    fn note_panic<T>(&mut self, outcome: std::thread::Result<T>) -> Option<T> {
        match outcome {
            Ok(value) => Some(value),
            Err(panic) => {
                self.late_panic = Some(self.panic(self.tick(), explained(&*panic)));
                None
            }
        }
    }

    /// The count of `AppExit` messages that the game has written. They have no effect in a world.
    pub fn exits(&self) -> u64 {
        let exits = self.world().get_resource::<Messages<AppExit>>();
        self.past_exits + exits.map_or(0, |exits| (exits.oldest_message_count() + exits.len()) as u64)
    }

    /// The kind of agents with this index.
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

    /// The Bevy world, to read or to change it between steps.
    pub fn world_mut(&mut self) -> &mut World {
        self.app.world_mut()
    }

    /// The Bevy world, to read it.
    pub fn world(&self) -> &World {
        self.app.world()
    }

    /// The settings that it is built from, with the weights as they are now.
    pub const fn settings(&self) -> &WorldSettings {
        &self.settings
    }

    /// The index of the world in its run.
    pub fn index(&self) -> u32 {
        self.settings.world
    }

    /// Ticks since the world was built.
    pub fn tick(&self) -> u64 {
        self.world().get_resource::<StepClock>().map_or(0, StepClock::ticks)
    }

    /// Turns on hashes of the world's state, taken at the end of every tick that `every` divides.
    pub fn hash_every(&mut self, every: NonZeroU64) {
        self.hash_every = Some(every);
        let app = &mut *self.app;
        // It inserts a resource, which the game may observe.
        let hashed = catch_unwind(AssertUnwindSafe(|| hash_state_every(app, every)));
        self.note_panic(hashed);
    }

    /// The names of the parts that are hashed; none unless [`hash_every`](Self::hash_every) was called.
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

    /// The arena in which the game runs, if it is known: the one whose episode is starting, or the only one.
    fn arena(&self) -> Option<u32> {
        let starting = self.world().get_resource::<StartingArena>().and_then(|starting| starting.0);
        starting.or_else(|| only_arena(&self.settings))
    }

    /// The world's own seed.
    pub fn seed(&self) -> Seed {
        self.seed
    }

    /// Runs `Startup` and the first step. Then fixes the count of rows: that of the agents, or that of the settings if
    /// it is greater.
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
    set_distributions(app.world_mut(), &settings.parameters)?;
    if let Some(mut plan) = app.world_mut().get_resource_mut::<ParameterPlan>() {
        plan.give(origin.parameters.clone());
    }
    run_on_one_thread(app.world_mut());
    Ok((app, kinds))
}

fn run_on_one_thread(world: &mut World) {
    for (_, schedule) in world.resource_mut::<Schedules>().iter_mut() {
        schedule.set_executor(SingleThreadedExecutor::new());
    }
}

fn world_seed(settings: &WorldSettings, rebuilt: u32) -> Seed {
    settings.seed.derive(u64::from(settings.world)).derive(u64::from(rebuilt))
}

/// Returns an error if the world has data that can't leave its thread, because any thread may step a world.
fn thread_bound(world: &World) -> Result<(), WorldError> {
    let present = world.storages().non_sends.iter().filter(|(_, data)| data.is_present());
    let names = present.map(|(id, _)| world.components().get_name(id).and_then(shown)).collect::<Vec<_>>();
    if names.is_empty() { Ok(()) } else { Err(WorldError::ThreadBound { types: names }) }
}
