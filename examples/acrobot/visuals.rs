//! The visuals of the game. They have no rules: training never builds them.

use bevy::core_pipeline::tonemapping::Tonemapping;
use bevy::prelude::*;
use bevy_ludus::agent::ArenaLayout;
use bevy_ludus::prelude::*;

use crate::game::{Acrobot, GOAL_HEIGHT, LENGTH, Motion};

/// The distance between acrobots [m].
const SPACING: f32 = 5.0;
const JOINT_RADIUS: f32 = 0.1;
const LINK_RADIUS: f32 = 0.06;
/// The distance of the second link to the first, so that each is seen when they cross [m].
const DEPTH: f32 = 0.12;
/// Width, height and depth of the line [m].
const LINE: Vec3 = Vec3::new(4.4, 0.03, 0.03);

/// A mesh in its colour.
type Part = (Mesh3d, MeshMaterial3d<StandardMaterial>);

/// Adds meshes, a light and a camera.
pub fn acrobot_visuals(app: &mut App) {
    app.insert_resource(ArenaLayout { spacing: SPACING }).init_resource::<Look>();
    app.add_systems(Startup, add_light_and_camera).add_systems(Update, turn_links).add_observer(draw_acrobot);
}

/// The meshes and materials that all acrobots share.
#[derive(Resource)]
struct Look {
    joint: Part,
    /// The first one and the second one.
    links: [Part; 2],
    line: Part,
}

/// A joint: what hangs on it turns with it.
#[derive(Component, Clone, Copy)]
enum Joint {
    /// The fixed one.
    First,
    /// The one between the links.
    Second,
}

impl FromWorld for Look {
    fn from_world(world: &mut World) -> Self {
        let mut part = |mesh: Mesh, color: Color| {
            let mesh = world.resource_mut::<Assets<Mesh>>().add(mesh);
            let material = StandardMaterial { base_color: color, perceptual_roughness: 0.7, ..default() };
            (Mesh3d(mesh), MeshMaterial3d(world.resource_mut::<Assets<StandardMaterial>>().add(material)))
        };
        let colors = [Color::srgb(0.34, 0.45, 0.56), Color::srgb(0.90, 0.62, 0.0)];
        Self {
            joint: part(Sphere::new(JOINT_RADIUS).into(), Color::srgb(0.3, 0.3, 0.3)),
            links: colors.map(|color| part(Capsule3d::new(LINK_RADIUS, LENGTH).into(), color)),
            line: part(Cuboid::from_size(LINE).into(), Color::srgb(0.0, 0.62, 0.45)),
        }
    }
}

fn add_light_and_camera(mut commands: Commands) {
    let sun = DirectionalLight { illuminance: 9_000.0, ..default() };
    commands.spawn((sun, Transform::from_xyz(2.0, 6.0, 6.0).looking_at(Vec3::ZERO, Vec3::Y)));
    commands.spawn((
        Camera3d::default(),
        Tonemapping::AcesFitted,
        AmbientLight { brightness: 350.0, ..default() },
        Transform::from_xyz(0.0, 1.0, 6.5).looking_at(Vec3::ZERO, Vec3::Y),
    ));
}

/// Draws an acrobot and its line, at the place of its arena.
fn draw_acrobot(
    on: On<Add, Acrobot>,
    homes: Query<&InArena>,
    arenas: Query<&Transform, With<Arena>>,
    look: Res<Look>,
    mut commands: Commands,
) -> Result {
    let place = *arenas.get(homes.get(on.entity)?.0)?;
    let hanging = Transform::from_xyz(0.0, -LENGTH / 2.0, 0.0);
    let elbow = Transform::from_xyz(0.0, -LENGTH, DEPTH);
    commands.entity(on.entity).insert((place, Visibility::default())).with_children(|parts| {
        parts.spawn((look.line.clone(), Transform::from_xyz(0.0, GOAL_HEIGHT, 0.0)));
        parts.spawn((Joint::First, look.joint.clone(), Transform::default())).with_children(|first| {
            first.spawn((look.links[0].clone(), hanging));
            first.spawn((Joint::Second, look.joint.clone(), elbow)).with_child((look.links[1].clone(), hanging));
        });
    });
    Ok(())
}

fn turn_links(
    acrobots: Query<(Entity, &Motion)>,
    children: Query<&Children>,
    mut joints: Query<(&Joint, &mut Transform)>,
) {
    for (acrobot, motion) in &acrobots {
        let mut parts = joints.iter_many_mut(children.iter_descendants(acrobot));
        while let Some((joint, mut part)) = parts.fetch_next() {
            part.rotation = Quat::from_rotation_z(match joint {
                Joint::First => motion.angles.x,
                Joint::Second => motion.angles.y,
            });
        }
    }
}
