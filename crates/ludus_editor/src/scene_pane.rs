//! The pane of the scene in the window: it leaves the area free for the game, and draws captions and hints on it.

use bevy::prelude::*;
use bevy_egui::egui::{self, Align2, FontId, Sense, Ui};

use crate::orbit::Drag;
use crate::scene::Stage;
use crate::snapshot::{PolicyLabel, SceneSnapshot, ScoreSnapshot};
use crate::viewport::{ViewportClick, ViewportRect};
use crate::visuals::HasVisuals;
use crate::widgets::count;
use crate::{EditorCommand, RivalPlace, takeover, theme};

/// The choices for the number of arenas on screen, as far as the run has as many.
const COUNTS: [u32; 5] = [1, 4, 9, 16, 36];
/// Space between the scene's edge and texts on it [points].
const MARGIN: f32 = 12.0;
/// The least width of a caption beside the choice of arenas. If there is less, it is below the choice [points].
const NARROWEST_CAPTION: f32 = 180.0;

/// Leaves the area of the scene free, takes clicks and drags, and draws captions on it.
pub fn scene_ui(ui: &mut Ui, world: &mut World) {
    let rect = ui.max_rect();
    let area = ui.interact(rect, ui.id().with("scene"), Sense::click_and_drag());
    // The contents of the window may be zoomed, which does not affect cameras.
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
    let choice = count_ui(ui, rect, world);
    let bottom = captions(ui, rect, choice, world.resource::<SceneSnapshot>());
    hint(ui, rect, bottom, world);
    takeover::overlay_ui(ui, rect, world);
}

fn bevy_rect(rect: egui::Rect) -> Rect {
    Rect { min: vec2(rect.min.x, rect.min.y), max: vec2(rect.max.x, rect.max.y) }
}

/// Draws captions with the world, the arenas and, in a comparison, the policies. Returns the bottom of the upper
/// caption.
fn captions(ui: &Ui, rect: egui::Rect, choice: Option<egui::Rect>, scene: &SceneSnapshot) -> f32 {
    let arenas = match scene.arenas.len() {
        1 => format!("arena {}", scene.arenas.start),
        _ => format!("arenas {}–{}", scene.arenas.start, scene.arenas.end.saturating_sub(1)),
    };
    let (place, width) = caption_place(rect, choice);
    let caption = format!("world {} · {arenas}{}", scene.world, choosing(scene));
    let upper = text_within(ui, TextAnchor { place, align: Align2::LEFT_TOP }, &caption, width);
    if scene.rivals.is_some() && scene.replay.is_none() {
        let half = rect.width() / 2.0 - 1.5 * MARGIN;
        let bottom = rect.bottom() - MARGIN;
        let [own, rival] = compared(scene);
        text_within(
            ui,
            TextAnchor { place: egui::pos2(rect.left() + MARGIN, bottom), align: Align2::LEFT_BOTTOM },
            &own,
            half,
        );
        text_within(
            ui,
            TextAnchor { place: egui::pos2(rect.right() - MARGIN, bottom), align: Align2::RIGHT_BOTTOM },
            &rival,
            half,
        );
    }
    upper.bottom()
}

/// Returns the start and the width of the upper caption: beside the choice of arenas, or below it.
fn caption_place(rect: egui::Rect, choice: Option<egui::Rect>) -> (egui::Pos2, f32) {
    let corner = rect.left_top() + egui::vec2(MARGIN, MARGIN);
    let whole = rect.width() - 2.0 * MARGIN;
    let Some(choice) = choice else { return (corner, whole) };
    let beside = choice.left() - MARGIN - corner.x;
    if beside >= NARROWEST_CAPTION { (corner, beside) } else { (egui::pos2(corner.x, choice.bottom() + MARGIN), whole) }
}

/// Returns the way in which actions are chosen on screen, which differs from that of training.
fn choosing(scene: &SceneSnapshot) -> &'static str {
    match (&scene.replay, scene.has_policy()) {
        (Some(_), _) => " · actions of the log",
        (None, true) => " · most probable actions (the curves: drawn ones)",
        (None, false) => "",
    }
}

/// Returns the names and the scores of the two policies that are compared: left and right.
pub fn compared(scene: &SceneSnapshot) -> [String; 2] {
    let shown = scene.shown().cloned().unwrap_or_default();
    let kind = if scene.has_several_kinds() { format!(", {}", shown.spec.name) } else { String::new() };
    let describe = |side: &str, policy: Option<&PolicyLabel>, score: &ScoreSnapshot| {
        let name = policy
            .map_or_else(|| "no policy".to_owned(), |policy| format!("{}, step {}", policy.name, count(policy.steps)));
        let done = match (score.mean_return(), score.episodes) {
            (None, _) => "no episode has ended yet".to_owned(),
            (Some(mean), 1) => format!("return {mean:.2} in 1 episode"),
            (Some(mean), episodes) => format!("mean return {mean:.2} in {} episodes", count(episodes.into())),
        };
        format!("{side}{kind}: {name}\n{done}")
    };
    // A kind that is not compared has the same policy on both sides.
    let right = shown.rival.as_ref().or(shown.policy.as_ref());
    let [left, right_side] = match scene.rivals {
        Some(RivalPlace::OtherSides) => ["first side", "other sides"],
        _ => ["left", "right"],
    };
    [describe(left, shown.policy.as_ref(), &shown.score), describe(right_side, right, &shown.rival_score)]
}

/// Draws the choice of the number of arenas. Returns its place on the scene, if there is a choice.
fn count_ui(ui: &Ui, rect: egui::Rect, world: &mut World) -> Option<egui::Rect> {
    let stage = world.resource::<Stage>();
    let (shown, most) = (stage.arenas().len() as u32, stage.most_arenas());
    if most == 1 || world.resource::<SceneSnapshot>().replay.is_some() {
        return None;
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
    Some(picked.response.rect)
}

fn pick_count_ui(ui: &mut Ui, shown: u32, most: u32) -> Option<u32> {
    ui.label("arenas on screen");
    let choices = COUNTS.iter().copied().filter(|&count| count <= most);
    choices.filter(|&count| ui.selectable_label(count == shown, count.to_string()).clicked()).last()
}

/// Draws hints below the captions, if the game has no visuals or no policy.
fn hint(ui: &Ui, rect: egui::Rect, top: f32, world: &World) {
    let mut hints = Vec::new();
    if !world.resource::<HasVisuals>().0 {
        hints.push("This game draws nothing.\nGive it meshes, lights and a camera with Ludus::visuals.");
    }
    let scene = world.resource::<SceneSnapshot>();
    if !scene.has_policy() && scene.replay.is_none() {
        hints.push("No policy yet: the agents idle.\nPress Start in Training to learn one, or load one in Runs.");
    }
    if !hints.is_empty() {
        let place = egui::pos2(rect.center().x, top + MARGIN);
        text_within(
            ui,
            TextAnchor { place, align: Align2::CENTER_TOP },
            &hints.join("\n\n"),
            rect.width() - 2.0 * MARGIN,
        );
    }
}

/// A point of the window, and the part of a text that is placed there.
#[derive(Clone, Copy)]
struct TextAnchor {
    place: egui::Pos2,
    align: Align2,
}

/// Draws text that is readable on any background, in as many lines as needed. Returns its place.
fn text_within(ui: &Ui, anchor: TextAnchor, text: &str, width: f32) -> egui::Rect {
    let painter = ui.painter();
    let galley = painter.layout(text.to_owned(), FontId::proportional(14.0), theme::CAPTION, width.max(1.0));
    let frame = anchor.align.anchor_size(anchor.place, galley.size());
    painter.rect_filled(frame.expand2(egui::vec2(6.0, 3.0)), 3.0, theme::CAPTION_BACKGROUND);
    painter.galley(frame.min, galley, theme::CAPTION);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::SceneKindSnapshot;

    #[test]
    fn a_caption_keeps_clear_of_the_choice_of_arenas() {
        let check = |width: f32, choice: Option<f32>, place: [f32; 2], room: f32| {
            let rect = egui::Rect::from_min_size(egui::pos2(100.0, 50.0), egui::vec2(width, 400.0));
            let right = rect.right() - MARGIN;
            let choice = choice.map(|wide| egui::Rect::from_x_y_ranges(right - wide..=right, 62.0..=90.0));
            assert_eq!(caption_place(rect, choice), (egui::pos2(place[0], place[1]), room));
        };
        check(500.0, None, [112.0, 62.0], 476.0);
        check(500.0, Some(200.0), [112.0, 62.0], 264.0);
        check(300.0, Some(200.0), [112.0, 102.0], 276.0);
    }

    #[test]
    fn a_comparison_says_which_policy_is_which_and_how_each_has_done() {
        let label = |name: &str, steps| Some(PolicyLabel { name: name.to_owned(), steps });
        let kind = SceneKindSnapshot {
            policy: label("balance-1", 12_000),
            rival: label("balance-1", 500),
            score: ScoreSnapshot { episodes: 3, sum: 270.0 },
            rival_score: ScoreSnapshot { episodes: 1, sum: -1.0 },
            ..SceneKindSnapshot::default()
        };
        let scene = SceneSnapshot { kinds: vec![kind], ..SceneSnapshot::default() };
        let [own, rival] = compared(&scene);
        assert_eq!(own, "left: balance-1, step 12,000\nmean return 90.00 in 3 episodes");
        assert_eq!(rival, "right: balance-1, step 500\nreturn -1.00 in 1 episode");
        let [own, _] = compared(&SceneSnapshot::default());
        assert_eq!(own, "left: no policy\nno episode has ended yet");
    }

    #[test]
    fn how_actions_are_chosen_is_said() {
        let kind = SceneKindSnapshot { policy: Some(PolicyLabel::default()), ..SceneKindSnapshot::default() };
        let kinds = vec![kind];
        let drawn = SceneSnapshot { kinds: kinds.clone(), ..SceneSnapshot::default() };
        assert!(choosing(&drawn).contains("most probable actions"));
        let replay = Some(crate::snapshot::ReplaySnapshot::default());
        assert!(choosing(&SceneSnapshot { replay, kinds, ..SceneSnapshot::default() }).contains("of the log"));
        assert_eq!(choosing(&SceneSnapshot::default()), "");
    }
}
