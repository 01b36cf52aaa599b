//! The visuals of the game. They have no rules: training never builds them.

use bevy::core_pipeline::tonemapping::Tonemapping;
use bevy::prelude::*;
use bevy_ludus::agent::ArenaLayout;
use bevy_ludus::prelude::*;

use crate::game::floor::{CRATES, EFFORTS, Floor, GOAL_LINE, HALF_FLOOR, PUSHER_RADIUS, half_side};
use crate::game::{Number, Pusher, Walk};

/// Between the middles of floors [m].
const SPACING: f32 = 2.0 * HALF_FLOOR + 2.0;
/// The height of pushers and crates [m].
const HEIGHT: f32 = 0.8;
/// The share of its height to which a crate that is delivered sinks.
const SUNK: f32 = 0.15;

/// A mesh in its colour.
type Part = (Mesh3d, MeshMaterial3d<StandardMaterial>);

/// Adds meshes, a light, a camera and the keys.
pub fn push_together_visuals(app: &mut App) {
    app.insert_resource(ArenaLayout { spacing: SPACING })
        .init_resource::<Look>()
        .add_systems(Startup, add_light_and_camera)
        .add_systems(Update, (place_pushers, place_crates))
        .add_systems(FixedPreUpdate, walk_by_keys.before(AgentSystems::Act))
        .add_observer(draw_floor)
        .add_observer(draw_pusher);
}

/// The meshes and materials that all floors share.
#[derive(Resource)]
struct Look {
    floor: Part,
    goal: Part,
    pusher: Part,
    crates: [Part; CRATES],
}

/// The crate of this index on the floor that it is a child of.
#[derive(Component)]
struct DrawnCrate(usize);

impl FromWorld for Look {
    fn from_world(world: &mut World) -> Self {
        let mut part = |mesh: Mesh, color: Color| {
            let mesh = world.resource_mut::<Assets<Mesh>>().add(mesh);
            let material = StandardMaterial { base_color: color, perceptual_roughness: 0.8, ..default() };
            (Mesh3d(mesh), MeshMaterial3d(world.resource_mut::<Assets<StandardMaterial>>().add(material)))
        };
        let colors = [Color::srgb(0.34, 0.71, 0.91), Color::srgb(0.90, 0.62, 0.0), Color::srgb(0.84, 0.37, 0.0)];
        let depth = HALF_FLOOR - GOAL_LINE;
        Self {
            floor: part(Cuboid::new(2.0 * HALF_FLOOR, 0.02, 2.0 * HALF_FLOOR).into(), Color::srgb(0.16, 0.18, 0.2)),
            goal: part(Cuboid::new(depth, 0.02, 2.0 * HALF_FLOOR).into(), Color::srgb(0.0, 0.38, 0.28)),
            pusher: part(Cylinder::new(PUSHER_RADIUS, HEIGHT).into(), Color::srgb(0.95, 0.9, 0.25)),
            crates: core::array::from_fn(|index| {
                let side = 2.0 * half_side(index);
                part(Cuboid::new(side, HEIGHT, side).into(), colors[usize::from(EFFORTS[index]) - 1])
            }),
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
        Transform::from_xyz(0.0, 14.0, 9.0).looking_at(Vec3::ZERO, Vec3::Y),
    ));
}

/// A place on the floor as the scene has it: towards the goal to the right, to the left of it away from the camera.
fn in_scene(place: Vec2, height: f32) -> Vec3 {
    Vec3::new(place.x, height, -place.y)
}

fn draw_floor(on: On<Add, Floor>, look: Res<Look>, mut commands: Commands) {
    commands.entity(on.entity).insert(Visibility::default()).with_children(|parts| {
        parts.spawn((look.floor.clone(), Transform::default()));
        let beyond = Vec2::X * f32::midpoint(GOAL_LINE, HALF_FLOOR);
        parts.spawn((look.goal.clone(), Transform::from_translation(in_scene(beyond, 0.01))));
        for (index, part) in look.crates.iter().enumerate() {
            parts.spawn((DrawnCrate(index), part.clone(), Transform::default()));
        }
    });
}

fn draw_pusher(on: On<Add, Pusher>, look: Res<Look>, mut commands: Commands) {
    commands.entity(on.entity).insert(look.pusher.clone());
}

fn place_pushers(
    mut pushers: Query<(&InArena, &Number, &mut Transform)>,
    floors: Query<(&Floor, &Transform), Without<Number>>,
) -> Result {
    for (home, number, mut place) in &mut pushers {
        let (floor, middle) = floors.get(home.0)?;
        place.translation = middle.translation + in_scene(floor.pushers[number.0], HEIGHT / 2.0);
    }
    Ok(())
}

/// A crate that is delivered sinks into the ground.
fn place_crates(mut crates: Query<(&ChildOf, &DrawnCrate, &mut Transform)>, floors: Query<&Floor>) -> Result {
    for (floor, drawn, mut place) in &mut crates {
        let seen = floors.get(floor.parent())?.crates[drawn.0];
        let height = if seen.is_delivered { SUNK * HEIGHT } else { HEIGHT };
        place.translation = in_scene(seen.place, height / 2.0);
        place.scale.y = height / HEIGHT;
    }
    Ok(())
}

/// Lets a person walk the pushers that the game's input decides for, with the arrow keys.
fn walk_by_keys(keys: Option<Res<ButtonInput<KeyCode>>>, mut pushers: Query<(&Controller, &mut Walk)>) {
    let Some(keys) = keys else { return };
    let way = |one, other| i8::from(keys.pressed(one)) - i8::from(keys.pressed(other));
    let along = way(KeyCode::ArrowRight, KeyCode::ArrowLeft);
    let walk = match (along, way(KeyCode::ArrowUp, KeyCode::ArrowDown)) {
        (1, 0) => Walk::East,
        (1, 1) => Walk::NorthEast,
        (0, 1) => Walk::North,
        (-1, 1) => Walk::NorthWest,
        (-1, 0) => Walk::West,
        (-1, -1) => Walk::SouthWest,
        (0, -1) => Walk::South,
        (1, -1) => Walk::SouthEast,
        _ => Walk::Stay,
    };
    for (_, mut action) in pushers.iter_mut().filter(|(controller, _)| **controller == Controller::External) {
        *action = walk;
    }
}
