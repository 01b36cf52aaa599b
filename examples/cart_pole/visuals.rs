//! The visuals of the game, and a panel of its own. They have no rules: training never builds them.

use bevy::core_pipeline::tonemapping::Tonemapping;
use bevy::prelude::*;
use bevy_ludus::agent::ArenaLayout;
use bevy_ludus::editor::EditorAppExt;
use bevy_ludus::editor::egui::Ui;
use bevy_ludus::prelude::*;

use crate::game::{CartPole, HALF_LENGTH, MAX_POSITION, Motion};

/// The distance between tracks [m].
const SPACING: f32 = 6.0;
/// Width, height and depth of a cart [m].
const CART: Vec3 = Vec3::new(0.6, 0.3, 0.4);
const POLE_RADIUS: f32 = 0.05;
const TRACK: Vec3 = Vec3::new(2.0 * MAX_POSITION, 0.04, 0.08);

/// Adds meshes, a light, a camera, and a panel with the state in numbers.
pub fn cart_pole_visuals(app: &mut App) {
    app.insert_resource(ArenaLayout { spacing: SPACING }).init_resource::<Look>();
    app.add_systems(Startup, add_light_and_camera).add_systems(Update, place_carts).add_observer(draw_cart);
    app.add_panel("Carts", carts_panel);
}

/// Draws a panel; a panel of a game is a system.
fn carts_panel(InMut(ui): InMut<Ui>, carts: Query<(&Motion, &Episode)>) {
    for (motion, episode) in &carts {
        let lean = motion.angle.to_degrees();
        ui.monospace(format!("{:+.2} m  {lean:+5.1}°  {:4} steps", motion.position, episode.steps()));
    }
}

/// The meshes and materials that all carts share.
#[derive(Resource)]
struct Look {
    cart: (Mesh3d, MeshMaterial3d<StandardMaterial>),
    pole: (Mesh3d, MeshMaterial3d<StandardMaterial>),
    track: (Mesh3d, MeshMaterial3d<StandardMaterial>),
}

/// Turns with the pole, about its lower end.
#[derive(Component)]
struct Hinge;

/// The drawn cart, which moves along its track.
#[derive(Component)]
struct Body;

impl FromWorld for Look {
    fn from_world(world: &mut World) -> Self {
        let mut meshes = world.resource_mut::<Assets<Mesh>>();
        let cart = meshes.add(Cuboid::from_size(CART));
        let pole = meshes.add(Cylinder::new(POLE_RADIUS, 2.0 * HALF_LENGTH));
        let track = meshes.add(Cuboid::from_size(TRACK));
        let mut materials = world.resource_mut::<Assets<StandardMaterial>>();
        let mut material = |color: Color| MeshMaterial3d(materials.add(StandardMaterial::from_color(color)));
        Self {
            cart: (Mesh3d(cart), material(Color::srgb(0.34, 0.45, 0.56))),
            pole: (Mesh3d(pole), material(Color::srgb(0.90, 0.62, 0.0))),
            track: (Mesh3d(track), material(Color::srgb(0.3, 0.3, 0.3))),
        }
    }
}

fn add_light_and_camera(mut commands: Commands) {
    let sun = DirectionalLight { illuminance: 9_000.0, ..DirectionalLight::default() };
    commands.spawn((sun, Transform::from_xyz(2.0, 6.0, 6.0).looking_at(Vec3::ZERO, Vec3::Y)));
    commands.spawn((
        Camera3d::default(),
        Tonemapping::AcesFitted,
        AmbientLight { brightness: 350.0, ..AmbientLight::default() },
        Transform::from_xyz(0.0, 2.5, 6.0).looking_at(Vec3::new(0.0, 0.4, 0.0), Vec3::Y),
    ));
}

/// Draws a cart on a track, at the place of its arena.
fn draw_cart(
    on: On<Add, CartPole>,
    homes: Query<&InArena>,
    arenas: Query<&Transform, With<Arena>>,
    look: Res<Look>,
    mut commands: Commands,
) -> Result {
    let place = *arenas.get(homes.get(on.entity)?.0)?;
    let upwards = Transform::from_xyz(0.0, HALF_LENGTH, 0.0);
    commands.entity(on.entity).insert((place, Visibility::default())).with_children(|parts| {
        parts.spawn((look.track.clone(), Transform::from_xyz(0.0, -CART.y / 2.0, 0.0)));
        parts.spawn((Body, look.cart.clone(), Transform::default())).with_children(|cart| {
            cart.spawn((Hinge, Transform::default(), Visibility::default())).with_child((look.pole.clone(), upwards));
        });
    });
    Ok(())
}

type Bodies<'world, 'state, 'a> =
    Query<'world, 'state, (&'a mut Transform, &'a Children), (With<Body>, Without<Hinge>)>;

fn place_carts(carts: Query<(&Motion, &Children)>, mut bodies: Bodies, mut hinges: Query<&mut Transform, With<Hinge>>) {
    for (motion, parts) in &carts {
        let mut bodies = bodies.iter_many_mut(parts);
        while let Some((mut body, parts)) = bodies.fetch_next() {
            body.translation.x = motion.position;
            let mut hinges = hinges.iter_many_mut(parts);
            while let Some(mut hinge) = hinges.fetch_next() {
                hinge.rotation = Quat::from_rotation_z(-motion.angle);
            }
        }
    }
}
