//! A rover that is driven by the arrow keys: a script presses them, and the episodes are recorded as in a game of a user.
#![expect(clippy::unwrap_used, reason = "all of this is tests, where a panic is the report")]

use core::f32::consts::PI;
use core::num::NonZeroU32;
use std::sync::Arc;

use bevy::prelude::*;
use bevy::time::TimeUpdateStrategy;
use bevy_ludus::agent::{AgentKinds, Arenas, StepClock, WorldSeed};
use bevy_ludus::play::ludus_demonstrations::{DecidedBy, Demonstration, DemonstrationHeader, EpisodeOrigin, append};
use bevy_ludus::play::{DemonstrationFinished, DemonstrationPlugin, DemonstrationRecorder, ExternalSource};
use bevy_ludus::prelude::*;
use bevy_ludus::spec::Seed;

use crate::demonstrations::shipped;
use crate::examples::pillars::{self, Rover, RoverSenses};
use crate::examples::pillars_keys::rover_keys;

/// The variable with which the test writes the shipped file anew.
const UPDATE: &str = "UPDATE_DEMONSTRATIONS";

const SEED: Seed = Seed::new(19);
/// The weights of arrival, crash and approach, as in the config.
const WEIGHTS: [f32; 3] = [1.0, -1.0, 0.1];
const EPISODES: usize = 20;
/// Ticks in which so many episodes end at the latest.
const MOST_TICKS: usize = 100_000;

/// The rays from the left to the right, and the angle between neighbours [rad].
const RAYS: usize = 13;
const BETWEEN: f32 = 20.0 * PI / 180.0;
/// The length of a ray, and the free way that a direction needs [m].
const SIGHT: f32 = 5.0;
const NEEDED: f32 = 1.8;
/// The angle up to which no key is pressed for a turn, and up to which the rover drives on [rad].
const STRAIGHT: f32 = 0.17;
const DRIVING: f32 = 0.6;

/// The episodes that were recorded.
#[derive(Resource, Default)]
struct Recorded(Vec<DemonstrationFinished>);

/// Records the episodes that arrive, until there are enough of them.
fn recorded_by_keys() -> (Arc<DemonstrationHeader>, Vec<Demonstration>) {
    let mut app = App::new();
    app.add_plugins((MinimalPlugins, TransformPlugin));
    app.insert_resource(TimeUpdateStrategy::FixedTimesteps(1)).init_resource::<ButtonInput<KeyCode>>();
    app.insert_resource(StepClock::new(NonZeroU32::new(5).unwrap())).insert_resource(Arenas(0..1));
    app.insert_resource(WorldSeed(SEED));
    pillars::pillars(&mut app);
    rover_keys(&mut app);
    app.add_plugins(DemonstrationPlugin { game: "pillars".to_owned(), records_all: false });
    app.init_resource::<Recorded>().add_systems(Last, keep).add_observer(equip);
    let kind = app.world().resource::<AgentKinds>().iter().next().unwrap().clone();
    kind.rows_mut(app.world_mut()).set_weights(&WEIGHTS);
    app.finish();
    app.cleanup();
    // The rover comes in the first tick. It is handed over to the keys before its first decision.
    while app.world_mut().query::<&Rover>().iter(app.world()).next().is_none() {
        app.update();
    }
    app.world_mut().resource_mut::<ButtonInput<KeyCode>>().press(KeyCode::Tab);
    for _ in 0..MOST_TICKS {
        app.update();
        app.world_mut().resource_mut::<ButtonInput<KeyCode>>().clear();
        app.world_mut().run_system_cached(press_keys).unwrap();
        if arrived(app.world()).count() == EPISODES {
            break;
        }
    }
    let header = app.world().resource::<Recorded>().0[0].header.clone();
    let episodes = arrived(app.world()).collect();
    (header, episodes)
}

fn equip(rover: On<Add, Rover>, mut commands: Commands) {
    let mut recorder = DemonstrationRecorder::default();
    recorder.external = ExternalSource::Script;
    commands.entity(rover.entity).insert((recorder, EpisodeLimit(NonZeroU32::new(200).unwrap())));
}

fn keep(mut finished: MessageReader<DemonstrationFinished>, mut recorded: ResMut<Recorded>) {
    recorded.0.extend(finished.read().cloned());
}

/// The episodes that have arrived, with where they were played.
fn arrived(world: &World) -> impl Iterator<Item = Demonstration> {
    let recorded = world.resource::<Recorded>().0.iter().enumerate();
    recorded.filter(|(_, finished)| finished.episode.term_sums(3)[0] > 0.0).map(|(number, finished)| {
        let mut episode = finished.episode.clone();
        episode.info.origin = Some(EpisodeOrigin { seed: SEED, world: 0, row: 0, number: number as u32 });
        episode
    })
}

/// Presses the keys that lead the rover into the free direction that is nearest to that of the flag.
fn press_keys(senses: Single<&RoverSenses>, mut keys: ResMut<ButtonInput<KeyCode>>) {
    let to_left = direction(&senses);
    let mut hold = |key: KeyCode, is_held: bool| if is_held { keys.press(key) } else { keys.release(key) };
    hold(KeyCode::ArrowLeft, to_left > STRAIGHT);
    hold(KeyCode::ArrowRight, to_left < -STRAIGHT);
    hold(KeyCode::ArrowUp, to_left.abs() < DRIVING);
}

/// Returns the angle of the direction to drive in, to the left of the rover's [rad].
fn direction(senses: &RoverSenses) -> f32 {
    let flag = (-senses.flag.x).atan2(senses.flag.y);
    let needed = NEEDED.min(senses.flag.length() * 2.0 * pillars::YARD);
    let free = |ray: usize| {
        let seen = |ray: usize| senses.eyes.distances[ray] * SIGHT;
        let beside = [ray.checked_sub(1), (ray + 1 < RAYS).then_some(ray + 1)];
        beside.into_iter().flatten().map(|ray| seen(ray) + 0.5).fold(seen(ray), f32::min)
    };
    let angle = |ray: usize| (RAYS as f32 / 2.0 - 0.5 - ray as f32) * BETWEEN;
    let cost = |ray: usize| (angle(ray) - flag).abs() + 8.0 * (needed - free(ray)).max(0.0);
    let best = (0..RAYS).min_by(|&one, &other| cost(one).total_cmp(&cost(other))).expect("there are rays");
    // The flag itself is between two rays.
    if (angle(best) - flag).abs() < BETWEEN { flag } else { angle(best) }
}

#[test]
fn a_rover_is_driven_by_keys_and_recorded() {
    let (header, episodes) = recorded_by_keys();
    assert_eq!(episodes.len(), EPISODES);
    for episode in &episodes {
        assert!(episode.decided_by.iter().all(|&by| by == DecidedBy::Script), "{:?}", episode.decided_by);
        // Standing or at full speed, straight on or at full lock.
        for action in episode.actions.chunks_exact(2) {
            let is_held = |value: f32, of: &[f32]| of.iter().any(|held| (held - value).abs() < 1e-6);
            assert!(is_held(action[0], &[-0.6, 1.0]) && is_held(action[1], &[-1.0, 0.0, 1.0]), "{action:?}");
        }
    }
    if std::env::var_os(UPDATE).is_some() {
        let path = shipped("pillars-keys");
        let _ = std::fs::remove_file(&path);
        append(&path, &header, &episodes).unwrap();
    }
}
