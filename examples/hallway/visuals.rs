//! The visuals of the game. They have no rules: training never builds them.

use bevy::core_pipeline::tonemapping::Tonemapping;
use bevy::prelude::*;

use crate::game::{GOAL_RADIUS, Goal, HEIGHT, Hue, LENGTH, SIGN_RADIUS, Sign, WALKER_RADIUS, Walker, Wall};

/// A mesh in its colour.
type Part = (Mesh3d, MeshMaterial3d<StandardMaterial>);

/// Adds meshes, a light and a camera.
pub fn hallway_visuals(app: &mut App) {
    app.init_resource::<Look>()
        .add_systems(Startup, add_light_and_camera)
        .add_observer(draw_walker)
        .add_observer(draw_wall)
        .add_observer(draw_sign)
        .add_observer(draw_goal);
}

/// The meshes and materials that all halls share.
#[derive(Resource)]
struct Look {
    walker: Part,
    nose: Part,
    wall: Part,
    /// The red one and the blue one.
    signs: [Part; 2],
    goals: [Part; 2],
}

impl FromWorld for Look {
    fn from_world(world: &mut World) -> Self {
        let mut part = |mesh: Mesh, color: Color| {
            let mesh = world.resource_mut::<Assets<Mesh>>().add(mesh);
            let material = StandardMaterial { base_color: color, perceptual_roughness: 0.8, ..default() };
            (Mesh3d(mesh), MeshMaterial3d(world.resource_mut::<Assets<StandardMaterial>>().add(material)))
        };
        let hues = [Color::srgb(0.84, 0.37, 0.0), Color::srgb(0.0, 0.45, 0.70)];
        Self {
            walker: part(Sphere::new(WALKER_RADIUS).into(), Color::srgb(0.90, 0.62, 0.0)),
            nose: part(Sphere::new(WALKER_RADIUS / 2.0).into(), Color::WHITE),
            // A unit cube, which each wall scales. Drawn lower than it is, or it would hide what is behind it.
            wall: part(Cuboid::new(1.0, 0.25, 1.0).into(), Color::srgb(0.34, 0.45, 0.56)),
            signs: hues.map(|hue| part(Cylinder::new(SIGN_RADIUS, HEIGHT).into(), hue)),
            goals: hues.map(|hue| part(Torus::new(GOAL_RADIUS * 0.7, GOAL_RADIUS).into(), hue)),
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
        Transform::from_translation(middle + Vec3::new(11.0, 13.0, 6.0)).looking_at(middle, Vec3::Y),
    ));
}

fn draw_sign(sign: On<Add, Sign>, hues: Query<&Hue>, look: Res<Look>, mut commands: Commands) -> Result {
    commands.entity(sign.entity).insert(look.signs[*hues.get(sign.entity)? as usize].clone());
    Ok(())
}

fn draw_goal(goal: On<Add, Goal>, hues: Query<&Hue>, look: Res<Look>, mut commands: Commands) -> Result {
    commands.entity(goal.entity).insert(look.goals[*hues.get(goal.entity)? as usize].clone());
    Ok(())
}

fn draw_wall(on: On<Add, Wall>, walls: Query<&Wall>, look: Res<Look>, mut commands: Commands) -> Result {
    let size = 2.0 * walls.get(on.entity)?.0;
    let drawn = (look.wall.clone(), Transform::from_scale(size));
    commands.entity(on.entity).insert(Visibility::default()).with_child(drawn);
    Ok(())
}

/// Draws a walker, with a nose in its walking direction.
fn draw_walker(walker: On<Add, Walker>, look: Res<Look>, mut commands: Commands) {
    let nose = (look.nose.clone(), Transform::from_xyz(0.0, 0.1, -WALKER_RADIUS));
    commands.entity(walker.entity).insert(look.walker.clone()).with_child(nose);
}
