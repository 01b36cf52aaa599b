//! The overlay with the keys of the agent that was taken over. It never covers that agent.

use bevy::prelude::*;
use bevy_egui::egui::{self, Pos2, RichText, Ui, Vec2};

use crate::scene::SceneKinds;
use crate::snapshot::AgentId;
use crate::{theme, viewport};

use super::TakeOver;

/// Space between the scene's edge and the overlay [points].
const MARGIN: f32 = 12.0;
/// Height of the captions at the scene's top [points].
const CAPTIONS: f32 = 30.0;
/// Distance between the overlay and the agent below which the overlay moves to another corner [points].
const CLEARANCE: f32 = 40.0;

/// A corner of the scene.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Corner {
    #[default]
    LeftBottom,
    RightBottom,
    RightTop,
    LeftTop,
}

/// Draws the keys of the agent that was taken over, in a corner without that agent.
pub fn overlay_ui(ui: &mut Ui, scene: egui::Rect, world: &mut World) {
    let Some(taken_agent) = world.resource::<TakeOver>().agent else { return };
    let zoom = ui.ctx().zoom_factor();
    let agent = viewport::seen_at(world, taken_agent).map(|place| egui::pos2(place.x / zoom, place.y / zoom));
    let id = egui::Id::new("take over");
    let size = ui.memory(|memory| memory.area_rect(id)).map_or(Vec2::ZERO, |rect| rect.size());
    let title = title(taken_agent, world.resource::<SceneKinds>());
    let mut taken = world.resource_mut::<TakeOver>();
    taken.corner = taken.corner.clear_of(agent, scene, size);
    let place = egui::Area::new(id).order(egui::Order::Foreground).pivot(taken.corner.pivot());
    place.fixed_pos(taken.corner.place(scene)).constrain_to(scene).show(ui.ctx(), |ui| {
        egui::Frame::popup(ui.style()).show(ui, |ui| keys_ui(ui, &title, &taken));
    });
}

/// Returns the title of the overlay, with the agent's row and, if there are several kinds, its kind.
fn title(id: AgentId, kinds: &SceneKinds) -> String {
    let kind = match kinds.len() {
        1 => "agent",
        _ => kinds.get(id.kind).map_or("agent", |kind| &kind.spec().name),
    };
    format!("You decide for {kind} {}", id.row)
}

fn keys_ui(ui: &mut Ui, title: &str, taken: &TakeOver) {
    let Some(keys) = taken.agent.and_then(|agent| taken.keys.get(agent.kind)) else { return };
    ui.label(RichText::new(title).strong().color(theme::WARN));
    egui::Grid::new("keys").num_columns(3).show(ui, |ui| {
        for control in keys.controls() {
            ui.label(RichText::new(control.keys()).monospace());
            ui.label(control.name());
            ui.label(RichText::new(control.shown(&taken.action)).monospace());
            ui.end_row();
        }
    });
    ui.label(RichText::new("Esc lets go").weak());
    if let Some(folder) = &taken.recorded_to {
        ui.label(RichText::new(format!("Corrected episodes are written to {} when they end", folder.display())).weak());
    }
}

impl Corner {
    const ALL: [Self; 4] = [Self::LeftBottom, Self::RightBottom, Self::RightTop, Self::LeftTop];

    const fn pivot(self) -> egui::Align2 {
        match self {
            Self::LeftBottom => egui::Align2::LEFT_BOTTOM,
            Self::RightBottom => egui::Align2::RIGHT_BOTTOM,
            Self::RightTop => egui::Align2::RIGHT_TOP,
            Self::LeftTop => egui::Align2::LEFT_TOP,
        }
    }

    /// Returns the point of the scene at which the overlay has its corner.
    fn place(self, scene: egui::Rect) -> Pos2 {
        let mut free = scene.shrink(MARGIN);
        free.min.y += CAPTIONS;
        self.pivot().pos_in_rect(&free)
    }

    fn rect(self, scene: egui::Rect, size: Vec2) -> egui::Rect {
        self.pivot().anchor_size(self.place(scene), size)
    }

    /// Returns this corner, or the one that is furthest from the agent if the agent is too close to the overlay here.
    fn clear_of(self, agent: Option<Pos2>, scene: egui::Rect, size: Vec2) -> Self {
        let Some(agent) = agent else { return self };
        let distance = |corner: Self| corner.rect(scene, size).distance_to_pos(agent);
        if distance(self) >= CLEARANCE {
            return self;
        }
        Self::ALL.into_iter().fold(self, |best, corner| if distance(corner) > distance(best) { corner } else { best })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCENE: egui::Rect = egui::Rect { min: Pos2::new(300.0, 50.0), max: Pos2::new(700.0, 450.0) };
    const SIZE: Vec2 = Vec2::new(150.0, 90.0);

    #[test]
    fn keys_make_way_for_their_agent() {
        let check = |now: Corner, x: f32, y: f32, expected: Corner| {
            assert_eq!(now.clear_of(Some(Pos2::new(x, y)), SCENE, SIZE), expected, "{x}, {y}");
        };
        check(Corner::LeftBottom, 500.0, 150.0, Corner::LeftBottom);
        check(Corner::LeftBottom, 330.0, 400.0, Corner::RightTop);
        check(Corner::RightTop, 650.0, 100.0, Corner::LeftBottom);
        assert_eq!(Corner::RightTop.clear_of(None, SCENE, SIZE), Corner::RightTop);
    }

    #[test]
    fn keys_never_cover_their_agent() {
        let mut corner = Corner::default();
        for step in 0..10_000_u32 {
            let along = f64::from(step) * 0.01;
            let (x, y) = (0.5 + 0.5 * (1.3 * along).sin(), 0.5 + 0.5 * (0.7 * along).cos());
            let agent = SCENE.min + SCENE.size() * Vec2::new(x as f32, y as f32);
            corner = corner.clear_of(Some(agent), SCENE, SIZE);
            let keys = corner.rect(SCENE, SIZE);
            assert!(!keys.contains(agent) && SCENE.contains_rect(keys), "{agent:?} below {keys:?}");
        }
    }
}
