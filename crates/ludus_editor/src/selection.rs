//! Which agent is looked at: picked from a list, or by a click on it in the scene.

use bevy::picking::mesh_picking::ray_cast::{MeshRayCast, MeshRayCastSettings};
use bevy::prelude::*;
use ludus_agent::Slot;

use crate::EditorCommand;
use crate::viewport::{SceneCamera, ViewportClick};

/// How far from an agent's centre a click may miss its meshes \[logical pixels\].
const REACH: f32 = 40.0;

/// The row of the agent that is looked at.
#[derive(Resource, Clone, Copy, Debug, Default)]
pub struct Selection(Option<usize>);

impl Selection {
    /// The row, if one is looked at.
    pub const fn row(self) -> Option<usize> {
        self.0
    }
}

/// Adds picking.
pub struct SelectionPlugin;

impl Plugin for SelectionPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<Selection>();
        app.add_systems(PreUpdate, obey).add_systems(Update, pick);
    }
}

pub fn obey(mut commands: MessageReader<EditorCommand>, mut selection: ResMut<Selection>) {
    for command in commands.read() {
        match command {
            EditorCommand::Select(row) => selection.0 = Some(*row),
            // The arena that was asked for is the first one, and so has the first row.
            EditorCommand::ShowArena { .. } | EditorCommand::Replay(_) => selection.0 = Some(0),
            EditorCommand::Deselect => selection.0 = None,
            _ => {}
        }
    }
}

/// Selects what was clicked: the agent whose mesh is hit first, or else the one that stands nearest to the click.
fn pick(
    mut clicks: MessageReader<ViewportClick>,
    cameras: Query<(&Camera, &GlobalTransform), With<SceneCamera>>,
    mut meshes: MeshRayCast,
    agents: Query<(&Slot, Option<&GlobalTransform>)>,
    parents: Query<&ChildOf>,
    mut commands: MessageWriter<EditorCommand>,
) {
    for click in clicks.read() {
        let Some((camera, eye)) = cameras.iter().find(|(camera, _)| camera.is_active) else { continue };
        let Ok(ray) = camera.viewport_to_world(eye, click.0) else { continue };
        let settings = MeshRayCastSettings::default().never_early_exit();
        let hits = meshes.cast_ray(ray, &settings);
        let hit = hits.iter().find_map(|(mesh, _)| agent_around(*mesh, &agents, &parents));
        let nearest = || nearest(click.0, (camera, eye), agents.iter());
        let row = hit.or_else(nearest);
        commands.write(row.map_or(EditorCommand::Deselect, EditorCommand::Select));
    }
}

/// The row of the agent that a mesh is, or is part of.
fn agent_around(
    mesh: Entity,
    agents: &Query<(&Slot, Option<&GlobalTransform>)>,
    parents: &Query<&ChildOf>,
) -> Option<usize> {
    let lineage = core::iter::once(mesh).chain(parents.iter_ancestors(mesh));
    lineage.into_iter().find_map(|entity| agents.get(entity).ok()).map(|(slot, _)| slot.index())
}

/// The row of the agent whose centre is nearest to a point of the window, if it is within reach.
fn nearest<'a>(
    point: Vec2,
    (camera, eye): (&Camera, &GlobalTransform),
    agents: impl Iterator<Item = (&'a Slot, Option<&'a GlobalTransform>)>,
) -> Option<usize> {
    let distance = |place: &GlobalTransform| {
        camera.world_to_viewport(eye, place.translation()).ok().map(|seen| seen.distance(point))
    };
    let near = agents.filter_map(|(slot, place)| Some((distance(place?)?, slot.index())));
    near.filter(|(distance, _)| *distance <= REACH).min_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, row)| row)
}
