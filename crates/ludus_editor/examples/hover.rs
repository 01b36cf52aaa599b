//! A small game with a window: a lamp learns to hover at a height. `cargo run -p ludus_editor --example hover -- watch`

use bevy::app::AppExit;
use bevy::core_pipeline::tonemapping::Tonemapping;
use bevy::prelude::*;
use ludus_agent::{
    Action, Agent, AgentAppExt, Arena, ArenaLayout, Episode, EpisodeRng, EpisodeStart, InArena, Observation, Reward,
    ScoreAgents, SenseAgents,
};
use ludus_editor::egui::Ui;
use ludus_editor::{EditorAppExt, WINDOWS};
use ludus_train::Ludus;
use rand::RngExt;

/// Distance from the wanted height beyond which the lamp is lost [m].
const MAX_ERROR: f32 = 2.0;
/// Gravity [m/s²].
const GRAVITY: f32 = 9.8;
/// Upward acceleration at full thrust [m/s²].
const THRUST: f32 = 20.0;

/// A lamp that hovers.
#[derive(Component, Agent, Default)]
#[require(Transform, Fall)]
#[agent(observation = Height, action = Thrust, reward = Hovering)]
struct Lamp;

/// Upward speed [m/s].
#[derive(Component, Default)]
struct Fall(f32);

#[derive(Component, Observation, Default)]
struct Height {
    /// Above the wanted height [m].
    #[observation(range = -2.0..=2.0)]
    error: f32,
    /// Upwards [m/s].
    speed: f32,
}

#[derive(Component, Action, Default)]
struct Thrust {
    /// Share of full thrust.
    #[action(continuous, range = 0.0..=1.0)]
    power: f32,
}

#[derive(Component, Reward, Default)]
struct Hovering {
    /// 1 for every tick in which it is not lost.
    aloft: f32,
    /// 1 at the wanted height, 0 where it is lost; every tick.
    near: f32,
}

/// The whole game: no window, no policy.
fn hover(app: &mut App) {
    app.insert_resource(ArenaLayout { spacing: 4.0 }).add_agent::<Lamp>();
    app.add_observer(build_arena).add_observer(restart);
    app.add_systems(FixedUpdate, fly).add_systems(ScoreAgents, score).add_systems(SenseAgents, sense);
}

fn build_arena(arena: On<Add, Arena>, places: Query<&Transform>, mut commands: Commands) -> Result {
    commands.spawn((Lamp, *places.get(arena.entity)?, InArena(arena.entity)));
    Ok(())
}

fn restart(start: On<EpisodeStart<Lamp>>, mut lamps: Query<(&mut Transform, &mut Fall, &mut EpisodeRng)>) -> Result {
    let (mut place, mut fall, mut rng) = lamps.get_mut(start.entity)?;
    (place.translation.y, fall.0) = (rng.random_range(-1.0..=1.0), 0.0);
    Ok(())
}

fn fly(time: Res<Time>, mut lamps: Query<(&mut Transform, &mut Fall, &Thrust)>) {
    let seconds = time.delta_secs();
    for (mut place, mut fall, thrust) in &mut lamps {
        fall.0 += (thrust.power * THRUST - GRAVITY) * seconds;
        place.translation.y += fall.0 * seconds;
    }
}

fn score(mut lamps: Query<(&Transform, &mut Hovering, &mut Episode)>) {
    for (place, mut reward, mut episode) in &mut lamps {
        let error = place.translation.y.abs();
        *reward = Hovering { aloft: 1.0, near: 1.0 - error / MAX_ERROR };
        if error > MAX_ERROR {
            episode.terminate();
        }
    }
}

fn sense(mut lamps: Query<(&Transform, &Fall, &mut Height)>) {
    for (place, fall, mut height) in &mut lamps {
        *height = Height { error: place.translation.y, speed: fall.0 };
    }
}

/// Adds light, camera and meshes, and a panel.
fn visuals(app: &mut App) {
    app.add_systems(Startup, add_light_and_camera).add_observer(draw_lamp).add_panel("Lamps", lamps_panel);
}

fn lamps_panel(InMut(ui): InMut<Ui>, lamps: Query<(&Transform, &Fall), With<Lamp>>) {
    for (place, fall) in &lamps {
        ui.monospace(format!("{:+.2} m  {:+.2} m/s", place.translation.y, fall.0));
    }
}

fn add_light_and_camera(mut commands: Commands) {
    let from = Transform::from_xyz(2.0, 6.0, 4.0).looking_at(Vec3::ZERO, Vec3::Y);
    commands.spawn((DirectionalLight { illuminance: 8_000.0, ..DirectionalLight::default() }, from));
    let eye = Transform::from_xyz(0.0, 2.0, 6.0).looking_at(Vec3::ZERO, Vec3::Y);
    commands.spawn((Camera3d::default(), Tonemapping::AcesFitted, eye));
}

fn draw_lamp(
    lamp: On<Add, Lamp>,
    mut meshes: ResMut<Assets<Mesh>>,
    mut materials: ResMut<Assets<StandardMaterial>>,
    mut commands: Commands,
) {
    let colour = materials.add(StandardMaterial::from_color(Color::srgb(0.90, 0.62, 0.0)));
    commands.entity(lamp.entity).insert((Mesh3d(meshes.add(Sphere::new(0.4))), MeshMaterial3d(colour)));
}

fn main() -> AppExit {
    Ludus::new("hover", hover).visuals(visuals).windows(WINDOWS).run()
}
