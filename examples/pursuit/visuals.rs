//! What the game looks like. No rule of it is here: training never builds this.

use bevy::core_pipeline::tonemapping::Tonemapping;
use bevy::prelude::*;
use bevy_ludus::agent::{Agent, ArenaLayout};
use bevy_ludus::prelude::*;

use crate::game::yard::{WALLS, YARD};
use crate::game::{Body, CHASER_RADIUS, Chaser, RUNNER_RADIUS, Runner};

/// Between the middles of yards [m].
const SPACING: f32 = 2.0 * YARD + 2.0;
/// Of walls [m].
const HEIGHT: f32 = 0.8;
/// Of the fence around a yard [m].
const FENCE: f32 = 0.15;

/// A mesh in its colour.
type Part = (Mesh3d, MeshMaterial3d<StandardMaterial>);

/// Meshes, a light, a camera.
pub fn pursuit_visuals(app: &mut App) {
    app.insert_resource(ArenaLayout { spacing: SPACING })
        .init_resource::<Look>()
        .add_systems(Startup, add_light_and_camera)
        .add_systems(Update, place_bodies)
        .add_observer(draw_yard)
        .add_observer(draw::<Chaser>(|look| (&look.chaser, CHASER_RADIUS)))
        .add_observer(draw::<Runner>(|look| (&look.runner, RUNNER_RADIUS)));
}

/// The meshes and materials that all yards share.
#[derive(Resource)]
struct Look {
    chaser: Part,
    runner: Part,
    nose: Part,
    /// One metre along each side.
    block: Mesh3d,
    stone: MeshMaterial3d<StandardMaterial>,
    ground: MeshMaterial3d<StandardMaterial>,
}

impl FromWorld for Look {
    fn from_world(world: &mut World) -> Self {
        let mut mesh = |mesh: Mesh| Mesh3d(world.resource_mut::<Assets<Mesh>>().add(mesh));
        let chaser = mesh(Sphere::new(CHASER_RADIUS).into());
        let runner = mesh(Sphere::new(RUNNER_RADIUS).into());
        let nose = mesh(Sphere::new(RUNNER_RADIUS / 2.0).into());
        let block = mesh(Cuboid::from_length(1.0).into());
        let mut material = |red, green, blue| {
            let color =
                StandardMaterial { base_color: Color::srgb(red, green, blue), perceptual_roughness: 0.9, ..default() };
            MeshMaterial3d(world.resource_mut::<Assets<StandardMaterial>>().add(color))
        };
        Self {
            chaser: (chaser, material(0.84, 0.37, 0.0)),
            runner: (runner, material(0.0, 0.62, 0.45)),
            nose: (nose, material(1.0, 1.0, 1.0)),
            block,
            stone: material(0.34, 0.45, 0.56),
            ground: material(0.16, 0.18, 0.2),
        }
    }
}

fn add_light_and_camera(mut commands: Commands) {
    let sun = DirectionalLight { illuminance: 9_000.0, shadow_maps_enabled: true, ..default() };
    commands.spawn((sun, Transform::from_xyz(4.0, 12.0, 6.0).looking_at(Vec3::ZERO, Vec3::Y)));
    commands.spawn((
        Camera3d::default(),
        Tonemapping::AcesFitted,
        AmbientLight { brightness: 350.0, ..default() },
        Transform::from_xyz(0.0, 18.0, 14.0).looking_at(Vec3::ZERO, Vec3::Y),
    ));
}

/// A place in a yard as the scene has it: x to the right, y away from the camera.
fn in_scene(place: Vec2, height: f32) -> Vec3 {
    Vec3::new(place.x, height, -place.y)
}

fn draw_yard(on: On<Add, Arena>, look: Res<Look>, mut commands: Commands) {
    commands.entity(on.entity).insert(Visibility::default()).with_children(|parts| {
        let mut block = |centre: Vec2, half: Vec2, height: f32, material: &MeshMaterial3d<StandardMaterial>| {
            let size = Vec3::new(2.0 * half.x, height, 2.0 * half.y);
            let place = Transform::from_translation(in_scene(centre, height / 2.0)).with_scale(size);
            parts.spawn((look.block.clone(), material.clone(), place));
        };
        block(Vec2::ZERO, Vec2::splat(YARD), 0.02, &look.ground);
        for wall in WALLS {
            block(wall.centre, wall.half, HEIGHT, &look.stone);
        }
        for side in [Vec2::X, Vec2::Y, Vec2::NEG_X, Vec2::NEG_Y] {
            let half = side.perp().abs() * (YARD + 2.0 * FENCE) + side.abs() * FENCE;
            block(side * (YARD + FENCE), half, 2.0 * FENCE, &look.stone);
        }
    });
}

/// An agent's nose says where it looks.
fn draw<A: Agent>(part: fn(&Look) -> (&Part, f32)) -> impl Fn(On<Add, A>, Res<Look>, Commands) {
    move |on, look, mut commands| {
        let (part, radius) = part(&look);
        let nose = (look.nose.clone(), Transform::from_xyz(radius, 0.0, 0.0));
        commands.entity(on.entity).insert(part.clone()).with_child(nose);
    }
}

fn place_bodies(
    mut bodies: Query<(&Body, &InArena, &mut Transform)>,
    yards: Query<&Transform, (With<Arena>, Without<Body>)>,
) -> Result {
    for (body, home, mut place) in &mut bodies {
        let middle = yards.get(home.0)?.translation;
        let turn = Quat::from_rotation_y(body.ahead.to_angle());
        *place = Transform::from_translation(middle + in_scene(body.place, CHASER_RADIUS)).with_rotation(turn);
    }
    Ok(())
}
