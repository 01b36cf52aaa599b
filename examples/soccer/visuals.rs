//! The visuals of the game. They have no rules: training never builds them.

use bevy::core_pipeline::tonemapping::Tonemapping;
use bevy::prelude::*;
use bevy_ludus::prelude::*;

use crate::game::{BALL_RADIUS, Ball, HALF_PITCH, Move, PLAYER_RADIUS, Player, Run, Side, Strafe, Turn, Wall};

/// The height of a player and of a wall as they are drawn [m].
const PLAYER_HEIGHT: f32 = 0.8;
const WALL_HEIGHT: f32 = 0.4;

/// A mesh in its colour.
type Part = (Mesh3d, MeshMaterial3d<StandardMaterial>);

/// Adds meshes, a light, a camera and the keys.
pub fn soccer_visuals(app: &mut App) {
    app.init_resource::<Look>()
        .add_systems(Startup, add_light_and_camera)
        .add_systems(FixedPreUpdate, play_by_keys.before(AgentSystems::Act))
        .add_observer(draw_pitch)
        .add_observer(draw_player)
        .add_observer(draw_ball)
        .add_observer(draw_wall);
}

/// The meshes and materials that all pitches share.
#[derive(Resource)]
struct Look {
    grass: Part,
    line: Part,
    wall: Part,
    ball: Part,
    nose: Part,
    /// By side.
    players: [Part; 2],
    /// In front of the goal that a team defends, by side.
    goals: [Part; 2],
}

impl FromWorld for Look {
    fn from_world(world: &mut World) -> Self {
        let mut part = |mesh: Mesh, color: Color| {
            let mesh = world.resource_mut::<Assets<Mesh>>().add(mesh);
            let material = StandardMaterial { base_color: color, perceptual_roughness: 0.8, ..default() };
            (Mesh3d(mesh), MeshMaterial3d(world.resource_mut::<Assets<StandardMaterial>>().add(material)))
        };
        let teams = [Color::srgb(0.0, 0.45, 0.70), Color::srgb(0.90, 0.62, 0.0)];
        let [length, width] = (2.0 * HALF_PITCH).to_array();
        Self {
            grass: part(Cuboid::new(length + 2.0, 0.02, width).into(), Color::srgb(0.16, 0.28, 0.18)),
            line: part(Cuboid::new(0.08, 0.02, width).into(), Color::WHITE),
            // A metre along each side.
            wall: part(Cuboid::new(1.0, WALL_HEIGHT, 1.0).into(), Color::srgb(0.34, 0.45, 0.56)),
            ball: part(Sphere::new(BALL_RADIUS).into(), Color::srgb(0.95, 0.95, 0.9)),
            nose: part(Sphere::new(PLAYER_RADIUS / 2.0).into(), Color::WHITE),
            players: teams.map(|color| part(Cylinder::new(PLAYER_RADIUS, PLAYER_HEIGHT).into(), color)),
            goals: teams.map(|color| part(Cuboid::new(0.2, 0.02, width).into(), color)),
        }
    }
}

fn add_light_and_camera(mut commands: Commands) {
    let sun = DirectionalLight { illuminance: 9_000.0, shadow_maps_enabled: true, ..default() };
    commands.spawn((sun, Transform::from_xyz(4.0, 10.0, 6.0).looking_at(Vec3::ZERO, Vec3::Y)));
    commands.spawn((
        Camera3d::default(),
        Tonemapping::AcesFitted,
        AmbientLight { brightness: 350.0, ..default() },
        Transform::from_xyz(0.0, 14.0, 10.0).looking_at(Vec3::ZERO, Vec3::Y),
    ));
}

/// Draws the grass, the line between the halves, and the lines of the goals in the colours of their teams.
fn draw_pitch(on: On<Add, Arena>, look: Res<Look>, mut commands: Commands) {
    commands.entity(on.entity).insert(Visibility::default()).with_children(|parts| {
        let low = -PLAYER_HEIGHT / 2.0;
        parts.spawn((look.grass.clone(), Transform::from_xyz(0.0, low, 0.0)));
        parts.spawn((look.line.clone(), Transform::from_xyz(0.0, low + 0.01, 0.0)));
        for side in [Side::Blue, Side::Orange] {
            let place = Transform::from_xyz(-side.sign() * HALF_PITCH.x, low + 0.01, 0.0);
            parts.spawn((look.goals[side as usize].clone(), place));
        }
    });
}

/// Draws a player in the colour of its team, with a nose in the direction in which it looks.
fn draw_player(on: On<Add, Player>, sides: Query<&Side>, look: Res<Look>, mut commands: Commands) -> Result {
    let side = *sides.get(on.entity)?;
    let nose = (look.nose.clone(), Transform::from_xyz(0.0, 0.1, -PLAYER_RADIUS));
    commands.entity(on.entity).insert(look.players[side as usize].clone()).with_child(nose);
    Ok(())
}

fn draw_ball(on: On<Add, Ball>, look: Res<Look>, mut commands: Commands) {
    commands.entity(on.entity).insert(look.ball.clone());
}

/// Draws a wall as large as it is.
fn draw_wall(on: On<Add, Wall>, walls: Query<&Wall>, look: Res<Look>, mut commands: Commands) -> Result {
    let half = walls.get(on.entity)?.0;
    let size = Vec3::new(2.0 * half.x, 1.0, 2.0 * half.y);
    let drawn = (look.wall.clone(), Transform::from_scale(size));
    commands.entity(on.entity).insert(Visibility::default()).with_child(drawn);
    Ok(())
}

/// Lets a person play the players that the game's input decides for: the arrow keys run and turn, A and D strafe.
fn play_by_keys(keys: Option<Res<ButtonInput<KeyCode>>>, mut players: Query<(&Controller, &mut Move)>) {
    let Some(keys) = keys else { return };
    let pair = |one, other| (keys.pressed(one), keys.pressed(other));
    let run = match pair(KeyCode::ArrowUp, KeyCode::ArrowDown) {
        (true, false) => Run::Forward,
        (false, true) => Run::Backward,
        _ => Run::Stay,
    };
    let strafe = match pair(KeyCode::KeyA, KeyCode::KeyD) {
        (true, false) => Strafe::Left,
        (false, true) => Strafe::Right,
        _ => Strafe::Stay,
    };
    let turn = match pair(KeyCode::ArrowLeft, KeyCode::ArrowRight) {
        (true, false) => Turn::Left,
        (false, true) => Turn::Right,
        _ => Turn::Straight,
    };
    for (_, mut action) in players.iter_mut().filter(|(controller, _)| **controller == Controller::External) {
        *action = Move { run, strafe, turn };
    }
}
