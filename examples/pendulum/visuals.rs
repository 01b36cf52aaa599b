//! The visuals of the game. They have no rules: training never builds them.

use bevy::core_pipeline::tonemapping::Tonemapping;
use bevy::prelude::*;
use bevy_ludus::agent::ArenaLayout;
use bevy_ludus::prelude::*;

use crate::game::{LENGTH, Motion, Pendulum, Twist};

/// The distance between pendulums [m].
const SPACING: f32 = 3.0;
const HUB_RADIUS: f32 = 0.1;
const ROD_RADIUS: f32 = 0.07;
/// The greatest torque [N·m], and the length of the bar that shows it [m].
const MAX_TORQUE: f32 = 2.0;
const BAR: f32 = 0.6;

/// A mesh in its colour.
type Part = (Mesh3d, MeshMaterial3d<StandardMaterial>);

/// Adds meshes, a light and a camera.
pub fn pendulum_visuals(app: &mut App) {
    app.insert_resource(ArenaLayout { spacing: SPACING }).init_resource::<Look>();
    app.add_systems(Startup, add_light_and_camera).add_systems(Update, move_parts).add_observer(draw_pendulum);
}

/// The meshes and materials that all pendulums share.
#[derive(Resource)]
struct Look {
    hub: Part,
    rod: Part,
    bar: Part,
}

/// The parts that move with the state.
#[derive(Component, Clone, Copy)]
enum Moving {
    /// The hub, with which the rod turns.
    Hub,
    /// The bar below, as long as the torque is great, on its side.
    Bar,
}

impl FromWorld for Look {
    fn from_world(world: &mut World) -> Self {
        let mut part = |mesh: Mesh, color: Color| {
            let mesh = world.resource_mut::<Assets<Mesh>>().add(mesh);
            let material = StandardMaterial { base_color: color, perceptual_roughness: 0.7, ..default() };
            (Mesh3d(mesh), MeshMaterial3d(world.resource_mut::<Assets<StandardMaterial>>().add(material)))
        };
        Self {
            hub: part(Sphere::new(HUB_RADIUS).into(), Color::srgb(0.3, 0.3, 0.3)),
            rod: part(Capsule3d::new(ROD_RADIUS, LENGTH).into(), Color::srgb(0.90, 0.62, 0.0)),
            bar: part(Cuboid::new(BAR, 0.06, 0.06).into(), Color::srgb(0.34, 0.45, 0.56)),
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
        Transform::from_xyz(0.0, 0.5, 4.0).looking_at(Vec3::ZERO, Vec3::Y),
    ));
}

/// Draws a pendulum at the place of its arena.
fn draw_pendulum(
    on: On<Add, Pendulum>,
    homes: Query<&InArena>,
    arenas: Query<&Transform, With<Arena>>,
    look: Res<Look>,
    mut commands: Commands,
) -> Result {
    let place = *arenas.get(homes.get(on.entity)?.0)?;
    let upright = Transform::from_xyz(0.0, LENGTH / 2.0, 0.0);
    let below = Transform::from_xyz(0.0, -LENGTH - 0.25, 0.0);
    commands.entity(on.entity).insert((place, Visibility::default())).with_children(|parts| {
        parts.spawn((Moving::Hub, look.hub.clone(), Transform::default())).with_child((look.rod.clone(), upright));
        parts.spawn((Moving::Bar, look.bar.clone(), below));
    });
    Ok(())
}

/// Turns the rod, and draws a counterclockwise torque as a bar to the left: that is where it pushes an upright rod.
fn move_parts(pendulums: Query<(&Motion, &Twist, &Children)>, mut parts: Query<(&Moving, &mut Transform)>) {
    for (motion, twist, children) in &pendulums {
        let mut parts = parts.iter_many_mut(children);
        while let Some((moving, mut part)) = parts.fetch_next() {
            match moving {
                Moving::Hub => part.rotation = Quat::from_rotation_z(motion.angle),
                Moving::Bar => {
                    let share = twist.torque / MAX_TORQUE;
                    part.scale.x = share.abs();
                    part.translation.x = -share * BAR / 2.0;
                }
            }
        }
    }
}
