//! A game that is played has the trajectory of a world that trains: the same policy and seed give the same numbers,
//! tick by tick and bit by bit, with any frames.

use core::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bevy::prelude::*;
use bevy::time::TimeUpdateStrategy;
use bevy_ludus::agent::{Agent, Arenas, Home, WorldSeed};
use bevy_ludus::policy::{ActionChoice, Policy, PolicyFile, Sensed};
use bevy_ludus::prelude::*;
use bevy_ludus::spec::{Outcome, Seed, stopped_clock};
use bevy_ludus::worlds::{AgentSettings, PooledWorld, WorldSettings};
use bevy_rapier3d::prelude::{RigidBody, Velocity};

use crate::examples::{balance, cart_pole, hallway, sorter};

const ARENAS: u32 = 3;
/// Steps per episode, so few that the comparison includes restarts.
const LIMIT: NonZeroU32 = NonZeroU32::new(70).unwrap();
const SEED: Seed = Seed::new(11);
const SECONDS: usize = 20;
const TICKS: usize = 50 * SECONDS;

/// Frames of a machine that stutters \[ms\]: some have no tick, some have many.
const FRAMES: [u64; 11] = [16, 17, 3, 0, 41, 7, 230, 1, 16, 95, 20];

/// The state of everything that moves, after each tick.
#[derive(Resource, Default)]
struct Trace(Vec<Vec<f32>>);

/// Adds a trace to an app, and a limit to its agents' episodes.
fn traced<A: Agent>(app: &mut App) {
    app.init_resource::<Trace>().add_observer(|agent: On<Add, A>, mut commands: Commands| {
        commands.entity(agent.entity).insert(EpisodeLimit(LIMIT));
    });
}

fn traced_cart_pole(app: &mut App) {
    use cart_pole::{CartPole, Motion, Push};
    cart_pole::cart_pole(app);
    traced::<CartPole>(app);
    let record = |carts: Query<(&Motion, &Push, &Episode)>, mut trace: ResMut<Trace>| {
        let state = |(motion, push, episode): (&Motion, &Push, &Episode)| {
            let Motion { position, velocity, angle, angular_velocity } = *motion;
            let (push, episode) = (f32::from(*push == Push::Right), episode.number() as f32);
            [position, velocity, angle, angular_velocity, push, episode]
        };
        trace.0.push(carts.iter().flat_map(state).collect());
    };
    app.add_systems(FixedLast, record.after(AgentSystems::Sense));
}

fn traced_balance(app: &mut App) {
    use balance::{Plate, Tilt};
    balance::balance(app);
    traced::<Plate>(app);
    // Plates and balls apart, so that the order in which Bevy stores them does not matter.
    type Body<'a> = (&'a Transform, Option<&'a Velocity>);
    let record = |plates: Query<Body, (With<RigidBody>, With<Tilt>)>,
                  balls: Query<Body, (With<RigidBody>, Without<Tilt>)>,
                  decisions: Query<(&Tilt, &Episode)>,
                  mut trace: ResMut<Trace>| {
        let state = |(place, velocity): (&Transform, Option<&Velocity>)| {
            let (moved, turned) =
                velocity.map_or((Vec3::ZERO, Vec3::ZERO), |velocity| (velocity.linear, velocity.angular));
            let [x, y, z, w] = place.rotation.to_array();
            [place.translation, Vec3::new(x, y, z), Vec3::splat(w), moved, turned].map(|part| part.to_array())
        };
        let bodies = plates.iter().chain(&balls);
        let decided = decisions.iter().flat_map(|(tilt, episode)| [tilt.rate.x, tilt.rate.y, episode.number() as f32]);
        trace.0.push(bodies.flat_map(state).flatten().chain(decided).collect());
    };
    app.add_systems(FixedLast, record.after(AgentSystems::Sense));
}

fn traced_hallway(app: &mut App) {
    use hallway::{Walk, Walker};
    hallway::hallway(app);
    traced::<Walker>(app);
    let record = |walkers: Query<(&Transform, &Walk, &Episode)>, mut trace: ResMut<Trace>| {
        let state = |(place, walk, episode): (&Transform, &Walk, &Episode)| {
            let ([x, _, z], ahead) = (place.translation.to_array(), place.forward());
            [x, z, ahead.x, ahead.z, *walk as u8 as f32, episode.number() as f32]
        };
        trace.0.push(walkers.iter().flat_map(state).collect());
    };
    app.add_systems(FixedLast, record.after(AgentSystems::Sense));
}

fn traced_sorter(app: &mut App) {
    use sorter::{Roll, Roller};
    sorter::sorter(app);
    traced::<Roller>(app);
    let record = |rollers: Query<(&Transform, &Roll, &Episode)>, mut trace: ResMut<Trace>| {
        let state = |(place, roll, episode): (&Transform, &Roll, &Episode)| {
            let [x, _, z] = place.translation.to_array();
            [x, z, roll.velocity.x, roll.velocity.y, episode.number() as f32]
        };
        trace.0.push(rollers.iter().flat_map(state).collect());
    };
    app.add_systems(FixedLast, record.after(AgentSystems::Sense));
}

fn assets() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets")
}

/// Returns the trace of a world that is stepped by hand, as in training, with a policy that decides for all of its
/// rows.
fn trained(game: fn(&mut App), policy: &str, choice: ActionChoice) -> Vec<Vec<f32>> {
    let file = PolicyFile::read(&assets().join(policy)).expect("the policy is shipped");
    let policy = Policy::new(&file).expect("the policy is whole");
    let settings = WorldSettings {
        seed: SEED,
        world: 0,
        arenas: 0..ARENAS,
        decision_interval: file.decision_interval,
        agents: vec![AgentSettings {
            name: file.spec.name.clone(),
            weights: vec![1.0; file.spec.reward.len()],
            ..AgentSettings::default()
        }],
        parameters: Arc::default(),
        clock: stopped_clock,
    };
    let mut world = PooledWorld::build(&(Arc::new(game) as _), settings).expect("the game can be trained");
    let mut scratch = policy.scratch();
    let mut actions = vec![0.0; ARENAS as usize * file.spec.action_width()];
    let mut memory = vec![0.0; ARENAS as usize * policy.memory_width()];
    while world.world().resource::<Trace>().0.len() < TICKS {
        let seeds = seeds(choice, world.tick() + 1);
        let sensed = Sensed { observations: world.rows(0).observations(), masks: world.rows(0).masks() };
        policy.act_each(sensed, &mut memory, &seeds, &mut scratch, &mut actions);
        world.rows_mut(0).actions_mut().copy_from_slice(&actions);
        world.step().expect("the game doesn't panic");
        let memories = memory.chunks_exact_mut(policy.memory_width().max(1));
        let begins = memories.zip(world.rows(0).outcomes()).filter(|(_, outcome)| **outcome == Outcome::Restart);
        begins.for_each(|(memory, _)| memory.fill(0.0));
    }
    core::mem::take(&mut world.world_mut().resource_mut::<Trace>().0)
}

/// Returns the seeds of the draws at a tick: each arena has one agent, whose row is the arena's index.
fn seeds(choice: ActionChoice, tick: u64) -> Vec<Seed> {
    let ActionChoice::Sampled(seed) = choice else { return Vec::new() };
    (0..ARENAS).map(|arena| Home { arena: Some(arena), member: 1 }.derive(seed.derive(tick))).collect()
}

/// Returns the trace of an app that is played: its frames have various lengths, and its policy is an asset.
fn played<A: Agent>(game: fn(&mut App), policy: &'static str, choice: ActionChoice) -> Vec<Vec<f32>> {
    let mut app = App::new();
    let file_path = assets().to_string_lossy().into_owned();
    app.add_plugins((MinimalPlugins, TransformPlugin, AssetPlugin { file_path, ..AssetPlugin::default() }));
    app.insert_resource(Arenas(0..ARENAS)).insert_resource(WorldSeed(SEED.derive(0).derive(0)));
    game(&mut app);
    app.add_plugins(PolicyPlugin);
    let policy = app.world().resource::<AssetServer>().load(policy);
    let runner = PolicyRunner::new(policy.clone()).choosing(choice);
    app.add_observer(move |agent: On<Add, A>, mut commands: Commands| {
        commands.entity(agent.entity).insert(runner.clone());
    });
    app.finish();
    app.cleanup();
    // A loading screen, in which no time passes.
    app.insert_resource(TimeUpdateStrategy::ManualDuration(Duration::ZERO));
    while !app.world().resource::<Assets<PolicyAsset>>().contains(&policy) {
        app.update();
    }
    for frame in FRAMES.iter().cycle() {
        app.insert_resource(TimeUpdateStrategy::ManualDuration(Duration::from_millis(*frame)));
        app.update();
        if app.world().resource::<Trace>().0.len() >= TICKS {
            break;
        }
    }
    core::mem::take(&mut app.world_mut().resource_mut::<Trace>().0)
}

fn check<A: Agent>(game: fn(&mut App), policy: &'static str) {
    for choice in [ActionChoice::Greedy, ActionChoice::Sampled(Seed::new(5))] {
        let (trained, played) = (trained(game, policy, choice), played::<A>(game, policy, choice));
        for (tick, (trained, played)) in trained.iter().zip(&played).take(TICKS).enumerate() {
            assert!(trained == played, "{choice:?}: at tick {tick}\n{trained:?} in training is\n{played:?} in the app");
        }
        let episodes = played[TICKS - 1].last().copied().unwrap_or_default();
        assert!(episodes >= 2.0, "{choice:?}: restarts were compared too");
    }
}

#[test]
fn cart_pole_is_played_as_it_was_trained() {
    check::<cart_pole::CartPole>(traced_cart_pole, "policies/cart_pole.safetensors");
}

#[test]
fn balance_is_played_as_it_was_trained() {
    check::<balance::Plate>(traced_balance, "policies/balance.safetensors");
}

/// The policy has a memory.
#[test]
fn hallway_is_played_as_it_was_trained() {
    check::<hallway::Walker>(traced_hallway, "policies/hallway.safetensors");
}

/// The policy reads a set.
#[test]
fn sorter_is_played_as_it_was_trained() {
    check::<sorter::Roller>(traced_sorter, "policies/sorter.safetensors");
}
