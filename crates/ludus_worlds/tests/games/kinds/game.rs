//! Wolves that come and go, and sheep that stay. Everything about an agent can be read off its mark: wolves have marks
//! above zero, sheep below, and no two have the same.

use core::num::NonZeroU32;
use std::sync::Arc;

use bevy::prelude::*;
use ludus_agent::spec::{Generator, Outcome, Seed, stopped_clock};
use ludus_agent::{
    Action, Agent, AgentAppExt, Arena, Episode, EpisodeStart, InArena, Observation, Reward, ScoreAgents, SenseAgents,
    Slot, WorldSeed,
};
use ludus_worlds::{AgentSettings, Game, PooledWorld, WorldSettings};
use rand::RngExt;

/// The order in which [`pasture`] adds the kinds.
pub const WOLVES: usize = 0;
pub const SHEEP: usize = 1;

pub const TICKS: u32 = 2;

/// The action of a sheep, its turn, at which the game panics.
pub const PANIC: f32 = -0.5;

#[derive(Component, Agent, Default)]
#[require(Mark)]
#[agent(observation = Scent, action = Chase, reward = Catch)]
pub struct Wolf;

#[derive(Component, Agent, Default)]
#[require(Mark)]
#[agent(observation = Sight, action = Flee, reward = Life)]
pub struct Sheep;

#[derive(Component, Default)]
pub struct Mark(pub f32);

#[derive(Component, Observation, Default)]
pub struct Scent {
    mark: f32,
}

#[derive(Component, Observation, Default)]
pub struct Sight {
    mark: f32,
    steps: f32,
}

#[derive(Component, Action, Default)]
pub struct Chase {
    #[action(continuous)]
    pub speed: f32,
}

#[derive(Component, Action, Default)]
pub struct Flee {
    #[action(continuous)]
    pub speed: f32,
    #[action(continuous)]
    pub turn: f32,
}

#[derive(Component, Reward, Default)]
pub struct Catch {
    mark: f32,
}

#[derive(Component, Reward, Default)]
pub struct Life {
    nothing: f32,
    mark: f32,
}

/// The rate at which wolves come and go, and the source of random numbers and marks.
#[derive(Resource)]
pub struct Turnover {
    pub share: f32,
    /// True to check that actions are those of [`action`].
    pub is_checked: bool,
    generator: Generator,
    marks: u32,
}

impl FromWorld for Turnover {
    fn from_world(world: &mut World) -> Self {
        let generator = world.resource::<WorldSeed>().0.derive(99).generator();
        Self { share: 0.0, is_checked: true, generator, marks: 0 }
    }
}

impl Turnover {
    pub fn mark(&mut self) -> Mark {
        self.marks += 1;
        Mark(self.marks as f32)
    }
}

/// Adds both kinds, without agents.
pub fn pasture(app: &mut App) {
    app.add_agent::<Wolf>().add_agent::<Sheep>().init_resource::<Turnover>();
    app.add_systems(FixedUpdate, (obey_wolves, obey_sheep, come_and_go));
    app.add_systems(ScoreAgents, (score_wolves, score_sheep)).add_systems(SenseAgents, (sense_wolves, sense_sheep));
}

/// Adds three sheep and two wolves to each arena.
pub fn flock(app: &mut App) {
    pasture(app);
    app.add_observer(|on: On<Add, Arena>, mut turnover: ResMut<Turnover>, mut commands: Commands| {
        for _ in 0..2 {
            commands.spawn((Wolf, turnover.mark(), InArena(on.entity)));
        }
        spawn_sheep(&mut commands, &mut turnover, on.entity);
    });
}

pub fn spawn_sheep(commands: &mut Commands, turnover: &mut Turnover, arena: Entity) {
    for _ in 0..3 {
        let mark = Mark(-turnover.mark().0);
        commands.spawn((Sheep, mark, InArena(arena)));
    }
}

/// Returns a game in which wolves come and go, with this share of ticks.
pub fn restless(share: f32) -> Game {
    Arc::new(move |app: &mut App| {
        flock(app);
        app.world_mut().resource_mut::<Turnover>().share = share;
    })
}

fn come_and_go(
    mut turnover: ResMut<Turnover>,
    arenas: Query<Entity, With<Arena>>,
    wolves: Query<Entity, With<Wolf>>,
    mut commands: Commands,
) {
    let share = turnover.share;
    if turnover.generator.random_range(0.0..1.0) < share {
        let gone = turnover.generator.random_range(0..1 + wolves.iter().len());
        wolves.iter().nth(gone).into_iter().for_each(|gone| commands.entity(gone).despawn());
    }
    if turnover.generator.random_range(0.0..1.0) < share
        && let Some(arena) = arenas.iter().next()
    {
        commands.spawn((Wolf, turnover.mark(), InArena(arena)));
    }
}

/// Returns the action of a row, as drivers write it.
pub fn action(kind: usize, row: usize) -> f32 {
    let amount = (row + 1) as f32 / 64.0;
    if kind == WOLVES { amount } else { -amount }
}

fn obey_wolves(turnover: Res<Turnover>, wolves: Query<(&Slot, &Episode, &Chase)>) {
    for (slot, episode, chase) in wolves.iter().filter(|_| turnover.is_checked) {
        assert!(!episode.is_running() || chase.speed == action(WOLVES, slot.index()), "that of another row");
    }
}

fn obey_sheep(turnover: Res<Turnover>, sheep: Query<(&Slot, &Episode, &Flee)>) {
    for (slot, episode, flee) in sheep.iter().filter(|_| turnover.is_checked) {
        assert!(flee.turn != PANIC, "the sheep stumbled");
        let own = [action(SHEEP, slot.index()), 0.25];
        assert!(!episode.is_running() || [flee.speed, flee.turn] == own, "that of another row");
    }
}

fn score_wolves(mut wolves: Query<(&Mark, &mut Catch)>) {
    wolves.iter_mut().for_each(|(mark, mut catch)| catch.mark = mark.0);
}

/// Episodes of sheep have different lengths.
fn score_sheep(mut sheep: Query<(&Mark, &mut Life, &mut Episode)>) {
    for (mark, mut life, mut episode) in &mut sheep {
        life.mark = mark.0;
        if episode.steps() as f32 > 3.0 - mark.0 {
            episode.terminate();
        }
    }
}

fn sense_wolves(mut wolves: Query<(&Mark, &mut Scent)>) {
    wolves.iter_mut().for_each(|(mark, mut scent)| scent.mark = mark.0);
}

fn sense_sheep(mut sheep: Query<(&Mark, &Episode, &mut Sight)>) {
    for (mark, episode, mut sight) in &mut sheep {
        *sight = Sight { mark: mark.0, steps: episode.steps() as f32 };
    }
}

pub fn wolves() -> AgentSettings {
    AgentSettings { name: "Wolf".to_owned(), weights: vec![1.0], rows: Some(8), ..AgentSettings::default() }
}

pub fn sheep() -> AgentSettings {
    AgentSettings { name: "Sheep".to_owned(), weights: vec![1.0, 1.0], ..AgentSettings::default() }
}

pub fn settings(agents: Vec<AgentSettings>) -> WorldSettings {
    WorldSettings {
        seed: Seed::new(3),
        world: 0,
        arenas: 0..1,
        decision_interval: NonZeroU32::new(TICKS).expect("not zero"),
        agents,
        parameters: Arc::default(),
        clock: stopped_clock,
    }
}

/// Takes a step in which every row has the action of [`action`].
pub fn step(world: &mut PooledWorld) {
    for (row, speed) in world.rows_mut(WOLVES).actions_mut().iter_mut().enumerate() {
        *speed = action(WOLVES, row);
    }
    for (row, flee) in world.rows_mut(SHEEP).actions_mut().chunks_exact_mut(2).enumerate() {
        flee.copy_from_slice(&[action(SHEEP, row), 0.25]);
    }
    world.step().expect("the game doesn't panic");
}

pub fn outcomes(world: &PooledWorld, kind: usize) -> Vec<Outcome> {
    world.rows(kind).outcomes().to_vec()
}

/// Panics if an `EpisodeStart` of either kind is sent to an agent of another kind.
pub fn refuse_foreign_starts(app: &mut App) {
    app.add_observer(|on: On<EpisodeStart<Wolf>>, wolves: Query<(), With<Wolf>>| assert!(wolves.contains(on.entity)));
    app.add_observer(|on: On<EpisodeStart<Sheep>>, sheep: Query<(), With<Sheep>>| assert!(sheep.contains(on.entity)));
}
