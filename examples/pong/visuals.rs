//! The visuals of the game. They have no rules: training never builds them.

use bevy::core_pipeline::tonemapping::Tonemapping;
use bevy::prelude::*;
use bevy_ludus::agent::ArenaLayout;
use bevy_ludus::prelude::*;

use crate::game::{BALL_RADIUS, HALF_PADDLE, HALF_TABLE, Height, Paddle, Side, Slide, Table};

/// The distance between tables [m].
const SPACING: f32 = 2.6;
/// The thickness of paddles and tables [m].
const THICKNESS: f32 = 0.04;

/// A mesh in its colour.
type Part = (Mesh3d, MeshMaterial3d<StandardMaterial>);

/// Adds meshes, a light and a camera.
pub fn pong_visuals(app: &mut App) {
    app.insert_resource(ArenaLayout { spacing: SPACING }).init_resource::<Look>();
    app.add_systems(Startup, add_light_and_camera).add_systems(Update, (place_paddles, place_balls));
    app.add_systems(FixedPreUpdate, slide_by_keys.before(AgentSystems::Act));
    app.add_observer(draw_table).add_observer(draw_paddle);
}

/// The meshes and materials that all tables share.
#[derive(Resource)]
struct Look {
    table: Part,
    ball: Part,
    /// By side.
    paddles: [Part; 2],
}

/// The ball of the table that it is a child of.
#[derive(Component)]
struct Ball;

impl FromWorld for Look {
    fn from_world(world: &mut World) -> Self {
        let mut part = |mesh: Mesh, color: Color| {
            let mesh = world.resource_mut::<Assets<Mesh>>().add(mesh);
            let material = StandardMaterial { base_color: color, perceptual_roughness: 0.7, ..default() };
            (Mesh3d(mesh), MeshMaterial3d(world.resource_mut::<Assets<StandardMaterial>>().add(material)))
        };
        let [length, width] = (2.0 * HALF_TABLE).to_array();
        let paddle = || Cuboid::new(THICKNESS, 2.0 * HALF_PADDLE, THICKNESS).into();
        Self {
            table: part(Cuboid::new(length, width, THICKNESS).into(), Color::srgb(0.16, 0.18, 0.2)),
            ball: part(Sphere::new(BALL_RADIUS).into(), Color::srgb(0.95, 0.9, 0.25)),
            paddles: [part(paddle(), Color::srgb(0.90, 0.62, 0.0)), part(paddle(), Color::srgb(0.0, 0.62, 0.45))],
        }
    }
}

fn add_light_and_camera(mut commands: Commands) {
    let sun = DirectionalLight { illuminance: 9_000.0, ..default() };
    commands.spawn((sun, Transform::from_xyz(1.0, 2.0, 4.0).looking_at(Vec3::ZERO, Vec3::Y)));
    commands.spawn((
        Camera3d::default(),
        Tonemapping::AcesFitted,
        AmbientLight { brightness: 350.0, ..default() },
        Transform::from_xyz(0.0, -0.8, 2.6).looking_at(Vec3::ZERO, Vec3::Y),
    ));
}

fn draw_table(on: On<Add, Table>, look: Res<Look>, mut commands: Commands) {
    commands.entity(on.entity).insert(Visibility::default()).with_children(|parts| {
        parts.spawn((look.table.clone(), Transform::from_xyz(0.0, 0.0, -THICKNESS)));
        parts.spawn((Ball, look.ball.clone(), Transform::default()));
    });
}

fn draw_paddle(on: On<Add, Paddle>, sides: Query<&Side>, look: Res<Look>, mut commands: Commands) -> Result {
    let side = *sides.get(on.entity)?;
    commands.entity(on.entity).insert(look.paddles[side as usize].clone());
    Ok(())
}

/// Lets a person slide the paddles that the game's input decides for, with the arrow keys.
fn slide_by_keys(keys: Option<Res<ButtonInput<KeyCode>>>, mut paddles: Query<(&Controller, &mut Slide)>) {
    let Some(keys) = keys else { return };
    for (_, mut slide) in paddles.iter_mut().filter(|(controller, _)| **controller == Controller::External) {
        *slide = match (keys.pressed(KeyCode::ArrowUp), keys.pressed(KeyCode::ArrowDown)) {
            (true, false) => Slide::Up,
            (false, true) => Slide::Down,
            _ => Slide::Stay,
        };
    }
}

fn place_paddles(
    mut paddles: Query<(&InArena, &Side, &Height, &mut Transform)>,
    tables: Query<&Transform, (With<Arena>, Without<Height>)>,
) -> Result {
    for (home, side, height, mut place) in &mut paddles {
        let aside = Vec3::new(side.sign() * (HALF_TABLE.x + BALL_RADIUS + THICKNESS / 2.0), height.0, 0.0);
        place.translation = tables.get(home.0)?.translation + aside;
    }
    Ok(())
}

fn place_balls(mut balls: Query<(&ChildOf, &mut Transform), With<Ball>>, tables: Query<&Table>) -> Result {
    for (table, mut place) in &mut balls {
        place.translation = tables.get(table.parent())?.ball.extend(0.0);
    }
    Ok(())
}
