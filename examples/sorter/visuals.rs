//! The visuals of the game. They have no rules: training never builds them.

use bevy::core_pipeline::tonemapping::Tonemapping;
use bevy::prelude::*;
use bevy_ludus::prelude::*;

use crate::game::{EDGE, ROLLER_RADIUS, Roller, TILE_RADIUS, TILES, Tile};

/// A mesh in its colour.
type Part = (Mesh3d, MeshMaterial3d<StandardMaterial>);

/// The height of the tile with the highest number [m]; the others are lower in proportion.
const HIGHEST: f32 = 2.0;

/// The thickness of the floor [m].
const FLOOR: f32 = 0.1;

/// Adds meshes, a light and a camera.
pub fn sorter_visuals(app: &mut App) {
    app.init_resource::<Look>()
        .add_systems(Startup, add_light_and_camera)
        .add_observer(draw_roller)
        .add_observer(draw_tile);
}

/// The meshes and materials that all arenas share.
#[derive(Resource)]
struct Look {
    roller: Part,
    floor: Part,
    /// The tiles by their numbers, from blue to orange.
    tiles: [Part; TILES],
}

impl FromWorld for Look {
    fn from_world(world: &mut World) -> Self {
        let mut part = |mesh: Mesh, color: Color| {
            let mesh = world.resource_mut::<Assets<Mesh>>().add(mesh);
            let material = StandardMaterial { base_color: color, perceptual_roughness: 0.8, ..default() };
            (Mesh3d(mesh), MeshMaterial3d(world.resource_mut::<Assets<StandardMaterial>>().add(material)))
        };
        let tile = |number: usize| {
            let share = number as f32 / (TILES - 1) as f32;
            let color = Color::srgb(0.0, 0.35, 0.75).mix(&Color::srgb(0.95, 0.60, 0.10), share);
            part(Cylinder::new(TILE_RADIUS, height(number)).into(), color)
        };
        let tiles = core::array::from_fn(tile);
        Self {
            roller: part(Sphere::new(ROLLER_RADIUS).into(), Color::WHITE),
            floor: part(Cylinder::new(EDGE, FLOOR).into(), Color::srgb(0.34, 0.45, 0.56)),
            tiles,
        }
    }
}

/// The height of a tile, by its number from 0 [m].
fn height(number: usize) -> f32 {
    HIGHEST * (number + 1) as f32 / TILES as f32
}

fn add_light_and_camera(mut commands: Commands) {
    let sun = DirectionalLight { illuminance: 9_000.0, shadow_maps_enabled: true, ..default() };
    commands.spawn((sun, Transform::from_xyz(4.0, 10.0, 6.0).looking_at(Vec3::ZERO, Vec3::Y)));
    commands.spawn((
        Camera3d::default(),
        Tonemapping::AcesFitted,
        AmbientLight { brightness: 350.0, ..default() },
        Transform::from_xyz(0.0, 12.0, 10.0).looking_at(Vec3::ZERO, Vec3::Y),
    ));
}

/// Draws a tile: the higher its number, the taller it is.
fn draw_tile(on: On<Add, Tile>, tiles: Query<&Tile>, look: Res<Look>, mut commands: Commands) -> Result {
    let index = tiles.get(on.entity)?.number - 1;
    let drawn = (look.tiles[index].clone(), Transform::from_xyz(0.0, height(index) / 2.0 - ROLLER_RADIUS, 0.0));
    commands.entity(on.entity).insert(Visibility::default()).with_child(drawn);
    Ok(())
}

/// Draws a roller, and the floor of its arena.
fn draw_roller(
    on: On<Add, Roller>,
    rollers: Query<(&Transform, &InArena)>,
    look: Res<Look>,
    mut commands: Commands,
) -> Result {
    // A roller is spawned in the middle of its arena.
    let (middle, arena) = rollers.get(on.entity)?;
    let floor = Transform::from_translation(middle.translation - (ROLLER_RADIUS + FLOOR / 2.0) * Vec3::Y);
    commands.spawn((look.floor.clone(), floor, *arena));
    commands.entity(on.entity).insert(look.roller.clone());
    Ok(())
}
