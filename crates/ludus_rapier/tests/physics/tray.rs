//! A small game with physics, in which a ball falls on a tray that turns, and a world for it.

use core::num::NonZeroU32;
use core::ops::Range;
use std::collections::BTreeMap;

use bevy::prelude::*;
use bevy::time::{TimePlugin, TimeUpdateStrategy};
use bevy_rapier3d::prelude::*;
use ludus_agent::{
    Action, Agent, AgentAppExt, AgentRows, Arena, Arenas, Episode, EpisodeLimit, EpisodeRng, EpisodeStart, InArena,
    Observation, Reward, SenseAgents, Slot, StepClock,
};
use ludus_rapier::{ArenaPhysics, ArenaPhysicsPlugin};
use rand::RngExt;

/// Ticks per step.
pub const INTERVAL: NonZeroU32 = NonZeroU32::new(5).expect("not zero");
/// Steps per episode.
const LIMIT: NonZeroU32 = NonZeroU32::new(20).expect("not zero");
const MAX_TILT: f32 = 0.4;

#[derive(Component, Agent, Default)]
#[agent(observation = Senses, action = Tilt, reward = Nothing)]
pub struct Tray;

#[derive(Component, Observation, Default)]
pub struct Senses {
    pub rotation: Quat,
    pub ball: Vec3,
    pub velocity: Vec3,
    pub spin: Vec3,
}

#[derive(Component, Action, Default)]
pub struct Tilt {
    #[action(continuous)]
    angle: Vec2,
}

#[derive(Component, Reward, Default)]
pub struct Nothing {
    pub nothing: f32,
}

/// The ways in which an episode starts.
#[derive(Resource, Clone, Copy, Debug, PartialEq)]
pub enum Start {
    /// With the ball anywhere above the tray.
    Drawn,
    /// With the ball where a fully tilted tray reaches.
    OverACorner,
}

#[derive(Component)]
struct Carries(Entity);

fn game(app: &mut App) {
    app.insert_resource(Time::<Fixed>::from_hz(50.0))
        .add_plugins(ArenaPhysicsPlugin::shared(12.0))
        .add_agent::<Tray>()
        .add_observer(build_arena)
        .add_observer(restart)
        .add_systems(FixedUpdate, turn)
        .add_systems(SenseAgents, sense);
}

fn build_arena(on: On<Add, Arena>, arenas: Query<&Transform>, mut commands: Commands) -> Result {
    let centre = *arenas.get(on.entity)?;
    let arena = InArena(on.entity);
    let ball = (RigidBody::Dynamic, Collider::ball(0.5), Velocity::zero(), Sleeping::disabled());
    let ball = commands.spawn((ball, centre, arena)).id();
    let tray = (Tray, RigidBody::KinematicPositionBased, Collider::cuboid(2.5, 2.5, 2.5));
    commands.spawn((tray, Carries(ball), EpisodeLimit(LIMIT), centre, arena));
    Ok(())
}

fn restart(
    on: On<EpisodeStart<Tray>>,
    start: Res<Start>,
    mut trays: Query<(&mut Transform, &mut EpisodeRng, &Carries)>,
    mut balls: Query<(&mut Transform, &mut Velocity), Without<Carries>>,
) -> Result {
    let (mut tray, mut rng, carries) = trays.get_mut(on.entity)?;
    let (mut ball, mut velocity) = balls.get_mut(carries.0)?;
    let mut draw = || if *start == Start::Drawn { rng.random_range(-1.5..=1.5) } else { 1.5 };
    tray.rotation = Quat::IDENTITY;
    *ball = Transform::from_translation(tray.translation + Vec3::new(draw(), 4.0, draw()));
    *velocity = Velocity::zero();
    Ok(())
}

fn turn(mut trays: Query<(&mut Transform, &Tilt)>) {
    for (mut tray, tilt) in &mut trays {
        let angle = tilt.angle * MAX_TILT;
        tray.rotation = Quat::from_rotation_x(angle.x) * Quat::from_rotation_z(angle.y);
    }
}

fn sense(mut trays: Query<(&Transform, &Carries, &mut Senses)>, balls: Query<(&Transform, &Velocity)>) -> Result {
    for (tray, carries, mut senses) in &mut trays {
        let (ball, velocity) = balls.get(carries.0)?;
        *senses = Senses {
            rotation: tray.rotation,
            ball: ball.translation - tray.translation,
            velocity: velocity.linear,
            spin: velocity.angular,
        };
    }
    Ok(())
}

/// Returns the game with these arenas, before its first tick.
pub fn world(physics: ArenaPhysics, start: Start, arenas: Range<u32>) -> App {
    let mut app = App::new();
    app.add_plugins((TaskPoolPlugin::default(), TimePlugin, TransformPlugin));
    app.insert_resource(TimeUpdateStrategy::FixedTimesteps(INTERVAL.get()));
    app.insert_resource(StepClock::new(INTERVAL));
    app.insert_resource(Arenas(arenas)).insert_resource(start);
    game(&mut app);
    app.insert_resource(physics);
    app.finish();
    app.cleanup();
    // Bevy's first update starts the clocks and has no tick yet.
    app.update();
    app
}

/// One step of an arena: its numbers, and the agent's observation after it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    pub episode: u32,
    pub steps: u32,
    pub senses: [f32; Senses::WIDTH],
}

impl Moment {
    /// Returns the bits of the observation, for an exact comparison.
    pub fn bits(&self) -> [u32; Senses::WIDTH] {
        self.senses.map(f32::to_bits)
    }
}

/// Plays `steps` steps and returns what happened in each arena, by the arena's index.
///
/// `policy` decides from the arena's index, the episode's number and the steps so far.
pub fn play(app: &mut App, steps: u32, policy: fn(u32, u32, u32) -> Vec2) -> BTreeMap<u32, Vec<Moment>> {
    let mut stories = BTreeMap::<u32, Vec<Moment>>::new();
    for _ in 0..steps {
        app.update();
        let world = app.world_mut();
        let mut trays = world.query::<(&Slot, &InArena, &Episode)>();
        let trays: Vec<_> = trays
            .iter(world)
            .map(|(slot, home, episode)| (slot.index(), home.0, episode.number(), episode.steps()))
            .collect();
        for (row, home, episode, steps) in trays {
            let arena = world.get::<Arena>(home).expect("members are in an arena").index;
            let mut rows = world.resource_mut::<AgentRows<Tray>>();
            let senses = rows.observations()[row * Senses::WIDTH..].first_chunk().copied();
            rows.actions_mut()[row * 2..][..2].copy_from_slice(&policy(arena, episode, steps).to_array());
            stories.entry(arena).or_default().push(Moment { episode, steps, senses: senses.expect("a row per agent") });
        }
    }
    stories
}

/// Returns an action that is different in every arena, episode and step.
pub fn fidget(arena: u32, episode: u32, steps: u32) -> Vec2 {
    let phase = (arena * 7 + episode * 3 + steps) as f32;
    Vec2::new((phase * 0.7).sin(), (phase * 1.1).cos())
}
