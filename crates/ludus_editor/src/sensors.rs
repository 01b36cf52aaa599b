//! The sensor lines of the selected agent, and the mark of that agent, drawn into the scene.

use bevy::ecs::system::SystemParam;
use bevy::prelude::*;
use ludus_agent::{SensorLine, SensorSketches};

use crate::scene::{SceneAgents, SceneKinds};
use crate::selection::Selection;
use crate::takeover::TakeOver;
use crate::theme;

/// Radius of the ring around the selected agent, as a part of its distance from the camera.
const RING: f32 = 0.05;
/// Radius of the mark where a ray hits something, as a part of the ray's length.
const MARK: f32 = 0.02;

/// The gizmos of the editor. They are drawn over everything, since the things that they mark may be hidden.
#[derive(Default, Reflect, GizmoConfigGroup)]
pub struct EditorLines;

impl EditorLines {
    /// Returns the config of gizmos that are in front of everything.
    pub fn config() -> GizmoConfig {
        GizmoConfig { depth_bias: -1.0, ..GizmoConfig::default() }
    }
}

/// The sensor lines of this image.
#[derive(Resource, Default)]
pub struct SensorLines(Vec<SensorLine>);

impl SensorLines {
    /// Number of lines.
    #[cfg(test)]
    pub const fn len(&self) -> usize {
        self.0.len()
    }
}

/// Reads the lines of the selected agent's sensors.
pub fn sketch(world: &mut World) {
    let (selection, kinds) = (world.resource::<Selection>(), world.resource::<SceneKinds>());
    let selected = selection.agent().and_then(|id| kinds.entity(world, id));
    let lines = selected.map_or_else(Vec::new, |agent| SensorSketches::draw(world, agent));
    world.resource_mut::<SensorLines>().0 = lines;
}

/// Draws the sensor lines. Rays that hit something end in a mark, others fade.
pub fn draw_lines(lines: Res<SensorLines>, mut gizmos: Gizmos<EditorLines>) {
    for line in &lines.0 {
        if line.is_hit {
            gizmos.line(line.from, line.to, color(theme::WARN));
            gizmos.sphere(line.to, line.from.distance(line.to) * MARK, color(theme::WARN));
        } else {
            gizmos.line_gradient(line.from, line.to, color(theme::CAPTION), Color::NONE);
        }
    }
}

/// Draws a ring around the selected agent, facing the camera. Its colour differs while the agent is taken over.
pub fn draw_selection(
    selection: Res<Selection>,
    taken: Res<TakeOver>,
    ids: Res<SceneAgents>,
    agents: Query<(Entity, &GlobalTransform)>,
    parts: Parts,
    cameras: Query<(&Camera, &GlobalTransform)>,
    mut gizmos: Gizmos<EditorLines>,
) {
    let Some(id) = selection.agent() else { return };
    let Some(Ok((agent, place))) = ids.entity(id).map(|agent| agents.get(agent)) else { return };
    let centre = parts.centre(agent).unwrap_or(place.translation());
    let scene = cameras.iter().filter(|(camera, _)| camera.is_active && camera.viewport.is_some());
    for (_, eye) in scene {
        let ring = if taken.agent() == Some(id) { theme::WARN } else { theme::SELECTED };
        let radius = eye.translation().distance(centre) * RING;
        gizmos.circle(Isometry3d::new(centre, eye.rotation()), radius, color(ring));
    }
}

/// The meshes of agents and of their descendants.
#[derive(SystemParam)]
pub struct Parts<'w, 's> {
    children: Query<'w, 's, &'static Children>,
    meshes: Query<'w, 's, &'static GlobalTransform, With<Mesh3d>>,
}

impl Parts<'_, '_> {
    /// Returns the mean position of an agent's meshes, which may differ from the agent's own position; `None` without
    /// meshes.
    fn centre(&self, agent: Entity) -> Option<Vec3> {
        let all = core::iter::once(agent).chain(self.children.iter_descendants(agent));
        let places = all.filter_map(|part| self.meshes.get(part).ok()).map(GlobalTransform::translation);
        let (sum, count) = places.fold((Vec3::ZERO, 0.0), |(sum, count), place| (sum + place, count + 1.0));
        (count > 0.0).then(|| sum / count)
    }
}

fn color(color: bevy_egui::egui::Color32) -> Color {
    Color::srgb_u8(color.r(), color.g(), color.b())
}
