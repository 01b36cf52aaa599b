//! The visuals of both games. They have no rules: training never builds them.

use bevy::core_pipeline::tonemapping::Tonemapping;
use bevy::prelude::*;
use bevy_ludus::agent::ArenaLayout;
use bevy_ludus::prelude::*;

use crate::game::valley::{EDGES, Motion};

/// A unit of position is drawn this long [m].
const SCALE: f32 = 3.0;
/// The distance between valleys [m].
const SPACING: f32 = 7.0;
/// The count of straight pieces of which the ground is drawn.
const PIECES: u8 = 60;
/// Thickness and depth of the ground, in units of position like all sizes below.
const GROUND: Vec2 = Vec2::new(0.04, 0.3);
/// Length, height and depth of a car's body.
const BODY: Vec3 = Vec3::new(0.16, 0.05, 0.1);
const WHEEL_RADIUS: f32 = 0.03;
/// The flag stands where the ground is highest, at the goal of the discrete game.
const FLAG_POSITION: f32 = 0.5;
const FLAG_HEIGHT: f32 = 0.25;

/// A mesh in its colour.
type Part = (Mesh3d, MeshMaterial3d<StandardMaterial>);

/// Adds meshes, a light and a camera.
pub fn mountain_car_visuals(app: &mut App) {
    app.insert_resource(ArenaLayout { spacing: SPACING }).init_resource::<Look>();
    app.add_systems(Startup, add_light_and_camera).add_systems(Update, place_cars).add_observer(draw_valley);
}

/// The meshes and materials that all valleys share.
#[derive(Resource)]
struct Look {
    ground: Part,
    body: Part,
    wheel: Part,
    pole: Part,
    flag: Part,
}

/// The drawn car, which moves over the ground.
#[derive(Component)]
struct Body;

impl FromWorld for Look {
    fn from_world(world: &mut World) -> Self {
        let mut part = |mesh: Mesh, color: Color| {
            let mesh = world.resource_mut::<Assets<Mesh>>().add(mesh);
            let material = StandardMaterial { base_color: color, perceptual_roughness: 0.8, ..default() };
            (Mesh3d(mesh), MeshMaterial3d(world.resource_mut::<Assets<StandardMaterial>>().add(material)))
        };
        let dark = Color::srgb(0.3, 0.3, 0.3);
        Self {
            ground: part(ground(), Color::srgb(0.34, 0.45, 0.56)),
            body: part(Cuboid::from_size(BODY).into(), Color::srgb(0.90, 0.62, 0.0)),
            wheel: part(Sphere::new(WHEEL_RADIUS).into(), dark),
            pole: part(Cylinder::new(0.008, FLAG_HEIGHT).into(), dark),
            flag: part(Cuboid::new(0.1, 0.06, 0.01).into(), Color::srgb(0.0, 0.62, 0.45)),
        }
    }
}

/// Returns the height of the ground, whose slope is what gravity acts on in the game.
fn height(position: f32) -> f32 {
    0.55 + 0.45 * (3.0 * position).sin()
}

/// Returns the place on the ground at a position, turned as the slope is.
fn on_ground(position: f32) -> Transform {
    let reach = 0.005;
    let slope = (height(position + reach) - height(position - reach)) / (2.0 * reach);
    Transform::from_xyz(position, height(position), 0.0).with_rotation(Quat::from_rotation_z(slope.atan()))
}

/// Returns the ground, whose top is at its height.
fn ground() -> Mesh {
    let [left, right] = EDGES;
    let width = (right - left) / f32::from(PIECES);
    let mut pieces = (0..PIECES).map(|piece| {
        let place = on_ground(left + (f32::from(piece) + 0.5) * width);
        // A piece of a slope is longer than it is wide. A little more closes the gaps between the pieces.
        let length = 1.1 * width / (place.rotation * Vec3::X).x;
        let below = Transform::from_xyz(0.0, -GROUND.x / 2.0, 0.0);
        Mesh::from(Cuboid::new(length, GROUND.x, GROUND.y)).transformed_by(place * below)
    });
    let first = pieces.next().expect("there are pieces");
    pieces.fold(first, |mut ground, piece| {
        ground.merge(&piece).expect("they have the same attributes");
        ground
    })
}

fn add_light_and_camera(mut commands: Commands) {
    let sun = DirectionalLight { illuminance: 9_000.0, ..default() };
    commands.spawn((sun, Transform::from_xyz(2.0, 6.0, 6.0).looking_at(Vec3::ZERO, Vec3::Y)));
    let middle = SCALE * Vec3::new((EDGES[0] + EDGES[1]) / 2.0, 0.5, 0.0);
    commands.spawn((
        Camera3d::default(),
        Tonemapping::AcesFitted,
        AmbientLight { brightness: 350.0, ..default() },
        Transform::from_translation(middle + Vec3::new(0.0, 1.5, 6.0)).looking_at(middle, Vec3::Y),
    ));
}

/// Draws a valley, its flag and its car, at the place of its arena.
fn draw_valley(
    on: On<Add, Motion>,
    homes: Query<&InArena>,
    arenas: Query<&Transform, With<Arena>>,
    look: Res<Look>,
    mut commands: Commands,
) -> Result {
    let place = arenas.get(homes.get(on.entity)?.0)?.with_scale(Vec3::splat(SCALE));
    let foot = Vec3::new(FLAG_POSITION, height(FLAG_POSITION), 0.0);
    let above = |x: f32, y: f32| Transform::from_translation(foot + Vec3::new(x, y, 0.0));
    commands.entity(on.entity).insert((place, Visibility::default())).with_children(|parts| {
        parts.spawn((look.ground.clone(), Transform::default()));
        parts.spawn((look.pole.clone(), above(0.0, FLAG_HEIGHT / 2.0)));
        parts.spawn((look.flag.clone(), above(0.05, FLAG_HEIGHT - 0.03)));
        parts.spawn((Body, Transform::default(), Visibility::default())).with_children(|car| {
            car.spawn((look.body.clone(), Transform::from_xyz(0.0, WHEEL_RADIUS + BODY.y / 2.0, 0.0)));
            for (x, z) in [(-1.0, -1.0), (-1.0, 1.0), (1.0, -1.0), (1.0, 1.0)] {
                let wheel = Transform::from_xyz(x * BODY.x / 3.0, WHEEL_RADIUS, z * BODY.z / 2.0);
                car.spawn((look.wheel.clone(), wheel));
            }
        });
    });
    Ok(())
}

fn place_cars(cars: Query<(&Motion, &Children)>, mut bodies: Query<&mut Transform, With<Body>>) {
    for (motion, parts) in &cars {
        let mut bodies = bodies.iter_many_mut(parts);
        while let Some(mut body) = bodies.fetch_next() {
            *body = on_ground(motion.position);
        }
    }
}
