//! The selected agent: chosen from a list, or by a click on it in the scene.

use bevy::picking::mesh_picking::ray_cast::{MeshRayCast, MeshRayCastSettings};
use bevy::prelude::*;
use ludus_agent::Slot;

use crate::EditorCommand;
use crate::scene::{AgentsFound, SceneAgents, SceneKinds};
use crate::snapshot::AgentId;
use crate::viewport::{SceneCamera, ViewportClick};

/// The largest distance between a click and an agent's centre, if the click hits no mesh of an agent \[logical
/// pixels\].
const REACH: f32 = 40.0;

/// The selected agent.
#[derive(Resource, Clone, Copy, Debug, Default)]
pub struct Selection(Option<AgentId>);

impl Selection {
    /// The agent, if one is selected.
    pub const fn agent(self) -> Option<AgentId> {
        self.0
    }
}

/// The kind of agents whose curves, numbers and settings are shown, by its index.
#[derive(Resource, Clone, Copy, Debug, Default)]
pub struct ShownKind(pub usize);

/// Adds the selection of agents.
pub struct SelectionPlugin;

impl Plugin for SelectionPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<Selection>().init_resource::<ShownKind>();
        app.add_systems(PreUpdate, obey).add_systems(Update, pick.after(AgentsFound));
    }
}

pub fn obey(
    mut commands: MessageReader<EditorCommand>,
    kinds: Res<SceneKinds>,
    mut selection: ResMut<Selection>,
    mut shown: ResMut<ShownKind>,
) {
    for command in commands.read() {
        match command {
            // To select an agent also shows its kind.
            EditorCommand::Select(agent) => (selection.0, shown.0) = (Some(*agent), agent.kind),
            EditorCommand::ShowKind(kind) => shown.0 = *kind,
            // The arena of the command is the first on screen, so its agents have the first row of each kind.
            EditorCommand::ShowArena { .. } | EditorCommand::Replay(_) => {
                selection.0 = Some(AgentId { kind: shown.0, row: 0 });
            }
            EditorCommand::Deselect => selection.0 = None,
            _ => {}
        }
    }
    shown.0 = shown.0.min(kinds.len() - 1);
}

/// Selects the agent that was clicked: that of the first mesh that is hit, or else the one with its centre nearest to
/// the click.
pub fn pick(
    mut clicks: MessageReader<ViewportClick>,
    cameras: Query<(&Camera, &GlobalTransform), With<SceneCamera>>,
    mut meshes: MeshRayCast,
    agents: Query<Placed>,
    ids: Res<SceneAgents>,
    parents: Query<&ChildOf>,
    mut commands: MessageWriter<EditorCommand>,
) {
    for click in clicks.read() {
        let Some((camera, eye)) = cameras.iter().find(|(camera, _)| camera.is_active) else { continue };
        let Ok(ray) = camera.viewport_to_world(eye, click.0) else { continue };
        let settings = MeshRayCastSettings::default().never_early_exit();
        let hits = meshes.cast_ray(ray, &settings);
        let hit = hits.iter().find_map(|(mesh, _)| agent_around(*mesh, &agents, &parents));
        let nearest = || nearest(click.0, camera, eye, agents.iter());
        let clicked = hit.or_else(nearest).and_then(|(agent, slot)| ids.id(agent, slot));
        commands.write(clicked.map_or(EditorCommand::Deselect, EditorCommand::Select));
    }
}

type Placed<'a> = (Entity, &'a Slot, Option<&'a GlobalTransform>);

/// Returns the agent to which a mesh belongs.
fn agent_around(mesh: Entity, agents: &Query<Placed>, parents: &Query<&ChildOf>) -> Option<(Entity, Slot)> {
    let lineage = core::iter::once(mesh).chain(parents.iter_ancestors(mesh));
    lineage.into_iter().find_map(|entity| agents.get(entity).ok()).map(|(agent, slot, _)| (agent, *slot))
}

/// Returns the agent whose centre is nearest to a point of the window, if it is within [`REACH`].
fn nearest<'a>(
    point: Vec2,
    camera: &Camera,
    eye: &GlobalTransform,
    agents: impl Iterator<Item = (Entity, &'a Slot, Option<&'a GlobalTransform>)>,
) -> Option<(Entity, Slot)> {
    let distance = |place: &GlobalTransform| {
        camera.world_to_viewport(eye, place.translation()).ok().map(|seen| seen.distance(point))
    };
    let near = agents.filter_map(|(agent, slot, place)| Some((distance(place?)?, (agent, *slot))));
    near.filter(|(distance, _)| *distance <= REACH).min_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, id)| id)
}
