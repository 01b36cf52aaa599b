//! What the selected agent's sensors see, and which agent it is, drawn into the scene.

use bevy::ecs::system::SystemParam;
use bevy::prelude::*;
use ludus_agent::{SensorLine, SensorSketches};

use crate::scene::{SceneAgents, SceneKinds};
use crate::selection::Selection;
use crate::takeover::TakeOver;
use crate::theme;

/// Of the ring around the selected agent, as a part of its distance from the camera.
const RING: f32 = 0.05;
/// Of the mark where a ray meets something, as a part of the ray's length.
const MARK: f32 = 0.02;

/// Lines of the window's own: drawn over everything, since what they point at may be behind something.
#[derive(Default, Reflect, GizmoConfigGroup)]
pub struct EditorLines;

impl EditorLines {
    /// In front of everything.
    pub fn config() -> GizmoConfig {
        GizmoConfig { depth_bias: -1.0, ..GizmoConfig::default() }
    }
}

/// The lines of this image.
#[derive(Resource, Default)]
pub struct SensorLines(Vec<SensorLine>);

impl SensorLines {
    /// How many there are.
    #[cfg(test)]
    pub const fn len(&self) -> usize {
        self.0.len()
    }
}

/// Asks the sensors of the selected agent what they see.
pub fn sketch(world: &mut World) {
    let (selection, kinds) = (world.resource::<Selection>(), world.resource::<SceneKinds>());
    let selected = selection.agent().and_then(|id| kinds.entity(world, id));
    let lines = selected.map_or_else(Vec::new, |agent| SensorSketches::draw(world, agent));
    world.resource_mut::<SensorLines>().0 = lines;
}

/// Rays that meet something end in a mark, others fade.
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

/// A ring about the selected agent, facing the camera; another colour while it is taken over.
pub fn draw_selection(
    (selection, taken): (Res<Selection>, Res<TakeOver>),
    (ids, agents): (Res<SceneAgents>, Query<(Entity, &GlobalTransform)>),
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

/// What agents are drawn with.
#[derive(SystemParam)]
pub struct Parts<'w, 's> {
    children: Query<'w, 's, &'static Children>,
    meshes: Query<'w, 's, &'static GlobalTransform, With<Mesh3d>>,
}

impl Parts<'_, '_> {
    /// The middle of an agent's meshes: the agent's own place may be somewhere else.
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
