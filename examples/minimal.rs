//! A seeker learns to walk to its target. `cargo run --release --example minimal -- train`

use bevy::prelude::*;
use bevy_ludus::{Ludus, prelude::*};
use rand::RngExt;

#[derive(Component, Agent)]
#[require(Transform)]
#[agent(observation = Sight, action = Walk, reward = Success)]
struct Seeker;

#[derive(Component, Observation, Default)]
struct Sight {
    /// Where the target is, seen from the seeker [m].
    target: f32,
}

#[derive(Component, Action, Default)]
struct Walk {
    /// [m/s]
    #[action(continuous)]
    velocity: f32,
}

#[derive(Component, Reward, Default)]
struct Success {
    /// 1 for reaching the target.
    arrived: f32,
    /// To the target, every tick [m].
    distance: f32,
}

/// The whole game: no window, no policy.
pub fn seek(app: &mut App) {
    app.add_agent::<Seeker>().add_observer(build_arena).add_observer(restart);
    app.add_systems(FixedUpdate, walk).add_systems(ScoreAgents, score).add_systems(SenseAgents, sense);
}

fn build_arena(arena: On<Add, Arena>, mut commands: Commands) {
    commands.spawn((Seeker, InArena(arena.entity)));
}

fn restart(start: On<EpisodeStart<Seeker>>, mut seekers: Query<(&mut Transform, &mut EpisodeRng)>) -> Result {
    let (mut place, mut rng) = seekers.get_mut(start.entity)?;
    place.translation.x = rng.random_range(-1.0..=1.0);
    Ok(())
}

fn walk(time: Res<Time>, mut seekers: Query<(&mut Transform, &Walk)>) {
    for (mut place, walk) in &mut seekers {
        place.translation.x += walk.velocity * time.delta_secs();
    }
}

fn score(mut seekers: Query<(&Transform, &mut Success, &mut Episode)>) {
    for (place, mut success, mut episode) in &mut seekers {
        success.distance = place.translation.x.abs();
        if success.distance < 0.05 {
            success.arrived = 1.0;
            episode.terminate();
        }
    }
}

fn sense(mut seekers: Query<(&Transform, &mut Sight)>) {
    for (place, mut sight) in &mut seekers {
        sight.target = -place.translation.x;
    }
}

fn main() -> AppExit {
    Ludus::new("minimal", seek).run()
}
