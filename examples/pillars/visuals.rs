//! The visuals of the game. They have no rules: training never builds them.

use bevy::core_pipeline::tonemapping::Tonemapping;
use bevy::prelude::*;

use crate::game::{FLAG_RADIUS, Flag, HEIGHT, PILLAR_RADIUS, Pillar, ROVER_RADIUS, Rover, WALL_THICKNESS, Wall, YARD};
use crate::keys::rover_keys;

/// A mesh in its colour.
type Part = (Mesh3d, MeshMaterial3d<StandardMaterial>);

/// Adds meshes, a light, a camera and the keys.
pub fn pillars_visuals(app: &mut App) {
    rover_keys(app);
    app.init_resource::<Look>()
        .add_systems(Startup, add_light_and_camera)
        .add_observer(draw_rover)
        .add_observer(draw::<Pillar>(|look| &look.pillar))
        .add_observer(draw::<Wall>(|look| &look.wall))
        .add_observer(draw::<Flag>(|look| &look.flag));
}

/// The meshes and materials that all yards share.
#[derive(Resource)]
struct Look {
    rover: Part,
    nose: Part,
    pillar: Part,
    wall: Part,
    flag: Part,
}

impl FromWorld for Look {
    fn from_world(world: &mut World) -> Self {
        let mut part = |mesh: Mesh, color: Color| {
            let mesh = world.resource_mut::<Assets<Mesh>>().add(mesh);
            let material = StandardMaterial { base_color: color, perceptual_roughness: 0.8, ..default() };
            (Mesh3d(mesh), MeshMaterial3d(world.resource_mut::<Assets<StandardMaterial>>().add(material)))
        };
        let (orange, stone) = (Color::srgb(0.90, 0.62, 0.0), Color::srgb(0.34, 0.45, 0.56));
        Self {
            rover: part(Sphere::new(ROVER_RADIUS).into(), orange),
            nose: part(Sphere::new(ROVER_RADIUS / 2.0).into(), Color::WHITE),
            pillar: part(Cylinder::new(PILLAR_RADIUS, HEIGHT).into(), stone),
            // Drawn lower than it is, or it would hide what is behind it.
            wall: part(Cuboid::new(2.0 * YARD, HEIGHT / 4.0, WALL_THICKNESS).into(), stone),
            flag: part(Torus::new(FLAG_RADIUS * 0.7, FLAG_RADIUS).into(), Color::srgb(0.0, 0.62, 0.45)),
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
        Transform::from_xyz(0.0, 14.0, 11.0).looking_at(Vec3::ZERO, Vec3::Y),
    ));
}

fn draw<T: Component>(part: fn(&Look) -> &Part) -> impl Fn(On<Add, T>, Res<Look>, Commands) {
    move |on, look, mut commands| {
        commands.entity(on.entity).insert(part(&look).clone());
    }
}

/// Draws a rover, with a nose in its driving direction.
fn draw_rover(rover: On<Add, Rover>, look: Res<Look>, mut commands: Commands) {
    let nose = (look.nose.clone(), Transform::from_xyz(0.0, 0.1, -ROVER_RADIUS));
    commands.entity(rover.entity).insert(look.rover.clone()).with_child(nose);
}
