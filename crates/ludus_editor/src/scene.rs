//! The game on screen: the arenas of the run that it shows, and the policies that decide in them.

mod kinds;
mod parameters;
mod players;
mod record;
mod replaying;
mod rules;

use core::num::NonZeroU32;
use core::ops::Range;
use std::sync::Arc;

use bevy::app::FixedMain;
use bevy::ecs::schedule::{InternedScheduleLabel, ScheduleLabel, SingleThreadedExecutor};
use bevy::ecs::system::SystemParam;
use bevy::prelude::*;
use bevy::time::TimeSystems;
use ludus_agent::spec::{AgentSpec, Seed};
use ludus_agent::{
    AgentSystems, Arena, ArenaLayout, Arenas, Episode, FirstEpisodes, InArena, ParameterPlan, ScoreAgents, SenseAgents,
    StepClock, WorldReset, WorldSeed,
};
use ludus_train::config::RunConfig;
use ludus_train::replay::EpisodeHead;

use crate::{EditorCommand, RivalPlace};

pub use kinds::{SceneAgents, SceneKinds, find_agents};
pub use parameters::shown_parameters;
pub use players::{Decided, Player, Players};
pub use record::{Records, Scores};
pub use replaying::{Playback, ReplaySystems, Replaying};
pub use rules::RunRules;

/// The largest number of arenas on screen: more can't be told apart.
const MOST_ARENAS: u32 = 64;
/// Distance between arenas on screen, if the game sets none [m].
const DEFAULT_SPACING: f32 = 12.0;

/// The arenas of the run that are on screen.
#[derive(Resource, Clone, Debug)]
pub struct Stage {
    /// The seed from which the seeds of the run's worlds derive.
    seed: Seed,
    /// Number of worlds in the run.
    worlds: u32,
    /// Number of arenas in each world.
    arenas_per_world: u32,
    /// Number of arenas to show at once.
    count: u32,
    world: u32,
    first: u32,
    /// True if each arena is shown twice, to compare two policies.
    is_double: bool,
    is_stale: bool,
}

/// Marks the arenas in which the second policy decides.
#[derive(Component)]
pub struct OfRival;

impl Stage {
    /// Returns the first `count` arenas of world 0, for a run with this config.
    pub fn new(seed: Seed, config: &RunConfig, count: NonZeroU32) -> Self {
        let arenas_per_world = config.arenas.get();
        Self {
            seed,
            worlds: config.worlds.resolve().get(),
            arenas_per_world,
            count: count.get().min(arenas_per_world),
            world: 0,
            first: 0,
            is_double: false,
            is_stale: true,
        }
    }

    /// Index of the world on screen.
    pub const fn world(&self) -> u32 {
        self.world
    }

    /// Indices of the arenas on screen.
    pub fn arenas(&self) -> Range<u32> {
        self.first..(self.first + self.count).min(self.arenas_per_world)
    }

    /// The largest number of arenas that can be shown at once.
    pub fn most_arenas(&self) -> u32 {
        self.arenas_per_world.min(MOST_ARENAS)
    }

    /// Shows an arena and those that follow it, from their first episode on. Their number stays the same, as far as the
    /// world has as many.
    fn show(&mut self, world: u32, arena: u32) {
        self.world = world.min(self.worlds - 1);
        self.first = arena.min(self.arenas_per_world - 1);
        self.is_stale = true;
    }

    /// Sets the number of worlds in the run and of arenas in each, both at least 1.
    pub fn set_worlds(&mut self, worlds: u32, arenas_per_world: u32) {
        if (worlds, arenas_per_world) != (self.worlds, self.arenas_per_world) {
            (self.worlds, self.arenas_per_world) = (worlds, arenas_per_world);
            self.set_count(self.count);
        }
    }

    fn set_count(&mut self, count: u32) {
        self.count = count.clamp(1, self.most_arenas());
        self.show(self.world, self.first);
    }

    fn set_double(&mut self, is_double: bool) {
        self.is_stale |= self.is_double != is_double;
        self.is_double = is_double;
    }
}

/// Adds the systems that show arenas and run policies in them.
pub struct ScenePlugin;

impl Plugin for ScenePlugin {
    fn build(&self, app: &mut App) {
        let kinds = SceneKinds::of(app.world());
        assert!(!kinds.is_empty(), "the game is added before its window, and has agents: they were counted");
        app.insert_resource(Players::new(kinds.len())).insert_resource(kinds);
        app.init_resource::<SceneAgents>().init_resource::<Records>().init_resource::<Scores>();
        app.init_resource::<FirstEpisodes>().init_resource::<Replaying>();
        app.configure_sets(First, ReplaySystems.before(TimeSystems));
        let replay = (replaying::obey, replaying::go_back, replaying::stop, replaying::set_rules);
        app.add_systems(First, replay.chain().in_set(ReplaySystems));
        app.add_systems(PreUpdate, find_agents.in_set(AgentsFound));
        app.add_systems(Update, find_agents.in_set(AgentsFound));
        app.add_systems(PreUpdate, (obey, parameters::obey, begin_step.run_if(is_stale)).chain());
        let set_stage = ((begin_time, set_stage).chain().run_if(is_stale), replaying::lead_in).chain();
        app.add_systems(FixedFirst, set_stage.before(AgentSystems::Restart));
        app.add_systems(FixedPreUpdate, (players::decide, replaying::act).chain().before(AgentSystems::Act));
        app.add_systems(FixedLast, (record::record, replaying::follow).chain().after(AgentSystems::Sense));
    }

    /// Gives the schedules of a tick the single-threaded executor. Their systems take less time than to hand them to
    /// other threads would.
    fn finish(&self, app: &mut App) {
        let mut schedules = app.world_mut().resource_mut::<Schedules>();
        for label in ticked() {
            if let Some(schedule) = schedules.get_mut(label) {
                schedule.set_executor(SingleThreadedExecutor::new());
            }
        }
    }
}

/// The schedules of a tick.
fn ticked() -> [InternedScheduleLabel; 8] {
    [
        FixedMain.intern(),
        FixedFirst.intern(),
        FixedPreUpdate.intern(),
        FixedUpdate.intern(),
        FixedPostUpdate.intern(),
        FixedLast.intern(),
        SenseAgents.intern(),
        ScoreAgents.intern(),
    ]
}

/// The systems that find the entities of agents: at the beginning of an image, and after its ticks.
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AgentsFound;

/// Adds the resources that a world of the run has before the game is added, so that the game on screen is the same.
pub fn prepare(app: &mut App, config: &RunConfig) {
    app.insert_resource(StepClock::new(config.ticks_per_step())).insert_resource(Arenas(0..0));
}

/// Applies the run's settings of agents. Call it after the game has been added.
pub fn configure(app: &mut App, config: &RunConfig, specs: &[Arc<AgentSpec>]) {
    let rules = RunRules::of_run(config, specs);
    rules.leave_others_to_the_game(app.world_mut());
    rules.apply(app.world_mut());
    app.insert_resource(rules);
}

fn obey(mut commands: MessageReader<EditorCommand>, mut stage: ResMut<Stage>, mut players: ResMut<Players>) {
    for command in commands.read() {
        match *command {
            EditorCommand::ShowArena { world, arena } => stage.show(world, arena),
            EditorCommand::ShowArenas(count) => stage.set_count(count),
            _ => {}
        }
    }
    // Compared policies start from the same state, so a replaced policy restarts both; a match has one opponent.
    let place = players.rival_place();
    if players.take_replaced() && place.is_some() {
        stage.is_stale = true;
    }
    stage.set_double(place == Some(RivalPlace::Beside));
}

/// Starts a step with the next tick, and schedules the decisions of agents as in a new world.
fn begin_step(world: &mut World) {
    let rules = rules_now(world);
    world.resource_mut::<StepClock>().begin_step(rules.ticks_per_step);
    rules.restart(world);
}

/// Returns the rules of the replay, else those of the run.
fn rules_now(world: &World) -> RunRules {
    let (run, replaying) = (world.resource::<RunRules>(), world.resource::<Replaying>());
    replaying.playback().map_or_else(|| run.clone(), Playback::rules)
}

/// True if the arenas on screen have to be replaced. A replay that has begun keeps its arenas until it ends.
fn is_stale(stage: Res<Stage>, replaying: Res<Replaying>) -> bool {
    stage.is_stale && !replaying.playback().is_some_and(Playback::has_begun)
}

/// The resources that are set anew if the arenas on screen are replaced.
#[derive(SystemParam)]
struct NewWorld<'w> {
    seed: ResMut<'w, WorldSeed>,
    first_episodes: ResMut<'w, FirstEpisodes>,
    parameters: Option<ResMut<'w, ParameterPlan>>,
    records: ResMut<'w, Records>,
    scores: ResMut<'w, Scores>,
    players: ResMut<'w, Players>,
}

impl NewWorld<'_> {
    /// Drops what was recorded of the old arenas.
    fn forget(&mut self) {
        (*self.records, *self.scores) = (Records::default(), Scores::default());
        self.players.forget_decisions();
    }

    /// Sets the values of episode parameters with which a replay begins; without any, they are drawn.
    fn give_parameters(&mut self, values: &[Vec<f32>]) {
        if let Some(plan) = &mut self.parameters {
            plan.give(values.to_vec());
        }
    }
}

/// Resets the world, and replaces the arenas on screen with those of the stage or of the replay.
///
/// Agents outside any arena are kept. Unless a replay begins, they start an episode of the new world.
fn set_stage(
    mut stage: ResMut<Stage>,
    replaying: Res<Replaying>,
    mut world: NewWorld,
    layout: Option<Res<ArenaLayout>>,
    old: Query<Entity, With<Arena>>,
    mut homeless: Query<&mut Episode, Without<InArena>>,
    mut commands: Commands,
) {
    stage.is_stale = false;
    world.forget();
    old.iter().for_each(|arena| commands.entity(arena).despawn());
    commands.trigger(WorldReset);
    let layout = layout.map(|layout| *layout);
    if let Some(log) = replaying.log() {
        (world.seed.0, world.first_episodes.0) = (log.head.seed, log.head.numbers.clone());
        world.give_parameters(&log.head.parameters.members);
        return spawn_arenas(&mut commands, layout, replayed_arenas(&log.head));
    }
    homeless.iter_mut().for_each(|mut episode| episode.truncate());
    world.give_parameters(&[]);
    // The world index, then the number of times that the world was rebuilt after a panic, here 0.
    (world.seed.0, world.first_episodes.0) = (stage.seed.derive(u64::from(stage.world)).derive(0), Vec::new());
    let cells = Cells { layout, is_double: stage.is_double };
    for (cell, index) in stage.arenas().enumerate() {
        cells.spawn(&mut commands, cell as u32, Side::Own, index);
        if stage.is_double {
            cells.spawn(&mut commands, cell as u32, Side::Rival, index);
        }
    }
}

/// Restarts the game's fixed time at its first tick, since a world of the run spawns its arenas in the first tick.
fn begin_time(mut time: ResMut<Time>, mut fixed: ResMut<Time<Fixed>>) {
    let (timestep, overstep) = (fixed.timestep(), fixed.overstep());
    *fixed = Time::<Fixed>::from_duration(timestep);
    fixed.accumulate_overstep(overstep);
    fixed.advance_by(timestep);
    *time = fixed.as_generic();
}

/// Returns the indices of the arenas of a logged episode.
fn replayed_arenas(head: &EpisodeHead) -> Range<u32> {
    head.arena.map_or(0..head.arenas, |arena| arena..arena.saturating_add(1))
}

/// Spawns arenas at the places that belong to their indices. Elsewhere the rounding of floats would differ.
fn spawn_arenas(commands: &mut Commands, layout: Option<ArenaLayout>, indices: Range<u32>) {
    for index in indices {
        match layout {
            Some(layout) => {
                commands.spawn((Arena { index }, Transform::from_translation(layout.origin(index))));
            }
            None => {
                commands.spawn(Arena { index });
            }
        }
    }
}

/// The policy that decides in an arena: the shown one, or the one that it is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Own,
    Rival,
}

/// The placement of arenas on screen: near the origin, whatever their index, so that the cameras see them.
struct Cells {
    layout: Option<ArenaLayout>,
    is_double: bool,
}

impl Cells {
    /// Spawns an arena in a cell. Its random numbers depend on its index and not on its place.
    fn spawn(&self, commands: &mut Commands, cell: u32, side: Side, index: u32) {
        let mut arena = match self.layout {
            Some(layout) => {
                commands.spawn((Arena { index }, Transform::from_translation(self.place(layout, cell, side))))
            }
            None => commands.spawn(Arena { index }),
        };
        if side == Side::Rival {
            arena.insert(OfRival);
        }
    }

    /// Returns the place of an arena. The arenas of a pair are side by side along x, that of the shown policy to the
    /// left.
    fn place(&self, layout: ArenaLayout, cell: u32, side: Side) -> Vec3 {
        let spacing = if layout.spacing > 0.0 { layout.spacing } else { DEFAULT_SPACING };
        let centre = ArenaLayout { spacing }.origin(cell);
        let half = spacing / 2.0 * Vec3::X;
        match (self.is_double, side) {
            (false, _) => centre,
            (true, Side::Own) => centre * Vec3::new(2.0, 1.0, 1.0) - half,
            (true, Side::Rival) => centre * Vec3::new(2.0, 1.0, 1.0) + half,
        }
    }
}

#[cfg(test)]
mod fresh_tests;
#[cfg(test)]
mod kinds_tests;
#[cfg(test)]
mod match_tests;
#[cfg(test)]
mod parameters_tests;
#[cfg(test)]
mod replay_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub use tests::game as tests_game;
