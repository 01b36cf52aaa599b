//! The visuals of the game. They have no rules: training never builds them.

use bevy::core_pipeline::tonemapping::Tonemapping;
use bevy::prelude::*;

use crate::game::{
    BLOCK_HEIGHT, Block, GOAL_AT, Goal, HALF_BLOCK, HALF_GOAL, HALF_WALL, HALF_WIDTH, Jumper, LENGTH, RADIUS, Wall,
};

/// A mesh in its colour.
type Part = (Mesh3d, MeshMaterial3d<StandardMaterial>);

/// Adds meshes, a light and a camera.
pub fn wall_jump_visuals(app: &mut App) {
    app.init_resource::<Look>()
        .add_systems(Startup, add_light_and_camera)
        .add_systems(Update, raise_walls)
        .add_observer(draw_jumper)
        .add_observer(draw_block)
        .add_observer(draw_wall)
        .add_observer(draw_goal);
}

/// The meshes and materials that all yards share.
#[derive(Resource)]
struct Look {
    jumper: Part,
    nose: Part,
    block: Part,
    wall: Part,
    goal: Part,
    floor: Part,
}

impl FromWorld for Look {
    fn from_world(world: &mut World) -> Self {
        let mut part = |mesh: Mesh, color: Color| {
            let mesh = world.resource_mut::<Assets<Mesh>>().add(mesh);
            let material = StandardMaterial { base_color: color, perceptual_roughness: 0.8, ..default() };
            (Mesh3d(mesh), MeshMaterial3d(world.resource_mut::<Assets<StandardMaterial>>().add(material)))
        };
        Self {
            jumper: part(Sphere::new(RADIUS).into(), Color::srgb(0.90, 0.62, 0.0)),
            nose: part(Sphere::new(RADIUS / 2.0).into(), Color::WHITE),
            block: part(
                Cuboid::new(2.0 * HALF_BLOCK, BLOCK_HEIGHT, 2.0 * HALF_BLOCK).into(),
                Color::srgb(0.0, 0.45, 0.70),
            ),
            // One metre high; each wall scales it.
            wall: part(Cuboid::new(2.0 * HALF_WIDTH, 1.0, 2.0 * HALF_WALL).into(), Color::srgb(0.34, 0.45, 0.56)),
            goal: part(Cuboid::new(2.0 * HALF_WIDTH, 0.04, 2.0 * HALF_GOAL).into(), Color::srgb(0.0, 0.62, 0.45)),
            floor: part(Cuboid::new(2.0 * HALF_WIDTH, 0.1, LENGTH).into(), Color::srgb(0.80, 0.80, 0.78)),
        }
    }
}

fn add_light_and_camera(mut commands: Commands) {
    let sun = DirectionalLight { illuminance: 9_000.0, shadow_maps_enabled: true, ..default() };
    commands.spawn((sun, Transform::from_xyz(4.0, 10.0, 6.0).looking_at(Vec3::ZERO, Vec3::Y)));
    let middle = Vec3::NEG_Z * LENGTH / 2.0;
    commands.spawn((
        Camera3d::default(),
        Tonemapping::AcesFitted,
        AmbientLight { brightness: 350.0, ..default() },
        Transform::from_translation(middle + Vec3::new(13.0, 9.0, 7.0)).looking_at(middle, Vec3::Y),
    ));
}

/// Gives walls the heights of their episodes.
fn raise_walls(walls: Query<(&Wall, &Children), Changed<Wall>>, mut places: Query<&mut Transform>) {
    for (wall, drawn) in &walls {
        for part in drawn.iter() {
            if let Ok(mut place) = places.get_mut(part) {
                let height = wall.0.max(0.02);
                *place = Transform::from_xyz(0.0, height / 2.0, 0.0).with_scale(Vec3::new(1.0, height, 1.0));
            }
        }
    }
}

fn draw_wall(wall: On<Add, Wall>, look: Res<Look>, mut commands: Commands) {
    commands.entity(wall.entity).insert(Visibility::default()).with_child((look.wall.clone(), Transform::default()));
}

fn draw_block(block: On<Add, Block>, look: Res<Look>, mut commands: Commands) {
    let drawn = (look.block.clone(), Transform::from_xyz(0.0, BLOCK_HEIGHT / 2.0, 0.0));
    commands.entity(block.entity).insert(Visibility::default()).with_child(drawn);
}

fn draw_goal(goal: On<Add, Goal>, look: Res<Look>, mut commands: Commands) {
    let floor = (look.floor.clone(), Transform::from_xyz(0.0, -0.07, GOAL_AT - LENGTH / 2.0));
    commands.entity(goal.entity).insert(look.goal.clone()).with_child(floor);
}

/// Draws a jumper, with a nose in its direction.
fn draw_jumper(jumper: On<Add, Jumper>, look: Res<Look>, mut commands: Commands) {
    let body = (look.jumper.clone(), Transform::from_xyz(0.0, RADIUS, 0.0));
    let nose = (look.nose.clone(), Transform::from_xyz(0.0, RADIUS + 0.1, -RADIUS));
    commands.entity(jumper.entity).insert(Visibility::default()).with_child(body).with_child(nose);
}
