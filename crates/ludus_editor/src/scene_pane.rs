//! The scene's part of the window: it stays clear for the game, and says what there is to say about it.

use bevy::prelude::*;
use bevy_egui::egui::{self, Align2, FontId, Sense, Ui};

use crate::orbit::Drag;
use crate::plugin::HasVisuals;
use crate::scene::Stage;
use crate::snapshot::SceneSnapshot;
use crate::viewport::{ViewportClick, ViewportRect};
use crate::{EditorCommand, takeover, theme};

/// Arenas that can be shown at once, as far as the run has as many.
const COUNTS: [u32; 5] = [1, 4, 9, 16, 36];
/// Between the scene's edge and words on it [points].
const MARGIN: f32 = 12.0;

/// Leaves the scene free, takes clicks and drags, and writes on top of it.
pub fn scene_ui(ui: &mut Ui, world: &mut World) {
    let rect = ui.max_rect();
    let area = ui.interact(rect, ui.id().with("scene"), Sense::click_and_drag());
    // The window's contents may be zoomed; cameras know nothing of that.
    let zoom = ui.ctx().zoom_factor();
    world.resource_mut::<ViewportRect>().rect = Some(bevy_rect(rect * zoom));
    if area.clicked()
        && let Some(point) = area.interact_pointer_pos()
    {
        world.write_message(ViewportClick(zoom * vec2(point.x, point.y)));
    }
    let scroll = if area.hovered() { ui.input(|input| input.smooth_scroll_delta.y) } else { 0.0 };
    let drag = area.drag_delta();
    *world.resource_mut::<Drag>() = Drag { turn: vec2(drag.x, drag.y), zoom: scroll };
    captions(ui, rect, world.resource::<SceneSnapshot>());
    hint(ui, rect, world);
    count_ui(ui, rect, world);
    takeover::overlay_ui(ui, rect, world);
}

fn bevy_rect(rect: egui::Rect) -> Rect {
    Rect { min: vec2(rect.min.x, rect.min.y), max: vec2(rect.max.x, rect.max.y) }
}

/// Which world and arenas these are, and whose policy, where two are compared.
fn captions(ui: &Ui, rect: egui::Rect, scene: &SceneSnapshot) {
    let arenas = match scene.arenas.len() {
        1 => format!("arena {}", scene.arenas.start),
        _ => format!("arenas {}–{}", scene.arenas.start, scene.arenas.end.saturating_sub(1)),
    };
    let place = rect.left_top() + egui::vec2(MARGIN, MARGIN);
    text(ui, (place, Align2::LEFT_TOP), &format!("world {} · {arenas}", scene.world));
    if let Some(rival) = &scene.rival {
        let own = scene.policy.as_ref().map_or("no policy", |own| own.name.as_str());
        let bottom = rect.bottom() - MARGIN;
        text(ui, (egui::pos2(rect.left() + MARGIN, bottom), Align2::LEFT_BOTTOM), &format!("left: {own}"));
        text(ui, (egui::pos2(rect.right() - MARGIN, bottom), Align2::RIGHT_BOTTOM), &format!("right: {}", rival.name));
    }
}

/// How many arenas to show at once.
fn count_ui(ui: &Ui, rect: egui::Rect, world: &mut World) {
    let stage = world.resource::<Stage>();
    let (shown, most) = (stage.arenas().len() as u32, stage.most_arenas());
    if most == 1 || world.resource::<SceneSnapshot>().replay.is_some() {
        return;
    }
    let corner = rect.right_top() + egui::vec2(-MARGIN, MARGIN);
    let area = egui::Area::new("arenas".into()).pivot(Align2::RIGHT_TOP).fixed_pos(corner).constrain_to(rect);
    let picked = area.show(ui.ctx(), |ui| {
        let frame = egui::Frame::new().fill(theme::CAPTION_BACKGROUND).corner_radius(3).inner_margin(3);
        frame.show(ui, |ui| ui.horizontal(|ui| pick_count_ui(ui, shown, most)).inner).inner
    });
    if let Some(count) = picked.inner {
        world.write_message(EditorCommand::ShowArenas(count));
    }
}

fn pick_count_ui(ui: &mut Ui, shown: u32, most: u32) -> Option<u32> {
    ui.label("arenas on screen");
    let choices = COUNTS.iter().copied().filter(|&count| count <= most);
    choices.filter(|&count| ui.selectable_label(count == shown, count.to_string()).clicked()).last()
}

/// What to do, as long as there is nothing to see.
fn hint(ui: &Ui, rect: egui::Rect, world: &World) {
    let mut hints = Vec::new();
    if !world.resource::<HasVisuals>().0 {
        hints.push("This game draws nothing.\nGive it meshes, lights and a camera with Ludus::visuals.");
    }
    let scene = world.resource::<SceneSnapshot>();
    if scene.policy.is_none() && scene.replay.is_none() {
        hints.push("No policy yet: the agents idle.\nPress Start in Training to learn one, or load one in Runs.");
    }
    if !hints.is_empty() {
        text(ui, (rect.center_top() + egui::vec2(0.0, 4.0 * MARGIN), Align2::CENTER_TOP), &hints.join("\n\n"));
    }
}

/// Words that can be read on any background.
fn text(ui: &Ui, (place, anchor): (egui::Pos2, Align2), text: &str) {
    let painter = ui.painter();
    let galley = painter.layout_no_wrap(text.to_owned(), FontId::proportional(14.0), theme::CAPTION);
    let frame = anchor.anchor_size(place, galley.size());
    painter.rect_filled(frame.expand2(egui::vec2(6.0, 3.0)), 3.0, theme::CAPTION_BACKGROUND);
    painter.galley(frame.min, galley, theme::CAPTION);
}
