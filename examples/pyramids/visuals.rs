//! The visuals of the game. They have no rules: training never builds them.

use bevy::core_pipeline::tonemapping::Tonemapping;
use bevy::prelude::*;

use crate::game::{
    Brick, HALF_BRICK, HALF_PYRAMID, HALF_ROOM, HEIGHT, Pyramid, RADIUS, SWITCH_RADIUS, Seeker, Switch, WALL_THICKNESS,
    Wall,
};

/// A mesh in its colour.
type Part = (Mesh3d, MeshMaterial3d<StandardMaterial>);

/// Adds meshes, a light and a camera.
pub fn pyramids_visuals(app: &mut App) {
    app.init_resource::<Look>()
        .add_systems(Startup, add_light_and_camera)
        .add_systems(Update, color_switches)
        .add_observer(draw_seeker)
        .add_observer(draw_wall)
        .add_observer(draw_pyramid)
        .add_observer(draw_brick)
        .add_observer(draw_switch);
}

/// The meshes and materials that all rooms share.
#[derive(Resource)]
struct Look {
    seeker: Part,
    nose: Part,
    wall: Part,
    stone: Part,
    gold: Part,
    /// Before it is pressed, and after.
    switches: [Part; 2],
}

impl FromWorld for Look {
    fn from_world(world: &mut World) -> Self {
        let mut part = |mesh: Mesh, color: Color| {
            let mesh = world.resource_mut::<Assets<Mesh>>().add(mesh);
            let material = StandardMaterial { base_color: color, perceptual_roughness: 0.8, ..default() };
            (Mesh3d(mesh), MeshMaterial3d(world.resource_mut::<Assets<StandardMaterial>>().add(material)))
        };
        let long = 2.0 * (HALF_ROOM + WALL_THICKNESS);
        let button = Cylinder::new(SWITCH_RADIUS, HEIGHT);
        Self {
            seeker: part(Sphere::new(RADIUS).into(), Color::srgb(0.90, 0.62, 0.0)),
            nose: part(Sphere::new(RADIUS / 2.0).into(), Color::WHITE),
            // Drawn lower than it is, or it would hide what is behind it.
            wall: part(Cuboid::new(long, HEIGHT / 4.0, WALL_THICKNESS).into(), Color::srgb(0.34, 0.45, 0.56)),
            // One step of a pyramid.
            stone: part(Cuboid::new(1.0, HEIGHT / 3.0, 1.0).into(), Color::srgb(0.62, 0.60, 0.55)),
            gold: part(Cuboid::from_length(2.0 * HALF_BRICK).into(), Color::srgb(0.94, 0.89, 0.26)),
            switches: [Color::srgb(0.84, 0.37, 0.0), Color::srgb(0.0, 0.62, 0.45)]
                .map(|color| part(button.into(), color)),
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
        Transform::from_xyz(0.0, 27.0, 26.0).looking_at(Vec3::ZERO, Vec3::Y),
    ));
}

fn draw_wall(wall: On<Add, Wall>, look: Res<Look>, mut commands: Commands) {
    commands.entity(wall.entity).insert(look.wall.clone());
}

/// Draws a pyramid in three steps.
fn draw_pyramid(pyramid: On<Add, Pyramid>, look: Res<Look>, mut commands: Commands) {
    let mut drawn = commands.entity(pyramid.entity);
    drawn.insert(Visibility::default());
    for step in 0..3 {
        let side = 2.0 * HALF_PYRAMID * (1.0 - 0.25 * step as f32);
        let place = Transform::from_xyz(0.0, HEIGHT * (step as f32 - 1.0) / 3.0, 0.0);
        drawn.with_child((look.stone.clone(), place.with_scale(Vec3::new(side, 1.0, side))));
    }
}

fn draw_brick(brick: On<Add, Brick>, look: Res<Look>, mut commands: Commands) {
    commands.entity(brick.entity).insert(look.gold.clone());
}

fn draw_switch(switch: On<Add, Switch>, look: Res<Look>, mut commands: Commands) {
    commands.entity(switch.entity).insert(look.switches[0].clone());
}

fn color_switches(switches: Query<(Entity, &Switch), Changed<Switch>>, look: Res<Look>, mut commands: Commands) {
    for (entity, switch) in &switches {
        commands.entity(entity).insert(look.switches[usize::from(switch.0)].clone());
    }
}

/// Draws a seeker, with a nose in its walking direction.
fn draw_seeker(seeker: On<Add, Seeker>, look: Res<Look>, mut commands: Commands) {
    let nose = (look.nose.clone(), Transform::from_xyz(0.0, 0.1, -RADIUS));
    commands.entity(seeker.entity).insert(look.seeker.clone()).with_child(nose);
}
