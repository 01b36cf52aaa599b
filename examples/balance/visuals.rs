//! The visuals of the game. They have no rules: training never builds them.

use bevy::core_pipeline::tonemapping::Tonemapping;
use bevy::prelude::*;

use crate::game::{BALL_RADIUS, Ball, PLATE_SIZE, Plate};

/// The plate is drawn flat, or it would hide what rolls behind it [m]. Its top is where it is in the game.
const DRAWN_THICKNESS: f32 = 0.3;

/// Adds meshes, a light and a camera.
pub fn balance_visuals(app: &mut App) {
    app.init_resource::<Look>()
        .add_systems(Startup, add_light_and_camera)
        .add_observer(draw_plate)
        .add_observer(draw_ball);
}

/// The meshes and materials that all plates and all balls share.
#[derive(Resource)]
struct Look {
    plate: (Mesh3d, MeshMaterial3d<StandardMaterial>),
    ball: (Mesh3d, MeshMaterial3d<StandardMaterial>),
}

impl FromWorld for Look {
    fn from_world(world: &mut World) -> Self {
        let plate = Cuboid::new(PLATE_SIZE, DRAWN_THICKNESS, PLATE_SIZE);
        let mut meshes = world.resource_mut::<Assets<Mesh>>();
        let (plate, ball) = (meshes.add(plate), meshes.add(Sphere::new(BALL_RADIUS)));
        let mut materials = world.resource_mut::<Assets<StandardMaterial>>();
        let mut material = |color: Color, roughness: f32| {
            MeshMaterial3d(materials.add(StandardMaterial {
                base_color: color,
                perceptual_roughness: roughness,
                ..StandardMaterial::default()
            }))
        };
        Self {
            plate: (Mesh3d(plate), material(Color::srgb(0.34, 0.45, 0.56), 0.8)),
            ball: (Mesh3d(ball), material(Color::srgb(0.90, 0.62, 0.0), 0.4)),
        }
    }
}

fn add_light_and_camera(mut commands: Commands) {
    let sun = DirectionalLight { illuminance: 9_000.0, shadow_maps_enabled: true, ..DirectionalLight::default() };
    commands.spawn((sun, Transform::from_xyz(4.0, 10.0, 6.0).looking_at(Vec3::ZERO, Vec3::Y)));
    commands.spawn((
        Camera3d::default(),
        Tonemapping::AcesFitted,
        AmbientLight { brightness: 350.0, ..AmbientLight::default() },
        Transform::from_xyz(0.0, 7.0, 11.0).looking_at(Vec3::new(0.0, 1.5, 0.0), Vec3::Y),
    ));
}

fn draw_plate(plate: On<Add, Plate>, look: Res<Look>, mut commands: Commands) {
    let top = Transform::from_xyz(0.0, (PLATE_SIZE - DRAWN_THICKNESS) / 2.0, 0.0);
    commands.entity(plate.entity).insert(Visibility::default()).with_child((look.plate.clone(), top));
}

fn draw_ball(ball: On<Add, Ball>, look: Res<Look>, mut commands: Commands) {
    commands.entity(ball.entity).insert(look.ball.clone());
}
